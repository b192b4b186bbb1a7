"""The passive checks of results: what a client did once it was told of the job's end."""

from __future__ import annotations

from collections.abc import Iterator

from ..exchanges.exchange import Exchange
from .trace import PLACEHOLDERS, Accusation, Trace, final

__all__ = ["d2_completed_without_url", "d3_error_shapes", "d13_video_fetched"]


def d2_completed_without_url(trace: Trace) -> Iterator[Accusation]:
    """After a job that completed without a URL, a request for what a program makes of none."""
    yield from _went_on(trace, "completed", "a job that completed without a URL was taken for a video")


def d3_error_shapes(trace: Trace) -> Iterator[Accusation]:
    """After a job that ended in an error, a request for a video that there is not."""
    yield from _went_on(trace, "error", "a job that ended in an error was taken for a video")


def d13_video_fetched(trace: Trace) -> Iterator[Accusation]:
    """A URL that was refused, as one that has expired, and neither another try nor a poll for a new one.

    Only where nothing more is to come. A client that raises is right as well: so this is advice. One that
    gives up a download which breaks off has no other way to say so, and is left alone.
    """
    if not trace.whole:
        return
    downloads: dict[str, list[Exchange]] = {}
    for exchange in trace.exchanges:
        if exchange.kind == "video" and exchange.known_id and exchange.job_id and exchange.method == "GET":
            downloads.setdefault(exchange.job_id, []).append(exchange)
    for job_id, found in downloads.items():
        (first, *again), polls = found, trace.polls.get(job_id, ())
        if _refused(first) and not again and not any(poll.number > first.number for poll in polls):
            expired = " (expired)" if first.fault == "expired" else ""
            says = f"the video is paid for, its one download was answered {first.status}{expired}, "
            says += "and nobody asked for it again."
            yield Accusation(says, (first,), False)


def _went_on(trace: Trace, state: str, says: str) -> Iterator[Accusation]:
    """Requests after such an end that go where a URL which is none leads."""
    ended: Exchange | None = None
    for exchange in trace.exchanges:
        if exchange.kind in ("create", "poll"):
            if exchange.state == state and final(exchange) and not _has_url(exchange):
                ended = exchange
            elif exchange.job_id is not None and ended is not None and exchange.job_id != ended.job_id:
                # Another job: what is asked for now may be about that one.
                ended = None
        elif ended is not None and exchange.status == 404 and _asks_for_none(exchange, ended):
            yield Accusation(f"{says}: {exchange.method} {exchange.path} was asked for.", (ended, exchange))


def _asks_for_none(exchange: Exchange, ended: Exchange) -> bool:
    if exchange.kind == "video":
        return exchange.job_id == ended.job_id
    last = exchange.path.rpartition("/")[2].lower()
    return exchange.kind == "other" and bool(last) and last in PLACEHOLDERS


def _has_url(exchange: Exchange) -> bool:
    answer = exchange.answer
    video = answer.get("video") if isinstance(answer, dict) else None
    return isinstance(video, dict) and bool(video.get("url"))


def _refused(download: Exchange) -> bool:
    """Whether a URL did not lead to the video, such as one that has expired."""
    return download.status is not None and download.status >= 400 and download.status != 416
