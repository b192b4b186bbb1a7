"""One table of fields for a frozen value: each names its type, unit, bounds and help once.

A dataclass is the table: a field's metadata holds what it may be. The constructor checks by it
(`check_fields`), text is read by it (`read_text`), plain data of TOML and JSON is read and written by it
(`read_fields`, `plain_fields`). `FieldError` says what was expected and where.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .errors import SettingsError, did_you_mean, nearest
from .units import parse_duration, parse_flag, parse_integer, parse_span

__all__ = [
    "Count",
    "Field",
    "FieldError",
    "Flag",
    "Items",
    "Kept",
    "Kind",
    "Names",
    "Number",
    "Path",
    "Record",
    "Seconds",
    "Text",
    "Word",
    "about",
    "check_fields",
    "fields_of",
    "place",
    "plain_fields",
    "read_fields",
    "read_text",
    "said",
]

Path = tuple[str | int, ...]
FOREVER = ("forever", "always", "none")
"""Words for a count without an end."""

T = TypeVar("T")
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


@dataclass(frozen=True, slots=True)
class Word:
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


@dataclass(frozen=True, slots=True)
class Count:
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

    def _refused(self, value: object) -> FieldError:
        forever = " or 'forever'" if self.endless else ""
        return FieldError(f"expected {self.what}{forever}, received {value!r}.")


@dataclass(frozen=True, slots=True)
class Seconds:
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


class _Nested:
    """What a line of text cannot say."""

    def parse(self, text: str) -> Any:
        raise FieldError(f"expected in a file or as JSON, received it in text: {text!r}.")


class Names(_Nested):
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


@dataclass(frozen=True)
class Items(_Nested):
    """Several values of one kind, kept as `keep` makes them; `least` of them at least."""

    item: Kind
    what: str
    keep: type[tuple[Any, ...]] | type[frozenset[Any]] = tuple
    least: str = ""

    def check(self, value: object) -> Any:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise FieldError(f"expected {self.what}, received {value!r}.")
        given = value if isinstance(value, tuple) else tuple(value)
        checked = tuple(self._item(index, item) for index, item in enumerate(given))
        if self.least and not checked:
            raise FieldError(f"expected at least one {self.least}, received none.")
        if self.keep is tuple and all(map(_same, checked, given)):
            return given
        return self.keep(checked)

    def plain(self, value: Iterable[Any]) -> list[Any]:
        written = [self.item.plain(item) for item in value]
        return sorted(written) if self.keep is frozenset else written

    def _item(self, index: int, item: object) -> Any:
        try:
            return self.item.check(item)
        except FieldError as error:
            raise error.within(index) from None


def _same(one: object, other: object) -> bool:
    return one is other


class Record(_Nested):
    """A value of a class with fields, or plain data that it is read from.

    `what` is what such a value is called, `expected` what a wrong one is answered with. With `short` a text
    stands for a value with nothing but its first field.
    """

    def __init__(self, cls: type[Any], what: str, expected: str, *, short: bool = False) -> None:
        self._cls = cls
        self._what = what
        self._expected = expected
        self._short = short

    def check(self, value: object) -> Any:
        if isinstance(value, self._cls):
            return value
        if self._short and isinstance(value, str):
            try:
                return self._cls(value)
            except FieldError as error:
                # The text stands for the whole: the field that it fills was not named.
                raise FieldError(error.problem) from None
        if not isinstance(value, Mapping):
            raise FieldError(f"expected {self._expected}, received {value!r}.")
        return self._cls(**read_fields(self._cls, value, self._what))

    def plain(self, value: Any) -> Any:
        written = plain_fields(value)
        return next(iter(written.values())) if self._short and len(written) == 1 else written


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, what it may hold, its default (`dataclasses.MISSING` where it is needed), help."""

    name: str
    kind: Kind
    default: Any
    help: str

    @property
    def needed(self) -> bool:
        """Whether a value must say it."""
        return self.default is dataclasses.MISSING

    def check(self, value: Any) -> Any:
        """The value as it is kept; a `FieldError` names this field."""
        if value is self.default:
            return value
        try:
            return self.kind.check(value)
        except SettingsError as error:
            raise self._named(error) from None

    def parse(self, text: str) -> Any:
        """The value that a line of text says; a `FieldError` names this field."""
        try:
            return self.kind.parse(text)
        except SettingsError as error:
            raise self._named(error) from None

    def _named(self, error: SettingsError) -> FieldError:
        placed = error if isinstance(error, FieldError) else FieldError(error.problem)
        return placed.within(self.name, option=self.name)


def about(kind: Kind, help: str) -> dict[str, Any]:
    """The metadata of a field that a value must have."""
    return {"kind": kind, "help": help}


def said(default: Any, kind: Kind, help: str) -> Any:
    """A field that a value may leave out."""
    return dataclasses.field(default=default, metadata=about(kind, help))


@cache
def _table(cls: Hashable) -> Mapping[str, Field]:
    return {
        field.name: Field(field.name, field.metadata["kind"], field.default, field.metadata["help"])
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if "kind" in field.metadata
    }


def fields_of(cls: type[Any]) -> Mapping[str, Field]:
    """The table of a class: its fields by name, in order."""
    return _table(cls)  # type: ignore[arg-type]


def check_fields(value: Any) -> None:
    """Check every field of a frozen value while it is made, and keep each in its own form."""
    for field in fields_of(type(value)).values():
        given = getattr(value, field.name)
        kept = field.check(given)
        if kept is not given:
            object.__setattr__(value, field.name, kept)


def check_names(cls: type[Any], names: Iterable[str], what: str) -> None:
    """Refuse fields that a class does not have, naming the nearest that it has."""
    known = tuple(fields_of(cls))
    for name in names:
        if name not in known:
            raise unknown(what, name, known)


def unknown(what: str, name: str, known: Iterable[str]) -> FieldError:
    """The error for a field that is none."""
    known = list(known)
    hint = did_you_mean(nearest(str(name), known)) or f" There are {', '.join(known)}."
    return FieldError(f"a {what} has no {name!r}.{hint}", path=(name,), whole=True)


def read_fields(cls: type[Any], data: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The arguments of a constructor from plain data; refuses unknown fields and misses needed ones."""
    table = fields_of(cls)
    check_names(cls, data, what)
    for field in table.values():
        if field.needed and field.name not in data:
            raise FieldError(f"a {what} needs {field.name!r}, which is missing.", whole=True)
    return {name: table[name].check(value) for name, value in data.items()}


def read_text(cls: type[Any], name: str, text: str) -> Any:
    """One field's value from text; the name is one that the class has."""
    return fields_of(cls)[name].parse(text)


def plain_fields(value: Any) -> dict[str, Any]:
    """A value as plain data that `read_fields` reads an equal one from; defaults are left out."""
    return {
        field.name: field.kind.plain(getattr(value, field.name))
        for field in fields_of(type(value)).values()
        if getattr(value, field.name) != field.default
    }
