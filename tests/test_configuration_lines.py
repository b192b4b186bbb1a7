"""Errors of a configuration file point at the very line, however the file is laid out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from kling_mock import ConfigError
from kling_mock.configuration import dump_scenario, load_config
from kling_mock.configuration.toml_positions import KeyLines
from kling_mock.scenarios import Scenario

from .test_configuration import scenarios

STEPS = """[scenarios.x]
plan = [
  # {span = "-3s", scale = -1, status = "done"}
  {status = "queued", span = "1s", scale = 1},
  {status = %s, span = %s, scale = %s},
  "completed",
]
"""
FAULTS = """[scenarios.x]
faults = [
  {at = "poll", kind = "reset"},
  {kind = "slow", seconds = 1, at = "poll"},
  %s,
]
"""


def message_of(folder: Path, text: str) -> str:
    """What a file's error says behind the file's name: the line and why."""
    path = folder / "mock.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value).removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (STEPS % ('"generating"', '"-3s"', 1), "5: span: expected a finite time"),
        (STEPS % ('"generating"', 1, -1), "5: scale: expected a finite number of 0 or more"),
        (STEPS % ('"done"', 1, 1), "5: status: expected one of queued"),
        (STEPS % (5, 1, 1), "5: status: expected one of queued"),
        (STEPS.replace('"completed"', '"complete"') % ('"error"', 1, 1), "6: plan: expected one of"),
        (STEPS.replace('"completed"', "7") % ('"error"', 1, 1), "6: plan: expected a status or"),
        (
            STEPS.replace('"completed"', "{span = 1}") % ('"error"', 1, 1),
            "6: a step of a plan needs",
        ),
        ('[scenarios.x]\nshapes = [\n "nulls", # null\n "null",\n]\n', "4: shapes: expected one of"),
        ('[scenarios.x]\nshapes = [\n "nulls",\n\n 5]\n', "5: shapes: expected one of"),
        (FAULTS % '{kind = "reset"}', "5: a fault needs 'at', which is missing."),
        (FAULTS % '{at = "pol", kind = "reset"}', "5: at: expected one of"),
        (FAULTS % '{at = "poll", kind = "reset", times = 1.5}', "5: times: expected a count"),
        (FAULTS % '{at = "poll", kind = "slow"}', "5: seconds: expected more than 0"),
        (FAULTS % "5", "5: faults: expected a fault"),
        ("[scenarios.x.words]\nqueued = 'a'\ngeneratin = 'b'\n", "3: words: expected one of"),
        (
            "[scenarios.x.words]\nqueued = 'a'\n\ngenerating = 5\n",
            "4: words: expected a text for ",
        ),
        ("[scenarios.x]\nwords.queued = 'a'\nwords.queud = 'b'\n", "3: words: expected one of"),
        ("[[scenarios.x.faults]]\nat='poll'\nkind='reset'\n[scenarios.x]\nids='uid'\n", "5: ids: expected"),
        ('[scenarios."\\u001f\t"]\nids="uid"\n', "2: ids: expected one of"),
        ("\n[scenarios.x.words]\nqueued='a'\n[scenarios.y]\nbase='z'\n", "5: base: There is no scenario 'z'"),
    ],
)
def test_the_line_is_the_items_own(tmp_path: Path, text: str, says: str) -> None:
    assert message_of(tmp_path, text).startswith(says)
    assert message_of(tmp_path, text.replace("\n", "\r\n")).startswith(says)


@pytest.mark.parametrize(
    "value",
    [
        '"""\nstrct = 1\n"""',
        '"""a\\\n  "" b"""""',
        "'''\n[x]\n'''''",
        '""',
        "''",
        '[\n  "a # ]", # [\n  [1, 2], {a = "}", b = [\n3]}\n]',
        "1979-05-27 07:32:00",
        "[1979-05-27 07:32:00.5Z, # now\n 07:32:00,]",
        "+1_000.5e-3",
        "{}",
        "[]",
        '{\'a b\'."c\\"d" . e = 1}',
    ],
)
def test_lines_are_right_after_values_of_any_form(value: str) -> None:
    text = f"[ 'a b' . c ]\nkey = {value} # note = 1\nlast = 1\n[[d]]\n[[d]]\nlast = {value}"
    tomllib.loads(text)
    lines = KeyLines(text)
    shift = value.count("\n")
    assert lines.line(("a b", "c", "key")) == 2
    assert lines.line(("a b", "c", "last")) == 3 + shift
    assert [lines.line(("d", index)) for index in (0, 1)] == [4 + shift, 5 + shift]
    assert lines.line(("d", 1, "last")) == 6 + shift


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every path of a document, with what stands there."""
    if path:
        yield path, value
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))


@pytest.mark.slow
@given(scenario=scenarios)
@settings(deadline=None)
def test_whatever_is_dumped_every_part_of_it_has_its_line(scenario: Scenario) -> None:
    text = dump_scenario(scenario, seed=1)
    lines = KeyLines(text)
    for path, value in leaves(tomllib.loads(text)):
        if path[0] == "scenarios" and len(path) > 2 and isinstance(path[-1], str) and path[-1].isascii():
            assert path[-1] in text.split("\n")[lines.line(path) - 1], (path, value)
