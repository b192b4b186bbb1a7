"""Bodies are judged by their variant's contract, with the right words."""

import copy
import functools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.catalog import Variant, load_catalog
from kling_mock.catalog.schema import walk
from kling_mock.validation import Problem, Validator, closed, fast_judge, judge, message, noted
from tests.support import SOME_VARIANTS, mostly_long

from .boundaries import accepted, alternatives, minimal, refused

CATALOG = load_catalog()
VALIDATOR = Validator(CATALOG)
CONTRACTS = [(variant, legacy) for variant in CATALOG.variants for legacy in sorted({False, variant.legacy})]
IDS = [f"{variant.model}{'-older' * legacy}" for variant, legacy in CONTRACTS]
I2V = CATALOG.find("kling-video/v1.6/pro/image-to-video")
BODY = {"model": I2V.model, "image_url": "https://example.com/a.png"}
SOME = [(variant, legacy) for variant, legacy in CONTRACTS if variant in SOME_VARIANTS]
SOME_IDS = [f"{variant.model}{' older' * legacy}" for variant, legacy in SOME]
some_contracts = pytest.mark.parametrize(("variant", "legacy"), SOME, ids=SOME_IDS)
few_contracts = pytest.mark.parametrize(("variant", "legacy"), mostly_long(SOME, 3), ids=SOME_IDS)
each_contract = pytest.mark.parametrize(("variant", "legacy"), CONTRACTS, ids=IDS)


def paths(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.path for problem in problems]


@pytest.mark.slow
@each_contract
def test_every_boundary_value_is_accepted(variant: Variant, legacy: bool) -> None:
    schema = CATALOG.create_schema(variant.model, legacy=legacy)
    count = 0
    for body in accepted(schema):
        verdict = VALIDATOR.check(variant, body, legacy=legacy)
        assert verdict.valid, (body, message(verdict.violations))
        # Nothing but rules of the prose: no field is unknown, no number a string.
        assert all(finding.constraint.startswith("rule:") for finding in verdict.findings), body
        count += 1
    assert count > 4


@pytest.mark.slow
@each_contract
def test_every_value_just_beyond_is_refused_with_its_field_named(variant: Variant, legacy: bool) -> None:
    schema = CATALOG.create_schema(variant.model, legacy=legacy)
    several = [
        name
        for name, field in schema["properties"].items()
        if any(alternatives(one) for _, one in walk(field) if isinstance(one, dict))
    ]
    count = 0
    for body, path in refused(schema):
        verdict = VALIDATOR.check(variant, body, legacy=legacy)
        field = path.removeprefix(".")
        found = paths(verdict.violations)
        if any(name == field.partition(".")[0] for name in several):
            # Of alternatives all are named that a value may have been meant for.
            assert field in found and {one.partition(".")[0] for one in found} == {field.partition(".")[0]}
        else:
            assert set(found) == {field}, (body, message(verdict.violations))
        assert field in message(verdict.violations)
        count += 1
    assert count > 10


@functools.cache
def judges(model: str, legacy: bool) -> list[tuple[Any, Any, Any]]:
    """Every schema that bodies of a contract are judged by, with both of its validators."""
    schema = CATALOG.create_schema(model, legacy=legacy)
    judged = [schema, closed(schema), *(rule["schema"] for rule in schema.get("x-rules", []))]
    return [(one, fast_judge(one), judge(one)) for one in judged]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.sampled_from(
        [5, 5.0, 10, 1, 1.0, -0.0, 0.5, 1e308, -1e308, 2**63, 2**64, 2.0**64, -10.0, 77, "5", "0.5"]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
    | st.sampled_from(
        ["https://example.com/a", "data:,", "QUJD" * 5, "http://\u00e9.fr/\U0001f600", "http://a b"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@functools.cache
def values(model: str, legacy: bool, name: str) -> tuple[list[Any], list[Any]]:
    """Right and wrong values of a field."""
    field = CATALOG.create_schema(model, legacy=legacy)["properties"][name]
    return list(accepted(field)), [value for value, _ in refused(field)]


@st.composite
def bodies(draw: st.DrawFn, model: str, legacy: bool) -> Any:
    """Bodies near the contract: fields with right, wrong and arbitrary values; now and then any JSON."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    schema = CATALOG.create_schema(model, legacy=legacy)
    body = copy.deepcopy(minimal(schema))
    for name in draw(st.lists(st.sampled_from(sorted(schema["properties"])), max_size=4, unique=True)):
        kind = draw(st.integers(0, 2))
        body[name] = draw(JSON if kind == 2 else st.sampled_from(values(model, legacy, name)[kind]))
    if draw(st.integers(0, 5)) == 0:
        body[draw(st.text(max_size=5))] = draw(JSON)
    return body


@pytest.mark.slow
@few_contracts
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_fast_judge_never_disagrees_with_jsonschema(
    variant: Variant, legacy: bool, data: st.DataObject
) -> None:
    body = data.draw(bodies(variant.model, legacy))
    for judged, fast, slow in judges(variant.model, legacy):
        assert fast.is_valid(body) == slow.is_valid(body), (judged, body)


@pytest.mark.slow
@few_contracts
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_verdict_is_that_of_jsonschema_on_what_the_api_makes_of_the_body(
    variant: Variant, legacy: bool, data: st.DataObject
) -> None:
    schema = CATALOG.create_schema(variant.model, legacy=legacy)
    body = data.draw(bodies(variant.model, legacy))
    before = copy.deepcopy(body)
    verdict = VALIDATOR.check(variant, body, legacy=legacy)
    strict = VALIDATOR.check(variant, body, legacy=legacy, strict=True)
    assert body == before
    if judge(schema).is_valid(body):
        assert verdict.valid
    overlooked = {finding.constraint for finding in verdict.findings}
    if "numeric-string" not in overlooked and "anyOf" not in str(schema):
        assert verdict.valid == judge(schema).is_valid(body)
    assert set(strict.violations) == set(verdict.violations) | set(verdict.findings)
    assert strict.findings == ()
    assert strict.valid or message(strict.violations)


def test_a_message_names_every_violated_constraint() -> None:
    mask = {"mask": "m", "trajectories": [{"x": 1, "y": 1}]}
    body = {
        "model": I2V.model,
        "prompt": None,
        "duration": 7,
        "cfg_scale": 1.5,
        "dynamic_masks": [mask] * 7,
        "camera_control": {"type": "sideways", "config": {"pan": 10.01, "roll": "-11"}},
    }
    verdict = VALIDATOR.check(I2V, body)
    assert set(paths(verdict.violations)) == {
        "image_url",
        "prompt",
        "duration",
        "cfg_scale",
        "dynamic_masks",
        *(f"dynamic_masks[{index}].trajectories" for index in range(7)),
        "camera_control.type",
        "camera_control.config.pan",
        "camera_control.config.roll",
    }
    text = message(verdict.violations)
    assert "duration: Invalid enum value. Expected 5 | 10, received 7" in text
    assert "cfg_scale: Expected a number of at most 1, received 1.5" in text
    assert "dynamic_masks: Expected at most 6 items, received 7" in text
    assert "dynamic_masks[0].trajectories: Expected at least 2 items, received 1" in text
    assert "prompt: Expected a string, received null" in text
    assert "image_url: Expected a value (the field is required), received nothing" in text
    assert (
        "Expected 'simple' | 'down_back' | 'forward_up' | 'right_turn_forward' | 'left_turn_forward'" in text
    )


def test_numeric_strings_and_unknown_fields_are_findings_until_strict() -> None:
    mask = {"mask": "m", "colour": "red", "trajectories": [{"x": "1", "y": 2, "z": 3}, {"x": 3, "y": -4}]}
    body = {**BODY, "duration": "5", "cfg_scale": "0.5", "last_image_url": "x", "dynamic_masks": [mask]}
    verdict = VALIDATOR.check(I2V, body)
    assert verdict.valid
    assert {(finding.path, finding.constraint) for finding in verdict.findings} == {
        ("duration", "numeric-string"),
        ("cfg_scale", "numeric-string"),
        ("dynamic_masks[0].trajectories[0].x", "numeric-string"),
        ("last_image_url", "undocumented"),
        ("dynamic_masks[0].colour", "undocumented"),
        ("dynamic_masks[0].trajectories[0].z", "undocumented"),
    }
    strict = VALIDATOR.check(I2V, body, strict=True)
    assert set(strict.violations) == set(verdict.findings)


@pytest.mark.parametrize(
    "text", ["", " ", "5 ", "five", "0x5", "1e400", "5" * 100, "05", "+5", ".5", "\u0665", "NaN"]
)
def test_other_strings_are_no_numbers(text: str) -> None:
    assert paths(VALIDATOR.check(I2V, {**BODY, "duration": text}).violations) == ["duration"]
    assert paths(VALIDATOR.check(I2V, {**BODY, "cfg_scale": text}).violations) == ["cfg_scale"]


@pytest.mark.parametrize("duration", [5, 5.0, 10, "5", "10", "5.0", "1e1"])
def test_a_number_may_be_written_in_several_ways(duration: object) -> None:
    assert VALIDATOR.check(I2V, {**BODY, "duration": duration}).valid


@pytest.mark.parametrize(
    ("field", "value"), [("duration", "7"), ("cfg_scale", "1.0001"), ("cfg_scale", "-0.1")]
)
def test_a_numeric_string_beyond_a_bound_is_a_violation(field: str, value: str) -> None:
    verdict = VALIDATOR.check(I2V, {**BODY, field: value})
    assert paths(verdict.violations) == [field]


@pytest.mark.parametrize("body", [None, 5, "text", [], [BODY], True])
def test_a_body_that_is_no_object_is_a_violation(body: object) -> None:
    verdict = VALIDATOR.check(I2V, body)
    assert [(p.path, p.expected) for p in verdict.violations] == [("", "an object")]
    assert message(verdict.violations).startswith("Expected an object, received ")


@pytest.mark.slow
def test_of_an_array_far_beyond_its_limit_only_that_is_said() -> None:
    masks = [{"mask": "m", "trajectories": [{"x": "1", "y": None}] * 200_000}] * 7
    verdict = VALIDATOR.check(I2V, {**BODY, "dynamic_masks": masks})
    assert paths(verdict.violations) == [f"dynamic_masks[{n}].trajectories" for n in range(7)] + [
        "dynamic_masks"
    ]
    assert verdict.findings == ()


def test_of_an_array_a_little_beyond_its_limit_each_item_is_told() -> None:
    mask = {"mask": "m", "trajectories": [{"x": "1", "y": None}] * 100}
    verdict = VALIDATOR.check(I2V, {**BODY, "dynamic_masks": [mask]})
    assert len(verdict.violations) == 101
    assert len(verdict.findings) == 100


@pytest.mark.parametrize("model", [5, None, ["a"], {"a": 1}, True])
def test_a_model_that_is_no_string_is_one_clean_violation(model: object) -> None:
    verdict = VALIDATOR.check(I2V, {**BODY, "model": model})
    assert [(p.path, p.constraint) for p in verdict.violations] == [("model", "type")]


def test_what_parse_json_never_returns_is_judged_all_the_same() -> None:
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    assert VALIDATOR.check(I2V, {**BODY, "prompt": "\ud800"}).violations == ()
    assert VALIDATOR.check(I2V, {**BODY, "image_url": "https://e.com/\ud800"}).violations == ()
    assert paths(VALIDATOR.check(I2V, {**BODY, "\ud800": 1}).findings) == ["\ud800"]
    assert paths(VALIDATOR.check(I2V, {**BODY, "model": "\ud800"}).violations) == ["model"]
    assert paths(VALIDATOR.check(I2V, {**BODY, "prompt": nested}).violations) == ["prompt"]
    assert not VALIDATOR.check(I2V, {**BODY, "cfg_scale": math.inf}).valid


def test_received_values_are_shown_short() -> None:
    verdict = VALIDATOR.check(I2V, {**BODY, "image_url": "?" * 10**5, "prompt": ["y"] * 999, "k" * 999: 1})
    assert all(len(problem.sentence()) < 300 for problem in verdict.violations + verdict.findings)
    assert len(paths(verdict.violations)) == 2


V1_PRO = CATALOG.find("kling-video/v1/pro/image-to-video")
OLD = {"model": V1_PRO.model, "image_url": "https://example.com/a.png", "prompt": "p"}
POINTS = [{"x": 1, "y": 2}, {"x": 3, "y": 4}]


@pytest.mark.parametrize(
    "fields",
    [
        {
            "dynamic_masks": [{"mask": "m", "trajectories": POINTS}] * 6,
            "static_mask": "m",
            "type": "image-to-video",
        },
        {"dynamic_masks": [{"mask_url": "https://e.com/m", "trajectories": POINTS * 50}] * 9, "ratio": "1:1"},
        {"static_mask_url": "https://example.com/m.png", "aspect_ratio": "9:16"},
        {"dynamic_masks": []},
    ],
)
def test_a_body_that_fits_either_older_contract_is_valid(fields: dict[str, Any]) -> None:
    verdict = VALIDATOR.check(V1_PRO, {**OLD, **fields}, legacy=True, strict=True)
    assert verdict.violations == ()


@pytest.mark.parametrize(
    ("masks", "path", "constraint"),
    [
        ([{"mask": "m", "trajectories": POINTS}] * 7, "dynamic_masks", "maxItems"),
        ([{"mask": "m", "trajectories": POINTS[:1]}], "dynamic_masks[0].trajectories", "minItems"),
        ([{"mask_url": "nonsense"}], "dynamic_masks[0].mask_url", "format"),
        (
            [{"mask_url": "https://e.com/m", "trajectories": [{"x": 0.5}]}],
            "dynamic_masks[0].trajectories[0].x",
            "type",
        ),
        (5, "dynamic_masks", "type"),
    ],
)
def test_of_alternatives_the_best_fitting_one_explains(masks: object, path: str, constraint: str) -> None:
    verdict = VALIDATOR.check(V1_PRO, {**OLD, "dynamic_masks": masks}, legacy=True)
    assert [(p.path, p.constraint) for p in verdict.violations] == [(path, constraint)]


def test_the_older_contract_is_used_only_where_there_is_one() -> None:
    avatar = CATALOG.find("klingai/avatar-pro")
    body = {"model": avatar.model, "image_url": "https://e.com/a", "audio_url": "https://e.com/b"}
    assert VALIDATOR.check(avatar, body, legacy=True).valid
    assert not VALIDATOR.check(V1_PRO, {"model": V1_PRO.model, "type": "image-to-video"}, legacy=True).valid
    finding = VALIDATOR.check(V1_PRO, {**OLD, "static_mask_url": "x"}).findings
    assert paths(finding) == ["static_mask_url"]


OMNI = {"model": "klingai/video-v3-omni-720p-image-to-video", "image_url": "https://e.com/a.png"}
V3 = {"model": "klingai/video-v3-pro-text-to-video"}
EFFECT = {"model": "klingai/kling-video-v1.6-pro-effects"}
TURBO = {"model": "klingai/video-v3-turbo-pro-text-to-video"}
PICTURE = {"reference_image_urls": ["https://e.com/a.png"]}
FILM = {**PICTURE, "video_url": "https://e.com/a.mp4"}
LINK = "https://e.com/a.png"


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        ({**V3, "prompt": "a"}, []),
        ({**V3, "multi_prompt": ["a", "b"]}, []),
        ({**V3}, ["prompt-or-multi-prompt"]),
        ({**V3, "prompt": "a", "multi_prompt": ["b"]}, ["prompt-or-multi-prompt"]),
        ({**TURBO, "prompt": "a", "multi_prompt": None}, []),
        ({**TURBO, "multi_prompt": None}, ["prompt-or-multi-prompt"]),
        ({**OMNI, "multi_prompt": ["a"] * 6}, []),
        ({**OMNI, "multi_prompt": ["a"] * 7}, ["one-to-six-shots"]),
        ({**OMNI, "multi_prompt": []}, ["one-to-six-shots"]),
        ({**OMNI, "prompt": "a", "tail_image_url": LINK}, ["tail-image-needs-silence"]),
        (
            {**OMNI, "prompt": "a", "tail_image_url": LINK, "generate_audio": True},
            ["tail-image-needs-silence"],
        ),
        ({**OMNI, "prompt": "a", "tail_image_url": LINK, "generate_audio": False}, []),
        ({**OMNI, "prompt": "a", "elements": [FILM, PICTURE]}, []),
        ({**OMNI, "prompt": "a", "elements": [FILM, PICTURE, FILM]}, ["one-video-element"]),
        ({**EFFECT, "effect_scene": "hug", "image_url": [LINK, LINK]}, []),
        ({**EFFECT, "effect_scene": "kiss", "image_url": [LINK]}, ["two-people-two-images"]),
        ({**EFFECT, "effect_scene": "heart_gesture", "image_url": LINK}, ["two-people-two-images"]),
        ({**EFFECT, "effect_scene": "fight", "image_url": [LINK] * 3}, ["two-people-two-images"]),
        ({**EFFECT, "effect_scene": "squish", "image_url": LINK}, []),
        ({**EFFECT, "effect_scene": "squish", "image_url": [LINK]}, []),
        ({**EFFECT, "effect_scene": "expansion", "image_url": [LINK, LINK]}, ["one-image-effects"]),
        ({**EFFECT, "effect_scene": "pet_bee", "image_url": [LINK, LINK]}, []),
        (
            {
                "model": "klingai/avatar-pro",
                "image_url": LINK,
                "audio_url": "data:audio/mpeg;base64," + "A" * 6_990_508,
            },
            [],
        ),
        (
            {
                "model": "klingai/avatar-pro",
                "image_url": LINK,
                "audio_url": "data:audio/mpeg;base64," + "A" * 6_990_900,
            },
            ["audio-up-to-5-mb"],
        ),
    ],
    ids=range(24),
)
def test_rules_of_the_prose_are_findings_until_strict(body: dict[str, Any], broken: list[str]) -> None:
    variant = CATALOG.find(body["model"])
    verdict = VALIDATOR.check(variant, body)
    assert verdict.violations == ()
    assert [finding.constraint for finding in verdict.findings] == [f"rule:{name}" for name in broken]
    strict = VALIDATOR.check(variant, body, strict=True)
    assert [p.constraint for p in strict.violations] == [f"rule:{name}" for name in broken]
    assert all(len(p.sentence()) < 300 for p in strict.violations)


def test_both_names_of_a_model_are_valid() -> None:
    variant = CATALOG.find("klingai/video-v2-6-pro-motion-control")
    for model in (variant.model, *variant.aliases):
        body = {"model": model, "image_url": LINK, "video_url": "https://e.com/v.mp4"}
        assert VALIDATOR.check(variant, body, strict=True).violations == ()


def test_warming_builds_what_checks_use() -> None:
    validator = Validator(CATALOG)
    validator.warm(CATALOG.variants[:2])
    variant = CATALOG.variants[0]
    body = minimal(CATALOG.create_schema(variant.model))
    assert validator.check(variant, body).valid


def _masks(count: int, points: int, point: dict[str, Any]) -> dict[str, Any]:
    model = "kling-video/v1/pro/image-to-video"
    masks = [{"mask": 5, "trajectories": [point] * points}] * count
    return {"model": model, "image_url": "https://example.com/a.png", "dynamic_masks": masks}


@pytest.mark.parametrize("legacy", [False, True])
def test_of_a_body_with_endless_problems_only_so_many_are_told(legacy: bool) -> None:
    body = _masks(40, 500, {"x": "a", "q": 1})
    verdict = VALIDATOR.check(CATALOG.find(body["model"]), body, legacy=legacy)
    assert 0 < len(verdict.violations) <= 1000 and len(verdict.findings) <= 1000
    assert len(message(verdict.violations)) < 200_000
    if legacy:
        assert message(verdict.violations).endswith("; no more than 1000 are named")


@pytest.mark.slow
def test_only_so_much_of_a_body_is_looked_at_for_what_may_be_overlooked() -> None:
    body = _masks(900, 100, {"x": "1", "y": "2"})
    body["dynamic_masks"] = [
        {"mask_url": "https://example.com/m.png", "trajectories": mask["trajectories"]}
        for mask in body["dynamic_masks"]
    ]
    verdict = VALIDATOR.check(CATALOG.find(body["model"]), body, legacy=True)
    assert not verdict.valid and len(verdict.findings) == 1000


def test_one_wrong_item_at_the_end_of_a_long_array_is_found() -> None:
    body = _masks(0, 0, {})
    fine = {"mask_url": "https://example.com/m.png", "trajectories": [{"x": 1, "y": 2}] * 500}
    body["dynamic_masks"] = [fine, {**fine, "trajectories": [{"x": 1, "y": 2}] * 499 + [{"x": 1.5, "y": 2}]}]
    verdict = VALIDATOR.check(CATALOG.find(body["model"]), body, legacy=True)
    assert paths(verdict.violations) == ["dynamic_masks[1].trajectories[499].x"]


def test_a_string_beyond_a_bound_is_shown_as_the_string_that_it_was() -> None:
    verdict = VALIDATOR.check(I2V, BODY | {"cfg_scale": "1.5"})
    assert message(verdict.violations) == (
        "cfg_scale: Expected a number of at most 1, received the string '1.5'"
    )


def test_the_journal_keeps_the_first_problems_and_the_number_of_the_rest() -> None:
    problems = tuple(Problem(f"a{number}", "b", "c", "d") for number in range(60))
    kept = noted(problems)
    assert kept[:50] == problems[:50] and len(kept) == 51
    assert "10 more" in kept[50].sentence()
    assert noted(problems[:50]) == problems[:50]


def test_what_the_api_takes_has_no_undocumented_field() -> None:
    verdict = VALIDATOR.check(I2V, BODY | {"aspect_ratio": "9:16", "duration": "10"})
    assert verdict.taken == BODY | {"duration": 10}
