"""Virtual time under stress: `python -m tests.virtual_time.stress --programs 1000 --seed 1 --busy 2`.

Random programs (`drawing.py`) happen in virtual time (`acting.py`, `acting.mjs`), and each of their steps has
to end as and when a small model of waiting says (`model.py`). One process lets many programs happen.
"""

from __future__ import annotations

import argparse
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .drawing import SUITES, draw

__all__ = ["SHARES", "Wrong", "stress"]

HERE = Path(__file__).parent
SLACK = 0.005
"""Seconds that an end may be off: jumps go a microsecond beyond, and Node's clock shows milliseconds."""
SHARES = {"threads": 0.6, "processes": 0.2, "node": 0.2}
"""The part that each suite has of all programs."""
MOST_SILENCE = 300.0
"""Real seconds without a word after which a process of programs is given up."""


@dataclass
class Wrong:
    """A program that did not end as it should have."""

    suite: str
    seed: int
    says: list[str]
    output: str = ""


@dataclass
class Outcome:
    """What came of one suite."""

    programs: int = 0
    steps: int = 0
    virtual: float = 0.0
    real: float = 0.0
    wrong: list[Wrong] = field(default_factory=list)


class _Outside(socketserver.StreamRequestHandler):
    """A server of the real world: it takes as many milliseconds as it is told."""

    def handle(self) -> None:
        line = self.rfile.readline()
        if line:
            time.sleep(int(line) / 1000)
            self.wfile.write(b"answer\n")


@contextmanager
def _outside() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Outside) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    """Processes that compute meanwhile."""
    # They end by themselves where this process is killed.
    source = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"
    burning = [subprocess.Popen([sys.executable, "-c", source]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def _command(suite: str, file: str, port: int, runtime: str | None) -> list[str]:
    if suite == "threads":
        return [runtime or sys.executable, "-m", f"{__package__}.inside", file, str(port)]
    run = [
        sys.executable,
        "-m",
        "kling_mock",
        "run",
        "--fast-forward",
        "--speed",
        "0",
        "--max-jobs",
        "1000",
        "--",
    ]
    if suite == "node":
        return [*run, runtime or "node", str(HERE / "acting.mjs"), file, "http://api.aimlapi.com", str(port)]
    return [
        *run,
        runtime or sys.executable,
        "-m",
        f"{__package__}.acting",
        file,
        "http://api.aimlapi.com",
        str(port),
    ]


def _differences(program: dict[str, Any], ends: list[Any]) -> list[str]:
    """Say what ended in another way than it should have, a line each."""
    found = []
    for index, (actor, right, got) in enumerate(zip(program["actors"], program["ends"], ends, strict=True)):
        for number, (step, (how, at), end) in enumerate(zip(actor["steps"], right, got, strict=True)):
            if end[0] != how or any(abs(seen - at) > SLACK for seen in end[1:]):
                shown = ", ".join(f"{seen:.6f}" for seen in end[1:])
                got_it = f"{actor['kind']} {index}, step {number} {step}: {end[0]} after {shown} s"
                found.append(f"{got_it}, right is {how} after {at:.6f} s")
    return found


def _results(command: list[str], errors: Path, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What a process says of its programs, until it ends or is silent for too long."""
    with (
        errors.open("w") as told,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True, env=environment) as process,
    ):
        given_up = threading.Timer(MOST_SILENCE, process.kill)
        given_up.start()
        assert process.stdout is not None
        for line in process.stdout:
            given_up.cancel()
            given_up = threading.Timer(MOST_SILENCE, process.kill)
            given_up.start()
            if line.startswith("{"):
                yield json.loads(line)
        given_up.cancel()


def _stress_suite(suite: str, seeds: Sequence[int], slowness: float, runtime: str | None) -> Outcome:
    """Let the programs of these seeds happen; after one that hangs, another process goes on with the rest."""
    programs = {seed: draw(suite, seed) for seed in seeds}
    outcome, left, began = Outcome(), list(seeds), time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK_")}
    environment |= {"KLING_MOCK_SLOWNESS": str(slowness), "PYTHONPATH": str(HERE.parents[1])}
    with tempfile.TemporaryDirectory() as folder, _outside() as port:
        file, errors = Path(folder, "programs.jsonl"), Path(folder, "errors")
        while left:
            file.write_text("".join(json.dumps(programs[seed]) + "\n" for seed in left))
            for result in _results(_command(suite, str(file), port, runtime), errors, environment):
                _note(outcome, programs, result)
                left.pop(0)
            if left:
                said = errors.read_text().partition("kling-mock run: ")[0][-6000:]
                outcome.programs += 1
                outcome.wrong.append(Wrong(suite, left.pop(0), ["it did not end"], said))
    outcome.real = time.monotonic() - began
    return outcome


def _note(outcome: Outcome, programs: dict[int, dict[str, Any]], result: dict[str, Any]) -> None:
    program = programs[result["seed"]]
    outcome.programs += 1
    outcome.steps += sum(len(ends) for ends in program["ends"])
    outcome.virtual += max(ends[-1][1] for ends in program["ends"])
    says = _differences(program, result["ends"])
    if says:
        outcome.wrong.append(Wrong(program["suite"], program["seed"], says))


def stress(
    suite: str,
    programs: int,
    *,
    seed: int = 1,
    again: int = 1,
    busy: int = 0,
    slowness: float = 1.0,
    runtime: str | None = None,
) -> Outcome:
    """Let so many programs of a suite happen, from a seed on, beside `busy` processes that compute.

    `runtime` is the Python or Node that they happen in; the one of this process, or of the path, without.
    """
    seeds = [one for one in range(seed, seed + programs) for _ in range(again)]
    with _busy(busy):
        return _stress_suite(suite, seeds, slowness, runtime)


def main() -> int:
    """Stress virtual time, and say what was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first one; the others follow")
    parser.add_argument("--again", type=int, default=1, help="how often each of them happens")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute meanwhile")
    parser.add_argument("--slowness", type=float, default=1.0, help="as KLING_MOCK_SLOWNESS")
    parser.add_argument("--suite", choices=list(SUITES), help="only this one")
    parser.add_argument("--runtime", help="another Python or Node, for one suite")
    options = parser.parse_args()
    wrong = 0
    for suite, share in SHARES.items():
        if options.suite not in (None, suite):
            continue
        number = options.programs if options.suite else max(1, round(options.programs * share))
        done = stress(
            suite,
            number,
            seed=options.seed,
            again=options.again,
            busy=options.busy,
            slowness=options.slowness,
            runtime=options.runtime,
        )
        wrong += len(done.wrong)
        print(
            f"{suite:10} {done.programs} programs, {done.steps} steps, {done.virtual:.0f} s of virtual time "
            f"in {done.real:.1f} s, wrong ends {len(done.wrong)}"
        )
        for one in done.wrong:
            print(f"  --suite {one.suite} --programs 1 --seed {one.seed}")
            for line in one.says[:4]:
                print(f"    {line}")
            if one.output:
                print(one.output)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
