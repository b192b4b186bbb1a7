"""Every option of the server, once: its default, its meaning, how it is read and checked."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .clock import FASTEST
from .errors import SettingsError, did_you_mean, nearest

if TYPE_CHECKING:
    from .scenarios import Scenario

__all__ = [
    "ENV_PREFIX",
    "Settings",
    "check_names",
    "option_fields",
    "parse_duration",
    "parse_flag",
    "parse_integer",
    "parse_option",
    "parse_size",
    "parse_span",
    "parse_text",
]

ENV_PREFIX = "KLING_MOCK_"
MOST_KEPT = 10**9
"""Jobs or exchanges at most: more than memory holds, and within what a container counts."""
REALISTIC_LATENCY = 0.6
"""Virtual seconds that an answer takes with `realistic`: what the documented runs show per poll."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|min|h)?")
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(b|kb|kib|mb|mib|gb|gib)?", re.IGNORECASE)
_SIZE_UNITS = {"b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}


def parse_duration(text: str | float) -> float:
    """Seconds from `1.5`, `500ms`, `3s`, `2m` or `1h`; raises `SettingsError` for anything else."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = _as_float(text)
    else:
        match = _DURATION.fullmatch(str(text).strip().lower())
        if match is None:
            raise SettingsError(f"expected a time such as 1.5, 500ms, 3s or 2m, received {text!r}")
        seconds = float(match[1]) * _DURATION_UNITS[match[2] or "s"]
    if not math.isfinite(seconds) or seconds < 0:
        raise SettingsError(f"expected a finite time of 0 or more, received {text!r}")
    return seconds


def _as_float(number: float) -> float:
    """A number as a float, infinite where it is too large to be one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def parse_span(text: str | float) -> float:
    """Seconds as `parse_duration` reads them, or `forever`, which is infinite."""
    if text in ("forever", "inf", math.inf):
        return math.inf
    return parse_duration(text)


def parse_size(text: str | int) -> int:
    """Bytes from `1048576`, `64MiB` or `10MB`; raises `SettingsError` for anything else."""
    match = _SIZE.fullmatch(str(text).strip())
    if match is None or len(match[1]) > 18:
        raise SettingsError(f"expected a size such as 1048576, 10MB or 64MiB, received {text!r}")
    return int(float(match[1]) * _SIZE_UNITS[(match[2] or "b").lower()])


def parse_flag(text: str | bool) -> bool:
    """A switch from `1`, `true`, `yes`, `on` and their opposites."""
    if isinstance(text, bool):
        return text
    word = str(text).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise SettingsError(f"expected true or false, received {text!r}")


def parse_integer(text: str | int) -> int:
    """A whole number, or a `SettingsError` that shows what was received."""
    try:
        if not isinstance(text, int | str) or isinstance(text, bool):
            raise ValueError
        return int(text)
    except ValueError:
        raise SettingsError(f"expected a whole number, received {text!r}") from None


def parse_speed(text: str | float) -> float:
    """Virtual seconds per real second: 0 freezes the clock."""
    try:
        speed = float(text)
    except (TypeError, ValueError, OverflowError):
        speed = math.nan
    if not 0 <= speed <= FASTEST:
        raise SettingsError(f"expected a number from 0 to {FASTEST:.0f}, received {text!r}")
    return speed


def parse_polls(text: object) -> tuple[int, int]:
    """How many polls say queued and how many generating, from `1,1` or a pair."""
    parts = text.split(",") if isinstance(text, str) else text
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise SettingsError(f"expected two counts such as 1,1 (queued, generating), received {text!r}")
    queued, generating = (parse_integer(part) for part in parts)
    if not 0 <= queued <= MOST_KEPT or not 0 <= generating <= MOST_KEPT:
        raise SettingsError(f"expected two counts from 0 to {MOST_KEPT}, received {text!r}")
    return queued, generating


def parse_text(text: object) -> str:
    """A text with something in it, without blanks around."""
    if not isinstance(text, str) or not text.strip():
        raise SettingsError(f"expected a text that is not empty, received {text!r}")
    return text.strip()


def parse_host(text: object) -> str:
    """An address or a name to listen on; IPv6 with or without its brackets."""
    return parse_text(text).removeprefix("[").removesuffix("]")


def parse_token(text: object) -> str:
    """A token that can stand in a header: visible ASCII."""
    token = parse_text(text)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"expected letters, digits and signs without blanks, received {text!r}")
    return token


def parse_keys(value: object) -> tuple[str, ...]:
    """API keys from a list, or from one string with commas."""
    keys = value.split(",") if isinstance(value, str) else value
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) and key.strip() for key in keys):
        raise SettingsError(f"expected one or more non-empty keys, received {value!r}")
    return tuple(key.strip() for key in keys)


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise SettingsError(f"expected one of {', '.join(allowed)}, received {text!r}")
        return text

    parse.choices = allowed  # type: ignore[attr-defined]
    return parse


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
    max_body: int = _option(64 * 1024**2, parse_size, "largest request body", metavar="SIZE")
    max_jobs: int = _option(100_000, parse_integer, "jobs kept; the oldest finished go first", metavar="N")
    max_exchanges: int = _option(2_000, parse_integer, "exchanges kept in the journal", metavar="N")
    max_recorded_body: int = _option(
        16 * 1024, parse_size, "bytes of each body that the journal keeps", metavar="SIZE"
    )
    video_lifetime: float = _option(86_400.0, parse_duration, "how long a video's URL works", metavar="TIME")
    control_token: str | None = _option(
        None, parse_token, "open /_mock/ to other hosts, with this bearer token", metavar="TOKEN"
    )
    log_format: str = _option("text", _choice("text", "json", "none"), "how exchanges are logged")
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    """Own scenarios by name, from the `[scenarios.NAME]` tables of a configuration file."""

    def __post_init__(self) -> None:
        for option in option_fields():
            value = getattr(self, option.name)
            if value is option.default or (value is None and option.default is None):
                continue
            if value is None:
                raise SettingsError(f"{option.name}: expected a value, received None.")
            object.__setattr__(self, option.name, parse_option(option.name, value))
        if not isinstance(self.scenarios, Mapping):
            raise SettingsError(
                f"scenarios: expected a mapping of names to Scenario values, received {self.scenarios!r}."
            )
        for name, own in self.scenarios.items():
            if not hasattr(own, "faults"):
                raise SettingsError(f"scenarios: expected a Scenario for {name!r}, received {own!r}.")
        for name, lowest, highest in (
            ("port", 0, 65_535),
            ("max_body", 1, None),
            ("max_jobs", 1, MOST_KEPT),
            ("max_exchanges", 1, MOST_KEPT),
        ):
            value = getattr(self, name)
            if value < lowest or (highest is not None and value > highest):
                bound = f"{lowest} to {highest}" if highest is not None else f"{lowest} or more"
                raise SettingsError(f"{name}: expected {bound}, received {value}.")

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
                    raise SettingsError(f"{variable}: {str(error).partition(': ')[2]}") from None
                options[option.name] = not value if option.default is True and variable == negated else value
        return options


def option_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The fields that are options, with `parse`, `help` and `metavar` in their metadata."""
    return tuple(option for option in dataclasses.fields(Settings) if "parse" in option.metadata)


def parse_option(name: str, value: Any) -> Any:
    """One option's value as the command line reads it; a `SettingsError` starts with the option's name."""
    (option,) = (option for option in option_fields() if option.name == name)
    try:
        return option.metadata["parse"](value)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}.") from None


def check_names(options: Mapping[str, Any]) -> None:
    """Refuse an option that does not exist, naming the nearest that do."""
    known = [option.name for option in dataclasses.fields(Settings)]
    for name in options:
        if name not in known:
            raise SettingsError(f"There is no option {name!r}.{did_you_mean(nearest(name, known))}")
