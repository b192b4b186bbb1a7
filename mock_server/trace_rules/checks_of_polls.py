"""The passive checks of polls: when they end, how often they come, and which id they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from ..exchanges.exchange import Exchange
from ..wording import quoted
from .id_mutations import lost_digits, mangled
from .retry_after import waited_too_little
from .trace import Accusation, Trace, final

__all__ = [
    "c1_stops_at_terminal",
    "c7_sane_cadence",
    "c8_retry_after",
    "c11_id_round_trip",
    "c12_id_opaque",
]

MOST_ISSUED = 200
"""Ids, the last ones before a poll, of which its id may be made."""
STORM = 50
"""Polls of one job in a row, without a pause, that are a storm."""
NO_PAUSE = 0.02
"""Seconds from an answer to the next poll that are no pause, but what a program takes."""


def c1_stops_at_terminal(trace: Trace) -> Iterator[Accusation]:
    """A poll of a job whose end an earlier poll was told, in a whole answer that could be read."""
    ended: dict[str, Exchange] = {}
    for exchange in trace.exchanges:
        if exchange.kind == "video" and exchange.job_id is not None and _failed(exchange):
            # The URL may have run out: a new one is had by polling.
            ended.pop(exchange.job_id, None)
        if exchange.kind != "poll" or not exchange.known_id or exchange.job_id is None:
            continue
        last = ended.get(exchange.job_id)
        if last is None:
            if final(exchange):
                ended[exchange.job_id] = exchange
        elif last.ended_at is not None and exchange.at >= last.ended_at:
            yield Accusation(
                "the client polls on after the job has ended: it wastes its rate limit, "
                "and a failed job looks like one that still runs.",
                (last, exchange),
            )


def c7_sane_cadence(trace: Trace) -> Iterator[Accusation]:
    """Very many polls of a job without any pause between an answer and the next one.

    A test may have taken the pause away so that nothing sleeps: so this is advice. A clock that no wait
    moves shows no pauses, and nothing is said.
    """
    for polls in trace.polls.values():
        storm, pauses = _storm(polls, NO_PAUSE * max(1.0, trace.speed))
        if storm and (pauses > 0 or trace.followed):
            yield Accusation(
                f"a job was polled {len(storm)} times within {storm[-1].at - storm[0].at:.2g} s, without a "
                "pause: a real API answers 429 to whatever uses the key.",
                (storm[0], storm[-1]),
                False,
            )


def _storm(polls: list[Exchange], no_pause: float) -> tuple[list[Exchange], float]:
    """The first polls, one after the other, without a pause between them on the average, and the sum of gaps.

    On the average, as the machine may have had something else to do.
    """
    begin, gaps = 0, 0.0
    for end in range(1, len(polls)):
        gap = _gap(polls[end - 1], polls[end])
        if gap is None:
            begin, gaps = end, 0.0
            continue
        gaps += gap
        if end - begin == STORM:
            gaps -= _gap(polls[begin], polls[begin + 1]) or 0.0
            begin += 1
        if end - begin == STORM - 1 and gaps <= no_pause * (STORM - 1):
            last = end
            while last + 1 < len(polls) and _at_once(polls[last], polls[last + 1], no_pause):
                last += 1
            return polls[begin : last + 1], gaps
    return [], 0.0


def _at_once(before: Exchange, poll: Exchange, no_pause: float) -> bool:
    gap = _gap(before, poll)
    return gap is not None and gap < no_pause


def _gap(before: Exchange, poll: Exchange) -> float | None:
    """The time from an answer to the next poll; None where that did not wait for the answer."""
    if before.ended_at is None or poll.at < before.ended_at:
        return None
    return poll.at - before.ended_at


def c8_retry_after(trace: Trace) -> Iterator[Accusation]:
    """The next poll comes before the time that Retry-After asked for has passed on the server's clock.

    A client may wait less than it is asked to where it has a cap of its own: after half a minute nothing is
    said. A test that replaces `sleep` hides the wait from the clock: fast-forward does not.
    """
    for first, second, waited, asked in waited_too_little(trace.exchanges):
        if second.kind != "poll":
            continue
        yield Accusation(
            f"the answer {first.status} asks for {asked:g} s of patience and the next poll came "
            f"after {waited:.2g} s of the server's clock: a real API goes on refusing. (Where the test "
            "replaces sleep, let kling_fast_forward do it: then the clock sees the wait.)",
            (first, second),
        )


def c11_id_round_trip(trace: Trace) -> Iterator[Accusation]:
    """A poll for what an id becomes when it is not encoded, or twice, or cut at a character of URLs."""
    yield from _altered_ids(trace, mangled, "the paid video is never found: {id} was polled as {asked}.")


def c12_id_opaque(trace: Trace) -> Iterator[Accusation]:
    """A poll for what an id becomes when it is read as a number, or taken apart."""
    says = "an id was taken for more than a string, and is lost: {id} was polled as {asked}."
    yield from _altered_ids(trace, lost_digits, says)


def _altered_ids(trace: Trace, altered: Callable[[str, str], bool], says: str) -> Iterator[Accusation]:
    issued: dict[str, Exchange] = {}
    for exchange in trace.exchanges:
        if exchange.kind == "create" and exchange.known_id and exchange.job_id is not None:
            issued[exchange.job_id] = exchange
        elif exchange.kind == "poll" and not exchange.known_id and exchange.job_id:
            asked = exchange.job_id
            latest = islice(reversed(issued), MOST_ISSUED)
            origin = next((job_id for job_id in latest if altered(job_id, asked)), None)
            if origin is not None:
                yield Accusation(
                    says.format(id=quoted(origin), asked=quoted(asked)), (issued[origin], exchange)
                )


def _failed(download: Exchange) -> bool:
    return download.fault is not None or download.status is None or download.status >= 400
