"""The options of the server, and `Settings`, which holds their values.

Annotations are not postponed, as in `command_options`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal, TypedDict, Unpack, cast

from .command_options import COMMAND_TABLES, SpecsOptions
from .errors import SettingsError, UnknownScenario, did_you_mean, nearest
from .options import (
    FILE,
    HOST,
    INTEGER,
    KEYS,
    POLLS,
    SIZE,
    SPEED,
    SWITCH,
    TIME,
    TOKEN,
    USD,
    WORDS,
    Kind,
    Option,
    mistyped_variables,
    options_of,
    read_environment,
)
from .scenarios import Scenario, parse_scenario
from .store.address import MEMORY, parse_store
from .units import MOST_JSON_VALUES, MOST_KEPT

__all__ = [
    "PACES",
    "ServerOptions",
    "Settings",
    "check_names",
    "check_pacing",
    "layered",
    "server_options",
    "unread_variables",
]

REALISTIC_LATENCY = 0.6
"""Virtual seconds that an answer takes with `realistic`: what the documented runs show per poll."""


def _scenario(value: object) -> str | Scenario:
    if not isinstance(value, str | Scenario):
        raise SettingsError(f"expected a name or a Scenario, received {value!r}.")
    return value


def _scenarios(value: object) -> dict[str, Scenario]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"expected a mapping of names to Scenario values, received {value!r}.")
    for name, own in value.items():
        if not isinstance(own, Scenario):
            raise SettingsError(f"expected a Scenario for {name!r}, received {own!r}.")
    return dict(value)


REDIS_PATTERN = (
    r"^rediss?://([A-Za-z0-9._~%:-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*"
    r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}))?(/[0-9]*)?$"
)
SCENARIO = Kind(_scenario, metavar="NAME")
STORE = Kind(
    parse_store,
    metavar="STORE",
    schema={
        "anyOf": [
            {"const": MEMORY},
            {"type": "string", "pattern": "^sqlite:."},
            {"type": "string", "pattern": REDIS_PATTERN},
        ]
    },
)
SCENARIOS = Kind(_scenarios, schema={"type": "object"})
LOG_FORMAT = Kind.one_of("text", "json", "none")


class ServerOptions(TypedDict, total=False):
    """The table of the server's options, and the types of what may be written for each.

    A bare number is seconds, bytes or a count, as the option says; a text may carry its unit (`"30s"`).
    """

    host: Annotated[str, Option(HOST, "127.0.0.1", "address to listen on")]
    port: Annotated[
        int | str, Option(INTEGER, 8000, "port to listen on; 0 takes a free one", "PORT", 0, 65_535)
    ]
    queued: Annotated[float | str, Option(TIME, 1.0, "how long a job stays queued")]
    generating: Annotated[float | str, Option(TIME, 3.0, "how long it then generates")]
    polls: Annotated[
        tuple[int, int] | list[int] | str | None,
        Option(POLLS, None, "progress by polls instead of time: how many say queued,generating"),
    ]
    realistic: Annotated[bool | str, Option(SWITCH, False, "the documented generation times of each model")]
    latency: Annotated[
        float | str | None, Option(TIME, None, "how long each answer takes (0; 0.6s with --realistic)")
    ]
    speed: Annotated[float | str, Option(SPEED, 1.0, "virtual seconds per real second; 0 freezes")]
    scenario: Annotated[str | Scenario, Option(SCENARIO, "completed", "what happens by default")]
    specs: Annotated[str | os.PathLike[str] | tuple[str, ...] | list[str], options_of(SpecsOptions)["specs"]]
    strict: Annotated[bool | str, Option(SWITCH, False, "answer 400 to what the provider tolerates")]
    api_key: Annotated[
        str | tuple[str, ...] | list[str],
        Option(KEYS, (), "accept only this key (repeatable)", repeatable=True),
    ]
    magic: Annotated[
        bool | str, Option(SWITCH, True, "scenarios from the keys mock-NAME and [mock:NAME] in prompts")
    ]
    seed: Annotated[int | str | None, Option(INTEGER, None, "same seed, same ids, timings and faults")]
    repeat_ids: Annotated[
        bool | str,
        Option(SWITCH, True, "with --seed: ids that no other server has, the rest as before"),
    ]
    max_body: Annotated[int | str, Option(SIZE, 64 * 1024**2, "largest request body", lowest=1)]
    max_memory_bodies: Annotated[
        int | str, Option(SIZE, 512 * 1024**2, "bytes that all requests under way hold together", lowest=1)
    ]
    max_memory_journals: Annotated[
        int | str,
        Option(SIZE, 512 * 1024**2, "bytes that journals of all workspaces hold together", lowest=1),
    ]
    max_connections: Annotated[
        int | str,
        Option(INTEGER, 16_384, "connections that one client may have", lowest=1, highest=MOST_KEPT),
    ]
    head_timeout: Annotated[
        float | str, Option(TIME, 60.0, "real time in which a request's head must end; 0 is no limit")
    ]
    body_timeout: Annotated[
        float | str, Option(TIME, 60.0, "real time between two parts of a body; 0 is no limit")
    ]
    idle_timeout: Annotated[
        float | str, Option(TIME, 60.0, "real time that a connection may be silent; 0 is no limit")
    ]
    max_json_values: Annotated[
        int | str,
        Option(INTEGER, MOST_JSON_VALUES, "most values in a request's JSON", lowest=1, highest=MOST_KEPT),
    ]
    max_jobs: Annotated[
        int | str,
        Option(INTEGER, 100_000, "jobs kept; the oldest finished go first", lowest=1, highest=MOST_KEPT),
    ]
    max_concurrent: Annotated[
        int | str | None,
        Option(INTEGER, None, "unfinished jobs at once; more creates are answered 429", "N", 1, MOST_KEPT),
    ]
    max_exchanges: Annotated[
        int | str, Option(INTEGER, 2_000, "exchanges kept in the journal", lowest=1, highest=MOST_KEPT)
    ]
    prices: Annotated[
        str | os.PathLike[str] | None,
        Option(FILE, None, "prices as the provider's catalogue has them, by model", "FILE.json"),
    ]
    balance: Annotated[
        float | str | None,
        Option(USD, None, "what the account holds; creates beyond it are answered 403 (no limit)", "USD"),
    ]
    max_recorded_body: Annotated[
        int | str, Option(SIZE, 16 * 1024, "bytes of each body that the journal keeps")
    ]
    video_lifetime: Annotated[float | str, Option(TIME, 86_400.0, "how long a video's URL works")]
    control_token: Annotated[
        str | None, Option(TOKEN, None, "open /_mock/ to other hosts, with this bearer token")
    ]
    workspace_per_key: Annotated[bool | str, Option(SWITCH, False, "each API key has a workspace of its own")]
    workspace_idle: Annotated[
        float | str,
        Option(TIME, 3600.0, "real time without a request after which a workspace ends; 0 is never"),
    ]
    max_workspaces: Annotated[
        int | str,
        Option(INTEGER, 1_000, "workspaces beside the one without a name", highest=MOST_KEPT, lowest=0),
    ]
    store: Annotated[
        str,
        Option(
            STORE,
            MEMORY,
            "where all is kept: memory, sqlite:FILE or redis://HOST:PORT/DB",
        ),
    ]
    redact: Annotated[
        str | tuple[str, ...] | list[str],
        Option(
            WORDS,
            (),
            "hide the value of this header, parameter or field as well (repeatable)",
            "NAME",
            repeatable=True,
        ),
    ]
    log_format: Annotated[
        Literal["text", "json", "none"], Option(LOG_FORMAT, "text", "how exchanges are logged")
    ]
    scenarios: Annotated[
        Mapping[str, Scenario],
        Option(SCENARIOS, {}, "own scenarios by name", flag=False, variable=False),
    ]


def server_options() -> Mapping[str, Option]:
    """The server's options by name."""
    return options_of(ServerOptions)


@dataclass(frozen=True, init=False, kw_only=True)
class Settings:
    """The values of all options of a server, read and checked: `Settings(queued="2s", strict=True)`.

    Times are seconds, sizes bytes. A job goes by one of three paces: by times (`queued`, `generating`), by
    the documented times of its model (`realistic`), or by polls (`polls`, two counts). Two of them at once
    contradict each other. Raises `SettingsError` naming the option, and `UnknownScenario`.
    """

    host: str
    port: int
    queued: float
    generating: float
    polls: tuple[int, int] | None
    realistic: bool
    latency: float | None
    speed: float
    scenario: Scenario
    specs: tuple[str, ...]
    strict: bool
    api_key: tuple[str, ...] = field(repr=False)
    magic: bool
    seed: int | None
    repeat_ids: bool
    max_body: int
    max_memory_bodies: int
    max_memory_journals: int
    max_connections: int
    head_timeout: float
    body_timeout: float
    idle_timeout: float
    max_json_values: int
    max_jobs: int
    max_concurrent: int | None
    max_exchanges: int
    prices: str | None
    balance: float | None
    max_recorded_body: int
    video_lifetime: float
    control_token: str | None = field(repr=False)
    workspace_per_key: bool
    workspace_idle: float
    max_workspaces: int
    store: str = field(repr=False)
    redact: tuple[str, ...]
    log_format: str
    scenarios: Mapping[str, Scenario]
    """Own scenarios by name, from the `[scenarios.NAME]` tables of a configuration file."""

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        check_names(options)
        table = server_options()
        given = {name: table[name].read(value) for name, value in options.items()}
        check_pacing(given)
        values = {name: option.default for name, option in table.items()} | given
        if isinstance(values["scenario"], str):
            values["scenario"] = _parsed(values["scenario"], values["scenarios"])
        for name, value in values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_given", given)

    @property
    def given(self) -> Mapping[str, Any]:
        """The options that were given, read; a scenario that was named is its name here."""
        given: dict[str, Any] = self.__dict__["_given"]
        return given

    @cached_property
    def answer_latency(self) -> float:
        """Virtual seconds that each answer takes."""
        if self.latency is not None:
            return self.latency
        return REALISTIC_LATENCY if self.realistic else 0.0

    def replace(self, **changes: Unpack[ServerOptions]) -> "Settings":
        """A copy with other options; a new pace takes the place of the old one (see `layered`)."""
        check_names(changes)
        table = server_options()
        upper = {name: table[name].read(value) for name, value in changes.items()}
        check_pacing(upper)
        return Settings(**layered(self.given, upper))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """The options that `KLING_MOCK_…` variables set, read; an error names the variable."""
        values, variables = read_environment(server_options(), environ)
        check_pacing(values, lambda name: variables[name])
        return values


def _parsed(text: str, own: Mapping[str, Scenario]) -> Scenario:
    """The scenario that the option of this name says; what is wrong is its."""
    try:
        return parse_scenario(text, own)
    except UnknownScenario as error:
        raise error.blaming("scenario") from None
    except SettingsError as error:
        raise SettingsError(str(error), option="scenario") from None


PACES = {"polls": "polls", "realistic": "documented times", "queued": "times", "generating": "times"}
"""Options that say how a job goes on, each with the pace that it asks for."""


def _paces(options: Mapping[str, Any]) -> dict[str, str]:
    """The options of some that ask for a pace; `polls=None` and `realistic=False` ask for none."""
    return {
        name: pace
        for name, pace in PACES.items()
        if name in options and options[name] is not None and options[name] is not False
    }


def check_pacing(options: Mapping[str, Any], written: Callable[[str], str] = lambda name: name) -> None:
    """Refuse options of one place that ask for two paces: `polls` with `queued`, `realistic` with either.

    `options` are read values; `written` gives each name as the user wrote it.
    """
    paces = _paces(options)
    if len(set(paces.values())) > 1:
        first, *others = paces
        names = [written(name) for name in others if paces[name] != paces[first]]
        without = " and ".join(", ".join(names).rsplit(", ", 1))
        raise SettingsError(f"expected without {without}, received together.", option=written(first))


def layered(*layers: Mapping[str, Any]) -> ServerOptions:
    """Options of several places as one, later places over earlier ones; the values are read ones.

    A place that says how a job goes on replaces all that earlier places said of it in another way: times
    replace polls, polls replace times and `realistic`. A new `queued` leaves an earlier `generating` alone.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        asked = set(_paces(layer).values())
        if asked:
            merged = {name: value for name, value in merged.items() if PACES.get(name) in (None, *asked)}
        merged |= layer
    return cast(ServerOptions, merged)


def unread_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each variable of the environment that looks mistyped for one of any command's."""
    tables = (ServerOptions, *COMMAND_TABLES)
    return mistyped_variables([one for table in tables for one in options_of(table).values()], environ)


def check_names(options: Mapping[str, Any]) -> None:
    """Refuse an option that does not exist, naming the nearest that do."""
    known = server_options()
    for name in options:
        if name not in known:
            raise SettingsError(f"There is no option {name!r}.{did_you_mean(nearest(name, known))}")
