"""One table of options: every place that takes them reads it, and types say what it says."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, Scenario, Settings, SettingsError, UnknownScenario, find_scenario
from kling_mock.command_options import COMMAND_TABLES, ContractOptions, RunOptions, VerifyOptions
from kling_mock.configuration import load_config
from kling_mock.contract_tests import contract_test
from kling_mock.options import given_options, options_of, read_options
from kling_mock.settings import ServerOptions, check_pacing, layered, server_options, unread_variables

ROOT = Path(__file__).parents[1]
TABLES = (ServerOptions, *COMMAND_TABLES)
EVERYWHERE = [(table, name) for table in TABLES for name in options_of(table)]


def test_settings_has_an_attribute_of_the_read_type_for_every_option() -> None:
    types = typing.get_type_hints(Settings)
    assert set(server_options()) == set(types)
    for name, option in server_options().items():
        if name in ("scenario", "scenarios", "log_format"):
            continue
        read = typing.get_type_hints(option.kind.parse)["return"]
        assert types[name] == (read | None if option.default is None else read), name


def test_every_default_is_one_that_its_option_reads() -> None:
    for table, name in EVERYWHERE:
        option = options_of(table)[name]
        assert option.read(option.default) == option.default, (table, name)


@pytest.mark.parametrize("takes_options", [MockServer.__init__, MockServer.configure, Settings.replace])
def test_keyword_arguments_are_typed_by_the_table(takes_options: Any) -> None:
    (options,) = (
        one
        for one in inspect.signature(takes_options, eval_str=True).parameters.values()
        if one.kind is one.VAR_KEYWORD
    )
    assert options.annotation == typing.Unpack[ServerOptions]


MISTYPED = """\
from kling_mock import MockServer, Settings

Settings(queued="30s", generating=1, polls=None)
MockServer(queued="30s", api_key=["a"], scenario="failed")
MockServer(queud=1)
MockServer(queued=[1])
Settings(polls=3)
MockServer().configure(strct=True)
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_type_checker_finds_mistyped_options(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(MISTYPED, encoding="utf-8")
    words = ["--config-file", str(ROOT / "pyproject.toml"), "--follow-imports=silent", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error: " in line}
    assert lines == {5, 6, 7, 8}, done.stdout + done.stderr


PACES = st.fixed_dictionaries(
    {},
    optional={
        "polls": st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
        "realistic": st.booleans(),
        "queued": st.floats(0, 99),
        "generating": st.floats(0, 99),
        "strict": st.booleans(),
    },
)


def is_sound(options: Any) -> bool:
    try:
        check_pacing(options)
    except SettingsError:
        return False
    return True


SOUND = PACES.filter(is_sound)


@pytest.mark.slow
@given(st.lists(SOUND, max_size=4))
def test_layers_never_contradict_each_other_and_the_last_word_counts(layers: list[Any]) -> None:
    merged: Any = layered(*layers)
    settings = Settings(**merged)
    for layer in layers[-1:]:
        for name, value in layer.items():
            assert getattr(settings, name) == value
        if layer.get("polls") is not None:
            assert not settings.realistic and "queued" not in merged and "generating" not in merged
        if "queued" in layer or "generating" in layer:
            assert settings.polls is None and not settings.realistic


@pytest.mark.slow
@given(SOUND, SOUND)
def test_replacing_options_is_laying_them_over_the_given_ones(first: Any, second: Any) -> None:
    assert Settings(**first).replace(**second) == Settings(**layered(first, second))


@given(PACES)
def test_two_paces_in_one_place_are_refused(options: Any) -> None:
    by = {
        "polls" if options.get("polls") is not None else None,
        "documented" if options.get("realistic") else None,
        "times" if "queued" in options or "generating" in options else None,
    } - {None}
    if len(by) < 2:
        Settings(**options)
        return
    with pytest.raises(SettingsError, match=r"^(polls|realistic): expected without .*, received together\.$"):
        Settings(**options)


@pytest.mark.parametrize("scenario", ["nosuch", "", "poll-reset;tims=2"])
def test_a_scenario_that_is_none_is_refused_at_once(scenario: str) -> None:
    with pytest.raises((UnknownScenario, SettingsError)):
        Settings(scenario=scenario)
    with pytest.raises((UnknownScenario, SettingsError)):
        Settings().replace(scenario=scenario)


def test_a_scenario_is_read_once_and_by_the_users_own_names_first() -> None:
    with pytest.raises(SettingsError, match="scenario: expected a name or a Scenario, received 5"):
        Settings(scenario=5)  # type: ignore[arg-type]
    own = Scenario("failed", "my own")
    assert Settings(scenario="failed", scenarios={"failed": own}).scenario is own
    assert Settings(scenario="failed").replace(scenarios={"failed": own}).scenario is own
    assert Settings(scenario="failed").scenario == find_scenario("failed")


@pytest.mark.parametrize(
    ("option", "lowest", "highest"),
    [("port", 0, 65_535), ("max_body", 1, None), ("max_jobs", 1, 10**9), ("max_exchanges", 1, 10**9)],
)
def test_bounds_are_the_tables(option: str, lowest: int, highest: int | None) -> None:
    assert getattr(Settings(**{option: lowest}), option) == lowest  # type: ignore[arg-type]
    bound = f"{lowest} or more" if highest is None else f"{lowest} to {highest}"
    with pytest.raises(SettingsError, match=f"^{option}: expected {bound}, received {lowest - 1}"):
        Settings(**{option: lowest - 1})  # type: ignore[arg-type]
    if highest is not None:
        assert getattr(Settings(**{option: highest}), option) == highest  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match=f"^{option}: expected {bound}, received {highest + 1}"):
            Settings(**{option: highest + 1})  # type: ignore[arg-type]


def test_the_command_line_wins_over_the_environment_over_the_default() -> None:
    table = options_of(VerifyOptions)
    environ = {"KLING_MOCK_MAX_EXAMPLES": "3", "KLING_MOCK_MODEL": "a, b", "KLING_MOCK_TIMEOUT": "1m"}
    options = read_options(table, {"max_examples": "4", "models": (), "level": None}, environ)
    assert (options["max_examples"], options["models"]) == (4, ("a", "b"))
    assert (options["timeout"], options["level"], options["seed"]) == (60.0, "required", 0)


@pytest.mark.parametrize(
    ("table", "variable", "says"),
    [
        (RunOptions, "TIMEOUT", "expected a time such as"),
        (RunOptions, "OFFLINE", "expected true or false"),
        (VerifyOptions, "MAX_EXAMPLES", "expected a whole number"),
        (VerifyOptions, "LEVEL", "expected one of required, strict"),
        (ServerOptions, "PORT", "expected a whole number"),
    ],
)
def test_a_wrong_variable_is_blamed_itself(table: type, variable: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"^KLING_MOCK_{variable}: {says}"):
        read_options(options_of(table), {}, {f"KLING_MOCK_{variable}": "soon"})


def test_every_option_of_every_command_has_its_variable() -> None:
    without = [name for table, name in EVERYWHERE if not options_of(table)[name].variables]
    assert " ".join(without) == "scenarios hosts format rules levels api_hosts side list server dry_run"


def test_variables_that_are_read_somewhere_are_not_called_mistyped() -> None:
    every = {variable: "1" for table, name in EVERYWHERE for variable in options_of(table)[name].variables}
    assert unread_variables({**every, "KLING_MOCK_UPSTREAM": "1", "KLING_MOCK_RUN": "1"}) == []
    (said,) = unread_variables({"KLING_MOCK_MAX_EXAMPEL": "3"})
    assert "Did you mean 'KLING_MOCK_MAX_EXAMPLES'?" in said


def test_keyword_arguments_of_the_kit_are_read_by_the_same_table() -> None:
    assert given_options(ContractOptions, {"timeout": "1m"})["timeout"] == 60
    with pytest.raises(SettingsError, match=r"There is no option 'sed'\. Did you mean 'seed'"):
        contract_test("client:generate", sed=1)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="max_examples: expected 1 or more, received 0"):
        contract_test("client:generate", max_examples=0)


def test_a_flag_over_a_file_replaces_its_pace(tmp_path: Path) -> None:
    file = tmp_path / "mock.toml"
    file.write_text("polls = [1, 1]\n", encoding="utf-8")
    settings = Settings(**layered(load_config(file), {"queued": 5.0}))
    assert (settings.queued, settings.polls) == (5, None)
