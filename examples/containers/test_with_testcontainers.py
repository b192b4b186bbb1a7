"""The mock as a container of the session: `pip install pytest testcontainers`, and the image `kling-mock`."""

import json
import secrets
import urllib.request

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs


@pytest.fixture(scope="session")
def mock():
    """Its address, and the token for its control API."""
    token = secrets.token_urlsafe(16)
    container = DockerContainer("kling-mock").with_exposed_ports(8000)
    container = container.with_env("KLING_MOCK_CONTROL_TOKEN", token).with_env("KLING_MOCK_POLLS", "1,1")
    with container:
        wait_for_logs(container, "kling-mock ready at")
        host, port = container.get_container_host_ip(), container.get_exposed_port(8000)
        yield f"http://{host}:{port}", token


def ask(url, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer)


def test_a_video_is_made(mock):
    url, token = mock
    payload = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}
    job = ask(f"{url}/v2/video/generations", "any-key", payload)
    assert ask(f"{url}/v2/video/generations?generation_id={job['id']}", "any-key")["id"] == job["id"]
    assert ask(f"{url}/_mock/charges", token)["total"] == 1
