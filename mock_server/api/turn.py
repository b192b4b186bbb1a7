"""Requests to a store outside of this process: those of one turn of the event loop are kept in one go.

A store asks much for each transaction: a commit, or a question to another process. An answer goes out when
what it says is kept, and not before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exchanges.exchange import Exchange
from ..serving.wire import Owed
from ..store import Suspended, at_once
from ..store.records import Backend, Conflict, Outdated, StoreError, Transaction
from .kept import Made, decide_kept, note_answer, note_kept
from .opened import Opened, exchange_of
from .response import MockResponse
from .response_writer import whole_response

if TYPE_CHECKING:
    from ..store.shared import SharedStore

__all__ = ["Handlers", "Turn"]

MOST = 64
"""Requests that are kept in one go: others wait for their turn."""
ATTEMPTS = 8
"""How often many requests are decided together; where others are always first, each goes alone."""

logger = logging.getLogger("kling_mock")


class Handlers(NamedTuple):
    """What the application does with a request."""

    decide: Callable[[Opened, bytes], Coroutine[Any, Any, MockResponse]]
    finish: Callable[[Opened, Exchange], None]
    """Called once an answer that goes out at once is kept."""
    answer: Callable[[Opened, bytes], Any]
    """All of an exchange, beside the loop's turn, where that takes time."""
    deliver: Callable[[Opened], Any]
    """The rest of one whose answer takes time to go out."""
    leave: Callable[[Opened], None]
    """Called where neither of these can be, because the client is gone."""


class _Debt:
    """A request, and what is decided of it."""

    __slots__ = ("body", "made", "opened", "owed", "place", "response")

    def __init__(self, opened: Opened, body: bytes, owed: Owed) -> None:
        self.opened, self.body, self.owed = opened, body, owed
        self.begin()

    def begin(self) -> None:
        self.response: MockResponse | None = None
        """What it is answered; None where deciding that takes time."""
        self.made: Made | None = None
        self.place = 0

    def begin_again(self, *, refresh: bool) -> None:
        self.opened.begin_again(refresh=refresh)
        self.begin()


Groups = dict["SharedStore", list[_Debt]]
"""Requests by whose they are."""


class Turn:
    """The requests that have arrived in this turn of the loop, and are answered at its end."""

    def __init__(self, backend: Backend | None, handlers: Handlers) -> None:
        self._backend = backend
        self._handlers = handlers
        self._debts: list[_Debt] = []

    def owe(self, opened: Opened, body: bytes) -> Owed:
        """Have a request answered at the end of the turn, or when that is asked for."""
        if len(self._debts) >= MOST:
            self.settle()
        owed = Owed(self.settle)
        self._debts.append(_Debt(opened, body, owed))
        if len(self._debts) == 1:
            asyncio.get_running_loop().call_soon(self.settle)
        return owed

    def settle(self) -> None:
        """Answer all of them."""
        debts, self._debts = self._debts, []
        groups: Groups = {}
        for debt in debts:
            shared = debt.opened.space.shared
            assert shared is not None
            groups.setdefault(shared, []).append(debt)
        for _ in range(ATTEMPTS):
            groups = self._keep(groups)
            if not groups:
                break
        self._decide_alone(groups)
        for debt in debts:
            self._pay(debt)

    def _keep(self, groups: Groups) -> Groups:
        """Decide and keep what can be; the result is what others were first with."""
        again: Groups = {}
        outdated: Groups = {}
        failed: Groups = {}
        told: list[Callable[[], None]] = []
        kept: list[list[_Debt]] = []
        try:
            with self._one_commit(groups) as joint:
                for shared, debts in groups.items():
                    try:
                        kept.append(self._decide(shared, debts, told))
                    except Conflict:
                        again[shared] = debts
                    except Outdated:
                        outdated[shared] = debts
                    except StoreError:
                        if joint:
                            raise
                        failed[shared] = debts
        except StoreError:
            again, outdated, failed, kept, told = {}, {}, groups, [], []
        for debts in kept:
            numbers = [debt.opened.number for debt in debts if debt.made is not None]
            note_kept(debts[0].opened.space, numbers)
        for action in told:
            action()
        try:
            _begin_again(again, refresh=False)
            _begin_again(outdated, refresh=True)
        except StoreError:
            failed |= outdated
            outdated = {}
        # Alone each request is told what the matter is, and gets what can be had.
        self._decide_alone(failed)
        return again | outdated

    @contextmanager
    def _one_commit(self, groups: Groups) -> Iterator[bool]:
        """Have several workspaces kept by one commit, where the store can do that."""
        if self._backend is None or len(groups) < 2:
            yield False
            return
        with ExitStack() as stack:
            # In one order, whoever locks several; the lock of the store itself comes after those.
            for shared in sorted(groups, key=lambda shared: shared.name):
                stack.enter_context(shared.lock)
            yield stack.enter_context(self._backend.one_commit())

    def _decide(self, shared: SharedStore, debts: list[_Debt], told: list[Callable[[], None]]) -> list[_Debt]:
        """Decide the requests of one workspace, and give each exchange its number."""
        with shared.together(checked=True) as together:
            for debt in debts:
                try:
                    together.part(partial(self._decide_part, debt))
                except (Conflict, Outdated, StoreError):
                    raise
                except Exception:
                    # Something is loaded, or judged, beside the loop: this one goes alone.
                    debt.begin()
            later, together.later = together.later, []
        told += later
        places = [debt.place for debt in debts if debt.place]
        before = together.number - max(places, default=0)
        for debt in debts:
            debt.opened.number = before + debt.place if debt.place else 0
        return debts

    def _decide_part(self, debt: _Debt, tx: Transaction) -> None:
        opened = debt.opened
        debt.response = at_once(self._handlers.decide(opened, debt.body))
        debt.made = note_answer(opened, debt.response, tx)
        debt.place = tx.counted

    def _decide_alone(self, groups: Groups) -> None:
        """Decide each request in a transaction of its own, or say why that cannot be."""
        for shared, debts in groups.items():
            for debt in debts:
                debt.begin_again(refresh=False)
                opened = debt.opened
                decide = partial(self._handlers.decide, opened, debt.body)
                try:
                    debt.response = at_once(decide_kept(opened, shared, decide))
                    made = whole_response(debt.response, opened.space.date(opened.request.at))
                    if made is not None:
                        debt.made = made[0], exchange_of(opened, made[1], ended_at=opened.request.at)
                except Suspended:
                    debt.begin()

    def _pay(self, debt: _Debt) -> None:
        """Let an answer go out."""
        opened, handlers = debt.opened, self._handlers
        try:
            if debt.made is not None:
                handlers.finish(opened, debt.made[1])
                debt.owed.pay(debt.made[0])
                return
            if debt.response is None:
                taken = debt.owed.pay(handlers.answer(opened, debt.body))
            else:
                taken = debt.owed.pay(handlers.deliver(opened))
            if not taken:
                handlers.leave(opened)
        except Exception:
            # The others get their answers.
            logger.exception("A bug in kling-mock, at the end of %s:", opened.request.path)


def _begin_again(groups: Groups, *, refresh: bool) -> None:
    for debts in groups.values():
        for debt in debts:
            debt.begin_again(refresh=refresh)
