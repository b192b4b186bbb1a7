"""The options of the commands besides those of the server, which are in `settings`.

Light to import: the pytest plugin reads the table of the contract kit in every session. Annotations are not
postponed here, as they are elsewhere: an `Option` that is a text would be compiled anew at every start.
"""

import os
from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

from .options import (
    ADDRESS,
    FILE,
    FOLDERS,
    INTEGER,
    SPEED,
    SWITCH,
    TIME,
    TOKEN,
    USD,
    WORDS,
    Kind,
    Option,
)

__all__ = [
    "COMMAND_TABLES",
    "LEVELS",
    "CheckOptions",
    "ConfigOptions",
    "ContractOptions",
    "HealthOptions",
    "ImportOptions",
    "InitOptions",
    "JsonOptions",
    "JudgeOptions",
    "MachineOptions",
    "ReportOptions",
    "RunOptions",
    "ServeOptions",
    "SpecsAddOptions",
    "SpecsOptions",
    "SpecsSyncOptions",
    "UrlOptions",
    "ValidateOptions",
    "VerifyOptions",
]

LEVELS = ("required", "strict")

Words = Sequence[str]
Path = str | os.PathLike[str]
Level = Literal["required", "strict"]


class ConfigOptions(TypedDict, total=False):
    """A configuration file, for every command that takes the server's options."""

    config: Annotated[
        Path | None, Option(FILE, None, "options and own scenarios from a TOML file", "FILE.toml")
    ]


class SpecsOptions(TypedDict, total=False):
    """Own documents, for every command that reads contracts."""

    specs: Annotated[
        Words,
        Option(
            FOLDERS,
            (),
            "own OpenAPI documents beside the vendored ones (repeatable)",
            repeatable=True,
        ),
    ]


class JsonOptions(TypedDict, total=False):
    """How a command prints."""

    json: Annotated[bool, Option(SWITCH, False, "print JSON")]


class UrlOptions(TypedDict, total=False):
    """A server that runs already, for `health` and for pytest's `--kling-server`."""

    url: Annotated[
        str | None,
        Option(TOKEN, None, "a server that runs, such as http://127.0.0.1:8000", "URL", flag=False),
    ]


class HealthOptions(TypedDict, total=False):
    """What `health` takes."""

    wait: Annotated[float | str | None, Option(TIME, None, "how long it is asked again until it answers")]


class JudgeOptions(TypedDict, total=False):
    """What of a verdict counts, for every command that gives one."""

    ignore: Annotated[
        Words,
        Option(WORDS, (), "leave a rule out of the verdict, such as A1 (repeatable)", "ID", repeatable=True),
    ]
    junit: Annotated[Path | None, Option(FILE, None, "write the verdict as JUnit XML", "FILE.xml")]


class RunOptions(JudgeOptions, total=False):
    """What `run` takes besides the server's options."""

    fast_forward: Annotated[bool, Option(SWITCH, False, "sleeping and waiting for the mock cost nothing")]
    hosts: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "answer for this host as well (repeatable)",
            "NAME",
            repeatable=True,
            word="api_host",
            variable=False,
        ),
    ]
    offline: Annotated[
        bool | None,
        Option(
            SWITCH,
            None,
            "refuse every other host, and list it at the end (default where CI is set)",
            negatable=True,
        ),
    ]
    sandbox: Annotated[
        bool | None,
        Option(
            SWITCH,
            None,
            "give the program a network with nothing but the mock in it (Linux); --offline. With "
            "--no-sandbox hooks and the proxy alone keep --offline",
            negatable=True,
        ),
    ]
    timeout: Annotated[
        float | str | None,
        Option(TIME, None, "end the program after this much real time, with status 124", above=True),
    ]
    check: Annotated[bool, Option(SWITCH, False, "fail where the trace breaks a rule of level R")]
    budget: Annotated[float | str | None, Option(USD, None, "fail where more would have been billed", "USD")]
    report: Annotated[
        Path | None, Option(FILE, None, "write the summary to a file as JSON, - for stdout", "FILE.json")
    ]


class ServeOptions(JudgeOptions, total=False):
    """What `serve` takes besides the server's options."""

    workers: Annotated[
        int | str,
        Option(INTEGER, 1, "processes that answer; more than one needs a --store", lowest=1, highest=256),
    ]
    check: Annotated[bool, Option(SWITCH, False, "fail where a rule of level R is broken")]
    timeout: Annotated[
        float | str | None,
        Option(TIME, None, "end the command after this much real time, with status 124", above=True),
    ]
    report: Annotated[
        Path | None, Option(FILE, None, "write the verdict to a file as JSON at the end", "FILE.json")
    ]


class ReportOptions(JudgeOptions, total=False):
    """What `report` takes."""

    format: Annotated[
        Literal["text", "markdown", "json"],
        Option(
            Kind.one_of("text", "markdown", "json"),
            "text",
            "how the verdict is printed",
            "FORM",
            variable=False,
        ),
    ]
    rules: Annotated[
        Words,
        Option(WORDS, (), "a rule's id (repeatable)", "ID", repeatable=True, word="rule", variable=False),
    ]
    levels: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "required, strict or advice (repeatable)",
            "LEVEL",
            repeatable=True,
            word="level",
            variable=False,
        ),
    ]
    so_far: Annotated[bool, Option(SWITCH, False, "leave open what is not over yet: the tests still run")]
    report: Annotated[Path | None, Option(FILE, None, "write the verdict to a file as JSON", "FILE.json")]


class CheckOptions(SpecsOptions, JudgeOptions, JsonOptions, total=False):
    """What `check` takes."""

    api_hosts: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "a host that is the API as well (repeatable)",
            "NAME",
            repeatable=True,
            word="api_host",
            variable=False,
        ),
    ]
    side: Annotated[
        Literal["both", "client", "server"],
        Option(Kind.one_of("both", "client", "server"), "both", "whose mistakes count", variable=False),
    ]
    report: Annotated[Path | None, Option(FILE, None, "write the report as JSON", "FILE.json")]


class ValidateOptions(SpecsOptions, JsonOptions, total=False):
    """What `validate` takes."""

    strict: Annotated[
        bool,
        Option(
            SWITCH,
            False,
            "refuse what the API overlooks: numeric strings, undocumented fields, rules of the prose",
        ),
    ]
    legacy: Annotated[
        bool,
        Option(
            SWITCH, False, "judge by the contract of the older path, /v2/generate/video/…", word="older_path"
        ),
    ]


class SpecsAddOptions(TypedDict, total=False):
    """What `specs add` takes."""

    into: Annotated[
        Path | None, Option(FILE, None, "the folder to write it to (default: to the output)", "FOLDER")
    ]
    force: Annotated[bool, Option(SWITCH, False, "replace a file that is already there")]


class SpecsSyncOptions(TypedDict, total=False):
    """What `specs sync` takes."""

    source: Annotated[
        str,
        Option(
            ADDRESS,
            "https://api.aimlapi.com",
            "the address whose catalogue is read",
            "URL",
            word="from",
        ),
    ]
    into: Annotated[
        Path | None, Option(FILE, None, "write changed and new documents, and prices, to it", "FOLDER")
    ]
    models: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "a model's id or a glob (repeatable; default: all)",
            "MODEL",
            repeatable=True,
            word="model",
        ),
    ]
    report: Annotated[
        Path | None, Option(FILE, None, "write the report: Markdown for .md, else JSON, - for stdout", "FILE")
    ]


class ContractOptions(SpecsOptions, total=False):
    """How thoroughly a client is checked: for `verify`, for `contract_test` and for pytest's `--kling-…`."""

    models: Annotated[
        Words,
        Option(WORDS, (), "a model's id or a glob (repeatable)", "MODEL", repeatable=True, word="model"),
    ]
    properties: Annotated[
        Words,
        Option(
            WORDS, (), "a property's id, name or a glob (repeatable)", "ID", repeatable=True, word="property"
        ),
    ]
    ignore: Annotated[
        Words,
        Option(WORDS, (), "leave a property out, such as B7 (repeatable)", "ID", repeatable=True),
    ]
    level: Annotated[
        Level,
        Option(Kind.one_of(*LEVELS), "required", "required, or strict for the strict ones as well", "LEVEL"),
    ]
    fields: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "the fields that the client takes, such as prompt,image_url (default: its signature's, or all)",
            "NAMES",
            repeatable=True,
        ),
    ]
    max_examples: Annotated[int | str, Option(INTEGER, 20, "examples per property and model", lowest=1)]
    strength: Annotated[
        int | str,
        Option(
            INTEGER, 2, "behaviours that come together in all ways: 2, or 3 for triples", lowest=2, highest=3
        ),
    ]
    timeout: Annotated[
        float | str,
        Option(TIME, 300.0, "real time after which a property of a model is cut short", above=True),
    ]
    seed: Annotated[int | str, Option(INTEGER, 0, "same seed, same examples")]
    prices: Annotated[
        Path | None,
        Option(FILE, None, "prices as the provider's catalogue has them, by model", "FILE.json"),
    ]
    budget: Annotated[
        float | str | None,
        Option(USD, None, "fail where more would have been billed (verify: in a run of the client)", "USD"),
    ]
    xfails: Annotated[
        Path | None, Option(FILE, None, "known failures, a line each: ID [MODEL] [# reason]; strict")
    ]
    save: Annotated[Path, Option(FILE, ".kling-mock", "where counterexamples go", "DIR")]
    redact: Annotated[
        Words,
        Option(
            WORDS,
            (),
            "hide the value of this header, parameter or field as well (repeatable)",
            "NAME",
            repeatable=True,
        ),
    ]


class VerifyOptions(ContractOptions, total=False):
    """What `verify` takes."""

    jobs: Annotated[
        int | str | None,
        Option(
            INTEGER,
            None,
            "processes that check at once (default for a command two per processor, one if it stays, else 1)",
            "N",
            lowest=1,
            short="-j",
        ),
    ]
    keep_alive: Annotated[
        bool, Option(SWITCH, False, "the command stays: a payload a line on stdin, a result a line on stdout")
    ]
    list: Annotated[
        bool, Option(SWITCH, False, "list the properties, each with what it asks", variable=False)
    ]
    server: Annotated[
        str | None,
        Option(
            TOKEN,
            None,
            "check on a server that runs already, in real time, a workspace a run",
            "URL",
            variable=False,
        ),
    ]
    isolate: Annotated[bool, Option(SWITCH, False, "each call of the function in a process of its own")]
    report: Annotated[Path | None, Option(FILE, None, "write the report as JSON", "FILE.json")]
    html: Annotated[
        Path | None, Option(FILE, None, "write the report as one page with drawn traces", "FILE.html")
    ]
    junit: Annotated[Path | None, Option(FILE, None, "write the report as JUnit XML", "FILE.xml")]


class ImportOptions(TypedDict, total=False):
    """What is read from the environment alone, when a client's module is imported."""

    import_seconds: Annotated[
        float | str, Option(TIME, 60.0, "real seconds that an import may take", above=True, flag=False)
    ]


class InitOptions(TypedDict, total=False):
    """What `init` takes."""

    dry_run: Annotated[
        bool, Option(SWITCH, False, "print what would be written, and write nothing", variable=False)
    ]


class MachineOptions(TypedDict, total=False):
    """What is read from the environment alone, by `timing`, in child processes too."""

    slowness: Annotated[
        float | str, Option(SPEED, 1.0, "how many times slower than usual this machine is", flag=False)
    ]


COMMAND_TABLES: tuple[type, ...] = (
    ConfigOptions,
    JsonOptions,
    UrlOptions,
    HealthOptions,
    ServeOptions,
    RunOptions,
    ReportOptions,
    CheckOptions,
    ValidateOptions,
    SpecsAddOptions,
    SpecsSyncOptions,
    VerifyOptions,
    ImportOptions,
    InitOptions,
    MachineOptions,
)
"""Every table but the server's."""
