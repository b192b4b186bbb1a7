"""What the API overlooks in a body: numbers written as strings, fields that nobody documented."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .problems import MOST_PROBLEMS, Problem, path_of, shorten

__all__ = ["FAR_BEYOND", "Fits", "Overlooked", "Relaxer"]

FAR_BEYOND = 1000
"""By how many items an array may exceed its limit and still have each of them looked at."""
MOST_LOOKED_AT = 100_000
"""How many values of one body are looked at; what comes after has to fit as it is."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST = 64
"""No contract has a bound that needs more characters."""

_PLAIN = (int, float, bool)
_GONE = object()

Steps = tuple[str | int, ...]
Fits = Callable[[Any], bool]


class Overlooked:
    """What the API overlooks in one body: all of it counted, the first of it kept."""

    __slots__ = ("count", "kept", "left")

    def __init__(self, left: int = MOST_LOOKED_AT) -> None:
        self.kept: list[Problem] = []
        self.count = 0
        self.left = left
        """How many more values may be looked at."""

    def add(self, at: Steps, expected: str, received: Callable[[], str], constraint: str) -> None:
        """Count one finding; its words are made where they are kept."""
        self.count += 1
        if len(self.kept) < MOST_PROBLEMS:
            steps = [_short(step) for step in at]
            self.kept.append(Problem(path_of(steps), expected, received(), constraint))

    def take(self, other: Overlooked) -> None:
        """Add what was found in one alternative."""
        self.count += other.count
        self.kept += other.kept[: MOST_PROBLEMS - len(self.kept)]


class Relaxer:
    """A resolved schema, compiled to a walk that turns a body into what the API makes of it.

    `fits` makes the judge of one alternative out of its schema; it is asked for each entry of an `anyOf`.
    """

    __slots__ = ("_fields", "_inert", "_items", "_most", "_number", "_options")

    def __init__(self, schema: Mapping[str, Any], fits: Callable[[dict[str, Any]], Fits]) -> None:
        kinds = schema.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        self._number = next((kind for kind in kinds if kind in ("integer", "number")), None)
        self._fields: dict[str, Relaxer] | None = None
        if "properties" in schema:
            self._fields = {name: Relaxer(field, fits) for name, field in schema["properties"].items()}
        self._most = schema["maxItems"] + FAR_BEYOND if "maxItems" in schema else math.inf
        self._items = Relaxer(schema["items"], fits) if "items" in schema else None
        self._options = [(Relaxer(option, fits), fits(option)) for option in schema.get("anyOf", ())]
        movable = self._items is not None and not self._items._inert
        self._inert: bool = not (self._number or self._fields or self._options or movable)

    def relax(self, value: Any, findings: Overlooked, at: Steps = ()) -> Any:
        """The value without undocumented fields and with numbers for numeric strings.

        What is overlooked is added to `findings`.
        The value itself is never changed: containers are copied where something within them is.
        """
        findings.left -= 1
        if findings.left < 0:
            return value
        if self._options:
            return self._relax_option(value, findings, at)
        if isinstance(value, str):
            return self._relax_string(value, findings, at) if self._number else value
        if isinstance(value, dict):
            return self._relax_object(value, findings, at) if self._fields is not None else value
        if isinstance(value, list) and self._items and not self._items._inert and len(value) <= self._most:
            return self._relax_array(value, self._items, findings, at)
        return value

    def _relax_string(self, value: str, findings: Overlooked, at: Steps) -> Any:
        if len(value) > _LONGEST or not _NUMBER.fullmatch(value):
            return value
        number: int | float = float(value) if set(value) & set(".eE") else int(value)
        if isinstance(number, float) and math.isinf(number):
            return value
        kind = "an integer" if self._number == "integer" else "a number"
        findings.add(at, kind, lambda: f"the string {shorten(value)}", "numeric-string")
        return number

    def _relax_array(self, value: list[Any], items: Relaxer, findings: Overlooked, at: Steps) -> list[Any]:
        relaxed = value
        for index, item in enumerate(value):
            plain = items.relax(item, findings, (*at, index))
            if plain is not item:
                relaxed = list(value) if relaxed is value else relaxed
                relaxed[index] = plain
        return relaxed

    def _relax_object(self, value: dict[str, Any], findings: Overlooked, at: Steps) -> dict[str, Any]:
        fields = self._fields or {}
        relaxed = value
        for name, item in value.items():
            field = fields.get(name)
            if field is not None and type(item) in _PLAIN:
                continue
            plain = _GONE if field is None else field.relax(item, findings, (*at, name))
            if plain is item:
                continue
            relaxed = dict(value) if relaxed is value else relaxed
            if plain is _GONE:
                del relaxed[name]
                findings.add((*at, name), "no field of this name", partial(shorten, item), "undocumented")
            else:
                relaxed[name] = plain
        return relaxed

    def _relax_option(self, value: Any, findings: Overlooked, at: Steps) -> Any:
        """As the fitting alternative with the fewest findings has it, or the one that overlooks least."""
        tried: list[tuple[tuple[bool, int], Any, Overlooked]] = []
        for option, fits in self._options:
            found = Overlooked(findings.left)
            relaxed = option.relax(value, found, at)
            tried.append(((not fits(relaxed), found.count), relaxed, found))
        findings.left = min(found.left for _, _, found in tried)
        _, relaxed, found = min(tried, key=lambda entry: entry[0])
        findings.take(found)
        return relaxed


def _short(step: str | int) -> str | int:
    return step[:_LONGEST] + "…" if isinstance(step, str) and len(step) > _LONGEST else step
