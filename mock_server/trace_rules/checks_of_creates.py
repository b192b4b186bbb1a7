"""The passive checks of creates: a job is made once, and followed to its end."""

from __future__ import annotations

from collections.abc import Iterator

from ..exchanges.exchange import Exchange
from ..wording import quoted
from .reposts import blind_reposts
from .retry_after import waited_too_little
from .trace import PLACEHOLDERS, Accusation, Trace, final, readable, told_its_id

__all__ = [
    "REFUSALS",
    "b1_one_create_per_job",
    "b2_no_blind_repost",
    "b4_fail_fast_4xx",
    "b6_create_429",
    "b13_job_followed",
]

REFUSALS = (400, 401, 403, 404, 422)
"""Statuses of a create that trying again cannot change."""
LASTING = frozenset({*REFUSALS, 402, 405, 406, 410, 411, 413, 414, 415, 431, 451})
"""These, and the rarer ones of the same kind."""
LOOP = 2
"""Polls of a client that has a loop."""
PAUSE = 1.0
"""Virtual seconds between polls of a client that waits between them."""


def b1_one_create_per_job(trace: Trace) -> Iterator[Accusation]:
    """A second create with the same body after polls of the first job met trouble.

    Only where the client knew the id, the last poll before went wrong, the job had not ended, and nobody
    asked for it again: a test that wants the same video twice polls both. Creates under different scenarios
    are different situations.
    """
    for first in trace.creates:
        polls = trace.polls.get(first.job_id or "", [])
        if not polls or not _troubled(polls[-1]) or not told_its_id(first) or any(map(final, polls)):
            continue
        last = polls[-1]
        for second in trace.creates:
            if second.number < last.number or second.scenario != first.scenario:
                continue
            if trace.same_wish(first, second) and not trace.stepped(last, second):
                yield Accusation(
                    "the client gave up on a job that was running and paid for, and made it again: "
                    "it would have been billed twice.",
                    (first, last, second),
                    trace.one,
                )
                break


def b2_no_blind_repost(trace: Trace) -> Iterator[Accusation]:
    """The same create once more after one whose job was made and whose reply was lost, late or a 5xx.

    Within one test or program that is no coincidence, unless a test did something of its own in between.
    Elsewhere it is advice: another test may want the same video.
    """
    for creates in blind_reposts(trace):
        paid = sum(create.job_id is not None for create in creates)
        says = f"the same body was sent {len(creates)} times after a lost reply: " + (
            f"would have been paid {paid} times." if paid > 1 else "the first one may be paid as well."
        )
        yield Accusation(says, creates, trace.one)


def b4_fail_fast_4xx(trace: Trace) -> Iterator[Accusation]:
    """After a create was refused: the same create again, or a poll for an id that is none."""
    refused: Exchange | None = None
    for exchange in trace.exchanges:
        if exchange.kind == "create":
            again = refused is not None and _same_request(trace, refused, exchange)
            if refused is not None and again and not trace.stepped(refused, exchange):
                yield Accusation(
                    f"a create that was answered {refused.status} is sent again unchanged: "
                    "the answer cannot change, and the user waits for the reason.",
                    (refused, exchange),
                    trace.one,
                )
            refused = exchange if exchange.status in LASTING else None
        elif exchange.kind == "poll" and refused is not None and not exchange.known_id:
            asked = exchange.job_id or ""
            if asked.lower() in PLACEHOLDERS:
                yield Accusation(
                    f"after a create that was answered {refused.status} the client polls for "
                    f"{quoted(asked)}: the user never learns why there is no video.",
                    (refused, exchange),
                )


def b6_create_429(trace: Trace) -> Iterator[Accusation]:
    """As C8, for the next create with the same body."""
    for first, second, waited, asked in waited_too_little(trace.exchanges):
        if second.kind == "create" and not trace.stepped(first, second):
            yield Accusation(
                f"the answer {first.status} asks for {asked:g} s of patience and the create came again after "
                f"{waited:.2g} s of the server's clock: a real API goes on refusing.",
                (first, second),
                trace.one,
            )


def b13_job_followed(trace: Trace) -> Iterator[Accusation]:
    """A job that nobody polled, or that was given up while it ran, before its documented time.

    Only where nothing more is to come. A test may end after its create, a program may leave the polls to
    another one, and an id that was shown is in no trace: so this is advice.
    """
    if not trace.whole:
        return
    strays = [poll.number for polls in trace.polls.values() for poll in polls if not poll.known_id]
    last_stray = max(strays, default=0)
    for create in trace.creates:
        if not told_its_id(create) or create.job_id is None or create.state in ("completed", "error"):
            continue
        polls = trace.polls.get(create.job_id, [])
        if not polls and last_stray < create.number:
            yield Accusation(
                "a job was made, and is paid for, and nobody asked what became of it.", (create,), False
            )
        elif trace.over and len(polls) >= LOOP and not trace.stepped(create, polls[-1]):
            yield from _given_up(create, polls, trace.patience(create.job_id))


def _given_up(create: Exchange, polls: list[Exchange], patience: float | None) -> Iterator[Accusation]:
    last = polls[-1]
    waited = last.at - create.at
    pause = waited / len(polls)
    if patience is None or pause < PAUSE or waited + pause >= patience:
        return
    runs = last.status == 200 and last.state in ("queued", "generating") and readable(last)
    if runs and last.word is not None and not any(map(final, polls)):
        says = f"a job that is paid for was given up after {waited:.0f} s, and is documented to take "
        says += f"{patience:.0f} s: whoever was not told its id has lost the video."
        yield Accusation(says, (create, last), False)


def _same_request(trace: Trace, first: Exchange, second: Exchange) -> bool:
    if first.header_values(b"authorization") != second.header_values(b"authorization"):
        return False
    return (first.path, first.scenario) == (second.path, second.scenario) and trace.same_wish(first, second)


def _troubled(poll: Exchange) -> bool:
    return poll.status != 200 or not readable(poll)
