"""A request whose workspace is kept outside of this process: what it changes is one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import KlingMockError
from ..exchanges.coding import encode_exchange
from ..exchanges.exchange import Exchange
from ..exchanges.stored_journal import StoredJournal
from ..store.records import ATTEMPTS, Conflict, Outdated, StoreError, StoreReadOnly, Transaction
from .error_response import error_response
from .opened import Opened, exchange_of
from .response import MockResponse
from .response_writer import whole_response

if TYPE_CHECKING:
    from ..store.shared import SharedStore
    from ..workspace import Workspace

__all__ = ["Made", "decide_kept", "note_answer", "note_kept", "store_away"]

Decide = Callable[[], Awaitable[MockResponse]]
Made = tuple[bytes, Exchange]
"""All bytes of an answer that goes out at once, and its exchange, whose number is not known yet."""
RETRY = [(b"retry-after", b"1")]


async def decide_kept(opened: Opened, shared: SharedStore, decide: Decide) -> MockResponse:
    """Have a request answered, again where others changed what it had read; 503 where the store is away.

    A poll is answered from a store that can only be read, too: nothing is counted then.
    """
    writes = True
    for _ in range(ATTEMPTS):
        try:
            with shared.together(writes=writes, checked=True) as together:
                response = await decide()
                made = note_answer(opened, response, together.tx) if writes else None
            opened.number = together.number
            if made is not None:
                note_kept(opened.space, [opened.number])
            return response
        except (Conflict, Outdated) as error:
            try:
                opened.begin_again(refresh=isinstance(error, Outdated))
            except StoreError as away:
                return store_away(opened, away)
        except StoreReadOnly as error:
            if opened.request.method == "POST" or not writes:
                return store_away(opened, error)
            writes = False
            opened.begin_again(refresh=False)
        except StoreError as error:
            return store_away(opened, error)
    return store_away(opened, KlingMockError("too many others write what this request is about"))


def note_answer(opened: Opened, response: MockResponse, tx: Transaction) -> Made | None:
    """Keep the exchange with what it changes, where its answer goes out at once; None elsewhere."""
    request, space = opened.request, opened.space
    made = None if request.method == "HEAD" else whole_response(response, space.date(request.at))
    if made is None:
        tx.count_exchange()
        return None
    exchange = exchange_of(opened, made[1], ended_at=request.at)
    tx.keep_exchange(encode_exchange(exchange), space.settings.max_exchanges)
    return made[0], exchange


def note_kept(space: Workspace, numbers: Sequence[int]) -> None:
    """Know that exchanges are in the journal already."""
    if isinstance(space.journal, StoredJournal):
        space.journal.note_kept(numbers)


def store_away(opened: Opened, error: Exception) -> MockResponse:
    """The answer where nothing can be said, or nothing can be kept."""
    opened.begin_again(refresh=False)
    outcome, request = opened.outcome, opened.request
    text = f"Service Unavailable: {error}."
    outcome.response = error_response(opened.space, request.path, 503, text, headers=RETRY, outcome=outcome)
    return outcome.response
