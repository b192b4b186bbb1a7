"""`serve --workers`: processes on one port and one store, replaced when they die, ended together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from kling_mock.cli import main

from .support import PATHS, body_for, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
SERVE = [sys.executable, "-m", "kling_mock", "serve", "--port", "0", "--log-format", "none"]


class Served:
    """A `serve` of several workers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().split()[-1]

    def workers(self) -> list[int]:
        """The processes that answer."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    if b"spawn_main" in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
        return sorted(found)

    def ask(self, path: str, body: Any = None) -> Any:
        """The JSON of an answer, asked for on a connection of its own."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def served(tmp_path: Path, *words: str) -> Iterator[Served]:
    store = f"sqlite:{tmp_path}/mock.db"
    process = subprocess.Popen(
        [*SERVE, "--store", store, "--workers", "2", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield Served(process)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_several_workers_on_a_store_in_memory_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--workers", "2"]) == 2
    assert "--workers: expected 1 with a store in memory, received 2" in capsys.readouterr().err
    assert main(["serve", "--workers", "0"]) == 2


@pytest.mark.slow
def test_workers_answer_as_one_and_are_replaced_and_end_together(tmp_path: Path) -> None:
    with served(tmp_path, "--polls", "20,20") as server:
        until(lambda: len(server.workers()) == 2)
        jobs = [server.ask(PATHS[0], body_for())["id"] for _ in range(20)]
        assert len(set(jobs)) == 20
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        said: list[str] = []
        while len(said) < 41:
            # What was asked of the dead one breaks off; polls are repeated.
            with suppress(urllib.error.URLError, ConnectionError):
                said.append(server.ask(f"{PATHS[0]}?generation_id={jobs[0]}")["status"])
        assert said == sorted(said, key=["queued", "generating", "completed"].index)
        until(lambda: len(server.workers()) == 2 and before[0] not in server.workers())
        assert server.ask("/_mock/health")["jobs_made"] == 20
        server.ask("/_mock/scenario", {"scenario": "poll-hangs"})
        held = server.ask(PATHS[0], body_for())["id"]
        waiting = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as u; u.urlopen(u.Request({server.url + PATHS[0]!r} + "
                f"'?generation_id=' + {held!r}, headers=dict(Authorization='Bearer k')))",
            ],
            stderr=subprocess.DEVNULL,
        )
        until(lambda: any(server.ask("/_mock/health")["held"] for _ in range(6)))
        workers = server.workers()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert waiting.wait(60)
        until(lambda: not any(map(alive, workers)))


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        server.process.kill()
        until(lambda: not any(map(alive, workers)))
