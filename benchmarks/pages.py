"""What open pages cost a server: its events are read as the page reads them, without a browser."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

__all__ = ["open_pages"]

APART = 2.0
MOST = 16
"""As in the page's `server.js`."""


class _Page:
    """A snapshot, then events; a gap asks for another snapshot, two seconds after the last one."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._ended = False
        self._fetched = 0.0
        self._stream = http.client.HTTPConnection(self._host, timeout=60)
        self._ready = threading.Event()
        self.snapshots = 0
        self.events = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Open it, and wait until it is live."""
        self._thread.start()
        self._ready.wait(60)

    def end(self) -> None:
        """Close it."""
        self._ended = True
        if self._stream.sock is not None:
            self._stream.sock.shutdown(2)
        self._thread.join(10)

    def _snapshot(self, least: str = "0") -> int:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request("GET", f"/_mock/snapshot?least={least}")
        found: dict[str, Any] = json.load(connection.getresponse())
        connection.close()
        self._fetched = time.monotonic()
        self.snapshots += 1
        return int(found["event"])

    def _run(self) -> None:
        seen = self._snapshot()
        self._stream.request("GET", f"/_mock/events?after={seen}&most={MOST}")
        answer = self._stream.getresponse()
        self._ready.set()
        kind = number = ""
        while not self._ended:
            try:
                line = answer.readline().decode()
            except (OSError, http.client.HTTPException):
                return
            name, _, value = line.strip().partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = value
            elif name == "data" and int(number) > seen:
                self.events += 1
                if kind == "gap":
                    # The server goes on meanwhile: what it sends waits in the socket.
                    time.sleep(max(0.0, self._fetched + APART - time.monotonic()))
                    seen = self._snapshot(number)


@contextmanager
def open_pages(url: str, count: int) -> Iterator[list[_Page]]:
    """Keep so many pages open."""
    pages = [_Page(url) for _ in range(count)]
    with ExitStack() as stack:
        for page in pages:
            page.begin()
            stack.callback(page.end)
        yield pages
