"""Where gevent or eventlet has replaced threads, a server says at once that it cannot run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .support import need_library

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all({})",
    "eventlet": "import eventlet; eventlet.monkey_patch({})",
}
ASKS = """
import http.client, json
from kling_mock import MockServer
from kling_mock.errors import ServerError
try:
    with MockServer(polls=(0, 0)) as server:
        asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        asked.request("GET", "/_mock/health")
        print(json.load(asked.getresponse())["status"])
except ServerError as error:
    print(error)
"""
each_library = pytest.mark.parametrize("library", PATCHES)


def said(library: str, arguments: str) -> str:
    need_library(library)
    code = PATCHES[library].format(arguments) + ASKS
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@each_library
def test_replaced_threads_are_refused_with_what_to_do(library: str) -> None:
    sentence = said(library, "")
    assert sentence.startswith(f"{library} has replaced the threads of this process")
    assert "kling-mock serve" in sentence and "thread=False" in sentence


@each_library
def test_where_threads_are_left_alone_it_runs(library: str) -> None:
    assert said(library, "thread=False") == "ok"
