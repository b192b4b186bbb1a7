"""What a test did beside its client, kept where all servers of a store see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

from ..scenarios import Scenario, scenario_as_json
from ..scenarios.arming import Armed, Arming, How
from .coding import text_scenario
from .records import Transaction
from .shared import SharedStore

__all__ = ["StoredArming"]

RECORD = "arming"


class StoredArming(Arming):
    """The notes of all servers; what this one was started with is its own."""

    def __init__(self, shared: SharedStore) -> None:
        super().__init__()
        self._shared = shared
        self._start = Arming()

    @property
    def armed(self) -> tuple[Armed, ...]:
        """The scenarios, one of each name, the first one first."""
        return *self._start.armed, *self._read().armed

    @property
    def steps(self) -> frozenset[int]:
        """The moments at which a test chose a scenario, moved the clock or looked at what had happened."""
        return self._read().steps

    def arm(self, scenario: Scenario, how: How, at: int = 0) -> None:
        """Note a scenario that was chosen, after `at` exchanges."""
        if how == "start":
            self._start.arm(scenario, how, at)
        else:
            self._change(lambda notes: notes.arm(scenario, how, at))

    def step(self, at: int) -> None:
        """Note that a test did something of its own, after `at` exchanges."""
        self._change(lambda notes: notes.step(at))

    @property
    def ignored(self) -> frozenset[str]:
        """Ids of rules that say nothing of this test, which breaks them on purpose."""
        return self._read().ignored

    def ignore(self, ids: Collection[str]) -> None:
        """Leave rules out, and not those that were left out before."""
        self._change(lambda notes: notes.ignore(ids))

    def clear(self) -> None:
        """Forget all but what was chosen at the start."""
        self._shared.do(lambda tx: tx.set(RECORD, None))

    def _read(self) -> Arming:
        return self._shared.do(_notes, writes=False)

    def _change(self, change: Callable[[Arming], None]) -> None:
        def changed(tx: Transaction) -> None:
            notes = _notes(tx)
            change(notes)
            armed = [[each.how, scenario_as_json(each.scenario)] for each in notes.armed]
            kept = [armed, sorted(notes.steps), sorted(notes.ignored)]
            tx.set(RECORD, json.dumps(kept, separators=(",", ":")).encode())

        self._shared.do(changed)


def _notes(tx: Transaction) -> Arming:
    """The notes as they are kept."""
    notes, text = Arming(), tx.get(RECORD)
    if text is not None:
        armed, steps, ignored = json.loads(text)
        notes.ignore(ignored)
        for at in steps:
            notes.step(at)
        for how, scenario in armed:
            notes.restore(Armed(text_scenario(scenario), how))
    return notes
