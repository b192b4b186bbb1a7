"""Tables of options: each option said once, for every place that it can be given in.

A table is a `TypedDict` whose items are annotated with an `Option`. The command line, the environment, TOML,
the options of pytest and keyword arguments are all read by it, and a type checker knows its names and types.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

from .errors import SettingsError, SpecError, UnknownModel, UnknownScenario, did_you_mean, nearest
from .units import (
    DURATION_SCHEMA,
    FASTEST,
    MOST_KEPT,
    MOST_USD,
    SIZE_SCHEMA,
    parse_duration,
    parse_file,
    parse_flag,
    parse_folders,
    parse_host,
    parse_integer,
    parse_keys,
    parse_polls,
    parse_size,
    parse_speed,
    parse_text,
    parse_token,
    parse_usd,
    parse_words,
)

__all__ = [
    "ADDRESS",
    "ENV_PREFIX",
    "FILE",
    "FOLDERS",
    "HOST",
    "INTEGER",
    "KEYS",
    "POLLS",
    "SIZE",
    "SPEED",
    "SWITCH",
    "TIME",
    "TOKEN",
    "USD",
    "WORDS",
    "Kind",
    "Option",
    "as_written",
    "given_options",
    "mistyped_variables",
    "options_of",
    "read_environment",
    "read_options",
    "written",
]

NAME: Mapping[str, Any] = {"type": "string", "pattern": r"\S"}
COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": MOST_KEPT}
ENV_PREFIX = "KLING_MOCK_"
Blaming = SettingsError | SpecError | UnknownModel | UnknownScenario
BLAMING = (SettingsError, SpecError, UnknownModel, UnknownScenario)
"""Errors that can name an option."""
MISTYPED = 0.75
"""How much a variable's name must look like a known one's to count as mistyped: projects have their own."""


class Kind(NamedTuple):
    """A kind of value: how it is read from what people write, its unit, and how a default is shown.

    `schema` is what TOML and JSON may hold for it, as JSON Schema.
    """

    parse: Callable[[Any], Any]
    unit: str = ""
    metavar: str = ""
    show: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] = NAME

    @classmethod
    def one_of(cls, *words: str) -> Kind:
        """One of these words."""

        def parse(text: Any) -> str:
            if text not in words:
                raise SettingsError(f"expected one of {', '.join(words)}, received {text!r}.")
            return str(text)

        return cls(parse, choices=words, schema={"enum": list(words)})


def _time(seconds: float) -> str:
    return f"{seconds / 3600:g}h" if seconds >= 3600 else f"{seconds:g}s"


def _size(size: int) -> str:
    return f"{size // 1024}KiB" if size < 1024**2 else f"{size // 1024**2}MiB"


def _several(one: Mapping[str, Any], text: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """One text, which may hold several, or a list of them."""
    return {"anyOf": [text or one, {"type": "array", "items": one}]}


ADDRESS = Kind(parse_text, metavar="URL")
FILE = Kind(parse_file, metavar="FILE")
FOLDERS = Kind(
    parse_folders, metavar="FOLDER", schema=_several(NAME, {"type": "string", "pattern": r"[^\s:;]"})
)
HOST = Kind(parse_host, metavar="ADDRESS")
INTEGER = Kind(parse_integer, metavar="N", schema={"type": "integer"})
KEYS = Kind(parse_keys, metavar="KEY", schema=_several({"type": "string", "pattern": r"^[^,\s][^,]*$"}))
POLLS = Kind(
    parse_polls,
    "polls",
    "N,N",
    schema={
        "anyOf": [
            {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2},
            {"type": "string", "pattern": "^[0-9]{1,9},[0-9]{1,9}$"},
        ]
    },
)
SIZE = Kind(parse_size, "bytes", "SIZE", _size, schema=SIZE_SCHEMA)
SPEED = Kind(
    parse_speed,
    "virtual seconds per real second",
    "N",
    "{:g}".format,
    schema={"type": "number", "minimum": 0, "maximum": FASTEST},
)
SWITCH = Kind(parse_flag, schema={"type": "boolean"})
TIME = Kind(parse_duration, "seconds", "TIME", _time, schema=DURATION_SCHEMA)
TOKEN = Kind(parse_token, metavar="TOKEN", schema={"type": "string", "pattern": "^[!-~]+$"})
USD = Kind(
    parse_usd,
    "US dollars",
    "USD",
    "{:g}".format,
    schema={"type": "number", "minimum": 0, "maximum": MOST_USD},
)
WORDS = Kind(parse_words, schema=_several(NAME, {"type": "string", "pattern": r"[^\s,]"}))


class Option(NamedTuple):
    """One option: its kind, its default, a line of help, and where it can be given.

    `lowest` and `highest` bound a number, `above` says that it must be more than 0. `word` is its name on
    the command line and in the environment where that is another than in Python; it is not read from the
    environment with `variable=False`, and not offered on the command line with `flag=False`. `short` is a
    letter for it on the command line.
    """

    kind: Kind
    default: Any
    help: str
    metavar: str = ""
    lowest: int | None = None
    highest: int | None = None
    above: bool = False
    repeatable: bool = False
    negatable: bool = False
    word: str = ""
    flag: bool = True
    variable: bool = True
    short: str = ""
    name: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.kind is SWITCH

    @property
    def written(self) -> str:
        """How the command line writes it; a switch that is on by default is switched off there."""
        word = (self.word or self.name).replace("_", "-")
        return f"--no-{word}" if self.is_switch and self.default is True else f"--{word}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment that set it; `KLING_MOCK_NO_…` says the opposite."""
        if not self.variable:
            return ()
        word = (self.word or self.name).upper()
        names = (ENV_PREFIX + word,)
        return (*names, f"{ENV_PREFIX}NO_{word}") if self.is_switch and self.default is True else names

    @property
    def shown_default(self) -> str:
        """The default as help shows it; empty where there is none."""
        if self.is_switch or self.default is None or self.default == ():
            return ""
        return self.kind.show(self.default)

    @property
    def schema(self) -> dict[str, Any]:
        """What TOML and JSON may hold for it, as JSON Schema with its help and default."""
        schema = {**self.kind.schema, "description": f"{self.help[0].upper()}{self.help[1:]}."}
        if schema.get("type") == "integer":
            bounds = {"minimum": self.lowest, "maximum": self.highest}
            schema |= {name: bound for name, bound in bounds.items() if bound is not None}
        elif self.kind is SIZE and self.lowest is None:
            schema["anyOf"] = [*schema["anyOf"], {"const": 0}]
        if self.default is not None and self.default != ():
            schema["default"] = self.default
        return schema

    def read(self, value: Any, written: str = "") -> Any:
        """The value that someone wrote; a `SettingsError` blames the option, as `written` or by its name."""
        try:
            if value is None and self.default is not None:
                raise SettingsError("expected a value, received None.")
            return None if value is None else self._bounded(self.kind.parse(value), value)
        except SettingsError as error:
            raise error.blaming(written or self.name) from None

    def _bounded(self, parsed: Any, value: Any) -> Any:
        if self.above and not parsed > 0:
            what = "a time of more" if self.kind is TIME else "more"
            raise SettingsError(f"expected {what} than 0, received {value!r}.")
        low, high = self.lowest, self.highest
        if (low is not None and parsed < low) or (high is not None and parsed > high):
            bounds = f"{low} or more" if high is None else f"{low} to {high}"
            raise SettingsError(f"expected {bounds}, received {parsed}.")
        return parsed

    def read_variable(self, environ: Mapping[str, str]) -> tuple[str, Any] | None:
        """The variable that sets it and its value; None where none does."""
        for variable in self.variables:
            if variable in environ:
                value = self.read(environ[variable], variable)
                return variable, not value if variable.startswith(f"{ENV_PREFIX}NO_") else value
        return None


@lru_cache
def options_of(table: type) -> Mapping[str, Option]:
    """The options of a table by name, in order."""
    hints = get_type_hints(table, include_extras=True)
    return {name: hint.__metadata__[0]._replace(name=name) for name, hint in hints.items()}


def read_environment(
    options: Mapping[str, Option], environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `KLING_MOCK_…` variables set, and by which variable each option is; an error names the variable.

    This is the only reader of these variables.
    """
    values, variables = {}, {}
    for name, option in options.items():
        found = option.read_variable(environ)
        if found is not None:
            variables[name], values[name] = found
    return values, variables


def read_options(
    options: Mapping[str, Option],
    given: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    *,
    prefix: str = "--",
) -> dict[str, Any]:
    """Every option's value: what the command line gave, else the environment's, else its default.

    In `given` None and an empty tuple stand for an option that was not given. `prefix` is that of the
    command line's options, for errors.
    """
    values = {name: option.default for name, option in options.items()}
    values |= read_environment(options, environ)[0]
    for name, option in options.items():
        if given.get(name) not in (None, (), []):
            values[name] = option.read(given[name], prefix + option.written.removeprefix("--"))
    return values


def as_written(
    error: Blaming,
    options: Iterable[Option],
    given: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    *,
    prefix: str = "--",
) -> Blaming:
    """An error that blames an option by its name, blaming it as somebody wrote it: a flag, or a variable."""
    option = next((option for option in options if option.name == error.option), None)
    if option is None:
        return error
    if given.get(option.name) not in (None, (), []):
        return error.blaming(prefix + option.written.removeprefix("--"))
    variable = next((name for name in option.variables if name in environ), None)
    return error if variable is None else error.blaming(variable)


@contextlib.contextmanager
def written(options: Iterable[Option], given: Mapping[str, Any], *, prefix: str = "--") -> Iterator[None]:
    """Let errors of the block blame an option as it was written."""
    try:
        yield
    except BLAMING as error:
        raise as_written(error, options, given, prefix=prefix) from None


def given_options(table: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option's value from keyword arguments, else its default; an unknown name is an error."""
    options = options_of(table)
    for name in given:
        if name not in options:
            raise SettingsError(f"There is no option {name!r}.{did_you_mean(nearest(name, options))}")
    return {
        name: option.read(given[name]) if name in given else option.default
        for name, option in options.items()
    }


def mistyped_variables(options: Iterable[Option], environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable that no option reads but that looks like one, with the nearest one."""
    known = {variable.removeprefix(ENV_PREFIX) for option in options for variable in option.variables}
    sentences = []
    for variable in environ:
        name = variable.removeprefix(ENV_PREFIX)
        if name != variable and name not in known:
            near = nearest(name, sorted(known), most=1, likeness=MISTYPED)
            if near:
                hint = did_you_mean([ENV_PREFIX + word for word in near])
                sentences.append(f"the variable {variable} is not read.{hint}")
    return sentences
