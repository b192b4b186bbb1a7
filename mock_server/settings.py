"""Every option of the server, once: its default, its meaning, how it is read and checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import SettingsError, did_you_mean, nearest
from .units import (
    MOST_KEPT,
    one_of,
    parse_duration,
    parse_flag,
    parse_host,
    parse_integer,
    parse_keys,
    parse_polls,
    parse_size,
    parse_speed,
    parse_token,
)

if TYPE_CHECKING:
    from .scenarios import Scenario

__all__ = ["ENV_PREFIX", "Settings", "check_names", "option_fields", "parse_option"]

ENV_PREFIX = "KLING_MOCK_"
REALISTIC_LATENCY = 0.6
"""Virtual seconds that an answer takes with `realistic`: what the documented runs show per poll."""


def _option(default: Any, parse: Callable[[Any], Any], help: str, *, metavar: str = "") -> Any:
    metadata = {"parse": parse, "help": help, "metavar": metavar}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server is started with; every field is an option, an environment variable and a TOML key.

    `Settings(queued="2s")` parses as the command line does. Raises `SettingsError` naming the option.
    """

    host: str = _option("127.0.0.1", parse_host, "address to listen on", metavar="ADDRESS")
    port: int = _option(8000, parse_integer, "port to listen on; 0 takes a free one", metavar="PORT")
    queued: float = _option(1.0, parse_duration, "how long a job stays queued", metavar="TIME")
    generating: float = _option(3.0, parse_duration, "how long it then generates", metavar="TIME")
    polls: tuple[int, int] | None = _option(
        None, parse_polls, "progress by polls instead of time: how many say queued,generating", metavar="N,N"
    )
    realistic: bool = _option(False, parse_flag, "the documented generation times of each model")
    latency: float | None = _option(
        None, parse_duration, "how long each answer takes (0; 0.6s with --realistic)", metavar="TIME"
    )
    speed: float = _option(1.0, parse_speed, "virtual seconds per real second; 0 freezes", metavar="N")
    scenario: str | Scenario = _option(
        "completed", lambda value: value, "what happens by default", metavar="NAME"
    )
    strict: bool = _option(False, parse_flag, "answer 400 to what the provider tolerates")
    api_key: tuple[str, ...] = _option((), parse_keys, "accept only this key (repeatable)", metavar="KEY")
    magic: bool = _option(True, parse_flag, "scenarios from the keys mock-NAME and [mock:NAME] in prompts")
    seed: int | None = _option(None, parse_integer, "same seed, same ids, timings and faults", metavar="N")
    repeat_ids: bool = _option(
        True, parse_flag, "with --seed: other ids in each server, timings and faults as before"
    )
    max_body: int = _option(64 * 1024**2, parse_size, "largest request body", metavar="SIZE")
    max_memory_bodies: int = _option(
        512 * 1024**2, parse_size, "bytes that all requests under way hold together", metavar="SIZE"
    )
    max_connections: int = _option(16_384, parse_integer, "connections that one client may have", metavar="N")
    head_timeout: float = _option(
        60.0, parse_duration, "real time in which a request's head must end; 0 is no limit", metavar="TIME"
    )
    body_timeout: float = _option(
        60.0, parse_duration, "real time between two parts of a body; 0 is no limit", metavar="TIME"
    )
    idle_timeout: float = _option(
        60.0, parse_duration, "real time that a connection may be silent; 0 is no limit", metavar="TIME"
    )
    max_jobs: int = _option(100_000, parse_integer, "jobs kept; the oldest finished go first", metavar="N")
    max_exchanges: int = _option(2_000, parse_integer, "exchanges kept in the journal", metavar="N")
    max_recorded_body: int = _option(
        16 * 1024, parse_size, "bytes of each body that the journal keeps", metavar="SIZE"
    )
    video_lifetime: float = _option(86_400.0, parse_duration, "how long a video's URL works", metavar="TIME")
    control_token: str | None = _option(
        None, parse_token, "open /_mock/ to other hosts, with this bearer token", metavar="TOKEN"
    )
    log_format: str = _option("text", one_of("text", "json", "none"), "how exchanges are logged")
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    """Own scenarios by name, from the `[scenarios.NAME]` tables of a configuration file."""

    def __post_init__(self) -> None:
        for option in option_fields():
            value = getattr(self, option.name)
            if value is option.default or (value is None and option.default is None):
                continue
            if value is None:
                raise SettingsError("expected a value, received None.", option=option.name)
            object.__setattr__(self, option.name, parse_option(option.name, value))
        if not isinstance(self.scenarios, Mapping):
            raise SettingsError(
                f"expected a mapping of names to Scenario values, received {self.scenarios!r}.",
                option="scenarios",
            )
        for name, own in self.scenarios.items():
            if not hasattr(own, "faults"):
                raise SettingsError(
                    f"expected a Scenario for {name!r}, received {own!r}.", option="scenarios"
                )
        for name, lowest, highest in (
            ("port", 0, 65_535),
            ("max_body", 1, None),
            ("max_memory_bodies", 1, None),
            ("max_connections", 1, MOST_KEPT),
            ("max_jobs", 1, MOST_KEPT),
            ("max_exchanges", 1, MOST_KEPT),
        ):
            value = getattr(self, name)
            if value < lowest or (highest is not None and value > highest):
                bound = f"{lowest} to {highest}" if highest is not None else f"{lowest} or more"
                raise SettingsError(f"expected {bound}, received {value}.", option=name)

    @property
    def answer_latency(self) -> float:
        """Virtual seconds that each answer takes."""
        if self.latency is not None:
            return self.latency
        return REALISTIC_LATENCY if self.realistic else 0.0

    def replace(self, **changes: Any) -> Settings:
        """A copy with other options; an unknown name is an error that shows the nearest ones."""
        check_names(changes)
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """The options that `KLING_MOCK_…` variables set, parsed; names the variable in an error."""
        options: dict[str, Any] = {}
        for option in option_fields():
            variable = ENV_PREFIX + option.name.upper()
            # A switch that is on by default is --no-NAME on the command line.
            negated = f"{ENV_PREFIX}NO_{option.name.upper()}" if option.default is True else variable
            variable = variable if variable in environ else negated
            if variable in environ:
                try:
                    value = parse_option(option.name, environ[variable])
                except SettingsError as error:
                    raise error.blaming(variable) from None
                options[option.name] = not value if option.default is True and variable == negated else value
        return options


def option_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The fields that are options, with `parse`, `help` and `metavar` in their metadata."""
    return tuple(option for option in dataclasses.fields(Settings) if "parse" in option.metadata)


def parse_option(name: str, value: Any) -> Any:
    """One option's value as the command line reads it; a `SettingsError` blames the option."""
    (option,) = (option for option in option_fields() if option.name == name)
    try:
        return option.metadata["parse"](value)
    except SettingsError as error:
        raise error.blaming(name) from None


def check_names(options: Mapping[str, Any]) -> None:
    """Refuse an option that does not exist, naming the nearest that do."""
    known = [option.name for option in dataclasses.fields(Settings)]
    for name in options:
        if name not in known:
            raise SettingsError(f"There is no option {name!r}.{did_you_mean(nearest(name, known))}")
