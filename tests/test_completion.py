"""Completion in a shell: the table is that of the commands, and what is printed is what click would print."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from kling_mock.cli.completing import TABLE, complete
from kling_mock.cli.completion_table import completion_table, written
from kling_mock.cli.group import top_group
from kling_mock.cli.main import COMPLETION

TABLE_NOW = completion_table()


def lines(path: str, described: Mapping[str, list[dict[str, object]]]) -> list[str]:
    """What somebody may have typed: nothing, the beginnings of options and words, and values."""
    typed = ["", "-", "--", "--m", "s", "x --st", "--help --h"]
    for option in described["options"]:
        name = str(option["names"][-1])  # type: ignore[index]
        typed += [name[: len(name) // 2 + 1], f"{name} ", f"{name} s"]
    return [f"kling-mock {path} {one}".replace("  ", " ") for one in typed]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("path", TABLE_NOW)
def test_it_says_what_click_says(shell: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    for line in lines(path, TABLE_NOW[path]):
        words = line.split() + ([""] if line.endswith(" ") else [])
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        environ = {"COMP_WORDS": line, "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1)}
        said = complete(f"{shell}_complete", environ)
        if said is not None:
            assert said == kind(top_group(), {}, "kling-mock", COMPLETION).complete(), line


def test_the_table_is_that_of_the_commands() -> None:
    again = "run python -m kling_mock.cli.completion_table"
    assert Path(TABLE).read_text(encoding="utf-8") == written(), again


@pytest.mark.parametrize(
    ("asked", "line"),
    [("bash_source", ""), ("powershell_complete", "kling-mock s"), ("bash_complete", "kling-mock run -- 'x")],
)
def test_what_the_table_does_not_say_is_left_to_click(asked: str, line: str) -> None:
    assert complete(asked, {"COMP_WORDS": line, "COMP_CWORD": "1"}) is None


@pytest.mark.parametrize("words", ["--help", "complete"])
def test_who_asks_for_words_waits_for_no_module_of_weight(words: str) -> None:
    code = f"""
import os, sys
# What measures coverage has come before.
before = set(sys.modules)
if {words!r} == "complete":
    os.environ.update(_KLING_MOCK_COMPLETE="bash_complete", COMP_WORDS="kling-mock serve --q", COMP_CWORD="2")
from kling_mock.cli import main
assert main([{words!r}]) == 0
heavy = {{"click", "inspect", "dataclasses", "difflib", "kling_mock.options", "kling_mock.settings"}}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
