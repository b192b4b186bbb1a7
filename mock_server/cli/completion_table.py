"""Makes the table of completions from the commands: `python -m kling_mock.cli.completion_table`."""

from __future__ import annotations

import json
from typing import Any

import click

from ..options import FILE as KIND_OF_FILES
from .commands import Flag, Group
from .completing import FILE, TABLE
from .group import top_group

__all__ = ["completion_table", "written"]


def completion_table() -> dict[str, Any]:
    """Every command by its path: its commands with what they do, its options with what they take."""
    table: dict[str, Any] = {}
    _add(table, "", top_group())
    return table


def written() -> str:
    """The table as it stands in the file."""
    return json.dumps(completion_table(), ensure_ascii=False, separators=(",", ":"), indent=None) + "\n"


def _add(table: dict[str, Any], path: str, command: click.Command) -> None:
    context = click.Context(command, info_name=path, resilient_parsing=True, **command.context_settings)
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    summaries = command.summaries if isinstance(command, Group) else {}
    table[path] = {"commands": summaries, "options": [_option(one) for one in options]}
    if isinstance(command, Group):
        for name in summaries:
            _add(table, f"{path} {name}".strip(), command.load(name))


def _option(option: click.Option) -> dict[str, Any]:
    takes: str | list[str] | None = None
    if not option.is_flag:
        takes = list(option.option.kind.choices) if isinstance(option, Flag) else []
        if isinstance(option, Flag) and option.option.kind is KIND_OF_FILES:
            takes = FILE
    names = [*option.opts, *option.secondary_opts]
    return {"names": names, "help": option.help or "", "takes": takes, "many": option.multiple}


if __name__ == "__main__":
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(written())
