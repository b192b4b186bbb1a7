"""`kling-mock check`: recordings judged, the client by what they show, the server by its contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..command_options import CheckOptions
from ..exchanges.redaction import Redactor, environment_keys
from ..options import options_of, read_options
from ..output_files import write_report
from .commands import Command, argument, flags
from .judging import check_files, ignored_ids

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock check recording.har
  kling-mock check --side server --report differences.json today.har yesterday.har.gz
  kling-mock check --api-host my-proxy.example --junit check.xml trace.har

A recording is HAR 1.2 of any tool: a browser's developer tools, a proxy, Playwright (with its bodies beside
it, or in a .zip), kling-mock itself; it may be cut off. Requests of other hosts are left out, and counted.
Exit status: 0 where nothing is wrong, 1 where a required rule is broken or the server differs from its
contract (see --side), 2 where a file cannot be judged.
"""
LARGE = 32 * 1024 * 1024
"""Bytes of a recording from which on its reading shows how far it has come."""
BAR = 30


def check(given: Mapping[str, Any]) -> int:
    """Judge the recordings; the exit status says what was found."""
    options = read_options(options_of(CheckOptions), given)
    check_files(options)
    ignore = ignored_ids(options)
    from ..recordings.judging import judge_recordings
    from ..recordings.shown import as_dict, as_junit, as_text
    from ..trace_rules import INVARIANTS

    progress = _Progress()
    judged = judge_recordings(
        [Path(name) for name in given["files"]],
        hosts=tuple(options["api_hosts"]),
        ignore=ignore,
        specs=options["specs"],
        on_read=progress.show,
    )
    progress.end()
    hide = Redactor(environment_keys())
    report = json.dumps(hide.plain(as_dict(judged)), indent=2, ensure_ascii=False) + "\n"
    if options["json"]:
        print(report, end="")
    else:
        print(hide(as_text(judged)), end="")
    write_report("--report", options["report"], report)
    if options["junit"] is not None:
        checked = [invariant.id for invariant in INVARIANTS if invariant.id not in ignore]
        write_report("--junit", options["junit"], as_junit(judged, checked))
    return _status(judged, options["side"])


def _status(judged: Any, side: str) -> int:
    for recorded in judged.files:
        if recorded.problem:
            print(f"kling-mock check: {recorded.problem}", file=sys.stderr)
        elif not recorded.exchanges:
            text = f"{recorded.path} has no request of the API: --api-host names another host of it."
            print(f"kling-mock check: {text}", file=sys.stderr)
    client = any(breach.level == "R" for recorded in judged.files for breach in recorded.breaches)
    server = len(judged.differences) > 0
    if (client and side != "server") or (server and side != "client"):
        return 1
    return 2 if any(recorded.problem or not recorded.exchanges for recorded in judged.files) else 0


class _Progress:
    """A bar on a terminal, for recordings that take a while."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = -1

    def show(self, path: Path, read: int, size: int) -> None:
        """Say how far a file has been read."""
        done = BAR * read // size if size else BAR
        if self._live and size >= LARGE and done != self._shown:
            self._shown = done
            print(f"\r{path.name} [{'#' * done}{'.' * (BAR - done)}]", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the bar away."""
        if self._shown >= 0:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


command = Command(
    "check",
    check,
    [argument("files", "FILE.har ...", many=True), *flags(CheckOptions)],
    help="Judge recordings (HAR 1.2): the client by all that they show, the server by its contract.",
    epilog=EPILOG,
)
