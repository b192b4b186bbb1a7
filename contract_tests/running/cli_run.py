"""`kling-mock verify`, once its options are read: the client is found, checked, and reported on."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kling_mock.errors import SettingsError, TargetError
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.output_files import check_report_file, write_report
from kling_mock.programs import no_program

from ..driving.clients import Client, load_callable
from ..driving.commands import CommandClient
from ..driving.far_engine import check_server
from ..driving.isolation import IsolatedClient
from ..driving.keep_alive import KeepAliveClient
from ..generation.contract_view import viewed
from ..reporting.artifacts import Artifacts
from ..reporting.console import Console
from ..reporting.html import as_html
from ..reporting.json_report import as_json
from ..reporting.junit import as_junit
from .events import Checked, Event, ResultKey, Started
from .interruption import Interruption
from .parallel import in_parallel, processors
from .session import plan_of, verify

__all__ = ["end_process", "find_client", "run"]

NAMED_SO = "A Python function is named MODULE:FUNCTION, such as my_client:generate."
MOST_JOBS = 8
"""Processes that check at once where nobody has said how many."""
end_process: Callable[[int], object] = os._exit
"""How the process of the command line ends where a thread of the client does not."""


def find_client(words: Sequence[str], *, keep_alive: bool = False, isolate: bool = False) -> Client:
    """The client that the command line means: `MODULE:FUNCTION`, or a command and its arguments.

    A command may stay for many payloads, a function be called in a process of its own each time. Raises
    `TargetError` where it cannot be found or called, `SettingsError` for what does not go together.
    """
    if len(words) > 1 and ":" in words[0] and not (shutil.which(words[0]) or Path(words[0]).is_file()):
        raise SettingsError(
            f"expected a function or a command, received the function {words[0]} and the command {words[1]}."
        )
    if len(words) == 1 and ":" not in words[0] and shutil.which(words[0]) is None:
        raise TargetError(f"{no_program(words[0])} {_as_a_function(words[0].removesuffix('.py'))}")
    if len(words) > 1 or shutil.which(words[0]) or Path(words[0]).is_file():
        if isolate:
            raise SettingsError(
                "--isolate: expected a function, received a command, which is isolated anyway."
            )
        return KeepAliveClient(words) if keep_alive else CommandClient(words)
    if keep_alive:
        raise SettingsError("--keep-alive: expected a command after --, received a function.")
    function = load_callable(words[0])
    return IsolatedClient(function) if isolate else function


def _as_a_function(word: str) -> str:
    """How a function is named, by the module of this name where there is one."""
    there = word.isidentifier() and (Path(f"{word}.py").is_file() or Path(word, "__init__.py").is_file())
    return f"A Python function is named {word}:FUNCTION." if there else NAMED_SO


def run(target: Sequence[str], options: Mapping[str, Any]) -> int:
    """Check a client, print and write the reports, and return the exit status.

    `options` are those of `VerifyOptions`, read ones.
    """
    report, html, junit = (options[name] for name in ("report", "html", "junit"))
    for option, file in (("--report", report), ("--html", html), ("--junit", junit)):
        check_report_file(option, file)
    plan = plan_of(options)
    with viewed(plan.view):
        client = find_client(target, keep_alive=options["keep_alive"], isolate=options["isolate"])
    if plan.server is not None:
        check_server(plan.server)
    artifacts = Artifacts(Path(options["save"]))
    interruption = Interruption()
    reports = _Reports(artifacts, interruption)
    with interruption.heard():
        runner = interruption.ends(in_parallel(_jobs(client, options["jobs"])))
        finished = verify(client, plan, reports, runner)
        if artifacts.problem:
            print(f"kling-mock verify: --save: {artifacts.problem}", file=sys.stderr)
        started = reports.started
        assert started is not None
        _write("--report", report, lambda: as_json(started, finished, reports.files))
        _write("--html", html, lambda: as_html(started, finished, reports.files))
        _write("--junit", junit, lambda: as_junit(started, finished))
    if finished.summary.status == 2 and threading.active_count() > 1:
        _leave(2)
    if reports.unread is not None:
        raise reports.unread
    return finished.summary.status


def _write(option: str, file: str | None, make: Callable[[], str]) -> None:
    """Write one report; what goes wrong with it is said, and keeps no other from being written."""
    if file is None:
        return
    try:
        write_report(option, file, make())
    except BrokenPipeError:
        raise
    except Exception as error:
        says = Redactor(environment_keys())(f"{type(error).__name__}: {error}")
        print(f"kling-mock verify: {option}: the report could not be made: {says}", file=sys.stderr)


def _jobs(client: Client, asked: int | None) -> int:
    """The processes that check at once: a program takes its time to start, a function does not.

    One that stays does so once: more than there are processors would only make more runs, as each of them
    keeps its own.
    """
    if asked is not None:
        return asked
    if client.kind != "command":
        return 1
    return min(MOST_JOBS, processors() * (1 if isinstance(client, KeepAliveClient) else 2))


def _leave(status: int) -> None:
    """End the process although a thread of the client may still run: it cannot be stopped from outside."""
    stuck = [thread for thread in threading.enumerate() if thread.name == "kling-mock client"]
    if stuck:
        sys.stdout.flush()
        sys.stderr.flush()
        end_process(status)


class _Reports:
    """Hands events to the terminal, and saves counterexamples on the way."""

    def __init__(self, artifacts: Artifacts, interruption: Interruption) -> None:
        self._artifacts = artifacts
        self._interruption = interruption
        self.files: dict[ResultKey, Path] = {}
        self._console = Console(files=self.files)
        self.started: Started | None = None
        self.unread: OSError | None = None
        """Why the terminal takes no more; the other reports are written all the same."""

    def __call__(self, event: Event) -> None:
        self._interruption.step()
        if isinstance(event, Started):
            self.started = event
        elif isinstance(event, Checked) and event.result.result == "failed":
            file = self._artifacts.save(event.result)
            if file is not None:
                self.files[event.result.key] = file
        if self.unread is None:
            try:
                self._console(event)
            except OSError as error:
                self.unread = error
