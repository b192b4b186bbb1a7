"""Server-sent events: a workspace's bus as a stream that a browser reads on where it stopped."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from ..events import WAITING, Event
from ..exchanges.exchange import Exchange
from ..jobs.plan import Job, JobCounters, JobPlan
from ..workspace import Workspace
from .body import ControlError

__all__ = ["HEARTBEAT", "EventStreams"]

HEARTBEAT = 15.0
"""Real seconds of silence after which a comment is sent, so that neither side takes the other for gone."""


class EventStreams:
    """The streams of one workspace; each event is written as text once, however many read it."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._texts: OrderedDict[int, str] = OrderedDict()

    def response(self, request: Request) -> StreamingResponse:
        """A stream of what comes, and of what came after the request's `Last-Event-ID`.

        Raises `ControlError` for one that is no number.
        """
        events = self._stream(_last_seen(request))
        headers = {"cache-control": "no-store"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def _stream(self, after: int | None) -> AsyncIterator[str]:
        # Only here: of a client that leaves before this begins nothing must stay.
        reader = self._space.bus.reader(after)
        try:
            yield ": connected\n\n"
            while True:
                if not await reader.wait(HEARTBEAT):
                    yield ": still here\n\n"
                    continue
                events = reader.take()
                if events:
                    yield "".join([self._text(event) for event in events])
        finally:
            reader.close()

    def _text(self, event: Event) -> str:
        texts = self._texts
        text = texts.get(event.number)
        if text is None or event.kind == "gap":
            data = json.dumps(_shown(event))
            text = f"event: {event.kind}\nid: {event.number}\ndata: {data}\n\n"
            if event.kind != "gap":
                texts[event.number] = text
                if len(texts) > WAITING:
                    texts.popitem(last=False)
        return text


def _last_seen(request: Request) -> int | None:
    seen = request.headers.get("last-event-id")
    if seen is None:
        return None
    if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise ControlError(f"Last-Event-ID: expected the id of an event, received {seen!r}.")
    return int(seen)


def _shown(event: Event) -> Any:
    """What an event is about, as the control API shows it elsewhere."""
    data = event.data
    if isinstance(data, Exchange):
        return data.as_dict(bodies=False)
    if isinstance(data, JobPlan):
        return Job(data, JobCounters()).as_dict(event.at)
    return data
