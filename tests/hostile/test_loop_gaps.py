"""Nothing that a client sends stops the event loop for long: others would wait for as long."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from kling_mock import MockServer
from kling_mock.catalog import Catalog
from kling_mock.exchanges.exchange import Exchange
from kling_mock.off_loop import OffLoop
from kling_mock.timing import LOOP_TURN
from kling_mock.validation import validator

from ..support import MODEL, PATHS, ask, body_for, create, wire

MOST = 0.05
"""Seconds of the processor that pass between two rounds of the loop at most."""
TRIES = 6
MEGABYTE = 1 << 20
PICTURES = "kling-video/v1.6/standard/multi-image-to-video"
PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * 2_600_000).decode()


class Pulse:
    """Looks at how much the process works between two rounds of a server's loop, in whatever thread.

    What holds the interpreter up stops the loop too; the time of the clock would tell of other programs.
    """

    def __init__(self, server: MockServer) -> None:
        self.longest = 0.0
        self._stopped = threading.Event()
        begun = threading.Event()
        assert server.loop is not None
        self._future = asyncio.run_coroutine_threadsafe(self._beat(begun), server.loop)
        assert begun.wait(20)

    async def _beat(self, begun: threading.Event) -> None:
        before = time.process_time()
        begun.set()
        while not self._stopped.is_set():
            await asyncio.sleep(0.001)
            now = time.process_time()
            self.longest = max(self.longest, now - before)
            before = now

    def stop(self) -> float:
        """The most that was seen so far."""
        self._stopped.set()
        self._future.result(20)
        return self.longest


def inner(value: bytes) -> bytes:
    return b'{"model":"%b","prompt":"x","z":%b}' % (MODEL.encode(), value)


BODIES: dict[str, Callable[[], bytes]] = {
    "a text": lambda: inner(b'"' + b"a" * (57 * MEGABYTE) + b'"'),
    "a text of wide signs": lambda: inner(b'"' + "\U0001f600".encode() * (14 * MEGABYTE) + b'"'),
    "a text of escapes": lambda: inner(b'"' + b"\\n" * 999_000 + b"a" * (40 * MEGABYTE) + b'"'),
    "a name": lambda: inner(b'{"' + b"a" * (57 * MEGABYTE) + b'":1}'),
    "no UTF-8": lambda: inner(b'"' + b"a" * (57 * MEGABYTE) + b'\xff"'),
    "blanks": lambda: inner(b" " * (57 * MEGABYTE) + b"1"),
    "too many keys": lambda: inner(b"{" + b",".join(b'"%06x":0' % n for n in range(3_000_000)) + b"}"),
    "keys": lambda: inner(b"{" + b",".join(b'"%06x":0' % n for n in range(9_990)) + b"}"),
    "texts": lambda: inner(b"[" + b",".join([b'"' + b"a" * 400 + b'"'] * 9_990) + b"]"),
    "integers": lambda: inner(b"[" + b",".join([b"9" * 4_000] * 1_000) + b"]"),
    "pictures": lambda: json.dumps(body_for(PICTURES, image_list=[PICTURE] * 4)).encode(),
    "words for a picture": lambda: json.dumps(body_for(PICTURES, image_list=["a b" * 19_000_000])).encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", BODIES)
def test_a_hostile_body_does_not_stop_the_loop(family: str) -> None:
    body = BODIES[family]()
    sent = {"Content-Type": "application/json"}
    with MockServer(log_format="none") as server:
        seen = []
        for _ in range(TRIES):
            pulse = Pulse(server)
            reply = ask(server, "POST", PATHS[0], body, sent)
            seen.append(pulse.stop())
            assert reply.status in (200, 400)
            if seen[-1] < MOST:
                return
    raise AssertionError(seen)


def test_what_explains_problems_is_loaded_beside_the_loop(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a server that has just started, whatever other tests have asked this one.
    validator._explaining_class.cache_clear()
    monkeypatch.setattr(server.common.contracts, "validator", validator.Validator(server.common.catalog))
    run = OffLoop.run
    beside: list[object] = []

    async def noted(self: OffLoop, work: Callable[[], object]) -> object:
        beside.append(work)
        return await run(self, work)

    monkeypatch.setattr(OffLoop, "run", noted)
    assert create(server).status == 200 and not beside
    first = create(server, duration="x")
    assert first.status == 400 and beside
    beside.clear()
    again = create(server, duration="x")
    assert again.json["errors"] == first.json["errors"] and not beside
    assert [exchange.status for exchange in server.exchanges] == [200, 400, 400]


SHOWN = ("exchanges.har", "exchanges?limit=1000", "exchanges?kind=create", "jobs/{job}")


@pytest.mark.parametrize("path", SHOWN)
def test_what_clients_sent_is_shown_beside_the_loop(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """To hide keys in a thousand large exchanges takes seconds."""
    job_id = create(server).json["id"]
    shown = Exchange.as_dict
    threads: set[str] = set()

    def noted(self: Exchange, **options: bool) -> dict[str, object]:
        threads.add(threading.current_thread().name)
        return shown(self, **options)

    monkeypatch.setattr(Exchange, "as_dict", noted)
    assert ask(server, "GET", f"/_mock/{path.format(job=quote(job_id, safe=''))}", key=None).status == 200
    assert threads == {"kling-mock off loop"}


def test_the_documents_behind_the_list_of_models_are_read_beside_the_loop(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.common.contracts, "model_rows", None)
    source = Catalog.source
    threads: list[str] = []

    def noted(self: Catalog, model: str) -> dict[str, Any]:
        threads.append(threading.current_thread().name)
        return source(self, model)

    monkeypatch.setattr(Catalog, "source", noted)
    lists = [ask(server, "GET", "/v1/models", key=None).json for _ in range(2)]
    assert lists[0] == lists[1] and len(threads) == len(lists[0]["data"])
    assert set(threads) == {"kling-mock off loop"}


def test_events_are_written_a_few_milliseconds_at_a_time(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that comes back is told of a thousand exchanges: others are answered between any two."""
    create(server)
    for number in range(20):
        ask(server, "GET", f"{PATHS[0]}?generation_id={number}", key=None)
    shown = Exchange.as_dict
    turns: list[int] = []

    def slowly(self: Exchange, **options: bool) -> dict[str, object]:
        began = time.monotonic()
        while time.monotonic() - began <= LOOP_TURN:
            pass
        turns.append(rounds[0])
        return shown(self, **options)

    rounds = [0]

    async def count() -> None:
        while len(turns) < 20:
            rounds[0] += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(Exchange, "as_dict", slowly)
    assert server.loop is not None
    counting = asyncio.run_coroutine_threadsafe(count(), server.loop)
    with wire(server) as connection:
        connection.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n")
        stream = connection.makefile("rb")
        while not stream.readline().startswith(b"event: exchange"):
            pass
        counting.result(20)
        stream.close()
    assert len(set(turns[:20])) == 20
