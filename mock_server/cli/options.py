"""The server's options as command line options: from `Settings`, so that each is said once."""

from __future__ import annotations

import argparse
import os
from typing import Any

from ..errors import SettingsError
from ..settings import ENV_PREFIX, Settings, option_fields
from ..units import parse_flag
from .environment import warn_of_mistyped

__all__ = ["add_server_options", "settings_from"]


def add_server_options(parser: argparse.ArgumentParser, *, without: tuple[str, ...] = ()) -> None:
    """Add every option of `Settings` but those named, and `--config`."""
    group = parser.add_argument_group(
        "server options", f"Each also reads {ENV_PREFIX}… from the environment."
    )
    for option in option_fields():
        if option.name in without:
            continue
        _add(group, option.name, option.default, option.metadata)
    group.add_argument("--config", metavar="FILE.toml", help="options and own scenarios from a TOML file")


def _add(group: Any, name: str, default: Any, metadata: Any) -> None:
    flag = "--" + name.replace("_", "-")
    help_text = metadata["help"]
    if metadata["parse"] is parse_flag:
        if default:
            group.add_argument(
                "--no-" + name.replace("_", "-"),
                dest=name,
                action="store_const",
                const=False,
                help="no " + help_text,
            )
        else:
            group.add_argument(flag, dest=name, action="store_const", const=True, help=help_text)
        return
    if default not in (None, (), ""):
        help_text += f" (default {_shown(name, default)})"
    action = "append" if default == () else "store"
    choices = getattr(metadata["parse"], "choices", None)
    metavar = metadata["metavar"] or None
    group.add_argument(flag, dest=name, action=action, metavar=metavar, help=help_text, choices=choices)


def _shown(name: str, default: Any) -> str:
    if name in ("queued", "generating"):
        return f"{default:g}s"
    if name == "video_lifetime":
        return f"{default / 3600:g}h"
    if name in ("max_body", "max_recorded_body"):
        return f"{default // 1024}KiB" if default < 1024**2 else f"{default // 1024**2}MiB"
    return str(default)


def settings_from(namespace: argparse.Namespace, **defaults: Any) -> Settings:
    """The settings of a parsed command line: options over environment over `--config` over `defaults`.

    Raises `SettingsError` that names the option as it is written.
    """
    options: dict[str, Any] = dict(defaults)
    warn_of_mistyped()
    config = getattr(namespace, "config", None) or os.environ.get(ENV_PREFIX + "CONFIG")
    if config:
        from ..configuration import load_config

        options |= load_config(config)
    from_variables = Settings.from_environment()
    given = {option.name: getattr(namespace, option.name, None) for option in option_fields()}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**options | from_variables | given)
    except SettingsError as error:
        name, separator, rest = str(error).partition(": ")
        if name in from_variables and name not in given:
            written = ENV_PREFIX + name.upper()
        else:
            written = f"--{name.replace('_', '-')}"
        raise SettingsError(f"{written}: {rest}" if separator else str(error)) from None
