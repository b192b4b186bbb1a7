"""Errors of options name them as they were written: as a flag, a variable, or a keyword in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest

from kling_mock.cli.commands import Flag
from kling_mock.cli.group import top_group
from kling_mock.cli.main import main
from kling_mock.command_options import ContractOptions, VerifyOptions
from kling_mock.contract_tests.pytest_suite import contract_test
from kling_mock.errors import SettingsError, SpecError, UnknownModel
from kling_mock.options import WORDS, Option, as_written, options_of

BAD = "no/\x1b[31mx"
GOOD = "tests.clients.reference:generate"
FREE = {
    *("api_hosts", "api_key", "redact", "save"),  # any text will do
    "host",  # the sentence says what there is none of
    *("rules", "levels", "into"),  # asked of others, or written to
}
"""Options whose errors say no name, or that have none."""
REST: dict[str, list[str]] = {
    "serve": ["--", "true"],
    "run": ["--", "true"],
    "verify": [GOOD],
    "check": ["none.har"],
    "validate": ["none.json"],
    "health": ["http://127.0.0.1:1"],
    "report": ["http://127.0.0.1:1"],
    "specs show": ["none"],
    "specs diff": ["none", "other"],
    "specs add": ["none.json"],
}


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, those of groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        elif command is not None:
            yield " ".join([*before, name]), command


def flags() -> list[Any]:
    """Every command with every option of it that takes a value which can be wrong."""
    return [
        pytest.param(words, one.option, id=f"{words} {one.option.written}")
        for words, command in commands(top_group())
        for one in command.params
        if isinstance(one, Flag) and not one.option.is_switch and one.option.name not in FREE
        if (words, one.option.name) not in (("report", "ignore"), ("specs sync", "models"))
    ]


@pytest.mark.parametrize(("words", "option"), flags())
def test_an_error_names_an_option_as_the_command_line_writes_it(
    words: str, option: Option, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), option.written, BAD, *REST.get(words, [])]) == 2
    captured = capsys.readouterr()
    assert f": {option.written}: " in captured.err
    assert "\x1b" not in captured.err and captured.err.count("\n") == 1
    assert captured.out == ""


NAMED = [one for one in options_of(ContractOptions).values() if one.name not in FREE]


@pytest.mark.parametrize("option", NAMED)
def test_an_error_names_the_variable_that_said_it(
    option: Option, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(option.variables[0], BAD)
    assert main(["verify", GOOD]) == 2
    assert f": {option.variables[0]}: " in capsys.readouterr().err


@pytest.mark.parametrize("name", [one.name for one in NAMED])
def test_an_error_names_the_keyword_in_python(name: str) -> None:
    with pytest.raises((SettingsError, SpecError, UnknownModel), match=f"^{name}: "):
        contract_test(GOOD, **{name: [BAD] if name in ("specs", "ignore", "properties") else BAD})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [one for one in options_of(VerifyOptions).values() if one.kind is WORDS])
def test_a_list_of_words_without_a_word_is_not_taken_for_none(
    option: Option, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("", " "):
        assert main(["verify", option.written, text, GOOD]) == 2
        says = f"{option.written}: expected one or more words, received {text!r}."
        assert capsys.readouterr().err == f"kling-mock verify: {says}\n"
    monkeypatch.setenv(option.variables[0], "")
    assert main(["verify", GOOD]) == 2
    assert f": {option.variables[0]}: expected one or more words" in capsys.readouterr().err
    assert option.read(()) == option.read([]) == ()


def test_an_error_of_another_option_stays_as_it_is() -> None:
    error = SettingsError("expected less.", option="queued")
    assert as_written(error, options_of(ContractOptions).values(), {}) is error


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "nowhere",
            "--server: Expected the URL of a server such as http://127.0.0.1:8000, received ",
        ),
        ("http://127.0.0.1:1", "--server: The server at http://127.0.0.1:1 does not answer: "),
    ],
)
def test_a_server_that_does_not_answer_is_a_mistake_of_the_option(
    url: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--server", url, GOOD]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"kling-mock verify: {says}")
    assert captured.out == ""
