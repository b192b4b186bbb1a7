"""The benchmark measures everything that it promises; how fast this machine is, no test asks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import load, loader
from benchmarks.__main__ import main
from benchmarks.load import Request
from benchmarks.payloads import LARGEST, MASKS, POINTS, USUAL
from benchmarks.process import BARE, BenchmarkError, ServerProcess, end_readers
from benchmarks.report import Report, Row
from kling_mock import MockServer
from kling_mock.catalog import load_catalog
from kling_mock.validation import Validator
from tests.running import needs_linux

ROOT = Path(__file__).parents[1]
SECTIONS = ("requests", "largest", "start", "memory", "pages")
TINY = "--loader own --rounds 1 --count 40 --starts 1 --jobs 60 --requests 80".split()


@pytest.fixture(autouse=True)
def _readers() -> Iterator[None]:
    yield
    end_readers()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    return measured(tmp_path_factory.mktemp("benchmark") / "figures.json", *SECTIONS)


def measured(file: Path, *sections: str) -> tuple[str, dict[str, Any]]:
    """The table of these sections, measured as quickly as can be, and its figures."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sections, "--quick", *TINY, "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    # 1 says that a goal was missed, which so few requests on a busy machine may well do.
    assert run.returncode in (0, 1), run.stderr
    return run.stdout, json.loads(file.read_text())


@pytest.mark.long
@pytest.mark.slow
@needs_linux
def test_every_row_is_in_the_table(figures: tuple[str, dict[str, Any]]) -> None:
    table, _ = figures
    for what in (
        "CPU per request     | POST, 1 connection",
        "CPU per request     | POST, 32 connections",
        "CPU per request     | GET, 1 connection",
        "CPU per request     | GET, 32 connections",
        "requests per second | POST, 1 connection",
        "requests per second | GET, 32 connections",
        "CPU, 6 masks of 77 points",
        "POST, CPU with 3 pages open over none",
        "process start to first create",
        "RSS after the first create",
        "RSS with 60 finished jobs",
        "growth over 80 more requests",
        "lost of 60, polled one by one",
        "ids twice among 160",
        "dropped at the limit",
    ):
        assert what in table, table
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 22 and len({len(line) for line in lines}) == 1


@pytest.mark.long
@pytest.mark.slow
@needs_linux
def test_the_figures_are_written_as_json_with_ratios(figures: tuple[str, dict[str, Any]]) -> None:
    _, written = figures
    assert "uvicorn" in written["machine"]
    for row in written["rows"]:
        assert (row["ratio"] is None) == (row["bare"] is None)
        if row["section"] == "CPU per request":
            assert row["mock"] > 0 and row["bare"] > 0


@pytest.mark.slow
@needs_linux
def test_no_job_is_lost_under_load_and_no_id_comes_twice(tmp_path: Path) -> None:
    _, written = measured(tmp_path / "figures.json", "memory")
    jobs = {row["what"]: row for row in written["rows"] if row["section"] == "jobs"}
    assert len(jobs) == 3 and all(row["kept"] for row in jobs.values()), jobs


def test_the_bodies_are_legal_and_the_largest_is_as_large_as_may_be() -> None:
    catalog = load_catalog()
    for request in (USUAL, LARGEST):
        body = json.loads(request.body)
        verdict = Validator(catalog).check(catalog.find(body["model"]), body, strict=True)
        assert verdict.valid and not verdict.findings
    masks = json.loads(LARGEST.body)["dynamic_masks"]
    schema = load_catalog().create_schema(json.loads(LARGEST.body)["model"])["properties"]["dynamic_masks"]
    assert len(masks) == MASKS == schema["maxItems"]
    assert {len(mask["trajectories"]) for mask in masks} == {POINTS}


def test_the_loader_counts_every_answer_and_tells_failures() -> None:
    with MockServer(polls=(0, 0)) as server:
        requests = [USUAL, Request("POST", body=b"{")]
        plan = {
            "host": "127.0.0.1",
            "port": server.port,
            "connections": 3,
            "count": 10,
            "keep_ids": True,
            "requests": [request.wire(server.url[7:]).decode() for request in requests],
        }
        result = asyncio.run(loader.run(plan))
        assert result["statuses"] == {"200": 5, "400": 5} and result["lost"] == 0
        assert sorted(result["ids"]) == sorted(job.id for job in server.jobs)
        outcome = load.counted(server.url, requests, connections=2, count=6)
        assert (outcome.requests, outcome.failed, outcome.ids) == (6, 3, [])


def test_answers_that_never_come_are_counted_as_lost() -> None:
    with MockServer(scenario="create-reset") as server:
        outcome = load.counted(server.url, [USUAL], connections=2, count=8)
    assert outcome.failed == 8


@needs_linux
def test_a_server_tells_its_processor_time_and_memory() -> None:
    with ServerProcess(BARE) as server:
        before = server.cpu_seconds()
        assert load.counted(server.url, [Request("GET")], connections=1, count=50).failed == 0
        assert server.cpu_seconds() > before > 0
        assert server.rss() > 1


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["no-such-program-at-all"], "Cannot start no-such-program-at-all"),
        ([sys.executable, "-c", "print('hello')"], "did not say where it listens"),
        ([sys.executable, "-c", "pass", "{port}"], "does not listen on port"),
    ],
)
def test_a_server_that_does_not_start_is_named(command: list[str], expected: str) -> None:
    with pytest.raises(BenchmarkError, match=expected), ServerProcess(command):
        pass


@pytest.mark.parametrize("peer", ["prism", "prism=prism mock"])
def test_a_peer_without_a_port_is_refused(peer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peers", "--peer", peer]) == 2
    assert "--peer: expected NAME=COMMAND with {port}" in capsys.readouterr().err


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["request"]) == 2
    known = "requests, largest, start, memory, stores, workspaces, pages, peers"
    assert f"{known}, received 'request'" in capsys.readouterr().err


def test_a_row_has_a_ratio_and_a_mark() -> None:
    report = Report()
    report.rows = [
        Row("s", "kept", "µs", 60.0, 30.0, "≤ 2.5 bare", True),
        Row("s", "missed", "MB", 400.0, None, "≤ 300 MB", False),
        Row("s", "no goal", "", 12_345.0, 24_690.0),
    ]
    kept, missed, free = report.table().splitlines()[2:]
    assert kept.split() == "| s | kept | 30 µs | 60 µs | 2.00 | ≤ 2.5 bare ✓ |".split()
    assert missed.split() == "| s | missed | | 400 MB | | ≤ 300 MB ✗ |".split()
    assert free.split() == "| s | no goal | 24,690 | 12,345 | 0.50 | |".split()
    assert [row["ratio"] for row in report.as_dict()["rows"]] == [2.0, None, 0.5]
