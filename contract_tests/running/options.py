"""The options of pytest that name a client to check; imports nothing, so that the plugin stays light."""

from __future__ import annotations

from typing import Any

__all__ = ["add_options"]


def add_options(group: Any) -> None:
    """Add the options to a group of pytest's parser."""
    add = group.addoption
    add("--kling-client", metavar="MODULE:FUNCTION", help="check this client against the contract")
    add(
        "--kling-command",
        metavar="CMD",
        help="check this program against the contract, such as 'node client.js'",
    )
    add("--kling-model", action="append", metavar="MODEL", help="a model's id or a glob (repeatable)")
    add(
        "--kling-property", action="append", metavar="ID", help="a property's id, name or a glob (repeatable)"
    )
    add(
        "--kling-level",
        default="required",
        metavar="LEVEL",
        help="required, or strict for the strict ones too",
    )
    add(
        "--kling-max-examples",
        default="20",
        metavar="N",
        help="examples per property and model (default: 20)",
    )
    add("--kling-time-limit", default="20s", metavar="TIME", help="real time per property and model")
    add("--kling-xfails", metavar="FILE", help="known failures, a line each: ID [MODEL] [# reason]; strict")
    add("--kling-save", metavar="DIR", help="where counterexamples go (default: .kling-mock)")
