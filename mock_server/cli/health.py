"""`kling-mock health`: whether a server answers, for containers and scripts that have no curl."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..command_options import HealthOptions, UrlOptions
from ..options import options_of, read_options
from ..settings import server_options
from ..timing import HEALTH_ANSWERS, HEALTH_LOOK
from .commands import Command, argument, flags

__all__ = ["command", "problem_of"]

EPILOG = """\
examples:
  kling-mock health
  kling-mock health http://127.0.0.1:8080 --wait 10s
  kling-mock health http://127.0.0.1:8000/@suite-a

Without a URL: that of KLING_MOCK_URL, else port KLING_MOCK_PORT (8000) of this machine.
"""
SHOWN = 200
"""Characters of an answer that is none of a mock's."""


def health(given: Mapping[str, Any]) -> int:
    """Print a line; exit status 0 where the server is well, 1 where it is not."""
    options = read_options(options_of(HealthOptions), given)
    url = given["url"] or _usual_url()
    end = time.monotonic() + (options["wait"] or 0.0)
    while True:
        problem = problem_of(url, max(HEALTH_ANSWERS, end - time.monotonic()))
        if problem is None:
            print(f"kling-mock is ready at {url}")
            return 0
        if time.monotonic() + HEALTH_LOOK > end:
            print(f"kling-mock is not ready at {url}: {problem}.")
            return 1
        time.sleep(HEALTH_LOOK)


def _usual_url() -> str:
    """Where a server is whose address nobody says."""
    url = read_options(options_of(UrlOptions), {})["url"]
    port = server_options()["port"].read_variable(os.environ)
    return str(url or f"http://127.0.0.1:{port[1] if port else 8000}")


def problem_of(url: str, seconds: float) -> str | None:
    """What is wrong with a server that is asked for its health; None where nothing is."""
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"this is no URL ({error})"
    if parts.scheme not in ("http", "https") or not host:
        return "expected a URL such as http://127.0.0.1:8000"
    # No proxy of the environment stands between a container and itself.
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=seconds)
    path = parts.path.rstrip("/").removesuffix("/v2")
    try:
        connection.request("GET", f"{path}/_mock/health")
        answer = connection.getresponse()
        status, body = answer.status, answer.read(64 * 1024)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = str(getattr(error, "strerror", None) or error or type(error).__name__)
        return " ".join(said.split()).rstrip(".") or "what answers there is no kling-mock"
    finally:
        connection.close()
    return _problem_in(status, body)


def _problem_in(status: int, body: bytes) -> str | None:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not {"status", "message"} & set(said):
        return f"what answers there is no kling-mock ({status} {body[:SHOWN].decode('utf-8', 'replace')!r})"
    if status == 200 and said.get("status") == "ok":
        return None
    return str(said.get("message", said.get("status"))).rstrip(".")


command = Command(
    "health",
    health,
    [argument("url", "URL", required=False), *flags(HealthOptions)],
    help="Say whether a server answers: exit status 0 where it does, 1 and a line why where not.",
    epilog=EPILOG,
)
