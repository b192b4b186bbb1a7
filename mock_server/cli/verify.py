"""`kling-mock verify`: somebody's client checked against the contract, in words, JSON, HTML and JUnit."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..command_options import VerifyOptions
from ..errors import SettingsError
from ..options import options_of, read_options
from .commands import Command, argument, flags

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock verify my_package.client:generate
  kling-mock verify my_package.client:generate --model 'klingai/v2.5-turbo/*' --level strict
  kling-mock verify --report report.json --html report.html -- node client.js
  kling-mock verify my_package.client:generate --property B1 --property C8 --seed 7

The client is a Python function generate(payload, *, base_url, api_key) -> str, sync or async, that returns
the video's URL or raises; or a command that reads the payload as JSON from stdin, takes KLING_BASE_URL and
KLING_API_KEY from its environment, prints the URL as its last line and exits with 0, or not with 0.

exit status: 0 every property that counts is kept, 1 at least one is broken, 2 the client could not be run
or nothing could be tried, 3 none is broken, and less was tried than was asked for.
"""


def verify(given: Mapping[str, Any]) -> int:
    """Check the client; the exit status says how it went."""
    if not given["target"]:
        raise SettingsError(
            "expected a client: MODULE:FUNCTION such as my_package.client:generate, or a command after --."
        )
    options = read_options(options_of(VerifyOptions), given)
    # By string: this package never imports the kit by statement.
    running = import_module("kling_mock.contract_tests.running.cli_run")
    status: int = running.run(list(given["target"]), options)
    return status


command = Command(
    "verify",
    verify,
    [argument("target", "TARGET", many=True, required=False), *flags(VerifyOptions)],
    help="Check a client against the contract: generated payloads and server behaviour, shrunk.",
    epilog=EPILOG,
    usage="[options] MODULE:FUNCTION | -- CMD [ARG ...]",
)
