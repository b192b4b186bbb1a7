"""Creates sent again blindly, after one whose job was made and whose reply was lost."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ..exchanges.exchange import Exchange
from ..scenarios.fault import MODIFIERS
from .trace import Trace, body_key

__all__ = ["UNANSWERED", "blind_reposts", "wishes"]

UNANSWERED = "unanswered"
"""The fault of a recorded request that may have arrived, and had no answer or a gateway's."""
LATE = 1.0
"""Virtual seconds after which a create that is still unanswered was given up by whoever sends it again."""


def blind_reposts(trace: Trace) -> Iterator[tuple[Exchange, ...]]:
    """The creates of each body that was sent again after its reply was lost: the first one, and the others.

    Bodies are the same byte for byte, or as JSON; the key and the scenario that is asked for are the same.
    What came while the first one was under way was sent beside it, and is not meant, unless its client had
    given it up.
    """
    sent: dict[Hashable, list[Exchange]] = {}
    for exchange in trace.creates:
        key = _key(exchange)
        again = sent.get(key)
        if again is not None and not trace.stepped(again[-1], exchange):
            if _comes_after(again[0], exchange):
                again.append(exchange)
        elif again is not None and len(again) > 1:
            continue
        elif _lost(exchange, unknown=trace.lost):
            sent[key] = [exchange]
        else:
            sent.pop(key, None)
    for again in sent.values():
        if len(again) > 1:
            yield tuple(again)


def wishes(trace: Trace) -> set[Hashable]:
    """A value for each wish that the creates of a trace have: the same one for the same create again."""
    return {_key(create) for create in trace.creates}


def _comes_after(lost: Exchange, create: Exchange) -> bool:
    ended = lost.ended_at
    if ended is not None and create.at >= ended:
        return True
    return lost.status is None and create.at - lost.at >= LATE


def _lost(create: Exchange, *, unknown: bool) -> bool:
    """Return True if a create made a job of which its client was not told; may have, where that is `unknown`.

    In a recording of the real API nothing but the answer says what was made.
    """
    if create.job_id is None:
        return unknown and create.fault == UNANSWERED
    return create.status is None or (create.fault is not None and create.fault not in MODIFIERS)


def _key(create: Exchange) -> Hashable:
    """A value that is equal for creates that ask for the same."""
    asked = [tuple(create.header_values(name)) for name in (b"authorization", b"x-mock-scenario")]
    return create.path, *asked, body_key(create)
