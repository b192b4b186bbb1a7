"""What a workspace in records has chosen to happen: its default scenario, the queue of next creates."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from ..scenarios import Scenario
from ..scenarios.selection import Ask, CreateFaults, ScenarioSelector
from .base import ChosenScenarios
from .coding import scenario_text, text_scenario
from .records import Records, Transaction
from .shared_lists import SharedLists

__all__ = ["SharedScenarios"]


class SharedScenarios(SharedLists):
    """The verbs of a store that choose scenarios."""

    def __init__(self, records: Records, default: Scenario) -> None:
        super().__init__(records)
        self._choice: tuple[bytes, ScenarioSelector] | None = None
        self._initial = default

    def _selector(self, tx: Transaction) -> ScenarioSelector:
        raw = tx.get("choice")
        if raw is None:
            return ScenarioSelector(self._initial)
        if self._choice is None or self._choice[0] != raw:
            self._choice = raw, ScenarioSelector.restored(json.loads(raw), text_scenario)
        return self._choice[1]

    def _keep_selector(self, tx: Transaction, selector: ScenarioSelector) -> None:
        raw = selector.state(scenario_text).encode()
        tx.set("choice", raw)
        self._choice = raw, selector

    async def take_scenario(self, ask: Ask, elapsed: float, now: float, *, redirected: bool) -> CreateFaults:
        """Choose the scenario of one create and count the faults that strike it."""

        def take(tx: Transaction) -> CreateFaults:
            selector = self._selector(tx)
            unfinished = partial(self._unfinished, tx, now)
            taken = selector.take(ask, elapsed, unfinished, redirected=redirected)
            if taken.dequeued or taken.scenario.at("create"):
                self._keep_selector(tx, selector)
            return taken

        return self.do(take)

    async def scenarios(self) -> ChosenScenarios:
        """The default scenario and the queue."""
        selector: ScenarioSelector = self.do(self._selector, writes=False)
        return ChosenScenarios(selector.default, selector.queue, selector.begun)

    def _choose(self, change: Callable[[ScenarioSelector], None]) -> None:
        def choose(tx: Transaction) -> None:
            selector = self._selector(tx)
            change(selector)
            self._keep_selector(tx, selector)

        self.do(choose)

    async def use_scenario(self, scenario: Scenario) -> None:
        """Make it the default from now on."""
        self._choose(lambda selector: selector.use(scenario))

    async def queue_scenario(self, scenario: Scenario) -> None:
        """Put it in the queue of the next creates."""
        self._choose(lambda selector: selector.next(scenario))

    async def begin_with(self, default: Scenario, *, said: bool, renamed: bool) -> None:
        """Have another default at the start, and now where it was `said` or nothing else was chosen since."""
        self._initial = default

        def begin(selector: ScenarioSelector) -> None:
            selector.begin_with(default, said=said)
            if renamed:
                selector.forget_counts()

        self._choose(begin)
