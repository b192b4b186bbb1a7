"""`kling-mock` as a group of commands, each of which is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys

import click

from ..options import ENV_PREFIX
from ..serving.collector import no_collection
from ..version import __version__
from .commands import Group
from .top import COMMANDS, DESCRIPTION, EPILOG, top_help

__all__ = ["run", "top_group"]


class _Main(Group):
    """Imports only the module of the command that is asked for: `serve` must be ready at once."""

    def load(self, name: str) -> click.Command:
        """The command of a module of this package."""
        with no_collection():
            command: click.Command = importlib.import_module(f"kling_mock.cli.{name}").command
        return command

    def get_help(self, ctx: click.Context) -> str:
        """The help that is said without click as well."""
        return top_help().rstrip("\n")


def top_group() -> Group:
    """The group of all commands."""
    return _Main("kling-mock", COMMANDS, alone=_help, help=DESCRIPTION, epilog=EPILOG, params=[_version()])


def run(words: list[str]) -> int:
    """Run the words without click's own main, which has other exit statuses."""
    group = top_group()
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


def _warn_of_mistyped() -> None:
    """Say on standard error which variables were probably meant to be another one."""
    if not any(name.startswith(ENV_PREFIX) for name in os.environ):
        return
    from ..settings import unread_variables

    for sentence in unread_variables():
        print(f"kling-mock: {sentence}", file=sys.stderr)
