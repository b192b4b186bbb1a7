"""The journal of a workspace that is kept outside of this process, where several servers write it."""

from __future__ import annotations

import asyncio
import math
from _thread import allocate_lock
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ..errors import KlingMockError
from ..events import Event
from .budget import Budget, weight
from .coding import decode_exchange, encode_exchange
from .exchange import Exchange
from .journal import ALL

__all__ = ["ExchangeRecords", "StoredJournal"]

OWN = 4_096
"""Numbers of this server's last exchanges that are remembered, to tell those of other servers."""


class ExchangeRecords(Protocol):
    """Where texts of exchanges are kept by number."""

    def count_exchange(self) -> int:
        """The number of an exchange that begins; no two servers get the same."""
        ...

    def keep_exchanges(self, exchanges: Sequence[tuple[int, bytes]], limit: int) -> None:
        """Keep exchanges by number, and forget those that are more than `limit` behind them."""
        ...

    def exchanges(self, last: int | None = None, before: int | None = None) -> list[tuple[int, bytes]]:
        """The last exchanges that are kept with their numbers, of those before one, oldest first."""
        ...

    def exchanges_of(self, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of these numbers that are kept."""
        ...

    def exchange_count(self) -> tuple[int, int]:
        """How many exchanges were counted, and how many are kept."""
        ...


class StoredJournal:
    """The last exchanges of all servers, in the form in which they are shown: without keys.

    An answer that goes out at once is kept with what it changed. What takes time is written when it is over,
    at the end of a turn of the event loop; a store that is away then loses it: it is noted, not promised.
    """

    def __init__(self, records: ExchangeRecords, limit: int, budget: Budget | None = None) -> None:
        self.limit = limit
        self.size = 0
        """The bytes that the last ones take, about, which readers of events may ask for again."""
        self.on_forgotten: Callable[[int], None] = lambda number: None
        """Called with the number of the last exchange that made room for others."""
        self._weights: deque[tuple[int, int]] = deque()
        self._budget = budget or Budget(math.inf)
        self._budget.join(self)
        self._records = records
        self._waiting: list[Exchange] = []
        # Plain locks: those of `threading` may go by virtual time.
        self._lock, self._flushing = allocate_lock(), allocate_lock()
        # Not a plain dictionary: one that only ever loses its first entry searches ever longer for it.
        self._own: OrderedDict[int, None] = OrderedDict()
        self._kept: set[int] = set()
        """Numbers of exchanges that are kept, and of whose end nobody has told yet."""

    def __len__(self) -> int:
        self.flush()
        # A store may forget a few of them later than the others.
        return min(self.limit, self._records.exchange_count()[1])

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.last(self.limit))

    @property
    def count(self) -> int:
        """How many exchanges there were, the forgotten ones included."""
        return self._records.exchange_count()[0]

    def next_number(self) -> int:
        """The number of an exchange that begins; 0 where the store is away."""
        try:
            return self._records.count_exchange()
        except KlingMockError:
            return 0

    def note_kept(self, numbers: Sequence[int]) -> None:
        """Know that exchanges are kept already, together with what they changed."""
        self._kept.update(numbers)
        with self._lock:
            self._note_own(numbers)

    def _note_own(self, numbers: Sequence[int]) -> None:
        own = self._own
        for number in numbers:
            own[number] = None
        while len(own) > OWN:
            own.popitem(last=False)

    def keep(self, event: Event) -> None:
        """Keep the exchange that an event tells of."""
        exchange: Exchange = event.data
        size = weight(exchange)
        self._weights.append((exchange.number, size))
        self.size += size
        while len(self._weights) > self.limit:
            self.drop_oldest()
        self._budget.add(size)
        if exchange.number in self._kept:
            self._kept.discard(exchange.number)
        else:
            self.put(exchange)

    def drop_oldest(self) -> bool:
        """Forget the oldest exchange that is in memory still; False where there is none."""
        if not self._weights:
            return False
        number, size = self._weights.popleft()
        self.size -= size
        self._budget.used -= size
        self.on_forgotten(number)
        return True

    def put(self, exchange: Exchange) -> None:
        """Keep an exchange by its number, at the end of the event loop's turn."""
        if not exchange.number:
            return
        with self._lock:
            self._waiting.append(exchange)
            self._note_own([exchange.number])
            first = len(self._waiting) == 1
        if first:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Write what waits; whoever reads waits for what is being written."""
        with self._flushing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            self._write(waiting)

    def _write(self, waiting: list[Exchange]) -> None:
        if waiting:
            texts = {exchange.number: encode_exchange(exchange) for exchange in waiting}
            try:
                self._records.keep_exchanges(list(texts.items()), self.limit)
            except KlingMockError:
                # The log has said that the store is away, or full.
                return

    def last(self, limit: int, before: int | None = None) -> list[Exchange]:
        """The last exchanges, or the last before the one of a number, oldest first."""
        self.flush()
        return [decode_exchange(*one) for one in self._records.exchanges(min(limit, self.limit), before)]

    def others(self, numbers: Sequence[int]) -> tuple[list[Exchange], list[int]]:
        """The exchanges of other servers that have ended, of those of some numbers; and the numbers left."""
        asked = [number for number in numbers if number not in self._own]
        texts = self._records.exchanges_of(asked) if asked else []
        ended = [one for text in texts if (one := decode_exchange(*text)).ended_at is not None]
        known = {exchange.number for exchange in ended}
        return ended, [number for number in asked if number not in known]

    def select(self, **wanted: str) -> list[Exchange]:
        """The exchanges whose attributes have these values, for example `kind="poll"` or `status="429"`."""
        return [
            exchange
            for exchange in self
            if all(str(getattr(exchange, name)) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        """Forget what waits; what is written goes with the rest of the workspace."""
        with self._lock:
            self._waiting.clear()
            self._own.clear()
        self.on_forgotten(ALL)
        self._weights.clear()
        self._budget.used -= self.size
        self.size = 0
