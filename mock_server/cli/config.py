"""`kling-mock config`: what a configuration file may say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from .commands import Command, Group

__all__ = ["command"]

EPILOG = """\
example:
  kling-mock config schema > mock.schema.json

An editor with TOML support completes and checks a file whose first line is #:schema ./mock.schema.json
"""


def _schema(_given: Mapping[str, Any]) -> int:
    from ..configuration.json_schema import config_schema

    print(json.dumps(config_schema(), indent=2, ensure_ascii=False))
    return 0


def _no_action(_context: click.Context) -> int:
    print("kling-mock config: expected schema. Try --help.", file=sys.stderr)
    return 2


SCHEMA = "print the JSON Schema of a configuration file, for editors"

command = Group(
    "config",
    {"schema": SCHEMA},
    alone=_no_action,
    help="The TOML file of --config.",
    epilog=EPILOG,
    commands={
        "schema": Command("schema", _schema, [], help=f"{SCHEMA[0].upper()}{SCHEMA[1:]}.", epilog=EPILOG)
    },
)
