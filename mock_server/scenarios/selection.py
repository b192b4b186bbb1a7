"""Which scenario a create gets: that of the queue, the header, the key, the prompt or the server."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import SettingsError, UnknownScenario, nearest
from ..timeline import ProgressBy
from .builtin import CATALOGUE
from .expression import parse_scenario
from .fault import Fault
from .scenario import Scenario
from .strike import Hits, Unfinished, strike

__all__ = ["MOST_COUNTED", "Ask", "CreateFaults", "ScenarioNames", "ScenarioSelector"]

_IN_PROMPT = "[mock:"
MOST_LOOKED_AT = 64 * 1024
"""Characters of a prompt in which a scenario is looked for."""
MOST_COUNTED = 1000
"""How many texts that creates ask by have their counts kept."""
KEY_PREFIX = "mock-"
MISTYPED = 0.75
"""How much a key's name must look like a scenario's to count as a mistyped one."""


class ScenarioNames:
    """Finds scenarios by name: the catalogue's and the user's own, in headers, keys and prompts."""

    def __init__(self, own: Mapping[str, Scenario], *, magic: bool = True, by: ProgressBy = "time") -> None:
        """`by` is how jobs go on: a plan that fits only the other way is refused."""
        self.by: ProgressBy = by
        self.own = dict(own)
        self.magic = magic
        self.parse = lru_cache(maxsize=256)(self._parse)

    def _parse(self, text: str) -> Scenario:
        scenario = parse_scenario(text, self.own)
        scenario.check_progress(self.by)
        return scenario

    def resolve(self, scenario: Scenario | str) -> Scenario:
        """A scenario from itself, or from text as `parse_scenario` reads it."""
        if isinstance(scenario, str):
            return self._parse(scenario)
        if not isinstance(scenario, Scenario):
            raise SettingsError(f"expected a name or a Scenario, received {scenario!r}.", option="scenario")
        scenario.check_progress(self.by)
        return scenario

    def asked(self, header: str | None, key: str, prompt: object) -> tuple[str, Scenario] | None:
        """The text by which a create asks for a scenario, and that scenario; None where it asks for none.

        Raises `UnknownScenario` or `SettingsError` for a name that is none.
        """
        text = header or None
        if text is None and self.magic:
            if key.startswith(KEY_PREFIX):
                text = self.named_by_key(key) or None
            if text is None and isinstance(prompt, str) and _IN_PROMPT in prompt[:MOST_LOOKED_AT]:
                text = _named_by_prompt(prompt[:MOST_LOOKED_AT])
        return None if text is None else (text, self.parse(text))

    def named_by_key(self, key: str) -> str | None:
        """NAME of an API key `mock-NAME`; None for an ordinary key, which is near no scenario's name."""
        if not self.magic or not key.startswith(KEY_PREFIX):
            return None
        name = key[len(KEY_PREFIX) :]
        try:
            self.parse(name)
        except UnknownScenario as error:
            known = [*CATALOGUE, *self.own]
            if not nearest(error.name, known, most=1, likeness=MISTYPED):
                return None
            because = f"An API key that starts with {KEY_PREFIX!r} may name a scenario. "
            raise UnknownScenario(error.name, known, because=because) from None
        return name


def _named_by_prompt(prompt: str) -> str | None:
    at = prompt.find(_IN_PROMPT)
    while at >= 0:
        begin = at + len(_IN_PROMPT)
        end = prompt.find("]", begin)
        if end < 0:
            # A search for the end from each beginning would take square time.
            return None
        if end > begin:
            return prompt[begin:end].strip()
        at = prompt.find(_IN_PROMPT, end)
    return None


class CreateFaults(NamedTuple):
    """What one create gets: its scenario, the faults that strike it, and whether a job is made."""

    scenario: Scenario
    faults: Sequence[Fault]
    job_made: bool
    dequeued: bool = False
    """Whether its scenario was the first of the queue and is in it no more."""


_NONE: Sequence[Fault] = ()

Ask = Callable[[], tuple[str, Scenario] | None]
"""Gives the text by which a create asks for a scenario, and that scenario; None where it asks for none."""


class _Choice:
    """A scenario with its count of the creates that met it."""

    __slots__ = ("hits", "scenario")

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.hits: Hits = {}


class ScenarioSelector:
    """The default scenario, the queue of next ones, and how often the creates of each met its faults."""

    def __init__(self, default: Scenario) -> None:
        self._initial = default
        self._default = _Choice(default)
        self._queue: deque[_Choice] = deque()
        self._counted: dict[str, _Choice] = {}

    def state(self, write: Callable[[Scenario], str]) -> str:
        """All of it as JSON; `write` gives that of a scenario."""

        def shown(choice: _Choice) -> str:
            return f"[{write(choice.scenario)},{json.dumps(list(choice.hits.items()))}]"

        queue = ",".join(map(shown, self._queue))
        counted = ",".join(f"[{json.dumps(text)},{shown(one)}]" for text, one in self._counted.items())
        return f"[{write(self._initial)},{shown(self._default)},[{queue}],[{counted}]]"

    @classmethod
    def restored(cls, state: Any, read: Callable[[Any], Scenario]) -> ScenarioSelector:
        """A selector of such JSON, read; `read` makes the scenario of its own."""

        def choice(data: Any) -> _Choice:
            made = _Choice(read(data[0]))
            made.hits = {index: count for index, count in data[1]}
            return made

        initial, default, queue, counted = state
        selector = cls(read(initial))
        selector._default = choice(default)
        selector._queue.extend(map(choice, queue))
        selector._counted = {text: choice(data) for text, data in counted}
        return selector

    @property
    def default(self) -> Scenario:
        """The scenario of a create that asks for none."""
        return self._default.scenario

    @property
    def queue(self) -> list[Scenario]:
        """The scenarios of the next creates, first one first."""
        return [choice.scenario for choice in self._queue]

    @property
    def begun(self) -> bool:
        """Whether a create has met the first one of the queue already."""
        return bool(self._queue) and bool(self._queue[0].hits)

    def use(self, scenario: Scenario) -> None:
        """Make it the default from now on."""
        self._default = _Choice(scenario)

    def next(self, scenario: Scenario) -> None:
        """Put it in the queue; a create fault that would last for ever strikes once from there."""
        faults = tuple(
            fault.replace(times=1) if fault.at == "create" and fault.times is None else fault
            for fault in scenario.faults
        )
        self._queue.append(_Choice(scenario.replace(faults=faults)))

    def reset(self) -> None:
        """Back to the default of the start, with an empty queue and fresh counts."""
        self._default = _Choice(self._initial)
        self._queue.clear()
        self._counted.clear()

    def begin_with(self, default: Scenario, *, said: bool) -> None:
        """Have another default at the start; it takes the place of the present one where it was `said`.

        Without that a default that `use` chose stays.
        """
        was_initial = self.default == self._initial
        changed = default != self._initial
        self._initial = default
        if said or (changed and was_initial):
            self._default = _Choice(default)

    def forget_counts(self) -> None:
        """Count anew for creates that ask for scenarios by name: the names mean others now."""
        self._counted.clear()

    def take(self, ask: Ask, elapsed: float, unfinished: Unfinished, *, redirected: bool) -> CreateFaults:
        """Choose for one create and count it; `ask` is called where the queue is empty.

        `elapsed` are virtual seconds since the start; a create that was `redirected` is not redirected again.
        Raises what `ask` raises, with nothing counted.
        """
        queued = bool(self._queue)
        if queued:
            choice = self._queue[0]
        else:
            asked = ask()
            choice = self._default if asked is None else self._choice_of(*asked)
        scenario = choice.scenario
        if not scenario.faults:
            if queued:
                self._queue.popleft()
            # What the class itself does, without a call in between.
            return tuple.__new__(CreateFaults, (scenario, _NONE, True, queued))
        faults = strike(scenario, "create", choice.hits, elapsed, unfinished)
        faults = [fault for fault in faults if fault.kind != "redirect" or not redirected]
        replacing = next((fault for fault in faults if not fault.modifies), None)
        made = replacing is None or replacing.job_made
        done = queued and _is_done(choice, made, elapsed)
        if done:
            self._queue.popleft()
        return CreateFaults(scenario, faults, made, dequeued=done)

    def _choice_of(self, text: str, asked: Scenario) -> _Choice:
        choice = self._counted.get(text)
        if choice is None:
            if len(self._counted) >= MOST_COUNTED:
                del self._counted[next(iter(self._counted))]
            choice = self._counted[text] = _Choice(asked)
        return choice


def _is_done(choice: _Choice, job_made: bool, elapsed: float) -> bool:
    """Whether a queued scenario has nothing left to do; a fault whose bounds are past is over."""
    left = any(
        fault.times is not None
        and fault.unfinished is None
        and elapsed < fault.until
        and choice.hits.get(index, 0) < fault.after + fault.times
        for index, fault in choice.scenario.at("create")
        if fault.at == "create"
    )
    rest = choice.scenario.replace(
        faults=tuple(fault for fault in choice.scenario.faults if fault.at != "create")
    )
    only_create_faults = rest.replace(name="", summary="") == Scenario("")
    return not left and (job_made or only_create_faults)
