"""Verbs of a store as transactions: one each, or those of a request together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import TypeVar

from .records import ATTEMPTS, Conflict, Control, Outdated, Records, Transaction

__all__ = ["Together", "Transactions"]

T = TypeVar("T")


class Together:
    """What is one transaction of a store; it begins with the first use of `tx`."""

    def __init__(self, store: Transactions, *, writes: bool, checked: bool) -> None:
        self.store = store
        self.stack = ExitStack()
        self.later: list[Callable[[], None]] = []
        self._writes, self._checked = writes, checked
        self._tx: Transaction | None = None

    @property
    def tx(self) -> Transaction:
        """The transaction."""
        if self._tx is None:
            self.stack.enter_context(self.store.lock)
            tx = self.stack.enter_context(self.store.records.transaction(writes=self._writes))
            if self._checked and tx.get("v") != self.store.version:
                raise Outdated
            self._tx = tx
        return self._tx

    @property
    def begun(self) -> bool:
        """Whether anybody has used it."""
        return self._tx is not None

    def write(self) -> None:
        """Write what was changed of values that are read."""
        if self._tx is not None:
            self.store.write(self._tx)

    @property
    def number(self) -> int:
        """The number of the last exchange that was counted in it, once it is kept; 0 where none was."""
        return 0 if self._tx is None else self._tx.number

    def part(self, action: Callable[[Transaction], None]) -> None:
        """Do something; where it ends by an exception, all that it has written is taken back."""
        tx = self.tx
        mark, told = tx.mark(), len(self.later)
        try:
            action(tx)
            self.store.write(tx)
        except BaseException:
            tx.back_to(mark)
            del self.later[told:]
            self.store.forget()
            raise


_TOGETHER: ContextVar[Together | None] = ContextVar("kling_mock_together", default=None)


class Transactions:
    """The records of a workspace, and the version of what all servers agree on that this one knows."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.version: bytes | None = None
        """Which `Control` this server knows; the record `v` says which one holds."""
        self.lock = RLock()

    def write(self, tx: Transaction) -> None:
        """Write what was changed of values that are read: a part of a transaction, or all of it, is over."""

    def end(self) -> None:
        """Forget values that were read: the transaction is over, and others may change them."""

    def forget(self) -> None:
        """Forget what was read in a transaction that was not kept."""

    @contextmanager
    def together(self, *, writes: bool = True, checked: bool = False) -> Iterator[Together]:
        """Make what is asked for within the block one transaction, which begins with the first of it.

        Raises `Conflict` where it cannot be kept; `checked`, `Outdated` where this server does not know what
        others have changed. Between the first verb and the end nothing may be waited for.
        """
        outer = _TOGETHER.get()
        if outer is not None and outer.store is self:
            yield outer
            return
        together = Together(self, writes=writes, checked=checked)
        token = _TOGETHER.set(together)
        try:
            with together.stack:
                yield together
                together.write()
        except BaseException:
            # What was read may have been changed here, and was not kept.
            self.forget()
            raise
        finally:
            _TOGETHER.reset(token)
            if together.begun:
                self.end()
        for told in together.later:
            told()

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do something once what is under way is kept; at once where nothing is."""
        together = _TOGETHER.get()
        if together is not None and together.store is self:
            together.later.append(action)
        else:
            action()

    def do(self, action: Callable[[Transaction], T], *, writes: bool = True) -> T:
        """Do something in the transaction that is under way, or in one of its own."""
        together = _TOGETHER.get()
        if together is not None and together.store is self:
            return action(together.tx)
        for _ in range(ATTEMPTS):
            try:
                with self.together(writes=writes) as own:
                    return action(own.tx)
            except Conflict:
                continue
        raise Conflict

    # What all servers agree on

    def control(self) -> Control | None:
        """What holds now, where this server does not know it; None where it does."""

        def read(tx: Transaction) -> tuple[bytes | None, bytes | None]:
            version = tx.get("v")
            return version, None if version == self.version else tx.get("control")

        version, text = self.do(read, writes=False)
        self.version = version
        return None if version is None or text is None else Control(*json.loads(text))

    def set_control(self, control: Control) -> None:
        """Have other values hold from now on, for every server."""

        def write(tx: Transaction) -> None:
            version = os.urandom(8).hex().encode()
            tx.set("v", version)
            tx.set("control", json.dumps(control).encode())
            self.afterwards(lambda: setattr(self, "version", version))

        self.do(write)
