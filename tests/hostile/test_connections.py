"""Connections: answers in order, limits of time and memory, and clients that send no more."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.limits import QUEUED_COST, ConnectionCounts, MemoryBudget
from kling_mock.store import at_once

from ..support import create, raw, until, wire
from .wires import BODY, HEAD, POLL, connections, in_loop, post

MODELS = b"GET /model/kling-video/v1/standard/text-to-video HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = post(BODY, b"X-Mock-Scenario: create-slow")
LATE = {"head_timeout": "20s", "body_timeout": "30s", "idle_timeout": "40s"}

# Time


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [
        (b"", 40, None),
        (POLL[:10], 20, 408),
        (POLL + POLL[:10], 20, 408),
        (HEAD + b"Content-Length: 50\r\n\r\n{", 30, 408),
        (POLL, 40, None),
        (MODELS, 40, None),
        (b"\r\n\r\n", 40, None),
        (b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", 30, None),
    ],
    ids=["silence", "head", "second head", "body", "idle", "idle after a task", "blank", "unread body"],
)
def test_each_wait_has_an_end(sent: bytes, seconds: float, status: int | None) -> None:
    async def test() -> None:
        async with connections(**LATE) as server:
            connection = server.connect()
            if sent:
                connection.send(sent)
            # An answer that is due comes first.
            for _ in range(20):
                await asyncio.sleep(0)
            before = connection.statuses
            server.pass_time(seconds - 0.01)
            assert not connection.closed
            server.pass_time(0.02)
            assert connection.closed
            assert connection.statuses == before + ([] if status is None else [status])

    in_loop(test)


def test_what_goes_on_in_time_is_not_cut_off() -> None:
    async def test() -> None:
        async with connections(**LATE) as server:
            connection = server.connect()
            sent = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)
            connection.send(sent)
            for byte in BODY:
                server.pass_time(29)
                connection.send(bytes([byte]))
                await asyncio.sleep(0)
            await connection.until(lambda: connection.statuses == [200])
            server.pass_time(39)
            connection.send(POLL)
            assert connection.statuses == [200, 404]

    in_loop(test)


def test_a_head_that_trickles_is_cut_off() -> None:
    async def test() -> None:
        async with connections(**LATE) as server:
            connection = server.connect()
            for byte in POLL[:30]:
                connection.send(bytes([byte]))
                server.pass_time(1)
            assert connection.statuses == [408] and server.noted == [("?", 408, None)]

    in_loop(test)


def test_a_late_body_is_noted_once() -> None:
    async def test() -> None:
        async with connections(**LATE) as server:
            connection = server.connect()
            connection.send(HEAD + b"Content-Length: 50\r\n\r\n{")
            await asyncio.sleep(0)
            server.pass_time(31)
            connection.lose()
            await connection.until(lambda: not server.state.tasks)
            assert server.noted == [("?", 408, None)] and server.common.traffic.open == 0

    in_loop(test)


def test_an_answer_that_is_held_back_takes_as_long_as_it_takes() -> None:
    async def test() -> None:
        async with connections(speed=0, **LATE) as server:
            connection = server.connect()
            connection.send(SLOW + POLL)
            await connection.until(server.common.default.clock.next_wake)
            for _ in range(20):
                server.pass_time(100)
            assert not connection.closed
            server.common.default.clock.advance(31)
            await connection.until(lambda: connection.statuses == [200, 404])
            server.pass_time(41)
            assert connection.closed

    in_loop(test)


def test_no_limit_is_none() -> None:
    async def test() -> None:
        async with connections(head_timeout=0, body_timeout=0, idle_timeout=0) as server:
            for sent in (b"\r\n", POLL, POLL[:9], HEAD + b"Content-Length: 9\r\n\r\n{"):
                connection = server.connect()
                connection.send(sent)
                await asyncio.sleep(0)
                server.pass_time(1e6)
                assert not connection.closed and connection.protocol.timeout_keep_alive_task is None

    in_loop(test)


# Memory


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=60))
def test_shares_never_hold_more_than_the_budget(moves: list[tuple[int, int]]) -> None:
    budget = MemoryBudget(100)
    shares = [budget.share() for _ in range(4)]
    for place, size in moves:
        before, others = shares[place].size, budget.used - shares[place].size
        fits = others + size <= budget.limit or size <= before
        assert shares[place].resize(size) == fits
        assert shares[place].size == (size if fits else before)
        assert budget.used == sum(share.size for share in shares) <= budget.limit
    for share in shares:
        share.release()
    assert budget.used == 0


def test_bodies_under_way_have_a_sum() -> None:
    async def test() -> None:
        async with connections(max_memory_bodies="100KB") as server:
            first, second, third = (server.connect() for _ in range(3))
            announced = HEAD + b"Content-Length: 70000\r\n\r\n"
            for connection in (first, second):
                connection.send(announced + b" " * 40_000)
            await first.until(lambda: server.held == 80_000)
            third.send(announced + b" " * 40_000)
            third.send(b" " * 30_000)
            await third.until(lambda: third.statuses)
            assert third.statuses == [503] and server.held == 80_000
            assert b"\r\nretry-after: 1\r\n" in third.written and b"--max-memory-bodies" in third.written
            assert b'"statusCode":503' in third.written and third.closed
            first.lose()
            await first.until(lambda: server.held == 40_000)
            rest = b" " * (30_000 - len(BODY)) + BODY
            second.send(rest)
            await second.until(lambda: second.statuses == [200])
            assert server.held == 0 and server.jobs == 1

    in_loop(test)


def test_a_body_in_one_piece_counts_as_well() -> None:
    async def test() -> None:
        async with connections(max_memory_bodies="100KB") as server:
            connection = server.connect()
            connection.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 120000\r\n\r\n")
            connection.send(b" " * 120_000)
            await connection.until(lambda: 503 in connection.statuses)
            assert server.held == 0

    in_loop(test)


@pytest.mark.parametrize("line", [b"", b"Expect: 100-continue"], ids=["at once", "in turn"])
def test_bodies_that_wait_to_be_judged_count_however_they_came(line: bytes) -> None:
    async def test() -> None:
        values = b",".join([b"1" * 10] * 5_000)
        whole = post(BODY[:-1] + b', "z": [' + values + b"]}", *([line] if line else []))
        async with connections(max_memory_bodies="100KB") as server:
            opened = [server.connect() for _ in range(4)]
            for connection in opened:
                connection.send(whole)
            await opened[-1].until(lambda: 503 in opened[-1].statuses)
            assert [503 in connection.statuses for connection in opened] == [False, True, True, True]
            assert server.held <= len(whole)

    in_loop(test)


def test_heads_that_are_not_whole_count() -> None:
    async def test() -> None:
        async with connections(max_memory_bodies="100KB") as server:
            opened = [server.connect() for _ in range(5)]
            for connection in opened:
                connection.send(MODELS.removesuffix(b"\r\n") + b"x: " + b"y" * 30_000)
            assert [connection.statuses for connection in opened] == [[], [], [], [503], [503]]
            assert server.held < 100_000
            opened[0].send(b"\r\n\r\n")
            await opened[0].until(lambda: opened[0].statuses == [200])
            for connection in opened:
                connection.lose()
            assert server.held == 0

    in_loop(test)


def test_requests_that_wait_for_others_count() -> None:
    async def test() -> None:
        async with connections(max_memory_bodies=QUEUED_COST * 50, speed=0) as server:
            few, many = server.connect(), server.connect()
            few.send(SLOW + MODELS * 20)
            many.send(SLOW + MODELS * 60)
            await few.until(lambda: len(server.common.default.clock._sleepers) == 2)
            assert server.held == 20 * QUEUED_COST
            server.common.default.clock.advance(31)
            await few.until(lambda: len(few.statuses) == 21 and many.closed)
            assert few.statuses == [200] * 21 and many.statuses == [200, 503]
            assert server.held == 0

    in_loop(test)


# Connections of one client


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=40))
def test_connections_are_counted_by_client(moves: list[tuple[str, bool]]) -> None:
    counts, expected = ConnectionCounts(3), {"a": 0, "b": 0}
    for client, comes in moves:
        if comes:
            expected[client] += 1
            assert counts.add(client) == (expected[client] <= 3)
        elif expected[client]:
            expected[client] -= 1
            counts.remove(client)
    assert counts._counts == {client: count for client, count in expected.items() if count}


def test_one_client_has_so_many_connections() -> None:
    async def test() -> None:
        async with connections(max_connections=2) as server:
            first, _ = server.connect("192.0.2.1"), server.connect("192.0.2.1")
            third, other = server.connect("192.0.2.1"), server.connect("192.0.2.2")
            assert third.statuses == [503] and third.closed and b"--max-connections" in third.written
            other.send(POLL)
            # An answer goes out at the end of the turn.
            await asyncio.sleep(0)
            assert other.statuses == [404]
            first.lose()
            third.lose()
            again = server.connect("192.0.2.1")
            again.send(POLL)
            await asyncio.sleep(0)
            assert again.statuses == [404]

    in_loop(test)


# In order


@pytest.mark.parametrize(
    "rubbish", [b"RUBBISH\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000]
)
def test_what_is_no_request_is_answered_in_its_turn(rubbish: bytes) -> None:
    async def test() -> None:
        async with connections(speed=0) as server:
            connection = server.connect()
            connection.send(SLOW + MODELS + POLL + rubbish)
            await connection.until(server.common.default.clock.next_wake)
            assert connection.written == b"" and not connection.closed
            connection.send(POLL)
            server.common.default.clock.advance(31)
            await connection.until(lambda: connection.closed)
            assert connection.statuses[:3] == [200, 200, 404] and connection.statuses[3] in (400, 431)
            assert len(connection.statuses) == 4

    in_loop(test)


def test_a_body_that_is_none_is_answered_once() -> None:
    async def test() -> None:
        async with connections() as server:
            connection = server.connect()
            connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
            await asyncio.sleep(0)
            connection.send(b"zz\r\n")
            connection.lose()
            await connection.until(lambda: not server.state.tasks)
            assert connection.statuses == [400] and server.noted == [("?", 400, None)]

    in_loop(test)


def test_rubbish_behind_an_answer_gets_no_answer_of_its_own() -> None:
    """A body that nobody reads was answered already: a client would take another answer for a later one."""

    async def test() -> None:
        async with connections() as server:
            connection = server.connect()
            connection.send(
                b"POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
            )
            await connection.until(lambda: connection.statuses == [404])
            connection.send(b"zz\r\n")
            assert connection.statuses == [404] and connection.closed

    in_loop(test)


def test_nothing_is_played_behind_the_last_request() -> None:
    async def test() -> None:
        async with connections() as server:
            connection = server.connect()
            connection.send(post(BODY, b"Connection: close") + post() + MODELS)
            await connection.until(lambda: not server.state.tasks)
            assert connection.statuses == [200] and server.jobs == 1

    in_loop(test)


@pytest.mark.parametrize("scenario", ["completed", "create-slow", "server-error", "gzip"])
def test_a_create_makes_one_job_without_the_private_parts_of_uvicorn(
    scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvicorn 0.40 to 0.44 start their tasks in place."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    for name in ("_start_asgi_task", "_unsupported_upgrade_warning", "_should_upgrade_to_ws", "_get_upgrade"):
        monkeypatch.setattr(HttpToolsProtocol, name, _never, raising=False)
    original = HttpToolsProtocol.on_headers_complete

    def in_place(protocol: HttpToolsProtocol) -> None:
        with monkeypatch.context() as inner:
            inner.setattr(HttpToolsProtocol, "_start_asgi_task", _start)
            original(protocol)

    monkeypatch.setattr(HttpToolsProtocol, "on_headers_complete", in_place)

    async def test() -> None:
        async with connections(speed=1e6) as server:
            connection = server.connect()
            connection.send(
                post(BODY, b"Accept-Encoding: gzip", b"X-Mock-Scenario: " + scenario.encode()) + POLL
            )
            await connection.until(lambda: len(connection.statuses) == 2)
            assert server.jobs == (0 if "error" in scenario else 1)
            await connection.until(lambda: server.common.traffic.open == 0)

    in_loop(test)


def _never(*_: object) -> None:
    raise AssertionError("a private part of uvicorn that not all of its releases have")


def _start(protocol: object, cycle: object, app: object) -> None:
    task = protocol.loop.create_task(cycle.run_asgi(app))  # type: ignore[attr-defined]
    protocol.tasks.add(task)  # type: ignore[attr-defined]
    task.add_done_callback(protocol.tasks.discard)  # type: ignore[attr-defined]


# Clients that send no more


@pytest.mark.parametrize("count", [1, 20])
def test_a_client_that_sends_no_more_gets_all_its_answers(server: MockServer, count: int) -> None:
    answer = raw(server, MODELS * count + POLL, end=True)
    assert answer.count(b"HTTP/1.1 200 OK") == count and answer.count(b"HTTP/1.1 404") == 1


def test_it_gets_those_that_are_held_back_as_well(timed: MockServer) -> None:
    with wire(timed) as connection:
        connection.sendall(SLOW + POLL + POLL[:10])
        until(lambda: timed.traffic.held)
        connection.shutdown(1)
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        received = b""
        while len(received) < len(interim):
            received += connection.recv(len(interim) - len(received))
        assert received == interim
        until(timed.quiet)
        timed.clock.advance(31)
        received = b""
        while part := connection.recv(65536):
            received += part
    assert received.startswith(b"HTTP/1.1 200") and received.count(b"HTTP/1.1 404") == 1
    assert [one.status for one in timed.exchanges] == [200, 404]


def test_one_that_has_left_is_found_out(timed: MockServer) -> None:
    timed.use("create-slow")
    with wire(timed) as connection:
        connection.sendall(post())
        until(lambda: timed.traffic.held)
    until(lambda: not timed.traffic.open)
    assert [one.status for one in timed.exchanges] == [None]


def test_half_a_request_of_such_a_client_is_nothing(server: MockServer) -> None:
    assert raw(server, HEAD + b"Content-Length: 50\r\n\r\n{", end=True) == b""
    answer = raw(server, MODELS + HEAD + b"Content-Length: 50\r\n\r\n{", end=True)
    assert answer.count(b"HTTP/1.1 ") == 1
    create(server)
    assert at_once(server.space.store.counts()).made == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([POLL, MODELS, post(), SLOW]), min_size=1, max_size=8), st.integers(0, 60))
def test_whatever_was_whole_is_answered_in_order(requests: list[bytes], more: int) -> None:
    async def test() -> None:
        async with connections(speed=1e6) as server:
            connection = server.connect()
            connection.send(b"".join(requests) + MODELS[: min(more, len(MODELS) - 1)])
            if connection.protocol.eof_received() is None:
                # Nothing is owed.
                connection.transport.close()
            await connection.until(lambda: connection.closed)
            expected = [404 if one is POLL else 200 for one in requests]
            assert [status for status in connection.statuses if status != 100] == expected

    in_loop(test)
