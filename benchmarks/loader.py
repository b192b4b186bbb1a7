"""A loader of its own, in a process of its own: `python -m benchmarks.loader` reads a plan, prints what came.

It is slower than wrk, but it counts requests instead of seconds, and it reads the answers.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any

__all__ = ["Connection", "main", "run"]

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ID = re.compile(rb'"id": ?"([^"]+)"')


class Tally:
    """The requests that are still to be sent, and what came of the others."""

    def __init__(self, requests: list[bytes], count: int, *, keep_ids: bool) -> None:
        self.requests = requests
        self.left = count
        self.sent = 0
        self.done = 0
        self.statuses: dict[str, int] = {}
        self.words: dict[str, int] = {}
        self.ids: list[str] = []
        self.keep_ids = keep_ids

    def take(self) -> bytes | None:
        """The next request, or None when all were sent."""
        if self.left == 0:
            return None
        self.left -= 1
        self.sent += 1
        return self.requests[(self.sent - 1) % len(self.requests)]

    def note(self, answer: bytes) -> None:
        """Count an answer."""
        self.done += 1
        status = answer[9:12].decode()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if b'"status":"completed"' in answer:
            self.words["completed"] = self.words.get("completed", 0) + 1
        if self.keep_ids and (found := ID.search(answer)):
            self.ids.append(found[1].decode())


class Connection(asyncio.Protocol):
    """One connection: a request goes out once the answer to the one before is whole."""

    def __init__(self, tally: Tally, ended: asyncio.Future[None]) -> None:
        self.tally = tally
        self.ended = ended
        self.buffer = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self.buffer, 0, head)
        if length is not None and len(self.buffer) >= head + 4 + int(length[1]):
            self.tally.note(self.buffer)
            self.buffer = b""
            self._next()

    def _next(self) -> None:
        request = self.tally.take()
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Send `count` requests over `connections` connections to `host` and `port`; what became of them."""
    loop = asyncio.get_running_loop()
    requests = [text.encode("latin-1") for text in plan["requests"]]
    tally = Tally(requests, plan["count"], keep_ids=plan.get("keep_ids", False))
    started = time.perf_counter()
    ended: list[asyncio.Future[None]] = []
    for _ in range(plan["connections"]):
        end: asyncio.Future[None] = loop.create_future()
        ended.append(end)
        await loop.create_connection(lambda end=end: Connection(tally, end), plan["host"], plan["port"])  # type: ignore[misc]
    await asyncio.gather(*ended)
    return {
        "requests": tally.done,
        "seconds": time.perf_counter() - started,
        "lost": plan["count"] - tally.done,
        "statuses": tally.statuses,
        "completed": tally.words.get("completed", 0),
        "ids": tally.ids,
    }


def main() -> None:
    """Read a plan from standard input, run it, print the result as JSON."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        print(json.dumps(runner.run(run(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
