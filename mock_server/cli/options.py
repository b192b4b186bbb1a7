"""The settings of a server from the command line, the environment and a configuration file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ..command_options import ConfigOptions
from ..errors import SettingsError
from ..options import options_of, read_environment, read_options
from ..settings import ServerOptions, Settings, check_pacing, layered, server_options
from .commands import flags

__all__ = ["server_flags", "settings_from"]


def server_flags(*, without: Sequence[str] = ()) -> list[click.Parameter]:
    """Every option of `Settings` but those named, and `--config`."""
    group = "server options"
    return [*flags(ServerOptions, without=without, group=group), *flags(ConfigOptions, group=group)]


def settings_from(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a parsed command line: options over environment over configuration file.

    Raises `SettingsError` that names the option as it is written.
    """
    table = server_options()
    flags_given = {
        name: option.read(given[name], option.written)
        for name, option in table.items()
        if given.get(name) not in (None, ())
    }
    check_pacing(flags_given, lambda name: table[name].written)
    from_environment, variables = read_environment(table, environ)
    check_pacing(from_environment, lambda name: variables[name])
    config = read_options(options_of(ConfigOptions), given, environ)["config"]
    from_file: Mapping[str, Any] = {}
    if config is not None:
        from ..configuration import load_config

        from_file = load_config(config)
    try:
        return Settings(**layered(from_file, from_environment, flags_given))
    except SettingsError as error:
        written = table[error.option].written if error.option in flags_given else variables.get(error.option)
        raise error.blaming(written or error.option) from None
