"""What the tests of the server share: bodies, a raw client that hides nothing, and a few checks."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from _pytest.mark import ParameterSet

from kling_mock import MockServer
from kling_mock.catalog import load_catalog
from kling_mock.exchanges.exchange import Exchange, Notes

__all__ = [
    "FAMILIES",
    "KEY",
    "LEGACY_PATH",
    "MODEL",
    "MODEL_DOCUMENTS",
    "PATHS",
    "ROOT",
    "SOME_VARIANTS",
    "UPSTREAM",
    "UUID",
    "Reply",
    "ask",
    "body_for",
    "check_error",
    "create",
    "mostly_long",
    "need_library",
    "needs_upstream",
    "poll",
    "raw",
    "recorded",
    "until",
    "wire",
]

MODEL = "kling-video/v1/standard/text-to-video"
KEY = {"Authorization": "Bearer test-key"}
LEGACY_PATH = "/v2/generate/video/kling/generation"
FAMILIES = ("kling", "alibaba", "bytedance", "google", "minimax", "pixverse", "runway")
PATHS = (
    "/v2/video/generations",
    "/v1/video/generations",
    "/video/generations",
    LEGACY_PATH,
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_OTHERS = [variant for variant in load_catalog().variants if variant.vendor != FAMILIES[0]]
_FIRST = [next(one for one in _OTHERS if one.vendor == name) for name in {one.vendor: 0 for one in _OTHERS}]
SOME_VARIANTS = [
    *(variant for variant in load_catalog().variants if variant.vendor == FAMILIES[0]),
    *dict.fromkeys([*_FIRST, *(one for one in _OTHERS if one.older_path or one.aliases)]),
]
"""All of the first vendor, one of every other, those with another path or name: where a test takes long."""
PATIENCE = 20.0
"""Real seconds after which a silent server fails a test instead of hanging it."""

ROOT = Path(__file__).parents[1]
UPSTREAM = Path(os.environ.get("KLING_MOCK_UPSTREAM", ROOT.parent / "shared"))
"""What the provider published, to compare with: a folder beside the checkout, or the one that is named."""


MODEL_DOCUMENTS = [
    path
    for path in sorted((UPSTREAM / "upstream").rglob("*.json"))
    if path.name != "manifest.json" and path.parent.name != "account"
]
"""The documents of models, of every vendor: not the list of them, nor those of the account's endpoints."""


def needs_upstream(*parts: str) -> pytest.MarkDecorator:
    """Skips a test where a part of what the provider published is not there."""
    path = UPSTREAM.joinpath(*parts)
    says = f"there is no {'/'.join(parts)} of the provider here: KLING_MOCK_UPSTREAM names the folder"
    return pytest.mark.skipif(not path.exists(), reason=says)


def until(condition: Callable[[], object], patience: float = 60.0) -> None:
    """Wait in real time until a condition holds; fail after `patience` seconds instead of hanging."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"What was waited for did not happen within {patience:g} seconds."
        time.sleep(0.001)


IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)


@dataclass
class Reply:
    """An answer with its headers in lower case and its body as it came."""

    status: int
    headers: dict[str, str]
    body: bytes
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    server: MockServer,
    method: str,
    target: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    key: str | None = "test-key",
) -> Reply:
    """One request on a connection of its own; a body that is no bytes goes as JSON."""
    sent = {"Authorization": f"Bearer {key}"} if key is not None else {}
    if body is not None and not isinstance(body, bytes | Iterator):
        body = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request(method, target, body, sent | (headers or {}))
        answer = connection.getresponse()
        lines = [(name.lower(), value) for name, value in answer.getheaders()]
        return Reply(answer.status, dict(lines), answer.read(), lines)
    finally:
        connection.close()


def body_for(model: str = MODEL, *, legacy: bool = False, **more: Any) -> dict[str, Any]:
    """A small valid create body of a variant."""
    schema = load_catalog().create_schema(model, legacy=legacy)
    for part in (schema, *schema.get("anyOf", ())):
        if "properties" in part:
            required = part.get("required", ())
            body = {name: _sample(name, part["properties"][name]) for name in required}
            return body | {"model": model} | more
    raise AssertionError(f"{model} has no properties")


def _sample(name: str, schema: dict[str, Any]) -> Any:
    for option in [*schema.get("oneOf", ()), *schema.get("anyOf", ())][:1]:
        return _sample(name, option)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [_sample(name, schema.get("items", {}))] * max(1, schema.get("minItems", 1))
    if schema.get("type") == "object":
        return {key: _sample(key, schema["properties"][key]) for key in schema.get("required", [])}
    if "url" in name or "image" in name or schema.get("format") == "uri":
        return IMAGE if "image" in name else "https://example.com/file.mp4"
    if schema.get("type") in ("number", "integer"):
        return schema.get("minimum", 1)
    return "a cat walks by"


def need_library(name: str) -> None:
    """Skip a test whose child processes need this library.

    Not `importorskip`, which imports it here: eventlet alone, once imported, warns of each fork.
    """
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")


def mostly_long(values: Iterable[Any], every: int) -> list[Any]:
    """These as parameters: the first of each so many is in the test command, the others are `long`."""
    made = []
    for place, value in enumerate(values):
        # A named tuple is one value.
        several = value if type(value) is tuple else (value,)
        param = value if isinstance(value, ParameterSet) else pytest.param(*several)
        marks = [*param.marks, *([pytest.mark.long] if place % every else [])]
        made.append(pytest.param(*param.values, marks=marks, id=param.id))
    return made


def create(
    server: MockServer, path: str = PATHS[0], headers: dict[str, str] | None = None, **more: Any
) -> Reply:
    """Make a job."""
    key = more.pop("key", "test-key")
    return ask(server, "POST", path, body_for(**more), headers, key=key)


def poll(
    server: MockServer,
    job_id: str,
    path: str = PATHS[0],
    headers: dict[str, str] | None = None,
    key: str | None = "test-key",
) -> Reply:
    """Ask for a job."""
    return ask(server, "GET", f"{path}?generation_id={quote(job_id, safe='')}", headers=headers, key=key)


def wire(server: MockServer) -> socket.socket:
    """A connection to the server, for requests that no client would write."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def raw(server: MockServer, request: bytes, *, end: bool = False) -> bytes:
    """All that comes back until the server closes; `end` says that no more bytes come from this side."""
    with wire(server) as connection:
        connection.sendall(request)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        while part := connection.recv(65536):
            received += part
        return bytes(received)


def recorded(method: str = "GET", path: str = PATHS[0], at: float = 0.0, **values: Any) -> Exchange:
    """An exchange with these facts; those that only a mock knows go where they belong."""
    notes = Notes(**{name: values.pop(name) for name in Notes._fields if name in values})
    return Exchange(method, path, at=at, notes=notes, **values)


def check_error(reply: Reply, status: int, says: str = "") -> dict[str, Any]:
    """Hold an answer against the API's error body and return it."""
    assert reply.status == status, (reply.status, reply.body[:300])
    body: dict[str, Any] = reply.json
    assert list(body)[:5] == ["requestId", "statusCode", "timestamp", "path", "message"]
    assert UUID.fullmatch(body["requestId"])
    assert body["statusCode"] == status
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert says in body["message"], body["message"]
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return body
