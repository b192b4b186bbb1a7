"""Writing text where nobody may read it: what cannot be written is dropped and counted, and nobody waits."""

from __future__ import annotations

import errno
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

__all__ = ["MOST_WAITING", "LogWriter"]

MOST_WAITING = 4 * 1024**2
"""Bytes that wait for their reader: seconds of a busy server's log."""
PIECE = 4 * 1024
"""Bytes that are written at a time: a pipe that is ready for them takes them whole."""
NEVER_AGAIN = (errno.EPIPE, errno.EBADF)
"""Errors after which a descriptor takes nothing any more."""


class LogWriter:
    """Writes to a stream's descriptor in a thread of its own, which alone waits for a slow reader.

    The thread writes to a duplicate of the descriptor. A stream may be closed while the thread waits; its
    number then belongs to the next file that the process opens, and lines of a log must not end up there.

    Where more than `MOST_WAITING` bytes wait, or the descriptor refuses them (a full disk, a closed
    terminal), lines are dropped; how many is said in their place, once that can be written, in the words of
    `told`. A stream without a descriptor, such as one of a test, is written to at once.
    """

    def __init__(self, stream: TextIO | None, told: Callable[[int], str]) -> None:
        self._stream = stream
        self._told = told
        self._descriptor = _descriptor_of(stream)
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._size = 0
        self._dropped = 0
        self._torn = False
        """Whether the last line was cut off by an error."""
        self._closed = False
        self._given_up = False
        """Whether what waits still is written no more: nobody read it in time at the end."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def crowded(self) -> bool:
        """Whether what is written now would be dropped: from then on until half of what waits is written."""
        return self._size > (MOST_WAITING // 2 if self._dropped else MOST_WAITING)

    def drop(self, lines: int) -> None:
        """Count lines that were not even made."""
        if self._stream is not None:
            with self._changed:
                self._dropped += lines

    def write(self, text: str) -> None:
        """Write whole lines, at some moment; from any thread, without waiting."""
        stream = self._stream
        if stream is None or stream.closed or not text:
            return
        encoding = getattr(stream, "encoding", None) or "utf-8"
        # What the stream's encoding has no sign for is written out: one line must not take the others along.
        data = text.encode(encoding, "backslashreplace")
        if self._descriptor is None:
            _write_at_once(stream, data.decode(encoding))
            return
        with self._changed:
            if self._closed or self.crowded or not self._started():
                self._dropped += text.count("\n")
                return
            self._append(data, text.count("\n"))
            self._changed.notify_all()

    def _started(self) -> bool:
        """Start the thread where there is none yet; False where it cannot have a descriptor of its own."""
        if self._thread is None and self._descriptor is not None:
            try:
                own = os.dup(self._descriptor)
            except OSError as error:
                # Where the process has no descriptor left, a later line may find one.
                if error.errno in NEVER_AGAIN:
                    self._stream = None
                return False
            self._thread = threading.Thread(target=self._run, args=(own,), name="kling-mock log", daemon=True)
            self._thread.start()
        return True

    def _append(self, data: bytes, lines: int) -> None:
        """Let lines wait, behind the word of those that were dropped before them."""
        if self._dropped:
            data = self._told(self._dropped).encode() + b"\n" + data
            lines += self._dropped
            self._dropped = 0
        self._waiting.append((data, lines))
        self._size += len(data)

    def close(self, patience: float) -> None:
        """Take nothing more, and wait so many real seconds at most until what waits is written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._thread is not None:
                self._given_up = not self._changed.wait_for(lambda: self._size == 0, patience)

    def _run(self, descriptor: int) -> None:
        try:
            self._write_on(descriptor)
        finally:
            os.close(descriptor)

    def _write_on(self, descriptor: int) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting or self._given_up:
                    return
                data, lines = self._waiting[0]
            written = self._write_out(descriptor, data)
            with self._changed:
                self._waiting.popleft()
                self._size -= len(data)
                if not written:
                    self._dropped += lines
                elif self._dropped and not self._waiting:
                    self._append(b"", 0)
                self._changed.notify_all()

    def _write_out(self, descriptor: int, data: bytes) -> bool:
        """Write all of it, however long that takes; False where the descriptor refuses it."""
        if self._stream is None:
            return True
        rest = memoryview(b"\n" + data if self._torn else data)
        self._torn = False
        while rest and not self._given_up:
            try:
                rest = rest[os.write(descriptor, rest[:PIECE]) :]
            except BlockingIOError:
                select.select([], [descriptor], [])
            except OSError as error:
                self._torn = len(rest) < len(data)
                if error.errno in NEVER_AGAIN:
                    # Whoever read the log has gone: the server goes on without it.
                    self._stream = None
                return False
        return True


def _descriptor_of(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def _write_at_once(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        # As a reader that has gone, or a disk that is full.
        pass
