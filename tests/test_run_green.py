"""Programs with green threads, whose sockets are none of Python's own, are led and refused as others."""

from __future__ import annotations

import pytest

from tests.running import python, run
from tests.support import need_library

ASKS = """
import requests, socket, urllib.request
url = "https://api.aimlapi.com/v1/models"
print(requests.get(url, timeout=10).status_code, urllib.request.urlopen(url, timeout=10).status)
reaches = lambda: requests.get("https://example.com"), lambda: socket.create_connection(("192.0.2.1", 443))
for reach in reaches:
    try:
        reach()
    except Exception as error:
        print("kling-mock is offline" in str(error))
print(socket.gethostbyname("api.aimlapi.com").startswith("127."))
"""


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
        ("eventlet", "import eventlet; eventlet.monkey_patch()"),
    ],
)
def test_green_sockets_are_led_to_the_mock_and_refused_elsewhere(library: str, words: str) -> None:
    need_library(library)
    done = run("--offline", "--fast-forward", *python(f"{words}\n{ASKS}"))
    assert done.stdout.split() == [b"200", b"200", b"True", b"True", b"True"], done.stderr.decode()
    assert f"{library} waits in a loop of its own" in done.stderr.decode()
