"""A scenario from the table of a TOML file, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ..errors import SettingsError, did_you_mean, nearest
from ..jobs.timeline import Step
from ..scenarios import Fault, Scenario
from ..scenarios.fault import COUNTS, FLAGS, FOREVER, TIMES
from ..units import parse_span

__all__ = ["SCENARIO_KEYS", "ScenarioTable", "scenario_document"]

SCENARIO_KEYS = (
    "summary",
    "base",
    "plan",
    "timeline",
    "words",
    "ids",
    "shapes",
    "error",
    "create_status",
    "create_code",
    "faults",
)
"""What a scenario's table may hold; `timeline` is another name of `plan`."""
FAULT_KEYS = tuple(field.name for field in dataclasses.fields(Fault))
STEP_KEYS = tuple(field.name for field in dataclasses.fields(Step))

Inner = tuple[str | int, ...]
Fail = Callable[[Inner, str], NoReturn]


class ScenarioTable:
    """Reads one table; `fail` is called with the path of what is wrong within it, and why."""

    def __init__(self, name: str, table: Mapping[str, Any], fail: Fail) -> None:
        self._name = name
        self._table = table
        self._fail = fail

    def read(self, base: Scenario | None) -> Scenario:
        """The scenario: what `base` says, and what the table says on top of it."""
        table = self._table
        own = Scenario(self._name)
        for key, value in (
            ("summary", self._text("summary")),
            ("plan", self._plan()),
            ("words", self._words()),
            ("shapes", self._shapes()),
            ("ids", self._text("ids")),
            ("error", self._text("error")),
            ("create_status", self._text("create_status")),
            ("create_code", self._table.get("create_code")),
            ("faults", self._faults()),
        ):
            if value is not None:
                own = self._set(own, key, value)
        if base is None:
            return own
        summary = own.summary if "summary" in table else base.summary
        return (base | own).replace(name=self._name, summary=summary)

    def _try(self, at: Inner, **part: Any) -> None:
        """Fail at the place of one item where no scenario could have it."""
        try:
            Scenario("", **part)
        except SettingsError as error:
            self._fail(at, str(error))

    def _set(self, scenario: Scenario, key: str, value: Any) -> Scenario:
        try:
            return scenario.replace(**{key: value})
        except SettingsError as error:
            self._fail((self._written(key),), str(error))

    def _written(self, key: str) -> str:
        return "timeline" if key == "plan" and "plan" not in self._table else key

    def _text(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is not None and not isinstance(value, str):
            self._fail((key,), f"{key}: expected a string, received {value!r}.")
        return value

    def _shapes(self) -> frozenset[str] | None:
        value = self._table.get("shapes")
        if value is None:
            return None
        if not isinstance(value, list):
            self._fail(("shapes",), f"shapes: expected a list such as ['nulls'], received {value!r}.")
        for index, shape in enumerate(value):
            self._try(("shapes", index), shapes=[shape])
        return frozenset(value)

    def _words(self) -> dict[str, str] | None:
        value = self._table.get("words")
        if value is None:
            return None
        if not isinstance(value, dict):
            self._fail(
                ("words",), f"words: expected a table such as {{queued = 'waiting'}}, received {value!r}."
            )
        for status, word in value.items():
            self._try(("words", status), words={status: word})
        return dict(value)

    def _plan(self) -> tuple[Step, ...] | None:
        if "plan" in self._table and "timeline" in self._table:
            self._fail(("timeline",), "timeline: expected plan or timeline, received both.")
        key = self._written("plan")
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self._fail((key,), f"{key}: expected a list of statuses, received {value!r}.")
        return tuple(self._step((key, index), item) for index, item in enumerate(value))

    def _step(self, at: Inner, item: Any) -> Step:
        if isinstance(item, str):
            self._try(at, plan=[item])
            return Step(item)
        if not isinstance(item, dict) or "status" not in item:
            self._fail(at, f"{at[0]}: expected a status or {{status = …, span = …}}, received {item!r}.")
        self._check_keys(at, item, STEP_KEYS, "step of a plan")
        self._try((*at, "status"), plan=[item["status"]])
        span = item.get("span")
        return Step(
            item["status"],
            None if span is None else self._seconds((*at, "span"), span),
            self._scale((*at, "scale"), item.get("scale", 1.0)),
        )

    def _scale(self, at: Inner, value: Any) -> float:
        try:
            return Step("queued", scale=value).scale
        except SettingsError as error:
            self._fail(at, str(error))

    def _faults(self) -> tuple[Fault, ...] | None:
        value = self._table.get("faults")
        if value is None:
            return None
        if not isinstance(value, list):
            self._fail(
                ("faults",), f"faults: expected tables [[scenarios.{self._name}.faults]], received {value!r}."
            )
        return tuple(self._fault(("faults", index), item) for index, item in enumerate(value))

    def _fault(self, at: Inner, item: Any) -> Fault:
        if not isinstance(item, dict):
            self._fail(at, f"faults: expected a table with at and kind, received {item!r}.")
        self._check_keys(at, item, FAULT_KEYS, "fault")
        for key in ("at", "kind"):
            if key not in item:
                self._fail(at, f"a fault needs {key!r}, which is missing.")
        values = {key: self._fault_value((*at, key), key, value) for key, value in item.items()}
        try:
            return Fault(**values)
        except SettingsError as error:
            self._fail((*at, str(error).partition(":")[0]), str(error))

    def _fault_value(self, at: Inner, key: str, value: Any) -> Any:
        if key == "times" and value in FOREVER:
            return None
        if key in COUNTS:
            if type(value) is not int:
                what = "a count or 'forever'" if key == "times" else "a whole number"
                self._fail(at, f"{key}: expected {what}, received {value!r}.")
            return value
        if key in TIMES:
            return self._seconds(at, value)
        kind, what = (bool, "true or false") if key in FLAGS else (str, "a string")
        if not isinstance(value, kind):
            self._fail(at, f"{key}: expected {what}, received {value!r}.")
        return value

    def _seconds(self, at: Inner, value: Any) -> float:
        try:
            return parse_span(value)
        except SettingsError as error:
            self._fail(at, f"{at[-1]}: {error}")

    def _check_keys(self, at: Inner, item: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
        for key in item:
            if key not in known:
                hint = did_you_mean(nearest(key, known)) or f" There are {', '.join(known)}."
                self._fail((*at, key), f"a {what} has no {key!r}.{hint}")


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """The table that `ScenarioTable` reads an equal scenario from; what is as by default is left out."""
    document: dict[str, Any] = {}
    for key in ("summary", "ids", "error", "create_status", "create_code"):
        if getattr(scenario, key):
            document[key] = getattr(scenario, key)
    if scenario.shapes:
        document["shapes"] = sorted(scenario.shapes)
    if scenario.plan is not None:
        document["plan"] = [_step_item(step) for step in scenario.plan]
    if scenario.words:
        document["words"] = dict(scenario.words)
    if scenario.faults:
        document["faults"] = [_changed(fault) for fault in scenario.faults]
    return document


def _step_item(step: Step) -> str | dict[str, Any]:
    item = _changed(step)
    return step.status if len(item) == 1 else item


def _changed(value: Fault | Step) -> dict[str, Any]:
    """The fields of a fault or a step that are not as by default, the needed ones first."""
    return {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }
