"""What a request costs with each store, how long polls wait meanwhile, and what workspaces take."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.load import PATH, Request, counted
from benchmarks.payloads import USUAL, completed_poll
from benchmarks.process import ServerProcess, mock_command
from benchmarks.report import Row, median

if TYPE_CHECKING:
    from benchmarks.sections import Plan

__all__ = ["stores", "workspaces"]

AT_ONCE = ("--queued", "0s", "--generating", "0s", "--log-format", "none")
GOALS = {"sqlite": 2.0, "redis": 3.0}
SPACES, JOBS = 1_000, 100


@contextmanager
def _redis(folder: Path) -> Iterator[str | None]:
    """The address of a Redis of its own; None where there is none."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "--port", str(port), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def stores(plan: Plan) -> list[Row]:
    """POST and GET on each store in turn, and the 99th percentile of polls while 32 connections POST."""
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses: dict[str, str | None] = {"memory": "memory", "sqlite": f"sqlite:{folder}/mock.db"}
        addresses["redis"] = stack.enter_context(_redis(folder))
        servers = {
            name: stack.enter_context(ServerProcess(mock_command(*AT_ONCE, "--store", address)))
            for name, address in addresses.items()
            if address is not None
        }
        for method in ("POST", "GET"):
            cpu = _cpu(plan, method, servers)
            for name, used in cpu.items():
                goal = GOALS.get(name)
                kept = None if goal is None else used <= goal * cpu["memory"]
                said = "" if goal is None else f"≤ {goal:g} memory"
                what = f"CPU, {method}, {name}, {used / cpu['memory']:.2f} times memory"
                rows.append(Row("stores", what, "µs", used, None, said, kept))
        for name, server in servers.items():
            waited = _p99(plan, server)
            rows.append(Row("stores", f"GET p99 while 32 connections POST, {name}", "ms", waited * 1000))
    return rows


def _cpu(plan: Plan, method: str, servers: dict[str, ServerProcess]) -> dict[str, float]:
    """Microseconds of processor time per request with each store, measured in turn."""
    requests = {
        name: USUAL if method == "POST" else completed_poll(server.url) for name, server in servers.items()
    }
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(plan.rounds):
        for name, server in servers.items():
            before = server.cpu_seconds()
            load = counted(server.url, [requests[name]], connections=32, count=plan.count // 4)
            found[name].append((server.cpu_seconds() - before) / load.requests * 1e6)
    return {name: median(values) for name, values in found.items()}


def _p99(plan: Plan, server: ServerProcess) -> float:
    """How long the 99th of 100 polls takes while others create."""
    poll = completed_poll(server.url)
    done = threading.Event()

    def load() -> None:
        counted(server.url, [USUAL], connections=32, count=plan.count // 4)
        done.set()

    thread = threading.Thread(target=load)
    thread.start()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    waits: list[float] = []
    while not done.is_set() or len(waits) < 100:
        began = time.perf_counter()
        connection.request("GET", poll.path, headers={"Authorization": "Bearer k"})
        connection.getresponse().read()
        waits.append(time.perf_counter() - began)
    thread.join()
    connection.close()
    return sorted(waits)[int(len(waits) * 0.99)]


def workspaces(plan: Plan) -> list[Row]:
    """The memory of many workspaces with jobs, in the memory store."""
    with ServerProcess(mock_command(*AT_ONCE)) as mock:
        creates = [Request("POST", f"/@suite-{number}{PATH}", USUAL.body) for number in range(SPACES)]
        counted(mock.url, creates, connections=8, count=SPACES * JOBS)
        shown: Any = json.loads(_get(mock.url, "/_mock/workspaces"))
        assert sum(row["jobs"] for row in shown["workspaces"]) == SPACES * JOBS
        size = mock.rss()
    what = f"RSS with {SPACES} workspaces of {JOBS} jobs"
    return [Row("workspaces", what, "MB", size, None, "≤ 400 MB", size <= 400)]


def _get(url: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
