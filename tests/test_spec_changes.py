"""What changed between two documents, and what that means to clients."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kling_mock.catalog import CREATE_PATH, load_catalog
from kling_mock.cli.main import main
from kling_mock.specs.comparing import Source, changes
from kling_mock.specs.severity import severity_of, worst

from .mutations import ANSWER_CHANGES, CHANGES, mutations

MUTATIONS = 200
MODEL = "klingai/avatar-pro"


@pytest.mark.slow
def test_seeded_changes_are_classed_right() -> None:
    catalog = load_catalog()
    wrong, kinds = [], Counter[str]()
    for model, what, severity, before, after in mutations(MUTATIONS):
        ours, theirs = (Source("x", document).creates(model, catalog) for document in (before, after))
        found = changes(ours, theirs, wording=True)
        kinds[what.split()[0]] += 1
        if worst(change.difference.severity for change in found) != severity:
            wrong.append((model, what, severity, [(one.line(), one.difference.severity) for one in found]))
    assert len(wrong) <= MUTATIONS * 0.05, wrong
    # Nearly every kind of change is among them.
    every = [*CHANGES, *ANSWER_CHANGES]
    assert len(kinds) >= len(every) - 5, {one.__name__ for one in every} - set(kinds)


def test_a_change_undone_is_the_opposite() -> None:
    catalog = load_catalog()
    for model, what, severity, before, after in mutations(60, seed=1):
        ours, theirs = (Source("x", document).creates(model, catalog) for document in (before, after))
        there = worst(change.difference.severity for change in changes(ours, theirs))
        back = worst(change.difference.severity for change in changes(theirs, ours))
        if severity == "widening" and there == "widening":
            assert back == "breaking", (model, what)
        assert (there is None) is (back is None)
        assert changes(ours, ours, wording=True) == changes(theirs, theirs, wording=True) == []


@pytest.mark.parametrize(
    ("keyword", "ours", "theirs", "severity"),
    [
        ("minimum", {"minimum": 0}, {"exclusiveMinimum": -1}, "widening"),
        ("minimum", {"exclusiveMinimum": 0}, {"minimum": 0}, "widening"),
        ("exclusiveMinimum", {"minimum": 0}, {"exclusiveMinimum": 0}, "breaking"),
        ("minimum", {"exclusiveMinimum": 0}, {"exclusiveMinimum": 0, "minimum": -5}, "wording"),
        ("maximum", {}, {"maximum": 3}, "breaking"),
        ("exclusiveMaximum", {"exclusiveMaximum": 3}, {"maximum": 3}, "widening"),
        ("const", {"const": 1}, {"enum": [1, 2]}, "widening"),
        ("enum", {"const": 1}, {"enum": [1]}, "wording"),
        ("type", {"type": "number"}, {"type": ["integer", "null"]}, "breaking"),
        ("type", {"type": "integer"}, {"type": ["number", "null"]}, "widening"),
        ("type", {"type": "integer"}, {}, "widening"),
        ("multipleOf", {"multipleOf": 4}, {"multipleOf": 2}, "widening"),
        ("multipleOf", {"multipleOf": 2}, {"multipleOf": 4}, "breaking"),
        ("multipleOf", {"multipleOf": 2}, {}, "widening"),
        ("multipleOf", {}, {"multipleOf": 1}, "breaking"),
        ("minItems", {}, {"minItems": 0}, "wording"),
        ("uniqueItems", {}, {"uniqueItems": False}, "wording"),
        ("uniqueItems", {}, {"uniqueItems": True}, "breaking"),
        ("pattern", {"pattern": "a"}, {"pattern": "b"}, "breaking"),
        ("default", {"default": 5}, {"default": 10}, "breaking"),
        ("default", {}, {"default": 10}, "wording"),
        ("deprecated", {}, {"deprecated": True}, "wording"),
    ],
)
def test_a_keyword_is_judged_by_what_it_lets_through(
    keyword: str, ours: dict[str, Any], theirs: dict[str, Any], severity: str
) -> None:
    assert severity_of(keyword, ours, theirs) == severity


def written(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_two_files_are_held_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, what, severity, before, after = next(
        one for one in mutations(400, seed=3) if one[1].startswith("newly_required")
    )
    field = what.split()[1]
    files = [written(tmp_path / f"{name}.json", one) for name, one in (("a", before), ("b", after))]
    assert main(["specs", "diff", *files]) == 1
    assert f"breaking  /v2/video/generations  {field}: required is absent" in capsys.readouterr().out
    assert main(["specs", "diff", *files[::-1], "--json"]) == 1
    (row, *_) = json.loads(capsys.readouterr().out)
    assert row["severity"] == "widening" and row["constraint"] == "required" and severity == "breaking"
    assert main(["specs", "diff", files[0], model]) == 0
    assert main(["specs", "diff", model, files[0]]) == 0


def test_an_answer_that_changed_is_told_as_the_answer_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_catalog().document(MODEL)
    after = json.loads(json.dumps(before))
    poll = after["paths"][CREATE_PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    poll["properties"]["status"]["enum"].append("processing")
    files = [written(tmp_path / f"{name}.json", one) for name, one in (("a", before), ("b", after))]
    assert main(["specs", "diff", *files]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"breaking  {CREATE_PATH}  the poll's answer: status: enum is [")
    assert main(["specs", "diff", *files[::-1], "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["part"], row["severity"]) == ("the poll's answer", "widening")


def test_wording_alone_is_told_and_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, _, before, after = next(
        one for one in mutations(400, seed=4) if one[1].startswith("words_of_the_whole")
    )
    files = [written(tmp_path / f"{name}.json", one) for name, one in (("a", before), ("b", after))]
    assert main(["specs", "diff", *files]) == 0
    assert "wording   /v2/video/generations  body: said in other words" in capsys.readouterr().out
