"""Checking: the smallest breach, within its limits; the table of properties; what judgements stand on."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.engine import Engine
from kling_mock.contract_tests.generation import scenario_strategies
from kling_mock.contract_tests.generation.payloads import boundary_payloads, valid_payloads
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.properties import PROPERTIES, Context
from kling_mock.contract_tests.properties.base import Failure, Property
from kling_mock.contract_tests.properties.oracles import difference, nulls, undocumented
from kling_mock.contract_tests.running import falsifier
from kling_mock.contract_tests.running.coverage import Coverage
from kling_mock.contract_tests.running.falsifier import SLOW_PROGRAM, Limits, check
from kling_mock.contract_tests.running.models import Outcome, Run, Trial
from kling_mock.contract_tests.running.session import Plan, select_models, select_properties, verify
from kling_mock.contract_tests.running.xfails import Xfails, load_xfails
from kling_mock.errors import ConfigError, SettingsError, UnknownModel
from kling_mock.trace_rules import RULES, Level, Rule
from tests.clients.broken.making import StartsAgain
from tests.clients.reference import generate
from tests.support import UPSTREAM, needs_upstream

MODEL = "kling-video/v1.6/pro/image-to-video"
REQUIRED_SINCE = {"D7": "R"}
"""Properties that have more weight than the catalogue gave them."""
PATIENT = Limits(seconds=math.inf)


def made(judge: Callable[[Run], Failure | None], **options: Any) -> Property:
    """A property of any payload and behaviour, with this judgement."""

    def trials(context: Context) -> st.SearchStrategy[Trial]:
        parts = (valid_payloads(context.model), scenario_strategies.healthy())
        return st.builds(lambda payload, scenario: Trial(context.model, payload, scenario), *parts)

    return Property(
        Rule("X1", "of-a-test", Level.REQUIRED, "Nothing.", "Not at all.", "does nothing"),
        trials,
        judge,
        **options,
    )


def tried(wanted: Property, limits: Limits, seed: int = 0) -> Any:
    client = CallableClient(generate)
    with Engine(client) as engine:
        return check(engine, wanted, Context(MODEL, client), seed=seed, limits=limits)


def test_what_is_always_broken_shrinks_to_the_plainest_case() -> None:
    result = tried(made(lambda run: Failure("always")), Limits(30, math.inf))
    assert result.result == "failed"
    example = result.counterexample
    assert example.trial.payload == boundary_payloads(MODEL)[0].payload
    assert example.trial.scenario == PLAIN
    assert example.says == "always"


@pytest.mark.slow
def test_payload_and_behaviour_shrink_together() -> None:
    def judge(run: Run) -> Failure | None:
        masks = run.trial.payload.get("dynamic_masks")
        return Failure("both") if masks and run.trial.scenario.faults else None

    result = tried(made(judge), Limits(300, math.inf))
    trial = result.counterexample.trial
    assert set(trial.payload) == {"model", "image_url", "dynamic_masks"}
    assert len(trial.payload["dynamic_masks"]) == 1
    assert len(trial.scenario.faults) == 1
    assert trial.scenario.plan is None


def test_examples_are_bounded_and_counted() -> None:
    result = tried(made(lambda run: None), Limits(7, math.inf))
    assert (result.result, result.examples, result.counterexample) == ("passed", 7, None)


def test_a_property_may_need_fewer_examples() -> None:
    assert tried(made(lambda run: None, examples=3), Limits(20, math.inf)).examples == 3


def test_the_time_limit_ends_a_check_and_is_told() -> None:
    result = tried(made(lambda run: None), Limits(20, 1e-9))
    assert (result.result, result.examples) == ("passed", 0)
    assert "time limit" in result.reason


def test_a_breach_found_before_the_time_is_over_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    late = 0.0
    real = time.monotonic
    monkeypatch.setattr(
        falsifier, "time", SimpleNamespace(monotonic=lambda: real() + late, perf_counter=real)
    )

    def judge(run: Run) -> Failure | None:
        nonlocal late
        late = 2_000.0
        return Failure("once")

    result = tried(made(judge), Limits(20, 1_000))
    assert result.result == "failed"
    assert result.counterexample.says == "once"
    assert "stopped by the time limit of 1000 s" in result.reason


def test_what_does_not_apply_is_skipped_with_its_reason() -> None:
    wanted = made(lambda run: Failure("never tried"), applies=lambda context: "not today")
    result = tried(wanted, PATIENT)
    assert (result.result, result.reason, result.examples) == ("skipped", "not today", 0)


@pytest.mark.long
@pytest.mark.slow
def test_the_same_seed_finds_the_same_counterexample() -> None:
    def judge(run: Run) -> Failure | None:
        return Failure("long") if len(run.trial.payload.get("prompt", "")) > 40 else None

    found = [tried(made(judge), Limits(60, math.inf), seed=3).counterexample.trial for _ in range(2)]
    assert found[0].key == found[1].key


@needs_upstream("contract-properties.md")
def test_ids_names_and_levels_are_those_of_the_catalogue() -> None:
    catalogue = (UPSTREAM / "contract-properties.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-F]\d+) \| ([a-z0-9-]+)(?: \(([AS])\))? \|", catalogue, re.M)
    assert len(rows) > 45
    listed = {found: (name, REQUIRED_SINCE.get(found, level or "R")) for found, name, level in rows}
    ours = {one.id: (one.name, str(one.level)) for one in PROPERTIES.values() if one.id in listed}
    assert ours == listed


def test_every_property_says_what_it_costs_and_how_it_is_mended() -> None:
    assert list(PROPERTIES) == [id for id, rule in RULES.items() if rule.in_kit]
    for rule in RULES.values():
        assert rule.cost.endswith(".") and rule.mend.endswith("."), rule.id
    assert len({rule.mend for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize(
    ("patterns", "level", "found"),
    [
        (["B1"], "required", ["B1"]),
        (["b1", "no-blind-repost"], "required", ["B1", "B2"]),
        (["F*"], "required", ["F1", "F2", "F3", "F4"]),
        (["*create*"], "required", ["B1", "B6", "B8", "B9", "B12"]),
        (["D7"], "required", ["D7"]),
    ],
)
def test_properties_are_chosen_by_id_name_or_glob(patterns: list[str], level: str, found: list[str]) -> None:
    chosen = [one.id for one in select_properties(patterns, level)]
    assert chosen == found


def test_what_is_ignored_is_left_out_wherever_it_was_meant() -> None:
    assert [one.id for one in select_properties(["F*"], "required", ["f2", "F4"])] == ["F1", "F3"]
    rest = {one.id for one in select_properties([], "strict", ["A*", "no-blind-repost"])}
    assert rest == {one for one in PROPERTIES if one[0] != "A" and one != "B2"}
    with pytest.raises(SettingsError, match="expected to leave some property"):
        select_properties(["B2"], "required", ["B*"])
    with pytest.raises(SettingsError, match=r"no property 'B77'"):
        select_properties([], "required", ["B77"])


def test_strict_properties_are_tried_at_level_strict_only() -> None:
    required = {one.id for one in select_properties([], "required")}
    strict = {one.id for one in select_properties([], "strict")}
    assert strict - required == {"C20", "D10", "D12", "E3"}


def test_what_does_not_exist_is_named_with_what_is_near() -> None:
    with pytest.raises(SettingsError, match=r"no property 'B77'"):
        select_properties(["B77"], "required")
    with pytest.raises(SettingsError, match="required, strict"):
        select_properties([], "lax")
    with pytest.raises(UnknownModel):
        select_models(["kling-video/v9"])
    assert len(select_models(["*"])) == 142
    once = select_models(["kling-video/v1.6/*"])
    assert select_models(["kling-video/v1.6/*", once[0]]) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert difference(value, value) is None


@pytest.mark.slow
@given(value=st.dictionaries(st.text(min_size=1, max_size=3), JSON, min_size=1, max_size=3), data=st.data())
def test_a_field_left_out_or_added_is_a_difference(value: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    less = {key: inner for key, inner in value.items() if key != name}
    assert "left out" in (difference(less, value) or "")
    assert "not given" in (difference(value, less) or "")


@pytest.mark.parametrize(
    ("sent", "given_", "differ"),
    [
        ("5", 5, False),
        (5.0, 5, False),
        ("x", 5, True),
        (True, 1, True),
        (0, False, True),
        (None, 0, True),
        ([1], [1, 1], True),
    ],
)
def test_a_number_and_its_string_are_the_same_and_nothing_else_is(
    sent: Any, given_: Any, differ: bool
) -> None:
    assert (difference({"a": sent}, {"a": given_}) is not None) is differ


def test_nulls_and_undocumented_keys_are_found_at_any_depth() -> None:
    assert list(nulls({"a": None, "b": [{"c": None}]})) == ["a", "b[0].c"]
    schema = {
        "properties": {
            "masks": {
                "items": {"properties": {"mask": {}, "points": {"anyOf": [{"properties": {"x": {}}}]}}}
            },
            "free": {"type": "object"},
        }
    }
    value = {"masks": [{"mask": 1, "id": 2, "points": {"x": 1, "z": 2}}], "free": {"any": 1}, "new": 1}
    assert list(undocumented(value, schema)) == ["masks[0].id", "masks[0].points.z", "new"]


@pytest.mark.parametrize(
    ("outcome", "crashed"),
    [
        (Outcome("raised", error="TypeError"), True),
        (Outcome("raised", error="some.module.KeyError"), True),
        (Outcome("raised", error="requests.exceptions.JSONDecodeError"), False),
        (Outcome("returned", "TypeError"), False),
    ],
)
def test_a_crash_is_told_from_an_error(outcome: Outcome, crashed: bool) -> None:
    assert outcome.crashed is crashed


@pytest.mark.slow
def test_known_failures_are_read_and_held_to(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("# ours\n\nB1  # pays twice, see #12\nc9 kling-video/*\n")
    xfails = load_xfails(file)
    assert xfails.reason("B1", "any") == "pays twice, see #12"
    assert xfails.reason("C9", "kling-video/v1/x") == "a known failure"
    assert xfails.reason("C9", "klingai/x") is None
    known = Xfails((("B1", "*", "r"), ("B7", "*", "")))
    plan = Plan(models=[MODEL], properties=["B1", "B7", "C9"], xfails=known, limits=PATIENT)
    finished = verify(CallableClient(StartsAgain.run), plan)
    assert [result.result for result in finished.results] == ["xfailed", "xpassed", "failed"]
    assert finished.summary.status == 1
    alone = verify(
        CallableClient(StartsAgain.run),
        Plan(models=[MODEL], properties=["B1"], xfails=xfails, limits=PATIENT),
    )
    assert alone.summary.status == 0


@pytest.mark.parametrize(
    ("text", "says"), [("B1\nQ7\n", ":2: there is no property 'Q7'"), ("B1 a b", ":1: expected")]
)
def test_a_line_that_is_no_known_failure_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "known.txt"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(says)):
        load_xfails(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_xfails(tmp_path / "none")


@pytest.mark.slow
def test_coverage_counts_what_was_shown() -> None:
    coverage = Coverage([MODEL])
    assert coverage.as_dict()["faults"]["shown"] == 0
    client = CallableClient(generate)
    with Engine(client) as engine:
        wanted = made(lambda run: None)
        check(engine, wanted, Context(MODEL, client), limits=Limits(15, math.inf), watch=coverage.see)
    shown = coverage.as_dict()
    assert shown["models"] == {"shown": 1, "of": 1, "missing": []}
    assert "200" not in shown["statuses"]["missing"]
    assert 0 < shown["boundaries"]["shown"] < shown["boundaries"]["of"]
    for part in shown.values():
        assert part["shown"] + len(part["missing"]) == part["of"]


def test_the_time_limit_holds_within_a_run() -> None:
    def spins_after_a_fault(payload: Any, *, base_url: str, api_key: str) -> str:
        url = generate(payload, base_url=base_url, api_key=api_key)
        spinning = True
        while spinning:
            pass
        return url

    client = CallableClient(spins_after_a_fault)
    wanted = made(lambda run: Failure("no end") if run.outcome.kind == "stopped" else None)
    with Engine(client) as engine:
        result = check(engine, wanted, Context(MODEL, client), limits=Limits(5, 1.0))
        assert result.result == "failed"
        assert result.counterexample is not None and result.counterexample.run.past_deadline
        assert result.seconds < engine.driver.real_limit
        assert engine.driver.deadline == math.inf


def test_a_run_that_ends_while_a_program_of_the_clients_works_says_nothing() -> None:
    def starts_a_program(payload: Any, *, base_url: str, api_key: str) -> str:
        url = generate(payload, base_url=base_url, api_key=api_key)
        subprocess.run([sys.executable, "-S", "-c", "while True: pass"], check=True)
        return url

    client = CallableClient(starts_a_program)
    wanted = made(lambda run: Failure("no end") if run.outcome.kind == "stopped" else None)
    with Engine(client) as engine:
        # Time enough for the job itself, on a busy machine too.
        engine.driver.real_limit = 2.0
        result = check(engine, wanted, Context(MODEL, client), limits=Limits(1, math.inf))
    assert (result.result, result.reason) == ("skipped", SLOW_PROGRAM)
