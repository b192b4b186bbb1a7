"""What a field may hold: texts, words, counts, times and lists, each with how it is read and written.

A kind checks a value of Python, of TOML or of JSON by the same rule, reads it from a line of text, writes it
as plain data, and says as JSON Schema what that may be. `FieldError` says what was expected and where.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from .errors import SettingsError, did_you_mean, nearest
from .units import DURATION_SCHEMA, parse_duration, parse_flag, parse_integer, parse_span

__all__ = [
    "Count",
    "FieldError",
    "Flag",
    "Items",
    "Kept",
    "Kind",
    "Names",
    "Nested",
    "Number",
    "Path",
    "Seconds",
    "Text",
    "Word",
    "place",
]

Path = tuple[str | int, ...]
FOREVER = ("forever", "always", "none")
"""Words for a count without an end."""

Given = TypeVar("Given", contravariant=True)
Stored = TypeVar("Stored", covariant=True)

if TYPE_CHECKING:
    from typing import Self, overload

    class Kept(Generic[Given, Stored]):
        """The type of a field that the constructor takes as one type and keeps as another."""

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Stored: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: Given) -> None: ...
else:
    # Annotations are never evaluated: the class is for type checkers alone.
    Kept = Any


class FieldError(SettingsError):
    """A field has a value that it cannot have; `path` leads to it from the outermost value.

    A `whole` one is about a value with several fields, whose sentence says itself what it is about.
    """

    def __init__(self, problem: str, *, option: str = "", path: Path = (), whole: bool = False) -> None:
        super().__init__(problem, option=option)
        self.path = path
        self.whole = whole

    def within(self, step: str | int, *, option: str = "") -> FieldError:
        """The same problem as seen from one level further out."""
        named = self.option or ("" if self.whole else option)
        return FieldError(self.problem, option=named, path=(step, *self.path), whole=self.whole)


def place(path: Path) -> str:
    """A path as people write it: `faults[1].status`."""
    shown = ""
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}" if shown else step
    return shown


class Kind(Protocol):
    """What a field may hold, and in which form it is read and written."""

    def check(self, value: Any, /) -> Any:
        """The value as it is kept; raises `SettingsError` for one that cannot be."""

    def parse(self, text: str, /) -> Any:
        """The value that a line of text says."""

    def plain(self, value: Any, /) -> Any:
        """The value as TOML and JSON hold it."""

    def schema(self) -> dict[str, Any]:
        """What TOML and JSON may hold, as JSON Schema."""


class Text:
    """Any text."""

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise FieldError(f"expected a text, received {value!r}.")
        return value

    def parse(self, text: str) -> str:
        return text

    def plain(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Word(NamedTuple):
    """One of a closed set of words."""

    known: tuple[str, ...]

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.known:
            hint = did_you_mean(nearest(str(value), self.known))
            raise FieldError(f"expected one of {', '.join(self.known)}, received {value!r}.{hint}")
        return value

    def parse(self, text: str) -> str:
        return self.check(text)

    def plain(self, value: str) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.known)}


class Count(NamedTuple):
    """A whole number within bounds; with `endless` also `forever`, which is kept as None."""

    low: int = 0
    high: float = math.inf
    what: str = "a count of 0 or more"
    endless: bool = False

    def check(self, value: object) -> int | None:
        if self.endless and (value is None or value in FOREVER):
            return None
        if type(value) is not int or not self.low <= value <= self.high:
            raise self._refused(value)
        return value

    def parse(self, text: str) -> int | None:
        if self.endless and text in FOREVER:
            return None
        try:
            return self.check(parse_integer(text))
        except SettingsError:
            raise self._refused(text) from None

    def plain(self, value: int | None) -> int | str:
        return "forever" if value is None else value

    def schema(self) -> dict[str, Any]:
        count = {"type": "integer", "minimum": self.low}
        if math.isfinite(self.high):
            count["maximum"] = int(self.high)
        return {"anyOf": [count, {"enum": list(FOREVER)}]} if self.endless else count

    def _refused(self, value: object) -> FieldError:
        forever = " or 'forever'" if self.endless else ""
        return FieldError(f"expected {self.what}{forever}, received {value!r}.")


class Seconds(NamedTuple):
    """A time: a bare number is seconds, a text has its unit (`500ms`, `30s`, `2m`); at most `high`.

    With `endless` also `forever`, which is kept as infinite.
    """

    high: float = math.inf
    endless: bool = False

    def check(self, value: Any) -> float:
        seconds = parse_span(value) if self.endless else parse_duration(value)
        if seconds > self.high:
            raise FieldError(f"expected seconds from 0 to {self.high:.0f}, received {value!r}.")
        return seconds

    def parse(self, text: str) -> float:
        return self.check(text)

    def plain(self, value: float) -> float | str:
        return "forever" if math.isinf(value) else value

    def schema(self) -> dict[str, Any]:
        number, text = DURATION_SCHEMA["anyOf"]
        if math.isfinite(self.high):
            number = number | {"maximum": self.high}
        return {"anyOf": [number, text, *([{"enum": ["forever", "inf"]}] if self.endless else [])]}


class Number:
    """A finite number of 0 or more."""

    def check(self, value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # TOML and JSON have whole numbers that no float can hold.
        if not is_number or not 0 <= value < 1e300:  # type: ignore[operator]
            raise FieldError(f"expected a finite number of 0 or more, received {value!r}.")
        return float(value)  # type: ignore[arg-type]

    def parse(self, text: str) -> float:
        try:
            return self.check(float(text))
        except ValueError:
            raise FieldError(f"expected a finite number of 0 or more, received {text!r}.") from None

    def plain(self, value: float) -> float:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, "exclusiveMaximum": 1e300}


class Flag:
    """A switch."""

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise FieldError(f"expected true or false, received {value!r}.")
        return value

    def parse(self, text: str) -> bool:
        return parse_flag(text)

    def plain(self, value: bool) -> bool:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Nested:
    """What a line of text cannot say."""

    def parse(self, text: str) -> Any:
        raise FieldError(f"expected in a file or as JSON, received it in text: {text!r}.")


class Names(Nested):
    """A mapping of known words to texts, kept by `keep`."""

    def __init__(
        self, known: tuple[str, ...], keep: Callable[[Mapping[Any, str]], Any], example: str
    ) -> None:
        self._word = Word(known)
        self._keep = keep
        self._example = example

    def check(self, value: object) -> Any:
        if not isinstance(value, Mapping):
            raise FieldError(f"expected names such as {self._example}, received {value!r}.")
        for word, name in value.items():
            try:
                self._word.check(word)
            except FieldError as error:
                raise error.within(str(word)) from None
            if not isinstance(name, str):
                raise FieldError(f"expected a text for {word!r}, received {name!r}.", path=(word,))
        return self._keep(value)

    def plain(self, value: Mapping[str, str]) -> dict[str, str]:
        return dict(value)

    def schema(self) -> dict[str, Any]:
        words = {word: {"type": "string"} for word in self._word.known}
        return {"type": "object", "properties": words, "additionalProperties": False}


class Items(Nested):
    """Several values of one kind, kept as `keep` makes them: at least one `least`, and `most` at most."""

    def __init__(
        self,
        item: Kind,
        what: str,
        keep: type[tuple[Any, ...]] | type[frozenset[Any]] = tuple,
        least: str = "",
        most: int = 1000,
    ) -> None:
        self.item = item
        self.what = what
        self.keep = keep
        self.least = least
        self.most = most

    def check(self, value: object) -> Any:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise FieldError(f"expected {self.what}, received {value!r}.")
        given = value if isinstance(value, tuple) else tuple(value)
        if len(given) > self.most:
            raise FieldError(f"expected at most {self.most} of them, received {len(given)}.")
        checked = tuple(self._item(index, item) for index, item in enumerate(given))
        if self.least and not checked:
            raise FieldError(f"expected at least one {self.least}, received none.")
        if self.keep is tuple and all(map(_same, checked, given)):
            return given
        return self.keep(checked)

    def plain(self, value: Iterable[Any]) -> list[Any]:
        written = [self.item.plain(item) for item in value]
        return sorted(written) if self.keep is frozenset else written

    def schema(self) -> dict[str, Any]:
        least = {"minItems": 1} if self.least else {}
        return {"type": "array", "items": self.item.schema(), **least, "maxItems": self.most}

    def _item(self, index: int, item: object) -> Any:
        try:
            return self.item.check(item)
        except FieldError as error:
            raise error.within(index) from None


def _same(one: object, other: object) -> bool:
    return one is other
