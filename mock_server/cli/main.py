"""`kling-mock`: reads the command, runs it, and turns what went wrong into a line and an exit status."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from .. import __version__
from ..errors import KlingMockError
from ..options import ENV_PREFIX
from ..timing import check_slowness
from .commands import Group, Wrong

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "init": "write first tests, the contract test and a workflow into a client's project",
    "serve": "run the mock server",
    "health": "say whether a server answers",
    "run": "run an unmodified program with api.aimlapi.com answered by a mock",
    "report": "print the verdict of a running server",
    "check": "judge recordings (HAR) of a client and of the real API",
    "verify": "check a client against the contract",
    "validate": "check request bodies, offline",
    "specs": "list, show and check the vendored contracts",
    "scenarios": "list what the server can be told to do, or show one with its TOML",
    "config": "print the JSON Schema of a configuration file",
    "explain": "say what a rule, a scenario or a word means",
    "mcp": "serve an agent's tools on standard input and output",
    "docs": "say where the documentation is, or print a page of it",
}
DESCRIPTION = "A mock of AI/ML API's Kling video generation, and a kit that tests clients against it."
EPILOG = """\
examples:
  kling-mock init --dry-run
  kling-mock serve
  kling-mock run --fast-forward -- python my_program.py
  kling-mock verify my_package.client:generate
  kling-mock COMMAND --help

documentation, installed with it: kling-mock docs
what a rule, a scenario or a word means: kling-mock explain C9

completion in a shell (zsh and fish likewise):
  eval "$(_KLING_MOCK_COMPLETE=bash_source kling-mock)"
"""
COMPLETION = "_KLING_MOCK_COMPLETE"


class _Main(Group):
    """Imports only the module of the command that is asked for: `serve` must be ready at once."""

    def load(self, name: str) -> click.Command:
        """The command of a module of this package."""
        command: click.Command = importlib.import_module(f"kling_mock.cli.{name}").command
        return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started this (`>&-`): what is said goes nowhere.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    words = _spelled(list(sys.argv[1:] if arguments is None else arguments))
    group = _Main("kling-mock", COMMANDS, alone=_help, help=DESCRIPTION, epilog=EPILOG, params=[_version()])
    if COMPLETION in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, "kling-mock", COMPLETION, os.environ[COMPLETION])
    said_by = " ".join(["kling-mock", *[word for word in words[:1] if word in COMMANDS]])
    try:
        check_slowness()
        return _run(group, words)
    except Wrong as error:
        print(error.sentence(), file=sys.stderr)
        return 2
    except KlingMockError as error:
        from ..exchanges.redaction import Redactor, environment_keys

        print(f"{said_by}: {Redactor(environment_keys())(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output is gone, as with `| head`.
        _say_no_more()
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
            raise
        print(f"{said_by}: the output cannot be written: {error}.", file=sys.stderr)
        _say_no_more()
        return 2


def _run(group: click.Group, words: list[str]) -> int:
    """Run the words without click's own main, which has other exit statuses."""
    try:
        with group.make_context("kling-mock", words) as context:
            if context.params.get("version"):
                print(f"kling-mock {__version__}")
                return 0
            _warn_of_mistyped()
            status: int = group.invoke(context)
            return status
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _version() -> click.Option:
    return click.Option(["-V", "--version"], is_flag=True, help="Show the version and exit.")


def _help(context: click.Context) -> int:
    print(context.get_help())
    return 2


def _spelled(words: list[str]) -> list[str]:
    """The words, with `help` and `version` as the options that they stand for."""
    if words[:1] == ["version"]:
        return ["--version"]
    return [*words[1:], "--help"] if words[:1] == ["help"] else words


def _warn_of_mistyped() -> None:
    """Say on standard error which variables were probably meant to be another one."""
    if not any(name.startswith(ENV_PREFIX) for name in os.environ):
        return
    from ..settings import unread_variables

    for sentence in unread_variables():
        print(f"kling-mock: {sentence}", file=sys.stderr)


def _say_no_more() -> None:
    """Leave nothing for the interpreter to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
