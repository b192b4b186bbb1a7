"""The options of pytest that name a client to check; imports little, so that the plugin stays light."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from kling_mock.command_options import ContractOptions
from kling_mock.options import options_of, read_options, written

__all__ = ["add_options", "contract_options", "written_as_here"]

PREFIX = "--kling-"
_TABLE = options_of(ContractOptions)


def add_options(group: Any) -> None:
    """Add the options to a group of pytest's parser."""
    add: Callable[..., None] = group.addoption
    add("--kling-client", metavar="MODULE:FUNCTION", help="check this client against the contract")
    add(
        "--kling-command",
        metavar="CMD",
        help="check this program against the contract, such as 'node client.js'",
    )
    for name, option in _TABLE.items():
        if name == "seed":
            # The server's --kling-seed is this one too.
            continue
        help_text = option.help + (f" (default: {option.shown_default})" if option.shown_default else "")
        add(
            option.written.replace("--", PREFIX, 1),
            dest=f"kling_{name}",
            action="append" if option.repeatable else "store",
            metavar=option.metavar or option.kind.metavar,
            help=help_text,
        )


def contract_options(config: Any) -> ContractOptions:
    """The options of a session, read; a `SettingsError` names the one that cannot be."""
    return cast(ContractOptions, read_options(_TABLE, _given(config), prefix=PREFIX))


def written_as_here(config: Any) -> AbstractContextManager[None]:
    """Let errors of the block name an option as pytest's command line, or a variable, writes it."""
    return written(_TABLE.values(), _given(config), prefix=PREFIX)


def _given(config: Any) -> dict[str, Any]:
    return {name: config.getoption(f"kling_{name}") for name in _TABLE}
