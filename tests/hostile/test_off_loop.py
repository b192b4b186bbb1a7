"""Bodies that take long are judged beside the event loop: others are answered meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.api import body_reader, judging
from kling_mock.off_loop import OffLoop
from kling_mock.validation import parse_json

from ..support import MODEL, PATHS, Reply, ask, body_for, create, until

PROMPT = json.dumps(body_for(prompt="a" * 400_000))
VALUES = json.dumps(body_for(z=[1] * 500))
LARGE = {"large": PROMPT.encode(), "in one packet": VALUES.encode()}


class Gate:
    """Holds the judging of bodies up until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, raw: bytes, most_values: int) -> Any:
        if raw in LARGE.values():
            self.reached.set()
            assert self._open.wait(60)
        return parse_json(raw, most_values)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(judging, "parse_json", made)
    yield made
    made.open()


def begin(server: MockServer, body: bytes) -> tuple[threading.Thread, list[Reply]]:
    """Send a create by a thread, which adds its answer to the list."""
    replies: list[Reply] = []

    def send() -> None:
        try:
            sent = {"Content-Type": "application/json"}
            replies.append(ask(server, "POST", PATHS[0], body, sent))
        except OSError:
            # The connection was broken off.
            pass

    thread = threading.Thread(target=send)
    thread.start()
    return thread, replies


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_others_are_answered_while_a_large_body_is_judged(
    server: MockServer, gate: Gate, body: bytes
) -> None:
    sender, replies = begin(server, body)
    assert gate.reached.wait(60)
    assert create(server).status == 200
    assert ask(server, "GET", "/v1/models").status == 200
    assert not replies
    assert not server.quiet()
    gate.open()
    sender.join(60)
    assert [reply.status for reply in replies] == [200]
    assert len(server.jobs) == 2
    until(lambda: all(thread.name != "kling-mock off loop" for thread in threading.enumerate()))


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("by", ["server", "request"])
def test_a_reset_leaves_nothing_of_a_body_that_is_being_judged(
    server: MockServer, gate: Gate, by: str, body: bytes
) -> None:
    sender, replies = begin(server, body)
    assert gate.reached.wait(60)
    if by == "server":
        server.reset()
    else:
        assert ask(server, "POST", "/_mock/reset").status == 200
    gate.open()
    sender.join(60)
    until(lambda: server.traffic.open == 0)
    assert [reply.status for reply in replies] == ([] if by == "server" else [503])
    assert not server.jobs
    assert not server.exchanges


def test_the_control_api_is_loaded_while_a_body_is_being_judged(gate: Gate) -> None:
    with MockServer(log_format="none") as server:
        sender, replies = begin(server, LARGE["large"])
        assert gate.reached.wait(60)
        # The first request to it, which loads it.
        assert ask(server, "GET", "/_mock/health").status == 200
        assert not replies
        gate.open()
        sender.join(60)
    assert [reply.status for reply in replies] == [200]


def test_a_server_stops_while_a_body_is_being_judged(gate: Gate) -> None:
    with MockServer(log_format="none") as server:
        sender, replies = begin(server, LARGE["large"])
        assert gate.reached.wait(60)
    gate.open()
    sender.join(60)
    assert not replies
    assert not server.jobs


@pytest.mark.parametrize(
    "body",
    [
        body_for(),
        body_for(prompt=1),
        body_for() | {"model": "kling-video"},
        body_for(z=[1, 2], duration="5"),
        [1],
        b'{"a": 1, "a": 2}',
        b"",
    ],
)
def test_a_body_is_judged_alike_beside_the_loop_and_in_it(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, body: Any
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answers: list[tuple[int, Any, Any]] = []
    for large in (body_reader.LARGE_BODY, -1):
        monkeypatch.setattr(judging, "LARGE_BODY", large)
        server.reset()
        reply = ask(server, "POST", PATHS[0], raw, {"Content-Type": "application/json"})
        said = {name: text for name, text in reply.json.items() if name not in ("timestamp",)}
        exchange = server.exchanges[-1]
        answers.append((reply.status, said, (exchange.violations, exchange.findings, exchange.model)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("[" + "[]," * 20_000 + "[]]", "at most 10000 values (--max-json-values)"),
        ("[" + "1," * 20_000 + "1]", "at most 10000 values (--max-json-values)"),
        ("{" + ",".join(f'"{n}":0' for n in range(20_000)) + "}", "at most 10000 values"),
        ('"' + "\\n" * 1_000_001 + '"', "at most 1000000 backslashes"),
        ("1." + "1" * 2_000, "one of 2002 characters"),
    ],
    ids=["arrays", "ones", "keys", "escapes", "digits"],
)
def test_more_json_than_anybody_needs_is_refused_with_a_sentence(
    server: MockServer, value: str, says: str
) -> None:
    raw = b'{"model": "%b", "prompt": "x", "z": %b}' % (MODEL.encode(), value.encode())
    reply = ask(server, "POST", PATHS[0], raw, {"Content-Type": "application/json"})
    assert reply.status == 400
    assert says in reply.json["message"]
    assert len(reply.body) < 1_000


def test_the_bound_of_values_is_an_option_and_looks_past_texts(server: MockServer) -> None:
    server.configure(max_json_values=50)
    assert create(server, prompt=", [{" * 500 + '"\\').status == 200
    assert create(server, z=[0] * 100).status == 400
    server.configure(max_json_values=500)
    assert create(server, z=[0] * 100).status == 200


def test_messages_and_the_journal_stay_bounded(server: MockServer) -> None:
    words = {
        "model": body_for() | {"model": "x" * 100_000},
        "field": body_for() | {"f" * 100_000: "v" * 100_000},
        "picture": body_for("kling-video/v1/standard/image-to-video", image_url=" x" * 50_000),
        "type": body_for(prompt=["x" * 100_000]),
        "mock": body_for(prompt=f"[mock:{'x' * 60_000}]"),
    }
    for body in words.values():
        reply = ask(server, "POST", PATHS[0], body)
        assert len(reply.body) < 3_000
        exchange = server.exchanges[-1]
        said = [problem.sentence() for problem in (*exchange.violations, *exchange.findings)]
        assert said and sum(map(len, said)) < 3_000
        assert len(exchange.model or "") <= 200
    path = "/" + "x" * 10_000
    assert len(ask(server, "GET", path).json["message"]) < 1_100


def run(*works: Callable[[], Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        off_loop = OffLoop()
        return await asyncio.gather(*(off_loop.run(work) for work in works), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_pieces_of_work_are_done_one_at_a_time_in_order() -> None:
    done: list[int] = []
    busy = threading.Lock()

    def piece(number: int) -> int:
        assert busy.acquire(blocking=False)
        done.append(number)
        busy.release()
        return number

    assert run(*(lambda number=number: piece(number) for number in range(20))) == list(range(20))
    assert done == list(range(20))


def test_what_a_piece_of_work_raises_is_raised_to_who_waits_and_others_go_on() -> None:
    def fail() -> None:
        raise LookupError("gone")

    results = run(lambda: 1, fail, lambda: 3)
    assert (results[0], results[2]) == (1, 3)
    assert isinstance(results[1], LookupError)


def test_work_that_nobody_waits_for_is_not_done() -> None:
    began, release = threading.Event(), threading.Event()
    done: list[int] = []

    def first() -> None:
        began.set()
        assert release.wait(60)

    async def main() -> None:
        off_loop = OffLoop()
        one = asyncio.ensure_future(off_loop.run(first))
        two = asyncio.ensure_future(off_loop.run(lambda: done.append(2)))
        three = asyncio.ensure_future(off_loop.run(lambda: done.append(3)))
        while not began.is_set():
            await asyncio.sleep(0.001)
        two.cancel()
        await asyncio.wait({two})
        release.set()
        await asyncio.gather(one, three)

    asyncio.run(main())
    assert done == [3]


def test_a_key_is_asked_for_before_a_large_body_is_judged(server: MockServer) -> None:
    reply = ask(server, "POST", PATHS[0], LARGE["large"], {"Content-Type": "application/json"}, key=None)
    assert reply.status == 401
