"""`kling-mock verify`: somebody's client checked against the contract, in words, JSON, HTML and JUnit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from ..command_options import VerifyOptions
from ..errors import SettingsError, did_you_mean, nearest
from ..options import options_of, read_options
from .commands import Command, argument, flags

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock verify my_package.client:generate
  kling-mock verify my_package.client:generate --model 'klingai/v2.5-turbo/*' --level strict
  kling-mock verify --report report.json --html report.html -- node client.js
  kling-mock verify my_package.client:generate --property B1 --property C8 --seed 7
  kling-mock verify --list

The client is a Python function generate(payload, *, base_url, api_key) -> str, sync or async, that returns
the video's URL or raises; or a command that reads the payload as JSON from stdin, takes KLING_BASE_URL and
KLING_API_KEY from its environment, prints the URL as its last line and exits with 0, or not with 0.

exit status: 0 every property that counts is kept, 1 at least one is broken, 2 the client could not be run
or nothing could be tried, 3 none is broken, and less was tried than was asked for.
`kling-mock explain ID` says what a property asks, what breaking it costs, and how it is mended.
"""

NO_PLUGINS = "HYPOTHESIS_NO_PLUGINS"
"""Hypothesis's own variable."""


def verify(given: Mapping[str, Any]) -> int:
    """Check the client; the exit status says how it went."""
    if given["list"]:
        return _list(given["properties"] or ())
    if not given["target"]:
        raise SettingsError(
            "expected a client, received nothing: name MODULE:FUNCTION such as my_package.client:generate, "
            "or a command after --."
        )
    options = read_options(options_of(VerifyOptions), given)
    status: int = _kit().run(list(given["target"]), options)
    return status


def _kit() -> Any:
    """The kit, imported without what other packages add to Hypothesis: it takes longer than all the rest.

    By string: this package never imports the kit by statement.
    """
    known = os.environ.get(NO_PLUGINS)
    os.environ[NO_PLUGINS] = "1"
    try:
        return import_module("kling_mock.contract_tests.running.cli_run")
    finally:
        if known is None:
            del os.environ[NO_PLUGINS]
        else:
            os.environ[NO_PLUGINS] = known


def _list(patterns: Sequence[str]) -> int:
    """Print a line per property: its id, level, name and what it asks; exit status 0."""
    from fnmatch import fnmatchcase

    from ..trace_rules import RULES

    known = [rule for rule in RULES.values() if rule.in_kit]
    chosen = [
        rule
        for rule in known
        if not patterns
        or any(fnmatchcase(name, pattern) for name in (rule.id, rule.name) for pattern in patterns)
    ]
    if not chosen:
        words = [word for rule in known for word in (rule.id, rule.name)]
        hint = did_you_mean(nearest(patterns[0], words))
        raise SettingsError(f"there is no property {patterns[0]!r}.{hint}", option="properties")
    wide = max(len(rule.name) for rule in chosen)
    for rule in chosen:
        print(f"{rule.id:<3}  {rule.level}  {rule.name:<{wide}}  {rule.asks}")
    print("\nR required, S strict (--level strict), A advice. More of each: kling-mock explain ID")
    return 0


command = Command(
    "verify",
    verify,
    [argument("target", "TARGET", many=True, required=False), *flags(VerifyOptions)],
    help="Check a client against the contract: generated payloads and server behaviour, shrunk.",
    epilog=EPILOG,
    usage="[options] MODULE:FUNCTION | -- CMD [ARG ...]",
)
