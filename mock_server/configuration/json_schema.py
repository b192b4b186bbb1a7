"""The TOML file as JSON Schema, for editors; made from the tables that read it."""

from __future__ import annotations

from itertools import product
from typing import Any

from ..fields import fields_schema
from ..scenarios import CATALOGUE, Scenario
from ..settings import PACES, server_options

__all__ = ["config_schema", "options_schema", "scenario_schema"]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors know best: taplo (Even Better TOML) and JetBrains read this one."""
NAMES = "Names joined with +, faults with options behind a semicolon: id-awkward+poll-server-error;times=2."


def config_schema() -> dict[str, Any]:
    """A file of options and own scenarios, as `load_config` reads it."""
    options = options_schema()
    tables = {
        "server": {"$ref": "#/definitions/options", "description": "The options, or some of them."},
        "scenarios": {
            "type": "object",
            "additionalProperties": {"$ref": "#/definitions/scenario"},
            "description": "Own scenarios by name.",
        },
    }
    return {
        "$schema": DIALECT,
        "title": "kling-mock",
        "description": "Options of a mock server, and scenarios of your own.",
        **options,
        "properties": {**options["properties"], **tables},
        "definitions": {"options": options, "scenario": scenario_schema()},
    }


def options_schema() -> dict[str, Any]:
    """The server's options as an object; a file may write their names with a dash, too."""
    properties = {name: option.schema for name, option in server_options().items() if name != "scenarios"}
    properties["scenario"] = {**properties["scenario"], **_scenario_name()}
    dashed = {f"^{name.replace('_', '-')}$": properties[name] for name in properties if "_" in name}
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": dashed,
        "additionalProperties": False,
        "not": {"anyOf": _contradictions()},
    }


def scenario_schema() -> dict[str, Any]:
    """One scenario of a file, whose table has its name."""
    schema = fields_schema(Scenario)
    fields = {name: field for name, field in schema["properties"].items() if name != "name"}
    base = {"base": {"description": f"What it is made from. {NAMES}", **_scenario_name()}}
    return {**schema, "properties": {**base, **fields}, "required": []}


def _scenario_name() -> dict[str, Any]:
    """A text, for which editors offer the names of the catalogue."""
    return {"anyOf": [{"enum": list(CATALOGUE)}, {"type": "string", "pattern": "\\S"}]}


def _contradictions() -> list[dict[str, Any]]:
    """Two options that ask for two paces, so that they are refused in one place."""
    pairs = [
        sorted((one, other))
        for one, other in product(PACES, repeat=2)
        if one < other and PACES[one] != PACES[other]
    ]
    return [
        {"required": pair, "properties": {name: {"not": {"enum": [None, False]}} for name in pair}}
        for pair in pairs
    ]
