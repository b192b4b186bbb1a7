"""A server's options and own scenarios from a TOML file, and a scenario back to TOML.

    strict = true                       # options, at the top or in [server]

    [scenarios.bad-day]
    summary = "Two hiccups, then the video."
    base = "id-awkward+gzip"            # what it is made from, by name
    plan = ["queued", {status = "generating", span = "30s"}, "completed"]

    [[scenarios.bad-day.faults]]
    at = "poll"
    kind = "status"
    status = 503
    times = 2                           # or "forever"

Each error is a `ConfigError` that starts with FILE:LINE.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NoReturn, Unpack, cast

import tomli_w

from ..errors import (
    ConfigError,
    KlingMockError,
    SettingsError,
    UnknownScenario,
    did_you_mean,
    nearest,
)
from ..field_kinds import FieldError
from ..scenarios import CATALOGUE, Scenario, parse_scenario
from ..scenarios.plain_data import plain_scenario, read_scenario
from ..settings import ServerOptions, Settings, check_names, server_options
from .toml_bounds import LARGEST_FILE, too_much
from .toml_positions import KeyLines

__all__ = ["dump_scenario", "load_config"]

OPTIONS = tuple(name for name in server_options() if name != "scenarios")
TABLES = ("server", "scenarios")
MOST_SAID = 2000
"""Characters of a message at most: a file may hold any text."""
LONGEST_CHAIN = 50
"""How many scenarios may each be made from the next."""


def load_config(path: str | Path) -> ServerOptions:
    """The options of `Settings` that a file sets, the scenarios of its `[scenarios.NAME]` tables included.

    Raises `ConfigError`, whose message starts with `FILE:LINE:` and names the nearest valid words.
    """
    return cast(ServerOptions, _File(Path(path)).options())


def dump_scenario(scenario: Scenario, /, **options: Unpack[ServerOptions]) -> str:
    """A configuration file that makes a scenario the default; `load_config` reads an equal one back.

    `options` are further ones of `Settings`, such as `seed` or `strict`. Raises `SettingsError` for one that
    is none.
    """
    check_names(options)
    top = {"scenario": scenario.name, **{name: value for name, value in options.items() if value is not None}}
    return tomli_w.dumps({**top, "scenarios": {scenario.name: plain_scenario(scenario)}})


class _File:
    """One file: its contents, the lines of its keys, and what is read from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = _text(path)
        try:
            self.document = tomllib.loads(text)
            self.lines = KeyLines(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(self._syntax(str(error))) from None
        except RecursionError:
            raise ConfigError(f"{path}: expected values that lie a few levels deep, received more.") from None
        self._scenarios: dict[str, Scenario] = {}
        self._under_way: list[str] = []

    def options(self) -> dict[str, Any]:
        """What the file says, checked."""
        options: dict[str, Any] = {}
        places: dict[str, tuple[str, ...]] = {}
        for key, value in self.document.items():
            if key not in TABLES:
                self._option((key,), value, options, places)
        for key, value in self._table(("server",)).items():
            self._option(("server", key), value, options, places)
        for name in self._table(("scenarios",)):
            self._own(name)
        if self._scenarios:
            options["scenarios"] = self._scenarios
        self._check_together(options, places)
        return options

    def fail(self, path: tuple[str | int, ...], message: str) -> NoReturn:
        shown = message if len(message) <= MOST_SAID else message[:MOST_SAID] + "…"
        raise ConfigError(f"{self.path}:{self.lines.line(path)}: {shown}")

    def _syntax(self, message: str) -> str:
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
        if match is None:
            return f"{self.path}: expected TOML: {message}."
        return f"{self.path}:{match[2]}: expected TOML: {match[1]} at column {match[3]}."

    def _table(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        value = self.document.get(path[-1], {})
        if not isinstance(value, dict):
            self.fail(path, f"{path[-1]}: expected a table, received {value!r}.")
        return value

    def _option(
        self, path: tuple[str, ...], value: Any, options: dict[str, Any], places: dict[str, tuple[str, ...]]
    ) -> None:
        name = path[-1].replace("-", "_")
        if name not in OPTIONS:
            known = OPTIONS if path[0] == "server" else (*OPTIONS, *TABLES)
            self.fail(path, f"there is no option {path[-1]!r}.{did_you_mean(nearest(path[-1], known))}")
        if name in options:
            self.fail(path, f"{name}: expected once, received twice.")
        places[name] = path
        try:
            options[name] = server_options()[name].read(value)
        except SettingsError as error:
            self.fail(path, str(error))

    def _own(self, name: str) -> Scenario:
        """One of the file's scenarios, made once; what it is made from is made before it."""
        if name in self._scenarios:
            return self._scenarios[name]
        path = ("scenarios", name)
        if name in self._under_way:
            chain = " → ".join([*self._under_way, name])
            self.fail(
                (*path, "base"), f"base: expected scenarios that do not need each other, received {chain}."
            )
        if len(self._under_way) == LONGEST_CHAIN:
            self.fail(path, f"base: expected at most {LONGEST_CHAIN} scenarios made from each other.")
        table = self._table(("scenarios",))[name]
        if not isinstance(table, dict):
            self.fail(path, f"scenarios.{name}: expected a table, received {table!r}.")
        self._under_way.append(name)
        base = self._base(path, table)
        self._under_way.pop()
        try:
            scenario = read_scenario(name, table, base)
        except FieldError as error:
            self.fail((*path, *error.path), str(error))
        self._scenarios[name] = scenario
        return scenario

    def _base(self, path: tuple[str, ...], table: Mapping[str, Any]) -> Scenario | None:
        text = table.get("base")
        if text is None:
            return None
        if not isinstance(text, str):
            self.fail(
                (*path, "base"), f"base: expected names of scenarios such as 'gzip+nulls', received {text!r}."
            )
        return self._named((*path, "base"), text)

    def _named(self, path: tuple[str, ...], text: str) -> Scenario:
        """The scenario that a text names; the file's own are made for it first."""
        # A scenario that takes the name of one of the catalogue may be made from that one.
        hidden = {name for name in self._under_way if name in CATALOGUE}
        own = _Named(self._table(("scenarios",)), hidden, self._own)
        try:
            return parse_scenario(text, own)
        except ConfigError:
            raise
        except KlingMockError as error:
            self.fail(path, f"{path[-1]}: {error}")

    def _check_together(self, options: dict[str, Any], places: dict[str, tuple[str, ...]]) -> None:
        """Hold all options against each other, and the default scenario against the names there are."""
        try:
            Settings(**options)
        except (SettingsError, UnknownScenario) as error:
            self.fail(places.get(error.option, places.get("scenario", ())), str(error))


class _Named(Mapping[str, Scenario]):
    """The scenarios of a file by name, each made when it is asked for, but for the hidden ones."""

    def __init__(self, tables: Mapping[str, Any], hidden: Set[str], make: Callable[[str], Scenario]) -> None:
        self._tables = tables
        self._hidden = hidden
        self._make = make

    def __getitem__(self, name: str) -> Scenario:
        if name not in self:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        return name in self._tables and name not in self._hidden

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._tables if name not in self._hidden)

    def __len__(self) -> int:
        return len(self._tables) - sum(name in self._tables for name in self._hidden)


def _text(path: Path) -> str:
    """The text of a file that can be read in a moment."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", option="config") from None
    if len(raw) > LARGEST_FILE:
        raise ConfigError(f"{path}: expected at most {LARGEST_FILE} bytes, received more.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise ConfigError(f"{path}: expected UTF-8, received the byte 0x{byte:02x}.") from None
    if problem := too_much(text):
        raise ConfigError(f"{path}: {problem}.")
    return text
