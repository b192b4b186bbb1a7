"""Heads and what stands around bodies: counted wherever a packet ends, and read by one set of rules."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.exchanges.recorded_head import MOST_FIELDS, MOST_RECORDED, recorded_headers
from kling_mock.limits import MAX_FIELDS, MAX_HEAD, MAX_TARGET
from kling_mock.serving.request_head import head_without_upgrade

from .wires import BODY, HEAD, POLL, connections, in_loop, post

CHUNKED = b"Transfer-Encoding: chunked"
MODELS = b"GET /v1/models/x HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")


def answered(
    *packets: bytes, jobs: int | None = None, closed: bool | None = None, **options: object
) -> list[int]:
    """The statuses of what a connection answers to packets, a round of the loop after each."""

    async def test() -> list[int]:
        async with connections(**options) as server:
            connection = server.connect()
            for packet in packets:
                connection.send(packet)
                await asyncio.sleep(0)
            await connection.until(lambda: not (server.state.tasks or connection.protocol._unread))
            assert jobs is None or server.jobs == jobs
            assert closed is None or connection.closed == closed
            return connection.statuses

    return in_loop(test)


def head(size: int, end: bytes = b"\r\n") -> bytes:
    """A head of about so many bytes."""
    start = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nx: "
    return start + b"y" * (size - len(start) - 4) + b"\r\n" + end


def test_a_head_is_as_large_as_it_may_be_and_no_larger() -> None:
    assert answered(head(MAX_HEAD - 100)) == [200]
    assert answered(head(MAX_HEAD + 100), closed=True) == [431]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 1000, 60_000, 200_000])
def test_a_head_without_end_is_refused_in_whatever_packets_it_comes(size: int) -> None:
    endless = head(3 * MAX_HEAD, b"")
    if size < 100:
        endless = endless[:60] + endless[60 : MAX_HEAD + 200]
    packets = [endless[start : start + size] for start in range(0, len(endless), size)]
    assert answered(*packets, closed=True) == [431]


def test_many_small_fields_are_refused() -> None:
    fields = b"".join([b"x-%d:1\r\n" % number for number in range(MAX_FIELDS)])
    few = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + fields.partition(b"\r\n")[2]
    assert answered(few + b"\r\n") == [200]
    assert answered(few + b"y:1\r\n\r\n") == [431]
    assert answered(few + b"y:1\r\n" * 5) == [431]


def test_a_target_is_bounded() -> None:
    start = b"GET /nothing?"
    for size, status in ((MAX_TARGET, 404), (MAX_TARGET + 1, 414)):
        target = b"a" * (size - len(start) + 4)
        assert answered(start + target + b" HTTP/1.1\r\nHost: a\r\n\r\n") == [status]


@pytest.mark.slow
@pytest.mark.parametrize("count", [100, 3000])
def test_a_large_packet_of_small_requests_is_no_large_head(count: int) -> None:
    whole = POLL * count
    assert answered(whole) == [404] * count
    assert answered(whole[:-20], whole[-20:]) == [404] * count


@pytest.mark.slow
@pytest.mark.parametrize("one", [POLL, MODELS], ids=["at once", "in turn"])
@pytest.mark.parametrize("ends", [False, True], ids=["goes on", "ends"])
def test_requests_of_one_packet_leave_turns_to_others(one: bytes, ends: bool) -> None:
    async def test() -> None:
        async with connections() as server:
            begun = server.common.traffic
            many, other = server.connect(), server.connect()
            many.send(one * 1_000)
            assert begun.received + len(many.protocol.pipeline) < 450
            many.send(one)
            other.send(POLL)
            # Answers go out at the end of the turn.
            await asyncio.sleep(0)
            assert other.statuses == [404] and len(many.statuses) < 900
            if ends:
                many.protocol.eof_received()
            await many.until(lambda: begun.received == 1_002 and not server.state.tasks)
            await asyncio.sleep(0)
            assert many.statuses == [404] * 1_001

    in_loop(test)


def test_a_large_body_in_the_same_packet_is_no_head() -> None:
    body = BODY[:-1] + b', "x": "' + b"y" * 120_000 + b'"}'
    whole = post(body) + POLL
    assert answered(whole[:-20], whole[-20:], jobs=1) == [200, 404]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 200_000), max_size=5))
def test_requests_are_cut_anywhere(cuts: list[int]) -> None:
    large = BODY[:-1] + b', "x": "' + b"y" * 70_000 + b'"}'
    whole = POLL * 3 + post(large) + POLL * 600 + post(BODY, *UPGRADE) + head(30_000) + post()
    edges = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    packets = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert answered(*packets, jobs=3) == [404] * 3 + [200] + [404] * 600 + [200, 200, 200]


# Around a body


def chunked(*trailers: bytes, size: int = 40) -> bytes:
    parts = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    body = b"".join([b"%x\r\n%b\r\n" % (len(part), part) for part in parts])
    return body + b"0\r\n" + b"".join([line + b"\r\n" for line in trailers]) + b"\r\n"


def test_trailers_neither_authenticate_nor_choose() -> None:
    anonymous = HEAD.replace(b"Authorization: Bearer k\r\n", b"")
    sent = anonymous + CHUNKED + b"\r\n\r\n" + chunked(b"Authorization: Bearer k", b"X-Mock-Scenario: failed")
    assert answered(sent + POLL, jobs=0) == [401, 404]
    sent = HEAD + CHUNKED + b"\r\n\r\n" + chunked(b"X-Mock-Scenario: rate-limited", b"Host: other")
    assert answered(sent + POLL, jobs=1) == [200, 404]
    assert answered(*(sent[at : at + 1] for at in range(len(sent))), POLL, jobs=1) == [200, 404]


@pytest.mark.parametrize(
    "line",
    [b"x: y\r\n" * 1000, b"x" * 6000, b"1;" + b"e" * 6000 + b"\r\n"],
    ids=["lines", "one", "extension"],
)
def test_what_stands_around_a_body_has_an_end(line: bytes) -> None:
    start = HEAD + CHUNKED + b"\r\n\r\n2\r\n{}\r\n"
    start += b"" if line.startswith(b"1;") else b"0\r\n" + (b"" if b":" in line else b"y: ")
    line = line if line.endswith(b"\n") and b";" not in line else line.rstrip(b"\r\n")
    assert answered(start, *[line] * 40, jobs=0, closed=True) == [431]


def test_small_chunks_have_no_such_end() -> None:
    body = BODY + b" " * 3000
    parts = b"".join([b"1\r\n%c\r\n" % byte for byte in body])
    assert len(parts) < 3 * 65536
    whole = HEAD + CHUNKED + b"\r\n\r\n" + parts * 1 + b"0\r\n\r\n"
    assert answered(*(whole[at : at + 500] for at in range(0, len(whole), 500)), jobs=1) == [200]


# The host, and other protocols


@pytest.mark.parametrize(
    ("lines", "version", "status"),
    [
        (b"", b"1.1", 400),
        (b"Host: a\r\nHost: a\r\n", b"1.1", 400),
        (b"Host: a\r\nhost: b\r\n", b"1.0", 400),
        (b"", b"1.0", 200),
        (b"Host:\r\n", b"1.1", 200),
    ],
)
@pytest.mark.parametrize("path", [b"/v1/models", b"/v2/video/generations?generation_id=x"])
def test_a_request_says_once_for_which_host_it_is(
    lines: bytes, version: bytes, status: int, path: bytes
) -> None:
    request = b"GET %b HTTP/%b\r\n%bAuthorization: Bearer k\r\n\r\n" % (path, version, lines)
    found = answered(request)
    assert found == [404 if status == 200 and b"?" in path else status]


@pytest.mark.parametrize(
    "lines", [UPGRADE, (b"Connection: upgrade", b"Upgrade: websocket"), (b"Upgrade: TLS/1.0",)]
)
@pytest.mark.parametrize("cut", [0, 1, 40, len(BODY), len(BODY) + 1, len(BODY) + 90])
def test_a_wish_for_another_protocol_is_ignored_and_the_body_kept(lines: tuple[bytes, ...], cut: int) -> None:
    sent = post(BODY, *lines) + POLL
    assert answered(sent[: len(sent) - cut], sent[len(sent) - cut :], jobs=1) == [200, 404]


def test_the_journal_shows_that_wish() -> None:
    async def test() -> None:
        async with connections() as server:
            connection = server.connect()
            connection.send(post(BODY, *UPGRADE))
            await connection.until(lambda: connection.statuses == [200])
            (noted,) = server.common.default.journal
            assert noted.headers["upgrade"] == "h2c" and noted.headers["content-length"] == str(len(BODY))

    in_loop(test)


def test_only_the_wish_goes_from_a_head() -> None:
    headers = [
        (b"host", b"a"),
        (b"connection", b"Keep-Alive, Upgrade , HTTP2-Settings"),
        (b"connection", b"upgrade"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"x"),
        (b"x", b" y"),
    ]
    assert head_without_upgrade(b"GET", b"/p?q", "1.1", headers) == (
        b"GET /p?q HTTP/1.1\r\nhost: a\r\nconnection: Keep-Alive\r\nx:  y\r\n\r\n"
    )


def test_http_2_is_named() -> None:
    async def test() -> bytes:
        async with connections() as server:
            connection = server.connect()
            connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert connection.statuses == [400] and connection.closed
            return connection.written

    assert b"looks like HTTP/2 with prior knowledge: this server speaks HTTP/1.1" in in_loop(test)


# What is recorded


@settings(max_examples=60)
@given(st.lists(st.tuples(st.binary(max_size=12), st.integers(0, 6000)), max_size=200))
def test_what_is_recorded_of_a_head_is_bounded_and_in_order(fields: list[tuple[bytes, int]]) -> None:
    headers = [(name, b"v" * size) for name, size in fields]
    kept = list(recorded_headers(headers))
    sizes = [len(name) + len(value) for name, value in headers]
    assert len(kept) <= MOST_FIELDS
    assert sum(len(name) + len(value) for name, value in kept) <= MOST_RECORDED
    rest = iter(headers)
    assert all(header in rest for header in kept)
    if sum(sizes) <= MOST_RECORDED and len(headers) <= MOST_FIELDS:
        assert kept == headers


def test_the_small_fields_of_a_large_head_are_recorded() -> None:
    async def test() -> None:
        async with connections() as server:
            connection = server.connect()
            connection.send(HEAD.replace(b"POST", b"GET") + b"Cookie: " + b"c" * 30_000 + b"\r\n\r\n")
            await connection.until(lambda: connection.statuses)
            (noted,) = server.common.default.journal
            assert list(noted.headers) == ["host", "authorization", "content-type"]

    in_loop(test)
