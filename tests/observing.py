"""What the tests of the catalogue of scenarios share: registering observers, and looking from outside."""

from __future__ import annotations

import json
import re
import select
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog
from kling_mock.scenarios import GROUPS

from .support import MODEL, PATHS, Reply, ask, body_for, create, poll, until, wire

__all__ = [
    "POLL_SCHEMA",
    "Observer",
    "check_hang",
    "check_slow",
    "check_truncated",
    "download",
    "drip",
    "finished",
    "get_bytes",
    "made",
    "names_of",
    "observed_by",
    "post_bytes",
    "request_bytes",
    "silent",
    "statuses",
    "until_closed",
    "until_reset",
    "valid",
    "wait_until_held",
    "walk",
]

POLL_SCHEMA = jsonschema.Draft202012Validator(load_catalog().poll_schema(MODEL))
Observer = Callable[[MockServer, MockServer], None]
"""Sees that a scenario does what its sentence says, on a server by polls and on one by time."""


def observed_by(observers: dict[str, Observer]) -> Callable[[str], Callable[[Observer], Observer]]:
    """A decorator that keeps the observer of a scenario."""

    def observes(name: str) -> Callable[[Observer], Observer]:
        def keep(observer: Observer) -> Observer:
            assert name not in observers
            observers[name] = observer
            return observer

        return keep

    return observes


def names_of(*groups: str) -> list[str]:
    """The names of the scenarios in some groups of the catalogue."""
    return [name for group in groups for name in GROUPS[group]]


def valid(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    POLL_SCHEMA.validate(reply.json)
    body: dict[str, Any] = reply.json
    return body


def made(server: MockServer) -> str:
    return str(create(server).json["id"])


def walk(server: MockServer, polls: int = 3) -> list[dict[str, Any]]:
    job_id = made(server)
    return [valid(poll(server, job_id)) for _ in range(polls)]


def statuses(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["status"] for answer in answers]


def finished(server: MockServer) -> dict[str, Any]:
    return walk(server)[-1]


def download(server: MockServer, url: str) -> Reply:
    parts = urlsplit(url)
    target = parts.path + ("?" + parts.query if parts.query else "")
    return ask(server, "GET", target, headers={"Host": parts.netloc}, key=None)


def request_bytes(method: str, target: str, body: Any = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return (
        f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer k\r\n"
        f"Accept-Encoding: gzip\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def post_bytes() -> bytes:
    return request_bytes("POST", PATHS[0], body_for())


def get_bytes(job_id: str) -> bytes:
    return request_bytes("GET", f"{PATHS[0]}?generation_id={job_id}")


def until_closed(connection: socket.socket) -> bytes:
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    return bytes(received)


def until_reset(connection: socket.socket) -> bytes:
    received = bytearray()
    with pytest.raises(ConnectionResetError):
        while True:
            part = connection.recv(65536)
            assert part, "the connection was closed, not reset"
            received += part
    return bytes(received)


def wait_until_held(server: MockServer) -> None:
    def held() -> bool:
        health = ask(server, "GET", "/_mock/health", headers={"Host": "localhost"})
        return bool(health.json["held"] == 1)

    until(held)


def silent(connection: socket.socket) -> bool:
    return not select.select([connection], [], [], 0)[0]


def check_hang(server: MockServer, request: bytes) -> None:
    with wire(server) as connection:
        connection.sendall(request)
        wait_until_held(server)
        assert silent(connection)
        server.clock.advance(1e6)
        wait_until_held(server)
        assert silent(connection)
        assert server.exchanges[-1].status is None
        server.reset()
        assert until_closed(connection) == b""


def check_slow(timed: MockServer, request: bytes, seconds: float) -> None:
    with wire(timed) as connection:
        connection.sendall(request)
        wait_until_held(timed)
        timed.clock.advance(seconds - 0.5)
        wait_until_held(timed)
        assert silent(connection)
        timed.clock.advance(1)
        assert connection.recv(13) == b"HTTP/1.1 200 "


def check_truncated(server: MockServer, request: bytes) -> None:
    with wire(server) as connection:
        connection.sendall(request)
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert head.startswith(b"HTTP/1.1 200 ") and length
    assert 0 < len(body) < int(length[1])
    with pytest.raises(ValueError):
        json.loads(body)


def drip(timed: MockServer, request: bytes, step: float) -> bytes:
    """The body of an answer that comes in pieces, one for each step of the clock."""
    waits = 0
    with wire(timed) as connection:
        connection.sendall(request)
        received = b""
        while True:
            received += connection.recv(1 << 20)
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            if len(body) == int(length[1]):
                break
            wait_until_held(timed)
            waits += 1
            timed.clock.advance(step)
    assert waits >= 6
    return body
