"""What other servers of a store do in a workspace, told to those who read along here."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .errors import KlingMockError
from .events import WAITING, Event, EventBus, EventKind
from .exchanges.stored_journal import StoredJournal
from .store import Store, at_once

if TYPE_CHECKING:
    from .exchanges.exchange import Exchange
    from .exchanges.journal import Journal
    from .jobs.plan import Job
    from .store.records import Transaction
    from .store.shared import SharedStore

__all__ = ["Followed", "Following"]

OWN = 4_096
"""Jobs of this server that are remembered, to tell those of others."""
MOST_NOTES = 64
"""Events that are kept for other servers; who looks seldom misses some."""
NOTED = (EventKind.JOB_CHANGED, EventKind.CLOCK, EventKind.SCENARIO, EventKind.SETTINGS)
"""Events that no record shows: they are noted beside what they changed."""
MOST_OPEN = 1_024
"""Requests of other servers under way that are waited for; the oldest are not."""
RECORD = "told"
ATTEMPTS = 10
"""How often jobs are read while more are made; what is not told now is told at the next look."""


class Followed(Protocol):
    """A workspace, as far as it is followed."""

    bus: EventBus
    store: Store
    journal: Journal | StoredJournal

    def refresh(self) -> object:
        """Learn what other servers of the store have changed."""


class _Seen(NamedTuple):
    """How far the others were followed."""

    exchanges: int = 0
    jobs: int = 0
    notes: int = 0


class Following:
    """Relays exchanges, jobs and changes of other servers to the readers of a workspace's events."""

    def __init__(self, space: Followed, shared: SharedStore) -> None:
        self._space = space
        self._shared = shared
        self._name = os.urandom(4).hex()
        """Tells the notes of this server from those of others."""
        self._own: OrderedDict[str, None] = OrderedDict()
        self._seen: _Seen | None = None
        """None where nobody reads along."""
        self._open: list[int] = []
        """Numbers of exchanges, of those so far, whose end was not seen."""
        space.bus.subscribe(self._remember, [EventKind.JOB_MADE])
        space.bus.subscribe(self._note, NOTED)
        space.bus.subscribe(self._begin_anew, [EventKind.RESET])

    @property
    def begun(self) -> bool:
        """Whether what comes from now on is relayed."""
        return self._seen is not None

    def look(self) -> None:
        """Learn what other servers did, and tell those who read along."""
        space = self._space
        try:
            space.refresh()
            if not space.bus.watched:
                self._seen = None
            elif self._seen is None:
                self._seen = self._now()
                # Requests that are under way are told of when they end.
                _, self._open = self._others_of(_Seen(), self._seen)
            else:
                self._relay(self._seen)
        except KlingMockError:
            # The log has said that the store is away.
            return

    def _now(self) -> _Seen:
        counts = at_once(self._space.store.counts())
        return _Seen(self._space.journal.count, counts.made, self._notes()[0])

    def _relay(self, seen: _Seen) -> None:
        bus = self._space.bus
        now, jobs = self._jobs_since(seen)
        if now == seen and not self._open:
            return
        number, notes = self._notes()
        for job in jobs:
            if job.plan.id not in self._own:
                bus.relay(EventKind.JOB_MADE, job.plan, job.plan.made_at)
        for place, (server, kind, at, data) in enumerate(notes, number - len(notes) + 1):
            if place > seen.notes and server != self._name:
                bus.relay(EventKind(kind), data, at)
        # The jobs of those that came since are not known yet.
        ended, self._open = self._others_of(seen, now)
        for exchange in ended:
            bus.relay(EventKind.EXCHANGE, exchange, exchange.ended_at)
        self._seen = _Seen(now.exchanges, now.jobs, number)

    def _others_of(self, seen: _Seen, now: _Seen) -> tuple[list[Exchange], list[int]]:
        """The exchanges of others that have ended since, and the numbers of those that are under way.

        One may end after others that began later. A number whose server has died is asked for until so many
        came after it.
        """
        journal = self._space.journal
        if not isinstance(journal, StoredJournal):
            return [], []
        newest = now.exchanges
        first = max(seen.exchanges, newest - min(journal.limit, WAITING)) + 1
        under_way = [number for number in self._open if number > newest - journal.limit]
        ended, left = journal.others([*under_way, *range(first, newest + 1)])
        return ended, left[-MOST_OPEN:]

    def _jobs_since(self, seen: _Seen) -> tuple[_Seen, list[Job]]:
        """How far the others are, and the jobs that were made since; read again where one came meanwhile."""
        store = self._space.store
        for _ in range(ATTEMPTS):
            now = self._now()
            made = min(WAITING, now.jobs - seen.jobs)
            jobs = at_once(store.jobs(last=made)) if made > 0 else []
            if at_once(store.counts()).made == now.jobs:
                return now, jobs
        return seen, []

    def _notes(self) -> tuple[int, list[tuple[str, str, float, Any]]]:
        """The number of the last note, and the last ones."""
        return self._shared.do(_read, writes=False)

    def _remember(self, event: Event) -> None:
        self._own[event.data.id] = None
        if len(self._own) > OWN:
            self._own.popitem(last=False)

    def _note(self, event: Event) -> None:
        """Keep an event for other servers."""

        def note(tx: Transaction) -> None:
            number, notes = _read(tx)
            notes = [*notes, (self._name, event.kind.value, event.at, event.data)][-MOST_NOTES:]
            tx.set(RECORD, json.dumps([number + 1, notes], separators=(",", ":")).encode())

        try:
            self._shared.do(note)
        except KlingMockError:
            # What it tells of was kept, or refused with a sentence.
            return

    def _begin_anew(self, event: Event) -> None:
        if self._seen is not None:
            self._seen, self._open = _Seen(), []


def _read(tx: Transaction) -> tuple[int, list[tuple[str, str, float, Any]]]:
    text = tx.get(RECORD)
    if text is None:
        return 0, []
    number, notes = json.loads(text)
    return number, [tuple(note) for note in notes]
