"""Options: read in one way everywhere, and refused by name before anything starts."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, Scenario, Settings, SettingsError
from kling_mock.options import ENV_PREFIX
from kling_mock.settings import server_options
from kling_mock.units import parse_duration, parse_flag, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), (2, 2.0), ("500ms", 0.5), ("3s", 3.0), ("2m", 120.0), ("2min", 120.0), ("1h", 3600.0),
     (" .5 S ", 0.5), ("0", 0.0)],
)  # fmt: skip
def test_times_are_read_with_their_unit(text: Any, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1 d", "s", "1e3", "nan", "inf", -1, math.inf, math.nan, None, [], True, {}]
)
def test_what_is_no_time_is_refused(text: Any) -> None:
    with pytest.raises(SettingsError, match="time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1024", 1024), ("10MB", 10**7), ("64MiB", 64 * 2**20), ("1.5kb", 1500), (7, 7), ("2 GiB", 2**31)],
)
def test_sizes_are_read_with_their_unit(text: Any, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1tb", "MB", "9" * 400, None, True])
def test_what_is_no_size_is_refused(text: Any) -> None:
    with pytest.raises(SettingsError, match="size"):
        parse_size(text)


@given(st.sampled_from(["1", "true", "YES", "on"]), st.sampled_from(["0", "false", "No", "off", ""]))
def test_switches_are_read_from_words(yes: str, no: str) -> None:
    assert parse_flag(yes) is True and parse_flag(no) is False


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("queued", "-1s"),
        ("queued", "soon"),
        ("queued", None),
        ("generating", math.nan),
        ("speed", "fast"),
        ("speed", -1),
        ("speed", 1e9),
        ("speed", []),
        ("port", 65_536),
        ("port", -1),
        ("port", "http"),
        ("port", []),
        ("port", 1.5),
        ("host", None),
        ("polls", "1"),
        ("polls", (1, -1)),
        ("polls", (1, 2, 3)),
        ("polls", 1),
        ("polls", "a,b"),
        ("api_key", ""),
        ("api_key", ("ok", "")),
        ("api_key", 5),
        ("seed", "x"),
        ("max_jobs", 0),
        ("max_body", 0),
        ("max_exchanges", 0),
        ("max_recorded_body", -1),
        ("log_format", "xml"),
        ("strict", "maybe"),
        ("strict", 5),
        ("latency", "-1"),
        ("video_lifetime", -5),
        ("video_lifetime", 10**400),
        ("queued", []),
        ("speed", 10**400),
        ("polls", (10**400, 1)),
        ("max_exchanges", 10**30),
        ("max_jobs", 10**30),
        ("host", ""),
        ("host", True),
        ("control_token", 5),
        ("max_body", []),
        ("scenarios", ["x"]),
        ("scenarios", None),
    ],
)
def test_a_value_that_cannot_be_is_named(option: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=option):
        Settings(**{option: value})
    with pytest.raises(SettingsError, match=option):
        MockServer(**{option: value})


@pytest.mark.parametrize("strict", [1, "1", True, "yes"])
def test_a_switch_becomes_a_boolean(strict: Any) -> None:
    assert Settings(strict=strict).strict is True


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="'generating'"):
        MockServer(generatin="3s")  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="'queued'"):
        Settings().replace(queue=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "scenario", ["complete", "completed;times=2", "poll-reset;tims=2", "poll-reset;times=x", "", 5]
)
def test_a_scenario_that_is_none_is_named_before_anything_starts(scenario: Any) -> None:
    with pytest.raises((SettingsError, LookupError), match=r"scenario|times|tims"):
        MockServer(scenario=scenario)


def test_own_scenarios_are_checked() -> None:
    with pytest.raises(SettingsError, match="scenarios"):
        MockServer(scenarios={"mine": "completed"})  # type: ignore[dict-item]
    with MockServer(scenarios={"mine": Scenario("mine")}, scenario="mine") as server:
        assert server.scenario.name == "mine"


def test_the_environment_sets_every_option() -> None:
    values = {
        "KLING_MOCK_LATENCY": "2m",
        "KLING_MOCK_API_KEY": "a,b",
        "KLING_MOCK_STRICT": "yes",
        "KLING_MOCK_POLLS": "2,3",
        "PATH": "/bin",
    }
    options = Settings.from_environment(values)
    assert options == {"latency": 120.0, "api_key": ("a", "b"), "strict": True, "polls": (2, 3)}
    assert Settings(**options).polls == (2, 3)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match=f"{ENV_PREFIX}QUEUED: expected a time"):
        Settings.from_environment({"KLING_MOCK_QUEUED": "soon"})


def test_every_option_has_a_help_text() -> None:
    for name, option in server_options().items():
        assert option.help and not option.help.endswith("."), name


def test_latency_follows_realistic() -> None:
    assert Settings().answer_latency == 0
    assert Settings(realistic=True).answer_latency > 0
    assert Settings(realistic=True, latency=0).answer_latency == 0
