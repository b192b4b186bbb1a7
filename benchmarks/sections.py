"""The measurements, a function each: they start the servers, load them, and return rows."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.load import PATH, Load, Request, counted, timed
from benchmarks.pages import open_pages
from benchmarks.payloads import ANOTHER, LARGEST, USUAL, completed_poll, create_once
from benchmarks.process import BARE, BenchmarkError, ServerProcess, mock_command
from benchmarks.report import Row, median
from benchmarks.stores import stores, workspaces

__all__ = ["SECTIONS", "Plan"]

AT_ONCE = ("--queued", "0s", "--generating", "0s")
"""Jobs that are finished when they are made, so that polls get the longest answer."""
WARM_UP = 500
POLLS_AT_A_TIME = 20_000
OPEN_PAGES = 3


@dataclass(frozen=True)
class Plan:
    """How much is measured, and by which means."""

    rounds: int = 7
    seconds: float = 2.0
    """How long wrk loads in each round; the loader of this folder sends `count` requests instead."""
    count: int = 10_000
    starts: int = 7
    jobs: int = 100_000
    requests: int = 200_000
    wrk: bool = True
    peers: dict[str, list[str]] = field(default_factory=dict)
    """Commands of other servers by name, `{port}` in the place of the port."""
    say: Callable[[str], None] = print


@dataclass
class Sample:
    """The figures of one server in one kind of load."""

    cpu: list[float] = field(default_factory=list)
    """Microseconds of processor time per request."""
    rate: list[float] = field(default_factory=list)
    """Requests per second."""

    def add(self, server: ServerProcess, plan: Plan, request: Request, connections: int) -> None:
        """Load once and note what it took; raises `BenchmarkError` where an answer failed."""
        before = server.cpu_seconds()
        load = _load(server.url, plan, request, connections)
        used = server.cpu_seconds() - before
        if load.failed:
            raise BenchmarkError(
                f"{load.failed} of {load.requests} answers failed: {request.method} {server.command}"
            )
        self.cpu.append(used / load.requests * 1e6)
        self.rate.append(load.requests / load.seconds)


def _load(url: str, plan: Plan, request: Request, connections: int) -> Load:
    if plan.wrk:
        return timed(url, request, connections=connections, seconds=plan.seconds)
    return counted(url, request.each(), connections=connections, count=plan.count)


KINDS: list[tuple[str, float, Callable[[str], Request]]] = [
    ("POST", 2.3, lambda _: USUAL),
    ("POST of new bodies", 3.2, lambda _: ANOTHER),
    ("GET", 1.35, completed_poll),
]
"""Each kind of request, its goal, and the request to a server."""


def requests(plan: Plan) -> list[Row]:
    """POST, of one body and of bodies that differ, and GET at 1 and 32 connections, bare and mock in turn."""
    rows: list[Row] = []
    with ServerProcess(BARE) as bare, ServerProcess(mock_command(*AT_ONCE)) as mock:
        for server in (bare, mock):
            counted(
                server.url, [USUAL, completed_poll(server.url)], connections=8, count=min(WARM_UP, plan.count)
            )
        for name, goal, request_to in KINDS:
            for connections in (1, 32):
                of_bare, of_mock = Sample(), Sample()
                for _ in range(plan.rounds):
                    for server, sample in ((bare, of_bare), (mock, of_mock)):
                        sample.add(server, plan, request_to(server.url), connections)
                what = f"{name}, {connections} connection{'s' if connections > 1 else ''}"
                cpu, bare_cpu = median(of_mock.cpu), median(of_bare.cpu)
                kept = cpu <= goal * bare_cpu
                rows.append(Row("CPU per request", what, "µs", cpu, bare_cpu, f"≤ {goal} bare", kept))
                rows.append(Row("requests per second", what, "", median(of_mock.rate), median(of_bare.rate)))
    return sorted(rows, key=lambda row: row.section)


def largest(plan: Plan) -> list[Row]:
    """The largest legal body: 6 masks of 77 points each."""
    of_bare, of_mock = Sample(), Sample()
    with ServerProcess(BARE) as bare, ServerProcess(mock_command(*AT_ONCE)) as mock:
        create_once(mock.url, LARGEST)
        for _ in range(plan.rounds):
            of_bare.add(bare, plan, LARGEST, 1)
            of_mock.add(mock, plan, LARGEST, 1)
    cpu = median(of_mock.cpu) / 1000
    size = f"{len(LARGEST.body) / 1000:.1f} kB"
    return [
        Row(
            "largest body",
            f"CPU, 6 masks of 77 points, {size}",
            "ms",
            cpu,
            median(of_bare.cpu) / 1000,
            "≤ 1 ms",
            cpu <= 1,
        )
    ]


def start(plan: Plan) -> list[Row]:
    """From the start of the process to the answer to the first create, and its memory then."""
    spans: dict[str, list[float]] = {"bare": [], "mock": []}
    sizes: dict[str, list[float]] = {"bare": [], "mock": []}
    with ServerProcess(mock_command()):
        # Compiles what is not compiled yet, as pip does where a wheel is installed.
        pass
    for _ in range(plan.starts):
        for name, command in (("bare", BARE), ("mock", mock_command())):
            with ServerProcess(command) as server:
                create_once(server.url)
                spans[name].append(time.perf_counter() - server.spawned)
                sizes[name].append(server.rss())
    took, size = median(spans["mock"]), median(sizes["mock"])
    return [
        Row(
            "start",
            "process start to first create",
            "s",
            took,
            median(spans["bare"]),
            "≤ 0.35 s",
            took <= 0.35,
        ),
        Row("memory", "RSS after the first create", "MB", size, median(sizes["bare"]), "< 60 MB", size < 60),
    ]


def memory(plan: Plan) -> list[Row]:
    """Memory of many finished jobs, then over more requests; no job lost, no id twice."""
    half = plan.requests // 2
    with ServerProcess(mock_command(*AT_ONCE, "--max-jobs", str(plan.jobs))) as mock:
        ids = _create(mock.url, plan.jobs)
        found = sum(
            _expect(_poll_all(mock.url, ids[start : start + POLLS_AT_A_TIME])).completed
            for start in range(0, len(ids), POLLS_AT_A_TIME)
        )
        full = mock.rss()
        # Each job makes room for a new one first: memory is flat once the process has had this round.
        ids += _create(mock.url, plan.jobs)
        before = mock.rss()
        ids += _create(mock.url, half)
        polled = completed_poll(mock.url)
        _expect(counted(mock.url, [polled], connections=32, count=plan.requests - half))
        growth = mock.rss() - before
        health = _health(mock.url)
    lost, twice = plan.jobs - found, len(ids) - len(set(ids))
    dropped, expected = health["jobs_dropped"], len(ids) + 1 - plan.jobs
    polled_all, more = (
        f"lost of {plan.jobs:,}, polled one by one",
        f"growth over {plan.requests:,} more requests",
    )
    return [
        Row("memory", f"RSS with {plan.jobs:,} finished jobs", "MB", full, None, "≤ 300 MB", full <= 300),
        Row("memory", more, "MB", growth, None, "≤ 5 MB", growth <= 5),
        Row("jobs", polled_all, "", lost, None, "0", lost == 0),
        Row("jobs", f"ids twice among {len(ids):,}", "", twice, None, "0", twice == 0),
        Row("jobs", "dropped at the limit", "", dropped, None, f"{expected:,}", dropped == expected),
    ]


def pages(plan: Plan) -> list[Row]:
    """What three open pages add to the processor time of a request."""
    rows: list[Row] = []
    with ServerProcess(mock_command(*AT_ONCE)) as mock:
        counted(mock.url, [USUAL], connections=8, count=min(WARM_UP, plan.count))
        for _, _, request_to in (KINDS[0], KINDS[-1]):
            # Made here: the jobs of the creates have long made room for others.
            request = request_to(mock.url)
            without, with_pages = Sample(), Sample()
            for _ in range(plan.rounds):
                without.add(mock, plan, request, 32)
                with open_pages(mock.url, OPEN_PAGES):
                    with_pages.add(mock, plan, request, 32)
            ratio = median(with_pages.cpu) / median(without.cpu)
            what = f"{request.method}, CPU with {OPEN_PAGES} pages open over none"
            rows.append(Row("pages", what, "", ratio, None, "≤ 1.1", ratio <= 1.1))
    return rows


def peers(plan: Plan) -> list[Row]:
    """Other servers, given as commands, under the same load: their figure stands in the mock's column."""
    rows: list[Row] = []
    for name, command in plan.peers.items():
        with ServerProcess(BARE) as bare, ServerProcess(command) as peer:
            for request in (USUAL, Request("GET", f"{PATH}?generation_id=rLCxsu-1_rTBBGbBC6JFJ")):
                of_bare, of_peer = Sample(), Sample()
                for _ in range(plan.rounds):
                    of_bare.add(bare, plan, request, 32)
                    of_peer.add(peer, plan, request, 32)
                what = f"{request.method}, CPU per request"
                rows.append(Row(f"peer {name}", what, "µs", median(of_peer.cpu), median(of_bare.cpu)))
            rows.append(Row(f"peer {name}", "RSS", "MB", peer.rss(), bare.rss()))
    return rows


def _create(url: str, count: int) -> list[str]:
    return _expect(counted(url, [USUAL], connections=32, count=count, keep_ids=True)).ids


def _poll_all(url: str, ids: list[str]) -> Load:
    polls = [Request("GET", f"{PATH}?generation_id={job}") for job in ids]
    return counted(url, polls, connections=32, count=len(polls))


def _expect(load: Load) -> Load:
    if load.failed:
        raise BenchmarkError(f"{load.failed} of {load.requests + load.failed} requests failed or were lost.")
    return load


def _health(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/_mock/health", timeout=30) as answer:
        health: dict[str, int] = json.load(answer)
    return health


SECTIONS: dict[str, Callable[[Plan], list[Row]]] = {
    "requests": requests,
    "largest": largest,
    "start": start,
    "memory": memory,
    "stores": stores,
    "workspaces": workspaces,
    "pages": pages,
    "peers": peers,
}
"""Every section by its name on the command line."""
