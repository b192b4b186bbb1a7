"""The command line as a whole: help, the nearest words, variables, completion in the shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kling_mock import Settings, __version__
from kling_mock.cli import run as run_command
from kling_mock.cli import serve as serve_command
from kling_mock.cli.main import COMMANDS, COMPLETION, main
from kling_mock.cli.options import settings_from


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"specs {name}" for name in ("list", "show", "diff", "add"))]
)
def test_the_help_of_every_command_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: kling-mock {command} ")
    assert f"\n  kling-mock {command}" in shown
    assert main(["help", *command.split()]) == 0
    assert capsys.readouterr().out == shown


def test_without_a_command_there_is_help_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    assert main(["specs"]) == 2
    assert "expected list, show, check, diff, add or sync" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["version"]])
def test_the_version_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"kling-mock {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["srve"], "kling-mock: there is no command 'srve'. Did you mean 'serve'"),
        (["specs", "chek"], "kling-mock specs: there is no command 'chek'. Did you mean 'check'"),
        (["--verson"], "kling-mock: there is no option '--verson' here. Did you mean '--version'"),
        (["verify", "--max-exmples", "1"], "no option '--max-exmples' here. Did you mean '--max-examples"),
        (["scenarios", "x", "y"], "kling-mock scenarios: there is no argument 'y' here"),
        (["validate"], "kling-mock validate: expected FILE, received nothing"),
        (["specs", "diff", "x"], "kling-mock specs diff: expected MODEL|FILE, received nothing"),
        (["run", "--timeout", "0", "--", "true"], "--timeout: expected a time of more than 0, received '0'."),
        (["run", "--polls", "1,1", "--realistic", "--", "true"], "--polls: expected without --realistic"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_sentence_with_the_nearest_right_one(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


def test_every_command_tells_of_mistyped_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KLING_MOCK_MAX_EXAMPEL", "3")
    for words in (["scenarios"], ["validate", "none.json"], ["specs", "list"], ["verify"], ["run"]):
        main(words)
        said = capsys.readouterr().err
        assert (
            "the variable KLING_MOCK_MAX_EXAMPEL is not read. Did you mean 'KLING_MOCK_MAX_EXAMPLES'?" in said
        )


def _settings(*words: str) -> Settings:
    return settings_from(serve_command.command.make_context("serve", list(words)).params)


def test_a_pace_on_the_command_line_replaces_that_of_the_file_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mock.toml"
    file.write_text("polls = [1, 1]\n", encoding="utf-8")
    monkeypatch.setenv("KLING_MOCK_GENERATING", "9s")
    settings = _settings("--config", str(file))
    assert (settings.polls, settings.generating) == (None, 9)
    assert _settings("--config", str(file), "--queued", "5s").generating == 9
    assert _settings("--polls", "2,2").polls == (2, 2)
    assert _settings("--realistic").realistic


def test_what_follows_a_command_to_run_is_its_own() -> None:
    for words in (["--", "python", "--queued", "x"], ["python", "--queued", "x"]):
        context = run_command.command.make_context("run", ["--offline", *words])
        assert context.params["command_line"] == ("python", "--queued", "x")
        assert context.params["offline"] is True and context.params["queued"] is None


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("kling-mock s", ["serve", "specs", "scenarios"]),
        ("kling-mock specs d", ["diff"]),
        ("kling-mock verify --max", ["--max-examples"]),
        ("kling-mock serve --log-format j", ["json"]),
        ("kling-mock verify --level s", ["strict"]),
    ],
)
def test_a_shell_completes_words(
    line: str, completed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    assert main([]) == 0
    assert capsys.readouterr().out.split() == [f"plain,{word}" for word in completed]


def test_help_and_serve_import_no_more_than_they_need() -> None:
    code = """
import sys
from kling_mock.cli.main import main
main(["--help"])
print([name for name in ("uvicorn", "starlette", "jsonschema", "pytest") if name in sys.modules])
from kling_mock.cli import serve
print([name for name in ("hypothesis", "pytest", "jsonschema", "tomli_w") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"], done.stdout + done.stderr
