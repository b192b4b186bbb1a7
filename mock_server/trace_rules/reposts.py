"""Creates sent again blindly, after one whose job was made and whose reply was lost."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..errors import PayloadError
from ..exchanges.exchange import Exchange
from ..scenarios.fault import MODIFIERS
from ..validation import parse_json
from .passive import Breach
from .register import RULES

__all__ = ["BLIND_REPOST", "blind_reposts"]

BLIND_REPOST = RULES["B2"]


def blind_reposts(exchanges: Sequence[Exchange]) -> list[Breach]:
    """A breach for each body that was sent again after its reply was lost.

    Nothing in a trace tells that from a second video of the same wish, so this is for one program that is
    watched as a whole, and not among the checks of a trace. Bodies are the same byte for byte, or as JSON.
    """
    sent: dict[Hashable, list[Exchange]] = {}
    for exchange in exchanges:
        if exchange.kind != "create":
            continue
        key = _key(exchange)
        again = sent.get(key)
        if again is not None:
            before = again[0].ended_at
            if before is not None and exchange.at >= before:
                again.append(exchange)
        elif _lost(exchange):
            sent[key] = [exchange]
    return [_breach(again) for again in sent.values() if len(again) > 1]


def _breach(creates: Sequence[Exchange]) -> Breach:
    paid = sum(create.job_id is not None for create in creates)
    says = f"the same body was sent {len(creates)} times after a lost reply: " + (
        f"would have been paid {paid} times." if paid > 1 else "the first one may be paid as well."
    )
    return Breach(BLIND_REPOST, says, tuple(create.number for create in creates))


def _lost(create: Exchange) -> bool:
    """Return True if a create made a job of which its client was not told."""
    if create.job_id is None:
        return False
    return create.status is None or (create.fault is not None and create.fault not in MODIFIERS)


def _key(create: Exchange) -> Hashable:
    """A value that is equal for creates that ask for the same."""
    if len(create.body) == create.body_size:
        try:
            return create.path, _frozen(parse_json(create.body))
        except (PayloadError, RecursionError):
            pass
    return create.path, create.body, create.body_size


def _frozen(value: object) -> Hashable:
    if isinstance(value, dict):
        return frozenset((name, _frozen(one)) for name, one in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return type(value).__name__, repr(value)
