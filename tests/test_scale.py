"""The recipe for scale, tried without containers: three mocks on one Redis behind nginx."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kling_mock import MockServer
from kling_mock.cli import main
from kling_mock.remote import RemoteServer
from kling_mock.serving.asgi_server import bind

from .redis_process import needs_redis, running_redis
from .support import needs_upstream, until
from .test_sample_programs import as_command, program

GUIDE = Path(__file__).parents[1] / "docs" / "scale.md"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = [
    pytest.mark.slow,
    needs_redis,
    pytest.mark.skipif(
        NGINX is None and not os.environ.get("CI"),
        reason="there is no nginx on this machine (Debian: apt-get install nginx)",
    ),
]


def listing(language: str) -> str:
    """The listing of the guide in a language."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def configuration(folder: Path, port: int, mocks: list[MockServer]) -> str:
    """The guide's, for processes of this machine."""
    servers = "\n".join(f"server 127.0.0.1:{mock.port};" for mock in mocks)
    text = listing("nginx").replace("server mock:8000;", servers).replace("listen 8000;", f"listen {port};")
    paths = "".join(
        f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {", f"http {{ access_log off; {paths}")
    return f"daemon off; pid {folder}/nginx.pid; error_log stderr crit; {text}"


@pytest.fixture
def balanced(tmp_path: Path) -> Iterator[tuple[RemoteServer, list[MockServer]]]:
    """The address of nginx, and the mocks behind it."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(tmp_path))
        options = {"store": redis.url(), "log_format": "none", "seed": 1}
        mocks = [stack.enter_context(MockServer(polls=(2, 2), **options)) for _ in range(3)]  # type: ignore[arg-type]
        with bind("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        file = tmp_path / "nginx.conf"
        file.write_text(configuration(tmp_path, port, mocks))
        assert NGINX is not None, "CI has to have nginx: see .ci/run"
        process = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(file)])
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        server = RemoteServer(f"http://127.0.0.1:{port}")
        stack.callback(server.close)
        until(lambda: server.running)
        yield server, mocks


def test_three_mocks_behind_nginx_are_one(balanced: tuple[RemoteServer, list[MockServer]]) -> None:
    server, mocks = balanced
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK")}
    source = """
import json, sys, urllib.request
url = sys.argv[1]
def ask(query="", body=None):
    data, address = body and json.dumps(body).encode(), url + "/v2/video/generations" + query
    headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers)
    return json.load(urllib.request.urlopen(request, timeout=30))
for _ in range(4):
    job = ask(body={"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"})["id"]
    seen = []
    while not seen or seen[-1]["status"] != "completed":
        seen.append(ask("?generation_id=" + job))
    assert [one["status"] for one in seen] == ["queued"] * 2 + ["generating"] * 2 + ["completed"], seen
    assert seen[-1]["video"]["url"].startswith(url), seen[-1]
    assert urllib.request.urlopen(seen[-1]["video"]["url"], timeout=30).read(12)[4:8] == b"ftyp"
"""
    clients = [
        subprocess.Popen([sys.executable, "-c", source, server.url + prefix], env=environ)
        for prefix in ("", "", "/@a")
    ]
    assert [client.wait(120) for client in clients] == [0, 0, 0]
    assert len(server.jobs) == len(server.charges) == 8 and len({job.id for job in server.jobs}) == 8
    assert len(server.exchanges) == 8 * 7
    assert all(mock.traffic.received for mock in mocks)
    server.use("failed")
    assert {mock.scenario.name for mock in mocks} == {"failed"}
    mocks[1].reset()
    assert not server.jobs


def test_a_client_is_verified_on_three(
    balanced: tuple[RemoteServer, list[MockServer]], capsys: pytest.CaptureFixture[str]
) -> None:
    server, mocks = balanced
    words = [word for id in ("A1", "B4", "C3", "D2") for word in ("--property", id)]
    words += ["--max-examples", "1", "--server", server.url, "tests.clients.far:generate"]
    assert main(["verify", *words]) == 1
    said = capsys.readouterr().out
    assert [re.search(rf"^. {id} .*(kept|broken)", said, re.M)[1] for id in ("A1", "B4", "C3", "D2")] == [  # type: ignore[index]
        "kept",
        "kept",
        "kept",
        "broken",
    ]
    assert all(mock.traffic.received > 20 for mock in mocks) and not server.jobs


@needs_upstream("seeds")
def test_the_provider_s_own_programs_get_their_videos_from_three(
    balanced: tuple[RemoteServer, list[MockServer]], tmp_path: Path
) -> None:
    server, mocks = balanced
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KLING")}
    environ |= {"KLING_BASE_URL": server.base_url, "KLING_API_KEY": "k", "PYTHONIOENCODING": "utf-8"}
    programs = []
    for page in ("003", "004"):
        source = as_command(program(page, "python"), "python").replace("time.sleep(", "time.sleep(0.001 * ")
        file = tmp_path / f"{page}.py"
        file.write_text(source, encoding="utf-8")
        programs.append(subprocess.Popen([sys.executable, str(file)], env=environ, stdout=subprocess.PIPE))
    said = [each.communicate(timeout=60)[0].decode() for each in programs]
    assert [each.returncode for each in programs] == [0, 0]
    assert all(f"{server.url}/media/" in text for text in said)
    assert [job.status for job in server.jobs] == ["completed"] * 2 and len(server.exchanges) == 2 * 6
    assert sum(mock.traffic.received > 0 for mock in mocks) > 1
