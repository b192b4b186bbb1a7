"""Kills servers, workers and Redis in the midst of a load, and looks for jobs whose create was answered.

python -m tests.stores.kill_rounds --rounds 200 sqlite
python -m tests.stores.kill_rounds --rounds 200 redis
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.redis_process import Redis
from tests.support import PATHS, body_for, until

__all__ = ["Load", "Rounds", "kill_rounds"]

CLIENTS = 4
ORDER = ("queued", "generating", "completed")


@dataclass
class Load:
    """What clients were told: the jobs whose create was answered, and the last status of each."""

    told: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    broken: int = 0
    """Requests that broke off, or were told that the store is away."""
    stopped: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    def run(self, port: Callable[[], int]) -> None:
        """Make a job, poll some job, and again, until it is stopped."""
        chance = random.Random()
        body = json.dumps(body_for())
        while not self.stopped:
            connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=20)
            try:
                while not self.stopped:
                    self._create(connection, body)
                    with self._lock:
                        jobs = list(self.told)
                    if jobs:
                        self.poll(connection, chance.choice(jobs[-50:]))
            except (OSError, http.client.HTTPException):
                self.broken += 1
                time.sleep(0.002)
            finally:
                connection.close()

    def has_more_than(self, jobs: int) -> bool:
        """Whether more jobs were made since."""
        return len(self.told) > jobs

    def _create(self, connection: http.client.HTTPConnection, body: str) -> None:
        status, said = _ask(connection, "POST", PATHS[0], body)
        if status == 503:
            self.broken += 1
        elif status != 200:
            self.troubles.append(f"a create was answered {status} {said}")
        else:
            with self._lock:
                if said["id"] in self.told:
                    self.troubles.append(f"the id {said['id']} was issued twice")
                self.told[said["id"]] = 0

    def poll(self, connection: http.client.HTTPConnection, job: str) -> None:
        """Ask for a job that must be there, no earlier than it was."""
        with self._lock:
            before = self.told[job]
        status, said = _ask(connection, "GET", f"{PATHS[0]}?generation_id={quote(job, safe='')}")
        if status == 503:
            self.broken += 1
        elif status != 200:
            self.troubles.append(f"the poll of {job} was answered {status} {said}")
        else:
            place = ORDER.index(said["status"])
            if place < before:
                self.troubles.append(f"{job} went back from {ORDER[before]} to {said['status']}")
            with self._lock:
                self.told[job] = max(self.told[job], place)


def _ask(
    connection: http.client.HTTPConnection, method: str, target: str, body: str | None = None
) -> tuple[int, Any]:
    headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    return answer.status, json.loads(said)


class Server:
    """A server process on a port of its own that is started again when it was killed."""

    def __init__(self, store: str, port: int = 0) -> None:
        words = ["--store", store, "--polls", "2,2", "--log-format", "none", "--max-jobs", "10000000"]
        self._words = [sys.executable, "-m", "kling_mock", "serve", *words]
        self.port = port
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes requests."""
        self.process = subprocess.Popen(
            [*self._words, "--port", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.port = int(line.rpartition(":")[2])

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()


@dataclass
class Rounds:
    """What came of some rounds."""

    jobs: int
    lost: int
    broken: int
    troubles: list[str]


def kill_rounds(kind: str, rounds: int, folder: Path, *, seconds: float = 0.15) -> Rounds:
    """Load servers and kill one of them, or their Redis, again and again; then ask for every job."""
    redis = Redis(folder, "--appendonly", "yes", "--appendfsync", "always") if kind == "redis" else None
    store = f"sqlite:{folder}/mock.db" if redis is None else redis.url()
    servers = [Server(store) for _ in range(1 if redis is None else 2)]
    load, chance = Load(), random.Random(1)
    ports = cycle(servers)
    clients = [threading.Thread(target=load.run, args=(lambda: next(ports).port,)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for number in range(rounds):
            time.sleep(seconds * chance.random())
            if redis is not None and number % 2:
                redis.end(signal.SIGKILL)
                redis.start()
            else:
                victim = chance.choice(servers)
                victim.kill()
                victim.start()
            made = len(load.told)
            until(partial(load.has_more_than, made))
        load.stopped = True
        for client in clients:
            client.join()
        return _counted(load, servers[0].port)
    finally:
        load.stopped = True
        for server in servers:
            server.kill()
        if redis is not None:
            redis.end()


def _counted(load: Load, port: int) -> Rounds:
    """Ask for every job whose create was answered."""

    def well() -> bool:
        # A connection to Redis may have to be made again first.
        with suppress(OSError, http.client.HTTPException):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as asked:
                return _ask(asked, "GET", "/_mock/health")[0] == 200
        return False

    until(well)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    before = len(load.troubles)
    for job in load.told:
        load.poll(connection, job)
    lost = sum("answered 404" in trouble for trouble in load.troubles[before:])
    made = _ask(connection, "GET", "/_mock/health")[1]["jobs_made"]
    total = _ask(connection, "GET", "/_mock/charges?limit=1")[1]
    if made != total["made"] or made < len(load.told):
        load.troubles.append(f"{made} jobs, {total['made']} charges, {len(load.told)} creates answered")
    connection.close()
    return Rounds(len(load.told), lost, load.broken, load.troubles)


def main() -> int:
    """Run it by hand."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["sqlite", "redis"])
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = kill_rounds(given.kind, given.rounds, Path(folder))
    took = time.monotonic() - began
    print(f"{given.kind}: {given.rounds} rounds in {took:.0f} s, {done.jobs} creates answered")
    print(f"{done.lost} jobs lost, {done.broken} requests broken off, troubles: {done.troubles[:5]}")
    return bool(done.lost or done.troubles)


if __name__ == "__main__":
    sys.exit(main())
