"""Configuration files: options, own scenarios, errors that point at the line, and the way back to TOML."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock import ConfigError, Fault, MockServer, Scenario, SettingsError, find_scenario
from kling_mock.configuration import dump_scenario, load_config
from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import CATALOGUE
from kling_mock.scenarios.fault import KINDS, PLACES
from kling_mock.scenarios.plain_data import SCENARIO_KEYS
from kling_mock.scenarios.scenario import ERROR_SHAPES, SHAPES
from kling_mock.timeline import FINAL_STATUSES, PENDING_STATUSES, STATUSES, Step

WHOLE = """\
strict = true
speed = 60

[server]
queued = "500ms"
api-key = ["one", "two"]
scenario = "bad-day"

[scenarios.bad-day]
summary = "Two hiccups, then the video."
base = "id-awkward + early-gzip"
plan = ["queued", {status = "generating", span = "1m"}, {status = "completed"}]
words = {queued = "waiting"}

[[scenarios.bad-day.faults]]
at = "poll"
kind = "status"
status = 503
retry_after = "5s"
times = 2

[[scenarios.bad-day.faults]]
at = "video"
kind = "truncated"
times = "forever"

[scenarios.early-gzip]
base = "gzip;times=3"
"""


FAULT = "[[scenarios.x.faults]]\nat = 'poll'\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "mock.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    """The message of the error that a file makes, without the folder that it is in."""
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_options_and_scenarios_are_read(tmp_path: Path) -> None:
    options = load_config(written(tmp_path, WHOLE))
    scenario = options.pop("scenarios")["bad-day"]
    assert options == {
        "strict": True,
        "speed": 60.0,
        "queued": 0.5,
        "api_key": ("one", "two"),
        "scenario": "bad-day",
    }
    assert scenario == Scenario(
        "bad-day",
        "Two hiccups, then the video.",
        faults=(
            Fault("any", "gzip", times=3),
            Fault("poll", "status", status=503, retry_after=5.0, times=2),
            Fault("video", "truncated"),
        ),
        plan=(Step("queued"), Step("generating", 60.0), Step("completed")),
        ids="awkward",
        words={"queued": "waiting"},
    )


def test_a_server_takes_what_is_read(tmp_path: Path) -> None:
    options = load_config(written(tmp_path, WHOLE))
    server = MockServer(**options)
    assert server.scenario.name == "bad-day"
    assert server.api_key == "one"


def test_a_scenario_of_the_catalogue_can_be_changed_under_its_name(tmp_path: Path) -> None:
    text = '[scenarios.failed]\nbase = "failed"\nerror = "string"\n'
    own = load_config(written(tmp_path, text))["scenarios"]["failed"]
    assert own == CATALOGUE["failed"].replace(error="string")


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strict = true\nstrct = true\n", "mock.toml:2: there is no option 'strct'. Did you mean 'strict'"),
        ("\n[sever]\nport = 1\n", "mock.toml:2: there is no option 'sever'. Did you mean 'server'"),
        ("\n\nqueued = -1\n", "mock.toml:3: queued: expected a finite time of 0 or more, received -1."),
        ("[server]\n\nport = 70000\n", "mock.toml:3: port: expected 0 to 65535, received 70000."),
        ("strict = 2\n", "mock.toml:1: strict: "),
        ("polls = [1, -1]\n", "mock.toml:1: polls: "),
        ("seed = 1\n[server]\nseed = 2\n", "mock.toml:3: seed: expected once, received twice."),
        ("# a note\nscenario = 'faild'\n", "mock.toml:2: scenario: There is no scenario 'faild'. Did you"),
        ("scenario = 5\n", "mock.toml:1: scenario: expected a name or a Scenario, received 5."),
        ("queued = 1\npolls = [1, 1]\n", "mock.toml:2: polls: expected without queued, received together."),
        ("realistic = true\npolls = '1,1'\n", "mock.toml:2: polls: expected without realistic"),
        ("generating = 1\nrealistic = true\n", "mock.toml:2: realistic: expected without generating"),
        ("server = 5\n", "mock.toml:1: server: expected a table, received 5."),
        ("[scenarios]\nx = 5\n", "mock.toml:2: scenarios.x: expected a table, received 5."),
        ("a = 1\nb = \n", "mock.toml:2: expected TOML: Invalid value at column 5."),
        ("[scenarios.x]\nsumary = ''\n", "mock.toml:2: a scenario has no 'sumary'. Did you mean 'summary'"),
        ("[scenarios.x]\nsummary = 5\n", "mock.toml:2: summary: expected a text, received 5."),
        ("[scenarios.x]\nbase = 5\n", "mock.toml:2: base: expected names of scenarios"),
        ("[scenarios.x]\nbase = 'gzi'\n", "mock.toml:2: base: There is no scenario 'gzi'. Did you mean"),
        (
            "[scenarios.x]\nbase = 'y'\n[scenarios.y]\nbase = 'x'\n",
            "mock.toml:2: base: expected scenarios that do not need each other, received x → y → x.",
        ),
        ("[scenarios.x]\n\nids = 'uid'\n", "mock.toml:3: ids: expected one of "),
        ("[scenarios.x]\nerror = 'strin'\n", "mock.toml:2: error: expected one of "),
        ("[scenarios.x]\ncreate_status = 'done'\n", "mock.toml:2: create_status: expected one of "),
        ("[scenarios.x]\ncreate_code = 204\n", "mock.toml:2: create_code: expected 200 or 201"),
        ("[scenarios.x]\nshapes = 'nulls'\n", "mock.toml:2: shapes: expected a list"),
        ("[scenarios.x]\nshapes = ['null']\n", "mock.toml:2: shapes: expected one of "),
        ("[scenarios.x]\nwords = {queud = 'a'}\n", "mock.toml:2: words: expected one of "),
        ("[scenarios.x]\nwords = ['a']\n", "mock.toml:2: words: expected names such as"),
        ("[scenarios.x]\nplan = 'queued'\n", "mock.toml:2: plan: expected a list of statuses"),
        ("[scenarios.x]\nplan = []\n", "mock.toml:2: plan: expected at least one status"),
        ("[scenarios.x]\nplan = ['done']\n", "mock.toml:2: plan: expected one of "),
        ("[scenarios.x]\nplan = [5]\n", "mock.toml:2: plan: expected a status or "),
        ("[scenarios.x]\ntimeline = ['queued']\n", "mock.toml:2: a scenario has no 'timeline'."),
        (
            "[scenarios.x]\nplan = [\n  'queued',\n  {status = 'generating', spna = 3},\n]\n",
            "mock.toml:4: a step of a plan has no 'spna'. Did you mean 'span'",
        ),
        ("[scenarios.x]\nplan = [{status='queued', span='long'}]\n", "mock.toml:2: span: expected a time"),
        ("host = true\n", "mock.toml:1: host: expected a text that is not empty, received True."),
        ("polls = {}\n", "mock.toml:1: polls: expected two counts"),
        ("log_format = []\n", "mock.toml:1: log_format: expected one of"),
        ("speed = 1e400\n", "mock.toml:1: speed: expected a number"),
        ("queued = 1" + "0" * 400 + "\n", "mock.toml:1: queued: expected a finite time"),
        ("[scenarios.x]\nfaults = 5\n", "mock.toml:2: faults: expected a list of faults, received 5."),
        ("[scenarios.x]\nfaults = [5]\n", "mock.toml:2: faults: expected a fault with at and kind"),
        ("[[scenarios.x.faults]]\nat = 'poll'\n", "mock.toml:1: a fault needs 'kind', which is missing."),
        (
            "[[scenarios.x.faults]]\nat = 'poll'\nkind = 'reset'\n"
            "[[scenarios.x.faults]]\nat = 'poll'\nkind = 'reset'\ntime = 1\n",
            "mock.toml:7: a fault has no 'time'. Did you mean 'times'",
        ),
        ("[[scenarios.x.faults]]\nat = 'pol'\nkind = 'reset'\n", "mock.toml:2: at: expected one of "),
        ("[[scenarios.x.faults]]\nat = 'poll'\nkind = 'rest'\n", "mock.toml:3: kind: expected one of "),
        (FAULT + "kind='reset'\ntimes=1.5\n", "mock.toml:4: times: expected a count of 0 or more or"),
        (FAULT + "kind='reset'\nafter='1'\n", "mock.toml:4: after: expected a count of 0 or more"),
        (FAULT + "kind='slow'\nseconds='x'\n", "mock.toml:4: seconds: expected a time"),
        (FAULT + "kind='slow'\n", "mock.toml:1: seconds: expected more than 0 for the kind 'slow'"),
        (FAULT + "kind='reset'\njob_made=1\n", "mock.toml:4: job_made: expected true or"),
        (FAULT + "kind='reset'\nmessage=1\n", "mock.toml:4: message: expected a text"),
        (FAULT + "kind='status'\nstatus=99\n", "mock.toml:4: status: expected an HTTP"),
    ],
)  # fmt: skip
def test_errors_point_at_the_line(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ('summary = """\n[scenarios.y]\nstrct = 1\n"""\n', 6),
        ("summary = '''\n'''\n", 4),
        ("shapes = [ # nothing ]\n  'nulls', ]\n", 4),
        ('"words" = {"queued" = "a # ]"} # [\n', 3),
        ("plan = ['queued', # {\n 'completed']\n", 4),
    ],
)
def test_lines_are_right_after_values_of_any_form(tmp_path: Path, before: str, line: int) -> None:
    text = f"[scenarios.'a b']\n{before}sumary = 1\n"
    assert refusal(tmp_path, text).startswith(f"mock.toml:{line}: a scenario has no 'sumary'")


def test_a_dotted_key_has_a_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "seed = 1\nserver.prt = 1\n").startswith("mock.toml:2: there is no option 'prt'")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"seed = '\xe9'")
    with pytest.raises(ConfigError, match=r"latin\.toml: expected UTF-8, received the byte 0xe9"):
        load_config(tmp_path / "latin.toml")


def test_every_part_of_a_scenario_can_be_written() -> None:
    fields = {field.name for field in dataclasses.fields(Scenario)} - {"name"}
    assert fields == set(SCENARIO_KEYS) - {"base"}


@pytest.mark.parametrize("scenario", CATALOGUE.values(), ids=CATALOGUE)
def test_the_catalogue_survives_the_way_to_toml_and_back(tmp_path: Path, scenario: Scenario) -> None:
    assert load_config(written(tmp_path, dump_scenario(scenario)))["scenarios"][scenario.name] == scenario


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
seconds = st.floats(0, 1e9, allow_nan=False)
steps = st.builds(
    Step,
    st.sampled_from(STATUSES),
    st.none() | seconds | st.just(math.inf),
    st.none() | st.integers(0, 9),
    st.floats(0, 100, allow_nan=False),
)
# A job that ends in its create goes no way; the others have one, an end of another kind, or neither.
courses = st.one_of(
    st.fixed_dictionaries({"create_status": st.sampled_from(STATUSES)}),
    st.fixed_dictionaries(
        {
            "plan": st.none() | st.lists(steps, min_size=2, max_size=4).map(tuple),
            "stretch": st.none() | st.floats(0, 100, allow_nan=False),
            "create_status": st.none() | st.sampled_from(PENDING_STATUSES),
        }
    ),
    st.fixed_dictionaries({"end": st.sampled_from(FINAL_STATUSES)}),
)
faults = st.sampled_from(PLACES).flatmap(
    lambda place: st.builds(
        Fault,
        at=st.just(place),
        kind=st.sampled_from(list(KINDS)),
        times=st.none() | st.integers(0, 9),
        after=st.integers(0, 9),
        since=st.floats(0, 99, allow_nan=False),
        until=st.just(math.inf) | st.floats(100, 1e9, allow_nan=False),
        status=st.none() | st.integers(200, 599),
        message=texts,
        retry_after=st.none() | seconds,
        retry_date=st.booleans(),
        seconds=seconds.filter(bool),
        job_made=st.booleans() if place in ("create", "any") else st.just(False),
    )
)
scenarios = st.builds(
    lambda course, **values: Scenario(**course, **values),
    courses,
    name=texts,
    summary=texts,
    faults=st.lists(faults, max_size=3).map(tuple),
    create_code=st.sampled_from([None, 200, 201]),
    ids=st.none() | st.sampled_from(list(ID_STYLES)),
    shapes=st.frozensets(st.sampled_from(list(SHAPES)), max_size=3),
    error=st.none() | st.sampled_from(list(ERROR_SHAPES)),
    words=st.dictionaries(st.sampled_from(STATUSES), texts),
)


@pytest.mark.slow
@given(scenario=scenarios, seed=st.none() | st.integers(0, 2**32), strict=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_dumped_scenario_is_read_back_equal(
    tmp_path: Path, scenario: Scenario, seed: int | None, strict: bool
) -> None:
    options = load_config(written(tmp_path, dump_scenario(scenario, seed=seed, strict=strict)))
    assert options["scenarios"] == {scenario.name: scenario}
    assert options["scenario"] == scenario.name
    assert (options.get("seed"), options["strict"]) == (seed, strict)


def test_a_dumped_scenario_is_the_default_of_the_server_that_gets_it(tmp_path: Path) -> None:
    scenario = find_scenario("id-awkward") | find_scenario("poll-reset", times=2)
    options = load_config(written(tmp_path, dump_scenario(scenario)))
    assert MockServer(**options).scenario == scenario


def test_dumping_an_option_that_is_none_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"There is no option 'sed'\. Did you mean 'seed'"):
        dump_scenario(CATALOGUE["failed"], sed=1)  # type: ignore[call-arg]
