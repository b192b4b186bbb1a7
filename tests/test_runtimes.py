"""The table of runtimes in docs/run.md: each row that this machine can run is held to what it shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import HERE, NODE, RUN, report_of
from tests.support import mostly_long
from tests.test_run_processes import pythons
from tests.test_sandbox import WHY_NOT

PROGRAMS = HERE / "runtimes"
GUIDE = HERE.parent / "docs" / "run.md"
SLEEP = 4.0
"""Seconds that each program sleeps."""


def _rows() -> dict[str, tuple[str, ...]]:
    """The guide's table: led to the mock, time skipped, offline kept; by the runtime's name."""
    table = GUIDE.read_text().partition("| runtime | led to the mock |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {name: tuple(rest) for name, *rest in cells}


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout


def _found(program: str) -> str | None:
    """Where a program is: on this machine, or from npm as the tests' clients are."""
    return shutil.which(program) or shutil.which(program, path=str(NODE / "node_modules" / ".bin"))


def _commands() -> dict[str, list[str]]:
    """The command of each row, where its program is on this machine."""
    found: dict[str, list[str]] = {}
    for python in pythons():
        minor = re.search(r"3\.\d+", _version(python))
        if minor is not None:
            found[f"Python {minor[0]}"] = [python, str(PROGRAMS / "ask.py")]
    node = shutil.which("node")
    if node is not None:
        found[f"Node {_version(node).strip('v').partition('.')[0]}"] = [node, str(PROGRAMS / "ask.mjs")]
    for name, words in {
        "Deno": ["deno", "run", "-A", "ask.mjs"],
        "Bun": ["bun", "ask.mjs"],
        "PHP": ["php", "ask.php"],
        "Ruby": ["ruby", "ask.rb"],
        "Go": ["go", "run", "ask.go"],
        "Java": ["java", "Ask.java"],
    }.items():
        program = _found(words[0])
        if program is not None:
            found[name] = [program, *words[1:-1], str(PROGRAMS / words[-1])]
    for name in ("curl", "wget"):
        if shutil.which(name) is not None:
            found[f"{name} in a shell"] = ["sh", str(PROGRAMS / f"ask_{name}.sh")]
    return found


COMMANDS = _commands()


def _measured(command: list[str], folder: Path, *more: str) -> tuple[str, ...]:
    """The row as a run shows it; the system says whom the program asked to connect."""
    report, trace = folder / "report.json", folder / "trace"
    words = [*RUN, "--offline", "--fast-forward", *more, "--report", str(report), "--", *command]
    traced = shutil.which("strace") is not None and sys.platform == "linux"
    if traced:
        words = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), *words]
    done = subprocess.run(words, capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
    if not report.exists() and b"not permitted" in done.stderr:
        pytest.skip("tracing is not allowed here")
    told, said = json.loads(report.read_text()), done.stdout.decode().split()
    led = said[:1] == ["200"] and told["exchange_count"] == 1
    skipped = told["virtual_seconds"] > told["real_seconds"] + SLEEP / 2
    lines = trace.read_text().splitlines() if traced else []
    inside = re.compile(r'inet_addr\("127\.|AF_INET6, "(::1|::ffff:127\.)|sin6?_port=htons\(0\)')
    outside = [line for line in lines if "AF_INET" in line and not inside.search(line)]
    if os.getuid() != 0:
        # Without other files of names a program asks for the machine's own server: the run answers.
        outside = [line for line in outside if "htons(53)" not in line and "ENETUNREACH" not in line]
    kept = (
        not outside
        and said[-1:] == ["refused"]
        and any("example.com" in one["host"] for one in told["refused"])
    )
    return tuple("yes" if one else "no" for one in (led, skipped, kept))


@pytest.mark.slow
@pytest.mark.parametrize("name", mostly_long(COMMANDS, 4))
def test_a_row_of_the_table_says_what_this_machine_shows(name: str, tmp_path: Path) -> None:
    rows = _rows()
    assert name in rows, f"docs/run.md has no row for {name}"
    *found, kept = _measured(COMMANDS[name], tmp_path)
    *told, keeps = rows[name]
    assert found == told
    if keeps == "yes":
        assert kept == "yes"
    elif not WHY_NOT:
        assert keeps == "with `--sandbox`"
        assert _measured(COMMANDS[name], tmp_path, "--sandbox")[2] == "yes"


def test_the_table_has_every_runtime_and_all_are_led() -> None:
    rows = _rows()
    assert all(led == "yes" and kept in ("yes", "with `--sandbox`") for led, _, kept in rows.values())
    assert len({name.split()[0] for name in rows}) == 10
    assert len({name.split()[0] for name, (_, skipped, _) in rows.items() if skipped == "yes"}) >= 8


WAITS = """
const api = "https://api.aimlapi.com";
const began = Date.now(), measured = performance.now();
const headers = { Authorization: "Bearer k", "Content-Type": "application/json" };
const body = JSON.stringify({ model: "klingai/v2.5-turbo/pro/text-to-video", prompt: "A fox" });
const asked = { method: "POST", headers, body, signal: AbortSignal.timeout(30000) };
const first = await fetch(`${api}/v2/video/generations`, asked).then(() => "answered", (error) => error.name);
const aborted = Date.now() - began;
const answer = await fetch(`${api}/v1/models`, { signal: AbortSignal.timeout(30000) });
const known = (await answer.text()).includes("kling");
await new Promise((resolve) => setTimeout(resolve, 300000));
console.log(JSON.stringify([first, aborted, known, Date.now() - began, performance.now() - measured]));
"""
"""A request that is never answered, one that is, and a sleep; every timer fires when it is due."""


@pytest.mark.slow
@pytest.mark.parametrize("words", [["deno", "run", "-A"], ["bun"]])
def test_requests_that_no_socket_shows_are_awaited(words: list[str], tmp_path: Path) -> None:
    runtime = _found(words[0])
    if runtime is None:
        pytest.skip(f"there is no {words[0]} on this machine")
    program = tmp_path / "waits.mjs"
    program.write_text(WAITS)
    options = ("--fast-forward", "--scenario", "create-hangs", "--offline")
    report, said = report_of(tmp_path, *options, "--", runtime, *words[1:], str(program))
    first, aborted, known, wall, elapsed = json.loads(said)
    assert (first, known) == ("TimeoutError", True)
    assert 30_000 <= aborted < 40_000
    assert 330_000 <= wall < 360_000
    assert abs(wall - elapsed) < 100
    assert report["real_time"] == report["unwatched"] == []
