"""The event bus: numbers without gaps, readers that come back or are slow, and the stream over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.control import sse
from kling_mock.events import RESUMABLE, WAITING, Event, EventBus, EventKind, EventReader

from .support import PATHS, ask, create, poll, until, wire


def bus(**options: Any) -> EventBus:
    return EventBus(lambda: 7.0, **options)


def happen(events: EventBus, count: int = 1) -> None:
    for _ in range(count):
        events.publish(EventKind.CLOCK, events.number)


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


# Publishing and listening


def test_events_are_numbered_from_one_and_say_when_they_were() -> None:
    events = bus()
    seen: list[Event] = []
    events.subscribe(seen.append)
    assert events.number == 0
    happen(events, 2)
    events.publish(EventKind.RESET, {})
    assert seen == [
        Event(1, EventKind.CLOCK, 7.0, 0),
        Event(2, EventKind.CLOCK, 7.0, 1),
        Event(3, EventKind.RESET, 7.0, {}),
    ]
    assert events.number == 3


def test_an_event_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Event(1, EventKind.CLOCK, 0.0, {}).number = 2  # type: ignore[misc]


def test_a_listener_hears_the_kinds_that_it_asked_for_until_it_ends() -> None:
    events = bus()
    resets: list[Event] = []
    all_kinds: list[Event] = []
    end = events.subscribe(resets.append, [EventKind.RESET])
    events.subscribe(all_kinds.append)
    for kind in EventKind:
        events.publish(kind, {})
    end()
    events.publish(EventKind.RESET, {})
    assert [event.kind for event in resets] == [EventKind.RESET]
    assert [event.kind for event in all_kinds] == [*EventKind, EventKind.RESET]


def test_one_listener_may_listen_twice_and_end_once() -> None:
    events = bus()
    seen: list[Event] = []
    end = events.subscribe(seen.append, [EventKind.CLOCK])
    events.subscribe(seen.append, [EventKind.CLOCK])
    happen(events)
    end()
    end()
    happen(events)
    assert [event.number for event in seen] == [1, 1, 2]


def test_a_listener_may_publish_and_subscribe() -> None:
    events = bus()
    seen: list[Event] = []

    def echo(event: Event) -> None:
        events.publish(EventKind.SETTINGS, event.number)
        events.subscribe(seen.append, [EventKind.RESET])

    events.subscribe(echo, [EventKind.CLOCK])
    events.subscribe(seen.append, [EventKind.SETTINGS])
    happen(events)
    events.publish(EventKind.RESET, {})
    assert [(event.number, event.kind, event.data) for event in seen] == [
        (2, "settings", 1),
        (3, "reset", {}),
    ]


def test_a_listener_that_fails_takes_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    events = bus()
    seen: list[Event] = []

    def fails(_event: Event) -> None:
        raise ValueError("a listener's own trouble")

    events.subscribe(fails)
    events.subscribe(seen.append)
    with caplog.at_level(logging.ERROR, logger="kling_mock"):
        happen(events, 2)
    assert [event.number for event in seen] == [1, 2]
    assert len(caplog.records) == 2 and "event 1 (clock)" in caplog.text


def test_threads_that_publish_at_once_leave_no_gap_and_no_disorder() -> None:
    events = bus(kept=10_000)

    async def test() -> None:
        reader = events.reader(most=10_000)
        threads = [threading.Thread(target=happen, args=(events, 500)) for _ in range(4)]
        for thread in threads:
            thread.start()
        seen: list[Event] = []
        while len(seen) < 2000:
            assert await reader.wait(20)
            seen += reader.take()
        for thread in threads:
            thread.join()
        assert [event.number for event in seen] == list(range(1, 2001))

    in_loop(test)


# Readers


def numbers(events: list[Event]) -> list[Any]:
    """What a reader saw: numbers, and a gap as a pair of its number and of what it missed."""
    return [
        (event.number, event.data["missed"]) if event.kind is EventKind.GAP else event.number
        for event in events
    ]


def test_a_reader_sees_what_comes_until_it_is_closed() -> None:
    async def test() -> None:
        events = bus()
        happen(events)
        reader = events.reader()
        assert reader.take() == [] and not await reader.wait(0)
        happen(events, 2)
        assert await reader.wait(20) and numbers(reader.take()) == [2, 3]
        assert not await reader.wait(0)
        reader.close()
        reader.close()
        happen(events)
        assert reader.take() == [] and not await reader.wait(0)

    in_loop(test)


@given(kept=st.integers(1, 8), happened=st.integers(0, 20), after=st.integers(0, 30))
def test_a_reader_comes_back_by_number(kept: int, happened: int, after: int) -> None:
    async def test() -> None:
        events = bus(kept=kept)
        happen(events, happened)
        reader = events.reader(after, most=1)
        first = max(1, happened - kept + 1)
        expected: list[Any]
        if after > happened:
            # A number of an earlier life of the server: nothing that it says holds any more.
            expected = [(happened, happened)]
        elif after + 1 < first:
            expected = [(first - 1, first - 1 - after), *range(first, happened + 1)]
        else:
            expected = list(range(after + 1, happened + 1))
        assert await reader.wait(20) if expected else not await reader.wait(0)
        assert numbers(reader.take()) == expected
        happen(events)
        assert numbers(reader.take()) == [happened + 1]

    in_loop(test)


@given(
    most=st.integers(1, 5),
    moves=st.lists(st.one_of(st.just("take"), st.integers(1, 9)), max_size=20),
)
def test_a_slow_reader_is_told_of_each_gap_in_its_place(most: int, moves: list[Any]) -> None:
    async def test() -> None:
        events = bus()
        reader = events.reader(most=most)
        seen: list[Any] = []
        expected: list[Any] = []
        waiting: list[int] = []
        number = missed = 0
        for move in [*moves, "take"]:
            if move == "take":
                expected += [*waiting, *([(number, missed)] if missed else [])]
                waiting, missed = [], 0
                seen += numbers(reader.take())
                continue
            happen(events, move)
            for _ in range(move):
                number += 1
                if len(waiting) < most:
                    waiting.append(number)
                else:
                    missed += 1
        assert seen == expected
        told = sum(one[1] if isinstance(one, tuple) else 1 for one in seen)
        assert told == number

    in_loop(test)


def test_memory_is_bounded() -> None:
    assert (RESUMABLE, WAITING) == (4096, 1000)

    async def test() -> None:
        events = bus()
        slow = events.reader()
        happen(events, RESUMABLE + 1)
        assert len(slow._waiting) == WAITING and len(events._kept) == RESUMABLE
        taken = numbers(slow.take())
        assert taken == [*range(1, WAITING + 1), (RESUMABLE + 1, RESUMABLE + 1 - WAITING)]
        # All that is kept can be read, be it more than may wait for one who is slow.
        assert numbers(events.reader(1).take()) == list(range(2, RESUMABLE + 2))
        assert numbers(events.reader(0).take()) == [(1, 1), *range(2, RESUMABLE + 2)]

    in_loop(test)


def test_a_reader_is_slow_at_one_event_more_than_may_wait() -> None:
    async def test() -> None:
        events = bus()
        reader = events.reader()
        happen(events, WAITING)
        assert numbers(reader.take()) == list(range(1, WAITING + 1))
        happen(events, WAITING + 1)
        assert numbers(reader.take())[-1] == (2 * WAITING + 1, 1)

    in_loop(test)


def test_a_reader_whose_loop_has_ended_troubles_nobody() -> None:
    events, readers = bus(), []

    async def test() -> None:
        readers.append(events.reader(most=3))

    in_loop(test)
    happen(events, 5)
    (reader,) = readers
    assert events.number == 5 and len(reader._waiting) == 3


def test_a_reader_that_takes_while_others_publish_loses_nothing_in_silence() -> None:
    events = bus()

    async def test() -> None:
        reader = events.reader(most=2)
        threads = [threading.Thread(target=happen, args=(events, 2000)) for _ in range(2)]
        for thread in threads:
            thread.start()
        seen: list[Event] = []
        while not seen or seen[-1].number < 4000:
            assert await reader.wait(20), "woken no more although events came"
            seen += reader.take()
        for thread in threads:
            thread.join()
        last = 0
        for event in seen:
            missed = event.data["missed"] if event.kind is EventKind.GAP else 0
            assert event.number == last + (missed or 1)
            last = event.number

    in_loop(test)


# Over HTTP


class Stream:
    """A stream of server-sent events as a browser reads it."""

    def __init__(self, connection: socket.socket) -> None:
        self.lines = connection.makefile("rb")

    def until(self, line: bytes) -> None:
        while (read := self.lines.readline().strip()) != line:
            assert read or self.lines.peek(1), "the stream ended"

    def next(self) -> tuple[str, int, Any]:
        """The next event: its kind, its id, its data."""
        fields: dict[str, str] = {}
        while True:
            line = self.lines.readline().decode()
            assert line, "the stream ended"
            name, colon, value = line.rstrip("\n").partition(": ")
            if colon and name in ("event", "id", "data"):
                fields[name] = value
            elif line == "\n" and "data" in fields:
                return fields["event"], int(fields["id"]), json.loads(fields["data"])

    def next_of(self, kind: str) -> Any:
        """The data of the next event of this kind."""
        while True:
            found, _, data = self.next()
            if found == kind:
                return data


@contextmanager
def stream(server: MockServer, after: int | None = None, most: int | None = None) -> Iterator[Stream]:
    """A stream that is connected, and closed at the end."""
    seen = "" if after is None else f"Last-Event-ID: {after}\r\n"
    path = "/_mock/events" if most is None else f"/_mock/events?most={most}"
    with wire(server) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{seen}\r\n".encode())
        opened = Stream(connection)
        opened.until(b": connected")
        yield opened
        opened.lines.close()


def test_a_stream_tells_events_of_every_kind(timed: MockServer) -> None:
    with stream(timed) as events:
        job_id = create(timed).json["id"]
        kind, _, made = events.next()
        assert (kind, made["id"], made["status"], made["polls"]) == ("job-made", job_id, "queued", 0)
        kind, _, seen = events.next()
        assert (kind, seen["kind"], seen["job_id"], seen["word"]) == ("exchange", "create", job_id, "queued")
        assert seen["ended_at"] is not None and seen["took"] > 0
        timed.clock.advance(5)
        assert events.next()[0::2] == ("clock", {"now": timed.clock.now(), "speed": 0})
        timed.use("failed")
        assert events.next()[0::2] == ("scenario", {"scenario": "failed", "next": []})
        timed.next("create-slow")
        assert events.next()[0::2] == ("scenario", {"scenario": "failed", "next": ["create-slow"]})
        timed.configure(queued="20s")
        assert events.next()[0::2] == ("settings", {"queued": "20s"})
        timed.reset()
        assert events.next()[0::2] == ("reset", {})


def test_a_job_that_is_moved_by_hand_is_told(server: MockServer) -> None:
    job_id = create(server).json["id"]
    with stream(server) as events:
        server.clock.advance(until="completed", job_id=job_id)
        assert events.next_of("job-changed") == {"job_id": job_id}


def test_a_create_that_uses_up_the_queue_is_told(server: MockServer) -> None:
    server.next("failed")
    with stream(server) as events:
        create(server)
        assert events.next_of("scenario") == {"scenario": "completed", "next": []}


def test_a_slow_answer_is_told_when_it_begins_and_when_it_is_over(timed: MockServer) -> None:
    timed.use("create-slow")
    with stream(timed) as events, wire(timed) as client:
        body = json.dumps({"model": "kling-video/v1/standard/text-to-video", "prompt": "x"})
        head = f"POST {PATHS[0]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\n"
        client.sendall(
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        opened = events.next_of("exchange-opened")
        assert opened["ended_at"] is None and opened["kind"] == "create" and opened["fault"] == "slow"
        until(lambda: timed.traffic.held == 1)
        timed.clock.advance(31)
        assert client.recv(12) == b"HTTP/1.1 200"
        closed = events.next_of("exchange")
    assert closed["number"] == opened["number"] and closed["at"] == opened["at"]
    assert closed["ended_at"] >= opened["at"] + 30 and closed["took"] > 0


def test_a_stream_is_read_on_where_it_stopped(server: MockServer) -> None:
    with stream(server) as events:
        create(server)
        _, first, _ = events.next()
        rest = [events.next()]
    server.use("failed")
    with stream(server, after=first) as events:
        assert events.next() == rest[0]
        assert events.next()[0] == "scenario"


def test_a_gap_reaches_the_client(server: MockServer) -> None:
    start = server.space.bus.number
    for _ in range(RESUMABLE + 5):
        server.space.bus.publish(EventKind.SETTINGS, {})
    with stream(server, after=start) as events:
        assert events.next() == ("gap", start + 5, {"missed": 5})
        assert events.next() == ("settings", start + 6, {})
    with stream(server, after=10**12) as events:
        last = start + RESUMABLE + 5
        assert events.next() == ("gap", last, {"missed": last})


def publish_together(server: MockServer, count: int) -> None:
    """Publish so many events in one turn of the loop, so that they come together."""

    def publish() -> None:
        for _ in range(count):
            server.space.bus.publish(EventKind.SETTINGS, {})

    assert server.loop is not None
    server.loop.call_soon_threadsafe(publish)


def test_a_stream_that_wants_few_events_at_once_is_told_of_a_gap_in_their_place(server: MockServer) -> None:
    start = server.space.bus.number
    for _ in range(6):
        server.space.bus.publish(EventKind.SETTINGS, {})
    with stream(server, after=start, most=5) as few, stream(server, after=start, most=6) as enough:
        assert few.next() == ("gap", start + 6, {"missed": 6})
        assert [enough.next()[1] for _ in range(6)] == list(range(start + 1, start + 7))
        publish_together(server, 6)
        assert few.next() == ("gap", start + 12, {"missed": 6})
        assert [enough.next()[1] for _ in range(6)] == list(range(start + 7, start + 13))
    assert ask(server, "GET", "/_mock/events?most=x", key=None).status == 400


def test_what_no_stream_wants_is_not_written(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = sse._text

    def noted(event: Event) -> bytes:
        written.append(event.kind)
        return write(event)

    monkeypatch.setattr(sse, "_text", noted)
    with stream(server, most=3) as few:
        publish_together(server, 50)
        assert few.next()[0] == "gap"
    assert set(written) == {"gap"}


@pytest.mark.parametrize("seen", ["", "x", "-1", "1.5", "²", "9" * 19, " 1 2"])
def test_what_is_no_event_id_is_refused(server: MockServer, seen: str) -> None:
    headers = {"Last-Event-ID": seen.encode().decode("latin-1")}
    reply = ask(server, "GET", "/_mock/events", headers=headers, key=None)
    assert (
        reply.status == 400
        and "Last-Event-ID (or after): expected the id of an event" in reply.json["message"]
    )


def test_silence_is_broken_by_a_comment(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT", 0.001)
    with stream(server) as events:
        events.until(b": still here")
        events.until(b": still here")
        server.use("failed")
        assert events.next()[0] == "scenario"


def test_an_event_is_written_once_however_many_read_it(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    shown = sse._shown

    def show(event: Event) -> Any:
        written.append(event.number)
        return shown(event)

    monkeypatch.setattr(sse, "_shown", show)
    with stream(server) as one, stream(server) as two:
        for _ in range(5):
            poll(server, "unknown")
        assert [one.next() for _ in range(5)] == [two.next() for _ in range(5)]
    with stream(server, after=written[0]) as three:
        three.next()
    assert len(written) == len(set(written)) == 5


@pytest.mark.slow
def test_a_reader_that_leaves_is_forgotten(server: MockServer) -> None:
    def readers() -> tuple[EventReader, ...]:
        return server.space.bus._readers

    until(lambda: not readers())
    with stream(server), stream(server):
        assert len(readers()) == 1
    until(lambda: not readers())
    for _ in range(5):
        # Gone before its stream begins.
        with wire(server) as connection:
            connection.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ask(server, "GET", "/_mock/health", key=None)
    until(lambda: not readers())


def test_secrets_are_no_part_of_an_event(server: MockServer) -> None:
    with stream(server) as events:
        server.configure(api_key="sk-very-secret-0123456789")
        told = events.next_of("settings")
    assert "api_key" in told and "very-secret" not in json.dumps(told)
