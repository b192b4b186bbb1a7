"""Interception inside this process: every Python client reaches the mock, and everything is undone."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator

import aiohttp
import httpx
import pytest
import requests
import urllib3

from kling_mock import MockServer
from kling_mock.errors import ServerError, SettingsError
from kling_mock.interception import intercept
from kling_mock.virtual_time import fast_forward

URL = "https://api.aimlapi.com/v2/video/generations"
PAYLOAD = {"model": "kling-video/v1/standard/text-to-video", "prompt": "A fox in the snow."}
BODY = json.dumps(PAYLOAD).encode()
HEADERS = {"Authorization": "Bearer test-key", "Content-Type": "application/json"}


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(queued=30, generating=60) as server:
        yield server


def _requests(url: str) -> object:
    return requests.post(url, data=BODY, headers=HEADERS).json()


def _requests_with_a_bundle_of_its_own(url: str) -> object:
    import certifi

    return requests.post(url, data=BODY, headers=HEADERS, verify=certifi.where()).json()


def _httpx(url: str) -> object:
    return httpx.post(url, content=BODY, headers=HEADERS).json()


def _httpx_async(url: str) -> object:
    async def main() -> object:
        async with httpx.AsyncClient() as client:
            return (await client.post(url, content=BODY, headers=HEADERS)).json()

    return asyncio.run(main())


def _aiohttp(url: str) -> object:
    async def main() -> object:
        async with aiohttp.ClientSession() as session:
            async with session.post(url, data=BODY, headers=HEADERS) as answer:
                return await answer.json()

    return asyncio.run(main())


def _urllib(url: str) -> object:
    with urllib.request.urlopen(urllib.request.Request(url, BODY, HEADERS)) as answer:
        return json.load(answer)


def _urllib3(url: str) -> object:
    with urllib3.PoolManager() as pool:
        return pool.request("POST", url, body=BODY, headers=HEADERS).json()


def _http_client(url: str) -> object:
    connection = http.client.HTTPSConnection("api.aimlapi.com", timeout=30)
    connection.request("POST", "/v2/video/generations", BODY, HEADERS)
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


CLIENTS = [
    _requests,
    _requests_with_a_bundle_of_its_own,
    _httpx,
    _httpx_async,
    _aiohttp,
    _urllib,
    _urllib3,
    _http_client,
]


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reaches_the_mock(client: Callable[[str], object], server: MockServer) -> None:
    with intercept(server):
        answer = client(URL)
    assert isinstance(answer, dict)
    assert [job.id for job in server.jobs] == [answer["id"]]


@pytest.mark.parametrize("url", [URL.replace(".com/", ".com:8443/"), URL.replace("https", "http")])
def test_any_port_and_plain_http(url: str, server: MockServer) -> None:
    with intercept(server):
        assert requests.post(url, json=PAYLOAD, headers=HEADERS).ok
    assert len(server.jobs) == 1


def test_a_whole_job_in_virtual_time_with_its_video(server: MockServer) -> None:
    server.use("signed-url")
    with intercept(server) as hosts, fast_forward(server):
        session = requests.Session()
        session.headers.update(HEADERS)
        job = session.post(URL, json=PAYLOAD).json()
        while (answer := session.get(URL, params={"generation_id": job["id"]}).json())[
            "status"
        ] != "completed":
            time.sleep(15)
        assert answer["video"]["url"].startswith("https://cdn.aimlapi.com/")
        assert len(session.get(answer["video"]["url"]).content) > 1000
        session.close()
    assert hosts.refused == {}


@pytest.mark.parametrize("host", ["example.com", "93.184.216.34"])
def test_other_hosts_are_refused_and_counted(host: str, server: MockServer) -> None:
    with intercept(server) as hosts:
        with pytest.raises(requests.ConnectionError, match=f"kling-mock is offline: {host}"):
            requests.get(f"https://{host}/")
        with pytest.raises(OSError, match="kling-mock is offline"), socket.socket() as plain:
            plain.connect((host, 443))
    assert hosts.refused == {f"{host}:443": 2}


def test_without_offline_other_hosts_are_left_alone(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror("nobody is asked for real")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with intercept(server, offline=False), pytest.raises(requests.ConnectionError):
        requests.get("https://example.com/")
    assert asked == ["example.com"]


def test_loopback_is_left_alone(server: MockServer) -> None:
    with intercept(server):
        assert requests.get(f"{server.url}/v1/models").ok
        assert requests.get(f"http://localhost:{server.port}/v1/models").ok


def test_more_hosts(server: MockServer) -> None:
    with intercept(server, hosts=["API.Example.com."]):
        assert requests.get("https://api.example.com/v1/models").ok


@pytest.mark.parametrize(
    "name", ["", "https://example.com", "a b", "*.example.com", "localhost", "127.0.0.1"]
)
def test_a_host_that_cannot_be_one_is_named(name: str, server: MockServer) -> None:
    with pytest.raises(SettingsError, match="expected a host name"), intercept(server, hosts=[name]):
        pass


def test_a_server_that_does_not_run_is_named() -> None:
    with pytest.raises(ServerError, match="does not run"), intercept(MockServer()):
        pass


def test_the_certificate_is_checked(server: MockServer) -> None:
    """What checks host names still does, and nothing outside of the interception trusts the authority."""
    with intercept(server) as hosts:
        context = ssl.create_default_context()
        with socket.create_connection(("api.aimlapi.com", 443)) as plain:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(plain, server_hostname="127.0.0.1")
        with socket.create_connection(("api.aimlapi.com", 443)) as plain:
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                context.wrap_socket(plain, server_hostname="example.net")
        with socket.create_connection(("api.aimlapi.com", 443)) as plain:
            with context.wrap_socket(plain, server_hostname="api.aimlapi.com") as secure:
                assert secure.getpeercert()["subjectAltName"] == (("DNS", "api.aimlapi.com"),)  # type: ignore[index]
    assert hosts.refused == {}


def test_everything_is_undone(server: MockServer) -> None:
    def seen() -> list[object]:
        kinds = (socket.socket, ssl.SSLContext, asyncio.base_events.BaseEventLoop)
        return [dict(vars(owner)) for owner in (*kinds, socket)]

    before, listeners = seen(), dict(server.space.bus._listeners)
    with pytest.raises(ZeroDivisionError), intercept(server):
        ports = set(server.extra_ports)
        assert seen() != before
        raise ZeroDivisionError
    assert seen() == before
    assert server.space.bus._listeners == listeners
    assert server.extra_ports == set()
    for port in ports:
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_answers_break_off_as_they_do_without_interception(server: MockServer) -> None:
    with intercept(server), fast_forward(server):
        for scenario, error in {
            "create-reset": requests.ConnectionError,
            "create-lost-reply": requests.ConnectionError,
            "create-truncated": requests.RequestException,
            "create-hangs": requests.ReadTimeout,
        }.items():
            server.use(scenario)
            with pytest.raises(error):
                requests.post(URL, json=PAYLOAD, headers=HEADERS, timeout=30)
