"""What the API makes of a body: numbers of numeric strings, no fields that nobody documented."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..catalog.readings import Reading, readings
from .problems import MOST_PROBLEMS, Problem, path_of, shorten

__all__ = ["FAR_BEYOND", "Coercer", "Findings", "Fits"]

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


class Findings:
    """What the API tolerates in one body: all of it counted, the first of it kept."""

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
            self.kept.append(Problem(path_of(at), expected, received(), constraint))

    def take(self, other: Findings) -> None:
        """Add what was found in one alternative."""
        self.count += other.count
        self.kept += other.kept[: MOST_PROBLEMS - len(self.kept)]


class Coercer:
    """Resolved schemas that apply together, compiled to a walk that makes of a value what the API does.

    Where there are alternatives, each way to read the schemas is a walk of its own. `fits` makes the judge of
    one of them out of its schema.
    """

    __slots__ = (
        "_exhaustive",
        "_fields",
        "_first",
        "_inert",
        "_items",
        "_most",
        "_number",
        "_options",
        "_others",
    )

    def __init__(self, schemas: Iterable[Any], fits: Callable[[dict[str, Any]], Fits]) -> None:
        found = readings(*schemas)
        # Where there are alternatives, this is no more than the choice between them.
        options = found if len(found) > 1 else ()
        self._options = [(Coercer(option.parts, fits), fits(option.schema)) for option in options]
        reading = Reading((), None, False) if options else found[0]
        types = reading.types or frozenset()
        # A string that is allowed as such stays what it is.
        numeric = [] if "string" in types else [kind for kind in ("integer", "number") if kind in types]
        self._number = numeric[0] if numeric else None
        self._exhaustive = reading.exhaustive
        self._fields: dict[str, Coercer] | None = None
        if reading.fields is not None:
            self._fields = {name: Coercer(field, fits) for name, field in reading.fields.items()}
        self._others = Coercer(reading.others, fits) if reading.others else None
        self._most = math.inf if reading.most_items is None else reading.most_items + FAR_BEYOND
        self._first = [Coercer(items, fits) for items in reading.first_items]
        self._items = Coercer(reading.items, fits) if reading.items else None
        lists = [item for item in (*self._first, self._items) if item is not None and not item._inert]
        objects = bool(self._fields) or self._exhaustive or self._others is not None
        self._inert: bool = not (self._number or objects or self._options or lists)

    def coerce(self, value: Any, findings: Findings, at: Steps = ()) -> Any:
        """The value without undocumented fields and with numbers for numeric strings.

        What is tolerated is added to `findings`.
        The value itself is never changed: containers are copied where something within them is.
        """
        findings.left -= 1
        if findings.left < 0:
            return value
        if self._options:
            return self._coerce_option(value, findings, at)
        if isinstance(value, str):
            return self._coerce_string(value, findings, at) if self._number else value
        if isinstance(value, dict):
            return self._coerce_object(value, findings, at)
        if isinstance(value, list) and len(value) <= self._most:
            return self._coerce_array(value, findings, at)
        return value

    def _coerce_string(self, value: str, findings: Findings, at: Steps) -> Any:
        if len(value) > _LONGEST or not _NUMBER.fullmatch(value):
            return value
        number: int | float = float(value) if set(value) & set(".eE") else int(value)
        if isinstance(number, float) and math.isinf(number):
            return value
        kind = "an integer" if self._number == "integer" else "a number"
        findings.add(at, kind, lambda: f"the string {shorten(value)}", "numeric-string")
        return number

    def _coerce_array(self, value: list[Any], findings: Findings, at: Steps) -> list[Any]:
        coerced = value
        for index, item in enumerate(value):
            items = self._first[index] if index < len(self._first) else self._items
            if items is None or items._inert:
                if index >= len(self._first):
                    break
                continue
            plain = items.coerce(item, findings, (*at, index))
            if plain is not item:
                coerced = list(value) if coerced is value else coerced
                coerced[index] = plain
        return coerced

    def _coerce_object(self, value: dict[str, Any], findings: Findings, at: Steps) -> dict[str, Any]:
        fields = self._fields or {}
        if not (fields or self._exhaustive or self._others):
            return value
        coerced = value
        for name, item in value.items():
            field = fields.get(name, self._others)
            if (field is not None and type(item) in _PLAIN) or (field is None and not self._exhaustive):
                continue
            plain = _GONE if field is None else field.coerce(item, findings, (*at, name))
            if plain is item:
                continue
            coerced = dict(value) if coerced is value else coerced
            if plain is _GONE:
                del coerced[name]
                findings.add((*at, name), "no field of this name", partial(shorten, item), "undocumented")
            else:
                coerced[name] = plain
        return coerced

    def _coerce_option(self, value: Any, findings: Findings, at: Steps) -> Any:
        """As the fitting alternative with the fewest findings has it, or the one that tolerates least."""
        tried: list[tuple[tuple[bool, int], Any, Findings]] = []
        for option, fits in self._options:
            found = Findings(findings.left)
            coerced = option.coerce(value, found, at)
            tried.append(((not fits(coerced), found.count), coerced, found))
        findings.left = min(found.left for _, _, found in tried)
        _, coerced, found = min(tried, key=lambda entry: entry[0])
        findings.take(found)
        return coerced
