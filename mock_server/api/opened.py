"""An exchange from its beginning to the frozen record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exchanges.exchange import Exchange, word_in
from ..real_time import real_time
from ..scenarios.fault import UNANSWERED
from .outcome import Outcome
from .response_writer import NOTHING_SENT, Sent

if TYPE_CHECKING:
    from ..workspace import Workspace
    from .outcome import Refusal
    from .request_context import RequestContext
    from .response import MockResponse

__all__ = ["Opened", "early", "exchange_of"]


class Opened:
    """An exchange that has begun: its request, and what is known of its end."""

    __slots__ = ("finished", "headers", "number", "outcome", "refusal", "request", "space", "started")

    def __init__(self, space: Workspace, request: RequestContext) -> None:
        self.space = space
        self.request = request
        self.headers = request.headers
        """The headers that are recorded."""
        self.outcome = Outcome()
        self.started = real_time.perf_counter()
        self.number = 0
        """Its number in the journal; 0 until it has one."""
        self.finished = False
        self.refusal: Refusal | None = None
        """Why it has no workspace to be answered by, where that is so."""

    def begin_again(self, *, refresh: bool) -> None:
        """Answer it anew, as if it came now, after a look at what other servers have changed."""
        space, request = self.space, self.request
        if refresh:
            space.refresh()
        request.at, request.resets = space.clock.now(), space.store.resets
        self.outcome = Outcome()

    @property
    def outdated(self) -> bool:
        """Whether all was forgotten since it began: what it asks for has no place in what comes after."""
        return self.space.store.resets != self.request.resets


def exchange_of(opened: Opened, sent: Sent, *, ended_at: float | None) -> Exchange:
    """The frozen record of an exchange."""
    request, outcome, settings = opened.request, opened.outcome, opened.space.settings
    # Of a video that went out the journal keeps the size alone.
    status, head, body, size, content_size, whole_size = sent
    is_video = outcome.kind == "video" and status is not None and status < 300
    word = _word(outcome, sent) if outcome.fault or status is None else outcome.word
    facts = (
        request.method,
        request.path,
        request.query,
        opened.headers,
        request.at,
        request.body,
        request.body_size,
        status,
        head,
        b"" if is_video else body[: settings.max_recorded_body],
        size,
        content_size,
        whole_size,
        outcome.kind,
        outcome.job_id,
        outcome.model,
        word,
        outcome.notes(),
        opened.number,
        ended_at,
        real_time.perf_counter() - opened.started,
        settings.redact,
    )
    # What the class itself does, without passing each of them by name.
    return tuple.__new__(Exchange, facts)


def _word(outcome: Outcome, sent: Sent) -> str | None:
    """The status word of an answer that met a fault, or did not go out: what its body still says."""
    if outcome.fault is None:
        return None
    return word_in(sent.body) if outcome.kind in ("create", "poll") else None


def early(response: MockResponse) -> Sent:
    """What is noted of an answer before any of it went out."""
    return NOTHING_SENT if response.cut in UNANSWERED else Sent(response.status)
