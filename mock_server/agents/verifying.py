"""Checking a client for an agent: `kling-mock verify` as a process, and its smallest counterexample."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..timing import VERIFY_ENDS
from .bounded import cut, plain

__all__ = ["shown_report", "verify_client"]

MOST_TRACE = 10
"""Lines of a trace; the middle of a longer one is left out."""


async def verify_client(
    target: str,
    properties: Sequence[str] = (),
    model: str = "",
    max_examples: int = 5,
    seconds: float = 120.0,
) -> str:
    """Drive a client with generated payloads and server behaviour; give the smallest case that breaks it.

    `target` is a Python function as MODULE:FUNCTION, or a command such as `node client.mjs` that reads the
    payload from stdin and prints the video's URL. `properties` are ids or globs (B2, C*); all required ones
    without. After `seconds` it ends, and says what was found until then.
    """
    words = _words(target)
    options = [f"--property={one}" for one in properties] + ([f"--model={model}"] if model else [])
    with tempfile.TemporaryDirectory(prefix="kling-mock-") as folder:
        report = Path(folder) / "report.json"
        options += [f"--max-examples={max_examples}", f"--report={report}"]
        command = [sys.executable, "-m", "kling_mock", "verify", *options, *words]
        said = await _run(command, seconds)
        if not report.exists():
            # It could not begin: what it said of that is all there is.
            raise SettingsError(cut(said.strip() or "The client could not be checked.", 500))
        return shown_report(json.loads(report.read_text(encoding="utf-8")))


def _words(target: str) -> list[str]:
    try:
        words = shlex.split(target)
    except ValueError as error:
        raise SettingsError(f"target: expected words as in a shell, received {target!r}: {error}.") from None
    if not words or words[0].startswith("-"):
        raise SettingsError(f"target: expected MODULE:FUNCTION or a command, received {target!r}.")
    return words if len(words) == 1 else ["--", *words]


async def _run(command: Sequence[str], seconds: float) -> str:
    """Run it to its end, or interrupt it as Ctrl-C does; returns what it wrote as errors."""
    # A group of its own: the client's processes end with it. Its output would be taken for the protocol's.
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    reading = asyncio.ensure_future(process.communicate())
    try:
        done, _ = await asyncio.wait([reading], timeout=seconds)
        if not done:
            _signal(process.pid, signal.SIGINT)
            await asyncio.wait([reading], timeout=VERIFY_ENDS)
    finally:
        _signal(process.pid, signal.SIGKILL)
    return (await reading)[1].decode("utf-8", "replace")


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def shown_report(report: Mapping[str, Any]) -> str:
    """What is broken, and the smallest counterexample in full, of a required property if there is one."""
    rows = report["properties"]
    broken = [row for row in rows if row["result"] == "failed"]
    summary = report["summary"]
    counts = ", ".join(f"{count} {result}" for result, count in summary["counts"].items())
    lines = [f"{counts or 'nothing was tried'}; {summary['runs']} runs in {summary['seconds']:.0f} s"]
    lines += [text for text in (summary["problem"], summary["note"]) if text]
    if not broken:
        return cut("\n".join(lines))
    named = dict.fromkeys(f"{row['id']} {row['name']} ({row['level']})" for row in broken)
    lines.append(cut(f"broken: {', '.join(named)}", 250))
    lines += _counterexample(min(broken, key=_size))
    return cut("\n".join(lines))


def _size(row: Mapping[str, Any]) -> tuple[bool, int, int]:
    example = row["counterexample"] or {}
    return row["level"] == "A", len(example.get("trace", ())), len(plain(example.get("payload")))


def _counterexample(row: Mapping[str, Any]) -> list[str]:
    example = row["counterexample"]
    if example is None:
        return [f"{row['id']}: {row['reason']}"]
    return [
        "",
        f"smallest counterexample, of {row['id']} {row['name']}: {cut(example['says'], 180)}",
        f"cost: {row['cost']}",
        f"mend: {row['mend']}",
        f"payload: {cut(plain(example['payload']), 300)}",
        *_trace(example["trace"]),
        f"outcome: {cut(example['outcome'], 120)}",
        f"again: {cut(example['command'], 110)}",
        f"the server's behaviour, for `kling-mock serve --config FILE`:\n{cut(example['scenario'], 250)}",
    ]


def _trace(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = [_line(line) for line in lines]
    if len(shown) > MOST_TRACE:
        half = MOST_TRACE // 2
        shown = [*shown[:half], f"  ({len(shown) - 2 * half} exchanges left out)", *shown[-half:]]
    return ["trace:", *shown]


def _line(line: Mapping[str, Any]) -> str:
    """An exchange of a trace in a line."""
    fault = f"[{line['fault']}]" if line["fault"] else None
    answered = (str(line["status"] or "no answer"), line["word"], fault)
    said = f"  {line['at']:.2f}s {line['method']} {line['target']} -> {' '.join(filter(None, answered))}"
    return cut(said, 70)
