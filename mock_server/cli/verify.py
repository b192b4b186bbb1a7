"""`kling-mock verify`: somebody's client checked against the contract, in words, JSON, HTML and JUnit."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from ..errors import SettingsError
from ..settings import ENV_PREFIX
from ..units import parse_duration, parse_integer

__all__ = ["add_parser"]

T = TypeVar("T")

EPILOG = """\
examples:
  kling-mock verify my_package.client:generate
  kling-mock verify my_package.client:generate --model 'klingai/v2.5-turbo/*' --level strict
  kling-mock verify --report report.json --html report.html -- node client.js
  kling-mock verify my_package.client:generate --property B1 --property C8 --seed 7

The client is a Python function generate(payload, *, base_url, api_key) -> str, sync or async, that returns
the video's URL or raises; or a command that reads the payload as JSON from stdin, takes KLING_BASE_URL and
KLING_API_KEY from its environment, prints the URL as its last line and exits with 0, or not with 0.

exit status: 0 every property that counts is kept, 1 at least one is broken, 2 the client could not be run
or nothing could be tried.
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "--model": {"action": "append", "metavar": "MODEL", "help": "a model's id or a glob (repeatable)"},
    "--property": {
        "action": "append",
        "metavar": "ID",
        "help": "a property's id, name or a glob (repeatable)",
    },
    "--level": {"metavar": "LEVEL", "help": "required, or strict for the strict ones as well"},
    "--max-examples": {"metavar": "N", "help": "examples per property and model (default: 20)"},
    "--time-limit": {"metavar": "TIME", "help": "real time per property and model (default: 20s)"},
    "--seed": {"metavar": "N", "help": "same seed, same examples (default: 0)"},
    "--xfails": {"metavar": "FILE", "help": "known failures, a line each: ID [MODEL] [# reason]; strict"},
    "--report": {"metavar": "FILE.json", "help": "write the report as JSON"},
    "--html": {"metavar": "FILE.html", "help": "write the report as one page with timelines"},
    "--junit": {"metavar": "FILE.xml", "help": "write the report as JUnit XML"},
    "--save": {"metavar": "DIR", "help": "where counterexamples go (default: .kling-mock)"},
}
DEFAULTS = {
    "level": "required",
    "max_examples": "20",
    "time_limit": "20s",
    "seed": "0",
    "save": ".kling-mock",
}


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "verify",
        help="check a client against the contract",
        description="Check a client against the contract: generated payloads and server behaviour, shrunk.",
        epilog=EPILOG,
        usage="kling-mock verify [options] MODULE:FUNCTION | -- CMD [ARG ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", nargs="*", metavar="TARGET", help="MODULE:FUNCTION, or a command after --")
    for flag, options in OPTIONS.items():
        parser.add_argument(flag, **options)
    parser.set_defaults(handler=run)


def run(namespace: argparse.Namespace) -> int:
    """Check the client; the exit status says how it went."""
    if not namespace.target:
        raise SettingsError(
            "expected a client: MODULE:FUNCTION such as my_package.client:generate, or a command after --."
        )
    # By string: this package never imports the kit by statement.
    running = import_module("kling_mock.contract_tests.running.cli_run")
    status: int = running.run(
        namespace.target,
        models=_several(namespace, "model"),
        properties=_several(namespace, "property"),
        level=_one(namespace, "level"),
        max_examples=_read(namespace, "max_examples", parse_integer),
        time_limit=_read(namespace, "time_limit", parse_duration),
        seed=_read(namespace, "seed", parse_integer),
        **{name: _one(namespace, name) for name in ("xfails", "report", "html", "junit", "save")},
    )
    return status


def _one(namespace: argparse.Namespace, name: str) -> str | None:
    """An option, or its variable in the environment, or its default."""
    value = getattr(namespace, name)
    if value is None:
        value = os.environ.get(ENV_PREFIX + name.upper())
    return value if value is not None else DEFAULTS.get(name)


def _several(namespace: argparse.Namespace, name: str) -> list[str]:
    """A repeatable option; in the environment its values are separated by commas."""
    value: list[str] | None = getattr(namespace, name)
    if value is None:
        text = os.environ.get(ENV_PREFIX + name.upper(), "")
        value = [part.strip() for part in text.split(",") if part.strip()]
    return value


def _read(namespace: argparse.Namespace, name: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(_one(namespace, name) or "")
    except SettingsError as error:
        raise error.blaming(f"--{name.replace('_', '-')}") from None
