"""A fuzzer over raw sockets: `python -m tests.hostile.fuzz --requests 1000000 --seed 1`.

It draws conversations from a seed (`talks.py`), holds many of them at once with a server of its own on
loopback, and reports what must not be: an error of the server that nobody asked for, an answer that does
not come or comes in another's place, a traceback, a job without a charge or an answer without a job.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .talks import Talk, Talker

__all__ = ["Findings", "Served", "fuzz", "served"]

AT_ONCE = 32
PATIENCE = 60.0
"""Real seconds after which an answer that is owed counts as hanging."""
UNSURE = ("flipped", "bytes", "scenario", "smuggled", "cut", "trailers", "large")
"""Kinds of conversations that may make a job whose answer is not seen, or has no id in its place."""
RUBBISH = 0.3
"""Real seconds in which what is no HTTP may be answered: it need not be."""


@dataclass
class Served:
    """A server of its own process."""

    process: subprocess.Popen[bytes]
    port: int
    errors: Path

    def control(self, path: str) -> Any:
        """An answer of its control API."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_mock/{path}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def memory(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Such a server; what it says on standard error is kept."""
    command = [sys.executable, "-m", "kling_mock", "serve", "--port", "0", "--log-format", "none", *options]
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder, "errors")
        with errors.open("wb") as file:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file)
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            yield Served(process, int(first.rpartition(b":")[2]), errors)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


@dataclass
class Findings:
    """What a run of the fuzzer saw."""

    talks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    jobs: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many answers there were."""
        return self.statuses.total()

    def note(self, talk: Talk, what: str) -> None:
        """Note what must not be."""
        self.wrong.append(f"{talk.kind}: {what}: {talk.data[:300]!r}")


async def fuzz(port: int, seed: int, requests: int) -> Findings:
    """Talk to a server until it has given so many answers."""
    talker, found = Talker(seed), Findings()

    async def talk_on() -> None:
        while found.requests < requests and len(found.wrong) < 20:
            await _talk(port, talker.next(), talker, found)

    await asyncio.gather(*[talk_on() for _ in range(AT_ONCE)])
    return found


async def _talk(port: int, talk: Talk, talker: Talker, found: Findings) -> None:
    found.talks[talk.kind] += 1
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    except OSError as error:
        found.note(talk, f"no connection: {error}")
        return
    try:
        await _say(talk, writer)
        for number in range(talk.answers):
            patience = PATIENCE if talk.sure else RUBBISH
            status, headers, body = await asyncio.wait_for(_answer(reader, bare=talk.bare), patience)
            _check(talk, number, status, headers, body, talker, found)
    except TimeoutError:
        if talk.sure:
            found.note(talk, "no answer")
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        if talk.sure and not talk.asked:
            found.note(talk, f"ended: {error!r}")
    except (ValueError, IndexError, asyncio.LimitOverrunError) as error:
        found.note(talk, f"an answer that is none: {error!r}")
    finally:
        writer.close()


async def _say(talk: Talk, writer: asyncio.StreamWriter) -> None:
    size = -(-len(talk.data) // talk.pieces)
    for start in range(0, len(talk.data), size):
        writer.write(talk.data[start : start + size])
        await writer.drain()
        await asyncio.sleep(0)
    if talk.half:
        writer.write_eof()


async def _answer(reader: asyncio.StreamReader, *, bare: bool) -> tuple[int, dict[bytes, bytes], bytes]:
    """The next answer that is no interim one."""
    status = 100
    while status == 100:
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        status = int(lines[0].split()[1])
    pairs = (line.partition(b":") for line in lines[1:])
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if bare or status in (204, 304):
        return status, headers, b""
    if headers.get(b"transfer-encoding") != b"chunked":
        return status, headers, await reader.readexactly(int(headers[b"content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return status, headers, body


def _check(
    talk: Talk,
    number: int,
    status: int,
    headers: dict[bytes, bytes],
    body: bytes,
    talker: Talker,
    found: Findings,
) -> None:
    found.statuses[status] += 1
    if status >= 500 and not talk.asked:
        found.note(talk, f"{status} {body[:200]!r}")
    if talk.ids and headers.get(b"x-client-request-id") != talk.ids[number]:
        found.note(talk, f"answer {number} has the id {headers.get(b'x-client-request-id')!r}")
    if status in (200, 201) and talk.kind in ("creates", "headers", "expect") and b'"id"' in body:
        job = json.loads(body).get("id")
        if isinstance(job, str) and job not in found.jobs:
            found.jobs.add(job)
            talker.issued.append(job)
            # The latest ones are enough to poll.
            del talker.issued[:-5000]


def check_end(server: Served, found: Findings) -> dict[str, Any]:
    """Hold a server to what it said, once all is over; returns its health."""
    if server.process.poll() is not None:
        said = server.errors.read_text()[-4000:]
        found.wrong.append(f"the server ended with {server.process.returncode}: {said}")
        return {}
    until = time.monotonic() + PATIENCE
    while (health := server.control("health"))["open"] and time.monotonic() < until:
        time.sleep(0.01)
    charges = server.control("charges?limit=0")
    kept = _kept_jobs(server)
    unsure = sum(found.talks[kind] for kind in UNSURE)
    errors = server.errors.read_text()
    for holds, what in (
        (not health["open"] and not health["held"], f"requests are open: {health}"),
        (health["jobs_made"] == charges["made"], f"jobs and charges differ: {health} {charges}"),
        (
            len(found.jobs) <= health["jobs_made"] <= len(found.jobs) + unsure,
            f"{len(found.jobs)} jobs were told of: {health}",
        ),
        (health["jobs_dropped"] or found.jobs <= kept, f"lost: {sorted(found.jobs - kept)[:9]}"),
        (not errors, f"standard error: {errors[:2000]}"),
    ):
        if not holds:
            found.wrong.append(what)
    shown: dict[str, Any] = health
    return shown


def _kept_jobs(server: Served) -> set[str]:
    """The ids of all jobs that the server has."""
    ids: set[str] = set()
    before = ""
    while before is not None:
        after = f"&before={quote(before, safe='')}" if before else ""
        page = server.control(f"jobs?limit=1000{after}")
        ids |= {job["id"] for job in page["jobs"]}
        before = page["before"]
    return ids


def main() -> int:
    """Run by hand; exit status 1 where something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with served("--polls", "1,1", "--seed", str(wanted.seed)) as server:
        before, start = server.memory(), time.monotonic()
        found = asyncio.run(fuzz(server.port, wanted.seed, wanted.requests))
        health = check_end(server, found)
        took = time.monotonic() - start
        after = server.memory() if health else 0.0
    print(
        f"seed {wanted.seed}: {found.requests} answers to {found.talks.total()} conversations in {took:.0f} s"
    )
    print(f"statuses: {dict(sorted(found.statuses.items()))}")
    print(
        f"jobs told of: {len(found.jobs)}; made: {health.get('jobs_made')}; "
        f"RSS {before:.0f} -> {after:.0f} MB"
    )
    for wrong in found.wrong:
        print(f"WRONG {wrong}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
