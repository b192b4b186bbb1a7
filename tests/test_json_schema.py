"""The TOML file as JSON Schema: what it takes is read, what is written for it is taken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from kling_mock import KlingMockError, Settings
from kling_mock.cli import main
from kling_mock.configuration import dump_scenario
from kling_mock.configuration.json_schema import config_schema, options_schema, scenario_schema
from kling_mock.options import Option
from kling_mock.scenarios import CATALOGUE, scenario_from_json
from kling_mock.settings import server_options

from .test_configuration import WHOLE

SCHEMA = config_schema()
OF_OPTIONS, OF_SCENARIO = options_schema(), scenario_schema()
JUDGE = Draft7Validator(SCHEMA)
OPTIONS = {name: option for name, option in server_options().items() if name != "scenarios"}
SOME = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
WRITTEN: tuple[Any, ...] = (
    0, 1, 2.5, 10**12, True, False, "", "x", "1", "500ms", "2 m", "1h", "64MiB", "10 MB", "1,1", [1, 1],
    [1], "a,b", ["a", "b"], "memory", "sqlite:f", "redis://h/1", "text", "json", "forever", {}, None,
)  # fmt: skip


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What a schema takes, of the words of JSON Schema that ours is made of."""
    if "anyOf" in schema:
        return st.one_of([values(part) for part in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    low, high = schema.get("minimum"), schema.get("maximum", schema.get("exclusiveMaximum"))
    match schema["type"]:
        case "integer":
            return st.integers(low, high)
        case "number":
            return st.floats(low, high, allow_nan=False, exclude_max="exclusiveMaximum" in schema)
        case "string":
            return st.from_regex(schema["pattern"]) if "pattern" in schema else st.text()
        case "boolean":
            return st.booleans()
        case "array":
            most = min(schema.get("maxItems", 4), 4)
            return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=most)
        case _:
            fields = {name: values(part) for name, part in schema["properties"].items()}
            needed = {name: fields.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(needed, optional=fields)


def test_it_is_a_schema_that_editors_know() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].startswith("http://json-schema.org/draft-07/")
    assert set(OPTIONS) | {"server", "scenarios"} == set(SCHEMA["properties"])
    assert all(described.get("description") for described in SCHEMA["properties"].values())


@pytest.mark.slow
@pytest.mark.parametrize("option", OPTIONS.values(), ids=list(OPTIONS))
def test_what_the_schema_takes_an_option_reads(option: Option) -> None:
    @SOME
    @given(values(option.schema))
    def probe(value: Any) -> None:
        option.read(value)

    probe()
    if option.default is not None and option.default != ():
        assert Draft7Validator(option.schema).is_valid(option.schema["default"])


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "scenario"])
def test_what_an_option_reads_the_schema_takes_as_toml_writes_it(name: str) -> None:
    option = OPTIONS[name]
    for value in WRITTEN:
        try:
            kept = option.read(value)
        except KlingMockError:
            continue
        # The kept form, and what was written but for a text that stands for a number or a switch.
        if kept is not None:
            plain = json.loads(json.dumps(kept))
            assert Draft7Validator(option.schema).is_valid(plain), (value, plain)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scenario_of_the_catalogue_is_taken_as_it_is_written(name: str) -> None:
    JUDGE.validate(tomllib.loads(dump_scenario(CATALOGUE[name], strict=True)))


def test_a_file_with_all_there_is_is_taken_and_a_mistyped_word_is_not() -> None:
    JUDGE.validate(tomllib.loads(WHOLE))
    for wrong in (
        "quued = 1",
        "queued = '1x'",
        "polls = [1, 1]\nqueued = 1",
        "[server]\nlog_format = 'xml'",
        "[scenarios.x]\nplan = []",
        "[scenarios.x]\ntimeline = ['queued']",
        "[[scenarios.x.faults]]\nat = 'poll'",
        "[[scenarios.x.faults]]\nat = 'poll'\nkind = 'sttus'",
    ):
        assert not JUDGE.is_valid(tomllib.loads(wrong)), wrong


@SOME
@given(values(OF_OPTIONS).filter(Draft7Validator(OF_OPTIONS).is_valid))
def test_options_that_are_taken_together_are_read_together(options: dict[str, Any]) -> None:
    Settings(**{name: value for name, value in options.items() if name != "scenario"})


@SOME
@given(values(OF_SCENARIO).filter(Draft7Validator(OF_SCENARIO).is_valid))
def test_a_scenario_that_is_taken_is_read_or_refused_for_its_sense(data: dict[str, Any]) -> None:
    data.pop("base", None)
    try:
        scenario_from_json({"name": "x", **data})
    except KlingMockError as error:
        assert "there is no" not in str(error) and "has no" not in str(error)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(SCHEMA))
