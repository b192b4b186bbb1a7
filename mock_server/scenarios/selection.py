"""Which scenario a create gets: that of the queue, the header, the key, the prompt or the server."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from functools import lru_cache

from ..errors import SettingsError, UnknownScenario, nearest
from ..jobs.timeline import ProgressBy
from .builtin import CATALOGUE, find_scenario
from .expression import parse_scenario
from .fault import Fault
from .scenario import Scenario

__all__ = ["Choice", "Chooser"]

_IN_PROMPT = re.compile(r"\[mock:([^\]]+)\]")
MOST_COUNTED = 1000
"""How many texts that creates ask by have their counts kept."""
KEY_PREFIX = "mock-"
MISTYPED = 0.75
"""How much a key's name must look like a scenario's to count as a mistyped one."""


class Choice:
    """A scenario with its count of the creates that met it, and whether it stands in the queue."""

    __slots__ = ("hits", "queued", "scenario")

    def __init__(self, scenario: Scenario, *, queued: bool = False) -> None:
        self.scenario = scenario
        self.hits: dict[int, int] = {}
        self.queued = queued


class Chooser:
    """The server's default scenario, the queue of next ones, and the user's own by name."""

    def __init__(
        self, default: Scenario | str, own: Mapping[str, Scenario], *, magic: bool, by: ProgressBy = "time"
    ) -> None:
        self.by: ProgressBy = by
        self.own = dict(own)
        self.magic = magic
        self._initial = self.resolve(default)
        self._default = Choice(self._initial)
        self._queue: deque[Choice] = deque()
        self._counted: dict[str, Choice] = {}
        self._parse = lru_cache(maxsize=256)(self._parse_text)

    @property
    def default(self) -> Scenario:
        """The scenario of a create that asks for none."""
        return self._default.scenario

    @property
    def queue(self) -> list[Scenario]:
        """The scenarios of the next creates, first one first."""
        return [choice.scenario for choice in self._queue]

    def resolve(self, scenario: Scenario | str) -> Scenario:
        """A scenario from itself, or from text as `parse_scenario` reads it."""
        if isinstance(scenario, str):
            return self._parse_text(scenario)
        if not isinstance(scenario, Scenario):
            raise SettingsError(f"scenario: expected a name or a Scenario, received {scenario!r}.")
        scenario.check_progress(self.by)
        return scenario

    def use(self, scenario: Scenario | str) -> None:
        """Make it the default from now on."""
        self._default = Choice(self.resolve(scenario))

    def next(self, scenario: Scenario | str) -> None:
        """Put it in the queue; a create fault that would last for ever strikes once from there."""
        resolved = self.resolve(scenario)
        faults = tuple(
            fault.replace(times=1) if fault.at == "create" and fault.times is None else fault
            for fault in resolved.faults
        )
        self._queue.append(Choice(resolved.replace(faults=faults), queued=True))

    def reset(self) -> None:
        """Back to the default of the start, with an empty queue and fresh counts."""
        self._default = Choice(self._initial)
        self._queue.clear()
        self._counted.clear()

    def go_on(self, earlier: Chooser, *, default: bool) -> None:
        """Take over the queue of an earlier one and, where asked, the default that `use` chose.

        Raises `SettingsError` for a scenario of these that does not fit how jobs go on from now on.
        """
        for scenario in earlier.queue:
            scenario.check_progress(self.by)
        self._queue = earlier._queue
        if default and (earlier.default != earlier._initial or earlier._initial == self._initial):
            earlier.default.check_progress(self.by)
            self._default = earlier._default
        if (self.own, self.by) == (earlier.own, earlier.by):
            self._counted = earlier._counted

    def choose(self, header: str | None, key: str, prompt: object) -> Choice:
        """The choice for one create; raises `UnknownScenario` or `SettingsError` for a name that is none."""
        if self._queue:
            return self._queue[0]
        text = header or self.named_by_key(key) or self._named_by_prompt(prompt)
        if text is None:
            return self._default
        choice = self._counted.get(text)
        if choice is None:
            if len(self._counted) >= MOST_COUNTED:
                del self._counted[next(iter(self._counted))]
            choice = self._counted[text] = Choice(self._parse(text))
        return choice

    def parse(self, text: str) -> Scenario:
        """The scenario that a header names."""
        return self._parse(text)

    def named_by_key(self, key: str) -> str | None:
        """NAME of an API key `mock-NAME`; an ordinary key where nothing near is known by that name."""
        if not self.magic or not key.startswith(KEY_PREFIX):
            return None
        name = key[len(KEY_PREFIX) :]
        try:
            self._parse(name)
        except UnknownScenario as error:
            known = [*CATALOGUE, *self.own]
            if not nearest(error.name, known, most=1, likeness=MISTYPED):
                return None
            because = f"An API key that starts with {KEY_PREFIX!r} may name a scenario. "
            raise UnknownScenario(error.name, known, because=because) from None
        return name

    def done(self, choice: Choice, *, job_made: bool, elapsed: float = 0.0) -> None:
        """Say that a create was answered: a queued choice goes once it has nothing left to do.

        `elapsed` are virtual seconds since the server's start: a fault whose bounds are past is over.
        """
        if not choice.queued:
            return
        left = any(
            fault.times is not None
            and elapsed < fault.until
            and choice.hits.get(index, 0) < fault.after + fault.times
            for index, fault in choice.scenario.at("create")
            if fault.at == "create"
        )
        rest = choice.scenario.replace(faults=_beyond_create(choice.scenario.faults))
        only_create_faults = rest.replace(name="", summary="") == Scenario("")
        if not left and (job_made or only_create_faults) and self._queue and self._queue[0] is choice:
            self._queue.popleft()

    def _named_by_prompt(self, prompt: object) -> str | None:
        if not self.magic or not isinstance(prompt, str) or "[mock:" not in prompt:
            return None
        match = _IN_PROMPT.search(prompt)
        return match[1].strip() if match else None

    def _parse_text(self, text: str) -> Scenario:
        scenario = parse_scenario(text, self.own)
        scenario.check_progress(self.by)
        return scenario

    def find(self, name: str) -> Scenario:
        """One scenario by its plain name, the user's own first."""
        return find_scenario(name, self.own)


def _beyond_create(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if fault.at != "create")
