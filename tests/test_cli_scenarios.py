"""`kling-mock scenarios`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kling_mock.cli import main
from kling_mock.scenarios import CATALOGUE, GROUPS


def test_every_scenario_is_listed_with_its_sentence_under_its_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["scenarios"]) == 0
    blocks = capsys.readouterr().out.rstrip("\n").split("\n\n")
    assert [block.partition("\n")[0] for block in blocks] == list(GROUPS)
    listed = [line.split(maxsplit=1) for block in blocks for line in block.splitlines()[1:]]
    assert listed == [[name, scenario.summary] for name, scenario in CATALOGUE.items()]


def test_rows_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(CATALOGUE)
    assert rows[1] == {
        "name": "failed",
        "group": "ends",
        "summary": CATALOGUE["failed"].summary,
        "ends": "error",
        "own": False,
    }


def test_one_scenario_is_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "rate-limited"]) == 0
    shown = capsys.readouterr().out
    assert "status       429" in shown and "[[scenarios.rate-limited.faults]]" in shown
    assert main(["scenarios", "failed+slow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) | {"ends": "error", "stretch": 10} == json.loads(
        json.dumps(
            {"name": "failed+slow", "summary": f"{CATALOGUE['failed'].summary} {CATALOGUE['slow'].summary}"}
            | {"end": "error", "error": "schema", "stretch": 10, "ends": "error"}
        )
    )
    assert main(["scenarios", "rat-limited"]) == 2
    assert "Did you mean 'rate-limited'" in capsys.readouterr().err
    file = tmp_path / "mine.toml"
    file.write_text('[scenarios.bad-day]\nsummary = "It rains."\nbase = "poll-reset"\n', encoding="utf-8")
    assert main(["scenarios", "bad-day", "--config", str(file)]) == 0
    assert "It rains." in capsys.readouterr().out


def test_own_scenarios_come_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[scenarios.bad-day]\nsummary = "It rains."\nbase = "poll-reset"\n', encoding="utf-8")
    assert main(["scenarios", "--config", str(file)]) == 0
    *_, title, line = capsys.readouterr().out.splitlines()
    assert title == f"own, from {file}"
    assert line.split(maxsplit=1) == ["bad-day", "It rains."]


def test_a_wrong_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("\n[scenarios.x]\nbase = 'gzi'\n", encoding="utf-8")
    assert main(["scenarios", "--config", str(file)]) == 2
    message = capsys.readouterr().err
    assert f"{file}:3: base: There is no scenario 'gzi'. Did you mean 'gzip'" in message
    assert message.count("\n") == 1


def test_a_wrong_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--jsn"]) == 2
    assert "'--jsn'" in capsys.readouterr().err


def test_groups_hold_each_scenario_once() -> None:
    assert [name for names in GROUPS.values() for name in names] == list(CATALOGUE)
