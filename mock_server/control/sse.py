"""Server-sent events: a workspace's bus as a stream that a browser reads on where it stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import StreamingResponse

from ..events import RESUMABLE, WAITING, Event, EventKind, EventReader
from ..exchanges.exchange import Exchange
from ..jobs.plan import Job, JobCounters, JobPlan
from ..real_time import real_time
from ..timing import LOOP_TURN, STREAM_GAP, STREAM_GATHER
from ..workspace import Workspace
from .body import whole_number

__all__ = ["HEARTBEAT", "EventStreams"]

GAP = b"event: gap\n"
HEARTBEAT = 15.0
"""Real seconds of silence after which a comment is sent, so that neither side takes the other for gone."""


class _Chunk(NamedTuple):
    """What happened between two looks at the bus: events `first` to `last`, and what is sent of them.

    It has no texts where it is more than any stream wants at once.
    """

    first: int
    last: int
    texts: list[tuple[int, bytes]]
    whole: bytes

    def news(self, number: int, most: float) -> bytes:
        """What a stream is sent of it that has come to an event, and wants `most` at once."""
        unseen = self.last - max(number, self.first - 1)
        if not self.texts or unseen > most:
            return _gap(self.last, unseen)
        if self.first > number:
            return self.whole
        return b"".join([text for place, text in self.texts if place > number])


class EventStreams:
    """The streams of one workspace: events are taken from the bus and written as text once, for all of them.

    However many streams there are, an event costs whoever publishes it the same: streams are woken a few
    times in a second at most, and share the bytes that they send. A stream whose client does not read loses
    what is older than the last `WAITING` events, which it is told by a `gap` event. One that can ask for all
    anew may say how many events it wants `most` at once: where there are more, it is sent a gap instead, and
    they are not even written. So a page costs a server under load next to nothing.
    """

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._texts: OrderedDict[int, bytes] = OrderedDict()
        self._chunks: deque[_Chunk] = deque()
        self._wakers: dict[asyncio.Event, float] = {}
        """What wakes each stream, with how many events it wants most at once."""
        self._pump: asyncio.Task[None] | None = None
        self._beats = 0

    def response(self, request: Request) -> StreamingResponse:
        """A stream of what comes, and of what came after the request's `Last-Event-ID`; of `?most=` at once.

        Raises `ControlError` for one that is no number.
        """
        most = request.query_params.get("most")
        events = self._stream(
            _last_seen(request), math.inf if most is None else whole_number(most, "most", "a count of events")
        )
        headers = {"cache-control": "no-store"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def _stream(self, after: int | None, most: float) -> AsyncIterator[bytes]:
        # Only here: of a client that leaves before this begins nothing must stay.
        waker = asyncio.Event()
        self._begin(waker, most)
        try:
            # Before the client knows that it is connected: what happens from then on is for it.
            missed, number = self._missed(after)
            yield b": connected\n\n"
            if len(missed) > most:
                yield _gap(number, len(missed))
            elif missed:
                yield b"".join([text for _, text in await self._written(missed)])
            beats = self._beats
            while True:
                text, number = self._since(number, most)
                if text:
                    yield text
                    if text.startswith(GAP) and most < math.inf:
                        # It has to ask for all anew, and will not do that many times a second.
                        await asyncio.sleep(STREAM_GAP)
                elif beats != self._beats:
                    yield b": still here\n\n"
                beats = self._beats
                await waker.wait()
                waker.clear()
        finally:
            self._end(waker)

    def _begin(self, waker: asyncio.Event, most: float) -> None:
        if not self._wakers:
            self._chunks.clear()
            self._pump = asyncio.ensure_future(self._run(self._space.bus.reader(most=RESUMABLE)))
        self._wakers[waker] = most

    def _end(self, waker: asyncio.Event) -> None:
        self._wakers.pop(waker, None)
        if not self._wakers and self._pump is not None:
            # The loop is closed where the server was ended with its streams.
            with contextlib.suppress(RuntimeError):
                self._pump.cancel()

    async def _run(self, reader: EventReader) -> None:
        """Take events from the bus while there are streams, and wake those."""
        try:
            while True:
                if await reader.wait(HEARTBEAT):
                    events = reader.take()
                    wanted = len(events) <= max(self._wakers.values(), default=0)
                    self._add(events, await self._written(events) if wanted else [])
                else:
                    self._beats += 1
                for waker in self._wakers:
                    waker.set()
                await asyncio.sleep(STREAM_GATHER)
        finally:
            reader.close()

    def _add(self, events: list[Event], texts: list[tuple[int, bytes]]) -> None:
        if not events:
            return
        chunks = self._chunks
        first = chunks[-1].last + 1 if chunks else events[0].number
        chunks.append(_Chunk(first, events[-1].number, texts, b"".join([text for _, text in texts])))
        while len(chunks) > 1 and chunks[-1].last - chunks[1].first >= WAITING:
            chunks.popleft()

    def _missed(self, after: int | None) -> tuple[list[Event], int]:
        """What a stream has missed so far, and the number of the last event of it."""
        bus = self._space.bus
        if after is None:
            return [], bus.number
        reader = bus.reader(after)
        events = reader.take()
        reader.close()
        return events, events[-1].number if events else after

    async def _written(self, events: list[Event]) -> list[tuple[int, bytes]]:
        """Events as they are sent; the loop gets its turns: to show what clients sent may take long."""
        texts = self._texts
        written: list[tuple[int, bytes]] = []
        began = real_time.monotonic()
        for event in events:
            text = texts.get(event.number) if event.kind != "gap" else None
            if text is None:
                text = _text(event)
                if event.kind != "gap":
                    texts[event.number] = text
                    if len(texts) > WAITING:
                        texts.popitem(last=False)
            written.append((event.number, text))
            if real_time.monotonic() - began > LOOP_TURN:
                await asyncio.sleep(0)
                began = real_time.monotonic()
        return written

    def _since(self, number: int, most: float) -> tuple[bytes, int]:
        """What came after the event of this number, and the number of the last event of it."""
        news: list[_Chunk] = []
        for chunk in reversed(self._chunks):
            if chunk.last <= number:
                break
            news.append(chunk)
        parts: list[bytes] = []
        for chunk in reversed(news):
            if chunk.first > number + 1:
                parts.append(_gap(chunk.first - 1, chunk.first - number - 1))
            parts.append(chunk.news(number, most))
            number = chunk.last
        return b"".join(parts), number


def _text(event: Event) -> bytes:
    return f"event: {event.kind}\nid: {event.number}\ndata: {json.dumps(_shown(event))}\n\n".encode()


def _gap(number: int, missed: int) -> bytes:
    return _text(Event(number, EventKind.GAP, 0.0, {"missed": missed}))


def _last_seen(request: Request) -> int | None:
    # A browser says it by itself when it comes back; what it begins with, only its URL can say.
    seen = request.headers.get("last-event-id", request.query_params.get("after"))
    return None if seen is None else whole_number(seen, "Last-Event-ID (or after)", "the id of an event")


def _shown(event: Event) -> Any:
    """What an event is about, as the control API shows it elsewhere."""
    data = event.data
    if isinstance(data, Exchange):
        return data.as_dict(bodies=False)
    if isinstance(data, JobPlan):
        return Job(data, JobCounters()).as_dict(event.at)
    return data
