"""The one event bus of a workspace: numbered, frozen events that can be read on from where one stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from _thread import LockType, allocate_lock
from collections import deque
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["RESUMABLE", "WAITING", "Event", "EventBus", "EventKind", "EventReader", "Listener"]

RESUMABLE = 4_096
"""Events that are kept for readers that come back with the number of the last one they saw."""
WAITING = 1_000
"""Events that wait for one slow reader at most; what is beyond that becomes a gap."""

logger = logging.getLogger("kling_mock")


class EventKind(StrEnum):
    """The kinds of events; each says what its `data` is."""

    EXCHANGE_OPENED = "exchange-opened"
    """A request whose answer takes time: an `Exchange` that has no end yet."""
    EXCHANGE = "exchange"
    """An answer is over: the whole `Exchange`."""
    JOB_MADE = "job-made"
    """A create was accepted: the new `JobPlan`."""
    JOB_CHANGED = "job-changed"
    """A job was moved, dropped or told to end by hand: a dictionary with its id."""
    CLOCK = "clock"
    """The clock was moved or has another speed: a dictionary with `now` and `speed`."""
    SCENARIO = "scenario"
    """The default scenario or the queue changed: a dictionary with `scenario` and `next`."""
    SETTINGS = "settings"
    """Options changed while the server runs: a dictionary of those that did."""
    RESET = "reset"
    """All was forgotten: an empty dictionary."""
    GAP = "gap"
    """Events were lost to this reader: a dictionary with `missed`; take a new snapshot."""


EXCHANGES = (EventKind.EXCHANGE, EventKind.EXCHANGE_OPENED)


class Event(NamedTuple):
    """One thing that happened; `number` counts from 1, `at` is in virtual seconds since the epoch."""

    number: int
    kind: EventKind
    at: float
    data: Any


Listener = Callable[[Event], None]


class EventBus:
    """Hands each event to its listeners, in the thread that publishes it, and keeps the last ones.

    A listener is called at once and must be quick. Who may be slow takes a reader, which has a bounded queue
    of its own.
    """

    def __init__(self, now: Callable[[], float], *, kept: int = RESUMABLE) -> None:
        self._now = now
        self._number = 0
        self._kept: deque[Event] = deque(maxlen=kept)
        # By the words themselves: a member of an enumeration is slow to look up.
        self._listeners: dict[str, tuple[tuple[object, Listener], ...]] = {}
        self._readers: tuple[EventReader, ...] = ()
        # Tests publish from threads of their own. A plain lock: those of `threading` may go by virtual time.
        self._lock = allocate_lock()

    @property
    def number(self) -> int:
        """The number of the last event, 0 before the first."""
        return self._number

    @property
    def watched(self) -> bool:
        """Whether somebody reads along."""
        return bool(self._readers)

    def publish(self, kind: EventKind, data: Any, at: float | None = None) -> None:
        """Tell everybody who listens; `at` is the moment of it where the clock has just been read."""
        with self._lock:
            self._number = number = self._number + 1
            # What the class itself does, without a call in between.
            event = tuple.__new__(Event, (number, kind, self._now() if at is None else at, data))
            self._kept.append(event)
            for reader in self._readers:
                reader.put(event)
        # Outside of the lock: a listener may publish as well.
        for _, listener in self._listeners.get(kind._value_, ()):
            try:
                listener(event)
            except Exception:
                # Who listens must not change what a client is answered.
                logger.exception("A listener failed at the event %d (%s):", number, kind)

    def relay(self, kind: EventKind, data: Any, at: float | None) -> None:
        """Tell readers alone, of what another server of the store has told its own listeners."""
        with self._lock:
            self._number += 1
            event = Event(self._number, kind, self._now() if at is None else at, data)
            self._kept.append(event)
            for reader in self._readers:
                reader.put(event)

    def forget_exchanges(self, number: int) -> None:
        """Keep no exchange up to a number, and nothing that was before it, for readers that come back."""
        kept = self._kept
        with self._lock:
            while kept:
                _, kind, _, data = kept[0]
                if kind in EXCHANGES and data.number > number:
                    return
                kept.popleft()

    def subscribe(
        self, listener: Listener, kinds: Collection[EventKind] = tuple(EventKind)
    ) -> Callable[[], None]:
        """Call `listener` with each event of these kinds; the result ends that, called once or more."""
        # With an object of its own: the same listener may listen twice.
        told = object(), listener
        with self._lock:
            for kind in kinds:
                self._listeners[kind.value] = (*self._listeners.get(kind.value, ()), told)

        def end() -> None:
            with self._lock:
                for kind in kinds:
                    left = [other for other in self._listeners[kind.value] if other is not told]
                    self._listeners[kind.value] = tuple(left)

        return end

    def reader(self, after: int | None = None, *, most: int = WAITING) -> EventReader:
        """A reader of what comes, and of what came after the event of that number."""
        reader = EventReader(self._now, most, self._lock, self._close)
        with self._lock:
            if after is not None:
                self._catch_up(reader, after)
            self._readers = (*self._readers, reader)
        return reader

    def _catch_up(self, reader: EventReader, after: int) -> None:
        """Give a reader what it has not seen; a gap where that is not kept any more."""
        kept = [event for event in self._kept if event.number > after]
        first = kept[0].number if kept else self._number + 1
        # A number that is still to come is one of an earlier life of this server: all is new.
        missed = first - after - 1 if after <= self._number else self._number
        if missed or after > self._number:
            kept.insert(0, Event(first - 1, EventKind.GAP, self._now(), {"missed": missed}))
        if kept:
            reader.begin_with(kept)

    def _close(self, reader: EventReader) -> None:
        with self._lock:
            self._readers = tuple(other for other in self._readers if other is not reader)


class EventReader:
    """A bounded queue of events for one reader that may be slow, or leave; belongs to one event loop.

    What did not fit is told by one `gap` event in its place.
    """

    def __init__(
        self,
        now: Callable[[], float],
        most: int,
        lock: LockType,
        closed: Callable[[EventReader], None],
    ) -> None:
        self._now = now
        self._most = most
        self._lock = lock
        """The bus's: what waits changes under it alone."""
        self._closed = closed
        self._waiting: list[Event] = []
        self._missed = 0
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()

    def put(self, event: Event) -> None:
        """Keep an event for the reader, or count it as missed; the bus calls it, under its lock."""
        if self._missed or len(self._waiting) >= self._most:
            self._missed += 1
            return
        self._waiting.append(event)
        if len(self._waiting) == 1:
            self._wake()

    def begin_with(self, events: Sequence[Event]) -> None:
        """Have these wait first, all of them: the bus keeps them anyway."""
        self._waiting.extend(events)
        self._wake()

    def _wake(self) -> None:
        # A loop that was closed has nobody left who reads.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)

    def take(self) -> list[Event]:
        """What waits, oldest first; empty where nothing does."""
        with self._lock:
            self._arrived.clear()
            events, self._waiting = self._waiting, []
            missed, self._missed = self._missed, 0
        if missed:
            number = events[-1].number + missed
            events.append(Event(number, EventKind.GAP, self._now(), {"missed": missed}))
        return events

    async def wait(self, seconds: float) -> bool:
        """Wait until something came; False where nothing did within `seconds` of real time."""
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Read no more."""
        self._closed(self)
