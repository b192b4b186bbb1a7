"""`python -m benchmarks.fixture_speed`: what the pytest fixtures cost.

A thousand tests that each create a job, poll it to its end and assert; the reset between tests; the start of
a session's server; the import of the plugin in sessions that never ask for it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import COMPILED
from benchmarks.report import Report, Row, machine, median

__all__ = ["main", "rows"]

SECTION = "fixtures"
TESTS = 1_000
PATIENCE = 600
REPEATS = 7
SUITE = """\
import http.client
import json

import pytest

BODY = json.dumps({"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"})


def call(server, method, query="", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Authorization": "Bearer " + server.api_key, "Content-Type": "application/json"}
    connection.request(method, "/v2/video/generations" + query, body, headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@pytest.mark.parametrize("turn", range(TESTS))
def test_lifecycle(kling_server, turn):
    job = call(kling_server, "POST", body=BODY)["id"]
    status = "queued"
    while status not in ("completed", "error"):
        status = call(kling_server, "GET", "?generation_id=" + job)["status"]
    assert status == "completed"
    assert len(kling_server.charges) == 1
"""
IMPORT = """\
import time
import pytest
started = time.perf_counter()
import kling_mock.fixtures.plugin
print(time.perf_counter() - started)
"""
START = """\
import time
import pytest
started = time.perf_counter()
from kling_mock import MockServer
with MockServer(polls=(1, 1)) as server:
    print(time.perf_counter() - started)
"""
RESET = """\
import time
import http.client
from kling_mock import MockServer
with MockServer(polls=(1, 1)) as server:
    body = '{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}'
    taken = []
    for _ in range(200):
        server.configure(scenario="failed", strict=True)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Authorization": "Bearer key", "Content-Type": "application/json"}
        connection.request("POST", "/v2/video/generations", body, headers)
        connection.getresponse().read()
        connection.close()
        started = time.perf_counter()
        server.reset()
        taken.append(time.perf_counter() - started)
    print(sorted(taken)[len(taken) // 2])
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print a table; 0, or 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fixture_speed", description=__doc__)
    parser.add_argument(
        "--tests", type=int, default=TESTS, metavar="N", help=f"tests to run (default {TESTS})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)
    report = Report()
    print(f"kling-mock's pytest fixtures: {machine()}\n", flush=True)
    report.rows = rows(options.tests)
    print(report.table())
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n")
    return 1 if any(row.kept is False for row in report.rows) else 0


def rows(tests: int = TESTS) -> list[Row]:
    """The figures: medians of fresh processes, and one suite of `tests` tests, each way."""
    imported = _median(IMPORT) * 1000
    started = _median(START)
    reset = _median(RESET) * 1000
    limit = 20.0 * tests / TESTS
    one, two = (_suite(tests, workers) for workers in (0, 2))
    return [
        _row("import of the plugin", "ms", imported, 1.0),
        _row("start of the session's server", "s", started, 0.3),
        _row("reset between tests", "ms", reset, 1.0),
        _row(f"{tests:,} tests, one process", "s", one, limit),
        _row(f"{tests:,} tests, pytest -n 2", "s", two, limit),
    ]


def _row(what: str, unit: str, figure: float, limit: float) -> Row:
    return Row(SECTION, what, unit, figure, goal=f"≤ {limit:g} {unit}", kept=figure <= limit)


def _median(code: str) -> float:
    return median([float(_run([sys.executable, "-c", code])) for _ in range(REPEATS)])


def _suite(tests: int, workers: int) -> float:
    """The seconds of a whole pytest run of the suite, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_suite.py").write_text(SUITE.replace("TESTS", str(tests)), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"]
        started = time.perf_counter()
        output = _run(command + (["-n", str(workers)] if workers else []), cwd=folder)
        taken = time.perf_counter() - started
    passed = re.search(r"(\d+) passed", output)
    if passed is None or int(passed[1]) != tests:
        raise SystemExit(f"The suite did not pass:\n{output[-2000:]}")
    return taken


def _run(command: list[str], cwd: str | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=COMPILED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode != 0:
        raise SystemExit(f"{command[:3]} failed:\n{done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
