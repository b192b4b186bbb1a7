"""`kling-mock serve -- CMD`: a server for as long as a command runs, and the verdict on what it did."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..interception.parent.environment import control_environment
from ..interception.parent.process import NOT_EXECUTABLE, NOT_FOUND, held_signals, run_child
from ..server import MockServer
from ..settings import Settings
from ..verdicts.everybody import Everybody
from ..verdicts.shown import as_text
from .judging import ignored_ids, plain_text, status_of, write_verdict

__all__ = ["serve_command"]

EXCHANGES = 20_000
"""Exchanges that a verdict knows at least between two resets."""


def serve_command(words: Sequence[str], settings: Settings, options: Mapping[str, Any]) -> int:
    """Run a command that finds the server by its environment; its exit status, or 1 by `--check`."""
    ignore = ignored_ids(options)
    if "port" not in settings.given:
        # The command is told where it is: no need to find a certain port free.
        settings = settings.replace(port=0)
    settings = settings.replace(max_exchanges=max(settings.max_exchanges, EXCHANGES))
    with held_signals() as mask, MockServer(settings) as server:
        everybody = Everybody(server.common.workspaces)
        log = _log(server, settings)
        began = time.monotonic()
        status = run_child(
            words, _environment(server), mask, timeout=options["timeout"], said_by="kling-mock serve"
        )
        took = time.monotonic() - began
        unstarted = status in (NOT_FOUND, NOT_EXECUTABLE)
        verdict = everybody.verdict(uncalled=() if unstarted else ("the mock",), ignore=ignore)
        if log is not None:
            log.close()
    first = f"kling-mock serve: the command took {took:.1f} s, exit status {status}\n"
    print(plain_text(first + as_text(verdict)), end="", file=sys.stderr, flush=True)
    write_verdict(options, verdict)
    return status_of(verdict, status, check=options["check"])


def _environment(server: MockServer) -> dict[str, str]:
    """The environment of the command, with the server's addresses and a key that it takes."""
    found = control_environment(server)
    return {
        **os.environ,
        **found,
        "KLING_BASE_URL": f"{found['KLING_MOCK_URL']}/v2",
        "KLING_API_KEY": server.api_key,
    }


def _log(server: MockServer, settings: Settings) -> Any:
    """The log of exchanges, where one is asked for: the output is the command's own otherwise."""
    if "log_format" not in settings.given or settings.log_format == "none":
        return None
    from ..events import EventKind
    from ..exchanges.access_log import ExchangeLog

    log = ExchangeLog(form=settings.log_format)
    server.space.bus.subscribe(log, (EventKind.EXCHANGE,))
    return log
