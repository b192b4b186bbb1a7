"""The account as the API shows it: the balance, and the ledger page by page."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from ..billing.ledger import LANDS_AFTER, Transaction, balance_of, opening_credits
from ..exchanges.exchange import timestamp
from ..jobs.charges import CREDITS_PER_USD
from ..validation import Problem
from .outcome import Outcome, Refusal
from .request_context import RequestContext, authorise
from .response import FREE_HEADERS, MockResponse, encode

if TYPE_CHECKING:
    from ..workspace import Workspace

__all__ = ["BILLING_PATHS", "billing"]

DIRECTIONS = ("TOPUP", "CHARGE")
TYPES = ("PAYMENT", "BONUS", "REFUND", "ADJUSTMENT", "MODEL_USAGE", "CREDITS_EXPIRED", "INIT")
PARAMETERS = ("from", "to", "direction", "type", "limit", "cursor")
MOST_ENTRIES = 100
ENTRIES = 50
"""Entries of a page where nobody says."""
LOW_CREDITS = 10_000
TOP_UP = {"is_enabled": False, "threshold": 10, "amount": 20, "currency": "USD"}
TAG = 12
"""Bytes of a cursor that show that it was issued here."""
Place = tuple[float, int]
END: Place = (-math.inf, 0)
"""Where the balance stands that the account opened with: behind all charges."""


async def billing(space: Workspace, request: RequestContext, outcome: Outcome) -> MockResponse:
    """Answer a GET of one of `BILLING_PATHS`."""
    outcome.kind = "billing"
    authorise(space, request)
    body = await BILLING_PATHS[request.path](space, request)
    inference = (b"x-inference-id", space.ids.request_id().encode())
    return MockResponse(200, encode(body), headers=[inference, *FREE_HEADERS])


async def _usd_left(space: Workspace, now: float) -> float:
    return await balance_of(space.store, space.settings, now) / CREDITS_PER_USD


async def _balance(space: Workspace, request: RequestContext) -> dict[str, Any]:
    return {"current_balance": await _usd_left(space, request.at), "currency": "USD"}


async def _detail(space: Workspace, request: RequestContext) -> dict[str, Any]:
    about = {"user_id": 1, "email": "user@example.com"}
    return about | await _balance(space, request) | {"autotopup_settings": TOP_UP}


async def _older_balance(space: Workspace, request: RequestContext) -> dict[str, Any]:
    credits = await balance_of(space.store, space.settings, request.at)
    return {
        "balance": credits,
        "lowBalance": credits < LOW_CREDITS,
        "lowBalanceThreshold": LOW_CREDITS,
        "lastUpdated": timestamp(request.at),
        "autoDebitStatus": "disabled",
        "status": "current",
        "statusExplanation": "The balance is as of now.",
    }


class _Asked(NamedTuple):
    """What a page of the ledger was asked for by: moments of landing, and the place that it goes on from."""

    since: float
    until: float
    direction: str | None
    type: str | None
    limit: int
    before: Place | None

    def takes(self, direction: str, kind: str) -> bool:
        """Whether entries of a kind are asked for."""
        return self.direction in (None, direction) and self.type in (None, kind)


async def _transactions(space: Workspace, request: RequestContext) -> dict[str, Any]:
    asked = _asked(space, request)
    entries = await _entries(space, asked, request.at)
    page = entries[: asked.limit]
    more = len(entries) > len(page)
    cursor = _cursor(space, page[-1][0]) if more else None
    shown = [entry.as_dict() for _, entry in page]
    return {"data": shown, "pagination": {"next_cursor": cursor, "has_more": more}}


async def _entries(space: Workspace, asked: _Asked, now: float) -> list[tuple[Place, Transaction]]:
    """The entries of a page, and one more where there are more, each with its place."""
    found: list[tuple[Place, Transaction]] = []
    if asked.takes("CHARGE", "MODEL_USAGE"):
        # What lands right now has landed; `to` itself is not within.
        last = min((now - LANDS_AFTER, 2**63), (asked.until - LANDS_AFTER, 0))
        before = last if asked.before is None else min(last, asked.before)
        for at, place, charge in await space.store.completed(
            before, asked.since - LANDS_AFTER, asked.limit + 1
        ):
            landed = at + LANDS_AFTER
            entry = Transaction(landed, "CHARGE", "MODEL_USAGE", charge.spent, charge.model, charge.job_id)
            found.append(((at, place), entry))
    opened, opening = space.started_at, opening_credits(space.settings)
    within = asked.since <= opened < asked.until and opening > 0
    if within and asked.before != END and asked.takes("TOPUP", "INIT"):
        found.append((END, Transaction(opened, "TOPUP", "INIT", opening)))
    return found


def _asked(space: Workspace, request: RequestContext) -> _Asked:
    """What the query asks for; refuses it with 400 for whatever the API does not know."""
    given: dict[str, str] = {}
    query = request.query.decode("utf-8", "replace")
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=None):
        if name not in PARAMETERS:
            raise _wrong(name[:100], f"none but {', '.join(PARAMETERS)}", "it")
        if name in given:
            raise _wrong(name, "one of it", "several")
        given[name] = value
    since, until = _moment(given, "from", -math.inf), _moment(given, "to", math.inf)
    if not until > since:
        raise _wrong("to", "a moment after from", given.get("to", "none"))
    limit = given.get("limit", str(ENTRIES))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST_ENTRIES):
        raise _wrong("limit", f"a number from 1 to {MOST_ENTRIES}", limit)
    cursor = given.get("cursor")
    return _Asked(
        since,
        until,
        _word(given, "direction", DIRECTIONS),
        _word(given, "type", TYPES),
        int(limit),
        None if cursor is None else _place(space, cursor),
    )


def _word(given: Mapping[str, str], name: str, words: tuple[str, ...]) -> str | None:
    value = given.get(name)
    if value is not None and value not in words:
        raise _wrong(name, f"one of {', '.join(words)}", value)
    return value


def _moment(given: Mapping[str, str], name: str, default: float) -> float:
    """A moment in ISO 8601; without a zone it is UTC."""
    if name not in given:
        return default
    try:
        moment = datetime.fromisoformat(given[name])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _wrong(name, "a date such as 2026-08-21T10:00:00Z", given[name]) from None


def _wrong(name: str, expected: str, received: str) -> Refusal:
    problem = Problem(f"query {name}", expected, received[:100], "account")
    text = f"Query validation error: {name}: expected {expected}, received {received[:100]}"
    return Refusal(400, text, problems=(problem,))


def _cursor(space: Workspace, place: Place) -> str:
    """A place in the ledger as a text that nobody but this server can make."""
    written = json.dumps(place).encode()
    return urlsafe_b64encode(_tag(space, written) + written).decode().rstrip("=")


def _place(space: Workspace, cursor: str) -> Place:
    try:
        data = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        tag, written = data[:TAG], data[TAG:]
        # Written anew: of several texts that are read alike one alone was issued.
        if compare_digest(tag, _tag(space, written)):
            at, place = json.loads(written)
            if _cursor(space, (at, place)) == cursor:
                return at, place
    except ValueError:
        pass
    raise _wrong("cursor", "a next_cursor as it was issued", cursor)


def _tag(space: Workspace, written: bytes) -> bytes:
    key = f"{space.ids.seed} {space.ids.workspace}".encode("utf-8", "surrogatepass")
    return blake2b(written, digest_size=TAG, key=blake2b(key, digest_size=32).digest()).digest()


BILLING_PATHS: Mapping[str, Callable[[Workspace, RequestContext], Awaitable[dict[str, Any]]]] = {
    "/v2/billing": _balance,
    "/v2/billing/detail": _detail,
    "/v1/billing/balance": _older_balance,
    "/v2/billing/transactions": _transactions,
}
