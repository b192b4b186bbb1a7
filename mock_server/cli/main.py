"""`kling-mock`: reads the command, runs it, and turns what went wrong into a line and an exit status."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..errors import KlingMockError, did_you_mean, nearest
from ..timing import check_slowness

__all__ = ["COMMANDS", "build_parser", "main"]

COMMANDS = ("serve", "run", "verify", "validate", "specs", "scenarios")

DESCRIPTION = """\
A mock of AI/ML API's Kling video generation, and a kit that tests clients against its contract.

  serve      run the mock server
  run        run an unmodified program with api.aimlapi.com answered by a mock
  verify     check a client against the contract
  validate   check request bodies, offline
  specs      list, show and check the vendored contracts
  scenarios  list what the server can be told to do
"""
EPILOG = """\
examples:
  kling-mock serve
  kling-mock run --fast-forward -- python my_program.py
  kling-mock verify my_package.client:generate
  kling-mock COMMAND --help
"""


class Parser(argparse.ArgumentParser):
    """Says what was wrong in one line, with the nearest right words, and points to the help."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with the sub-parsers of these commands."""
    parser = Parser(
        prog="kling-mock",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kling-mock {__version__}")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=Parser, help=argparse.SUPPRESS
    )
    for command in commands:
        importlib.import_module(f"kling_mock.cli.{command}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started this (`>&-`): what is said goes nowhere.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Only the module of the command that is asked for is imported: `serve` must be ready at once.
    commands = [words[0]] if words and words[0] in COMMANDS else COMMANDS
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        hint = did_you_mean(nearest(words[0], COMMANDS)) or f" There are {', '.join(COMMANDS)}."
        print(f"kling-mock: there is no command {words[0]!r}.{hint}", file=sys.stderr)
        return 2
    parser = build_parser(commands)
    namespace, unknown = parser.parse_known_args(words)
    if unknown:
        print(_unknown_option(namespace.command, unknown[0], parser), file=sys.stderr)
        return 2
    if namespace.command is None:
        parser.print_help()
        return 2
    try:
        check_slowness()
        status: int = namespace.handler(namespace)
    except KlingMockError as error:
        print(f"kling-mock {namespace.command}: {error}", file=sys.stderr)
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
        print(f"kling-mock {namespace.command}: the output cannot be written: {error}.", file=sys.stderr)
        _say_no_more()
        return 2
    return status


def _say_no_more() -> None:
    """Leave nothing for the interpreter to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unknown_option(command: str | None, word: str, parser: argparse.ArgumentParser) -> str:
    """What to say of an option that the command does not have."""
    name = f"kling-mock {command}" if command else "kling-mock"
    known = [flag for action in _actions(parser, command) for flag in action.option_strings]
    hint = did_you_mean(nearest(word.partition("=")[0], known)) if word.startswith("-") else ""
    what = "option" if word.startswith("-") else "argument"
    return f"{name}: there is no {what} {word!r} here.{hint}\nTry `{name} --help`."


def _actions(parser: argparse.ArgumentParser, command: str | None) -> list[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and command in action.choices:
            chosen: argparse.ArgumentParser = action.choices[command]
            return chosen._actions
    return parser._actions
