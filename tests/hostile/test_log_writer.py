"""The log where nobody reads it: lines are dropped and counted, and nobody waits."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock.exchanges import log_writer
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.log_writer import LogWriter

from ..support import PATHS, recorded, until

SERVE = [sys.executable, "-m", "kling_mock", "serve", "--port", "0"]
needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="there is a device that is always full on Linux"
)


class Stream(io.StringIO):
    """A text stream over a descriptor that others own."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor


def told(dropped: int) -> str:
    return f"{dropped} dropped"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe, which stay open as long as the test."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def read_lines(descriptor: int, enough: Callable[[list[str]], bool]) -> list[str]:
    data = b""
    while not enough(data.decode().splitlines()):
        data += os.read(descriptor, 65536)
    return data.decode().splitlines()


def test_a_pipe_that_nobody_reads_drops_lines_and_says_so_once(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 10_000)
    reading, writing = pipe
    writer = LogWriter(Stream(writing), told)
    for number in range(2000):
        writer.write(f"{number:099}\n")
    # What the writer holds at this moment depends on how far it has come; that it is bounded does not.
    assert writer._size < 11_000
    expected, said = 0, 0
    data = b""
    while expected < 2000:
        data += os.read(reading, 65536)
        *lines, data = data.split(b"\n")
        for line in lines:
            # Each line is there, or counted in its place.
            dropped = re.fullmatch(rb"(\d+) dropped", line)
            assert dropped or int(line) == expected
            expected += int(dropped[1]) if dropped else 1
            said += dropped is not None
    assert expected == 2000 and 1 <= said <= 20
    writer.write("one more\n")
    assert read_lines(reading, bool) == ["one more"]
    writer.close(20)


def test_lines_that_come_behind_dropped_ones_stand_behind_the_word_of_them(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    writer = LogWriter(Stream(writing), told)
    writer.drop(3)
    writer.write("next\n")
    assert read_lines(reading, lambda lines: len(lines) == 2) == ["3 dropped", "next"]
    writer.close(20)


def test_what_cannot_be_written_for_a_while_is_counted(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    full = threading.Event()
    full.set()
    write = os.write

    def on_a_disk(descriptor: int, data: Any) -> int:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", on_a_disk)
    writer = LogWriter(Stream(writing), told)
    for _ in range(5):
        writer.write("lost\nlost\n")
    until(lambda: writer._dropped == 10)
    full.clear()
    writer.write("found\n")
    assert read_lines(reading, lambda lines: "found" in lines) == ["10 dropped", "found"]
    writer.close(20)


def test_a_reader_that_left_ends_it() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(Stream(writing), told)
    writer.write("x\n")
    until(lambda: writer._stream is None)
    writer.write("y\n")
    assert writer._size == 0
    writer.close(20)
    os.close(writing)


def test_a_descriptor_that_does_not_block_is_waited_for() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    writer = LogWriter(Stream(ours.fileno()), told)
    text = "x" * 99 + "\n"
    writer.write(text * 10_000)
    received = b""
    while len(received) < 1_000_000:
        received += theirs.recv(65536)
    assert received.decode() == text * 10_000
    writer.close(20)
    ours.close()
    theirs.close()


def test_the_end_waits_for_what_is_read_and_for_no_more(pipe: tuple[int, int]) -> None:
    _, writing = pipe
    writer = LogWriter(Stream(writing), told)
    writer.write("x" * 300_000 + "\n")
    writer.close(0)
    writer.write("behind the end\n")
    assert writer._dropped == 1


def test_a_number_that_another_file_has_by_now_gets_no_line(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LogWriter(Stream(writing), told)
    writer.write("x" * 300_000 + "\n")
    until(lambda: select.select([], [writing], [], 0)[1] == [])
    writer.close(0)
    other, reused = os.pipe()
    os.dup2(reused, writing)
    os.set_blocking(other, False)
    data = b""
    while piece := os.read(reading, 65536):
        data += piece
    assert set(data) == {ord("x")} and len(data) < 300_000
    with pytest.raises(BlockingIOError):
        os.read(other, 1)
    for end in (other, reused):
        os.close(end)


def test_a_descriptor_that_was_closed_before_the_first_line_drops_it() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(Stream(writing), told)
    os.close(writing)
    writer.write("x\n")
    writer.write("y\n")
    assert writer._stream is None and writer._size == 0
    writer.close(20)
    os.close(reading)


def test_a_log_begins_once_the_process_has_a_descriptor_left(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    writer = LogWriter(Stream(writing), told)
    with monkeypatch.context() as without:

        def none_left(descriptor: int) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        without.setattr(os, "dup", none_left)
        writer.write("lost\n")
    writer.write("found\n")
    assert read_lines(reading, lambda lines: "found" in lines) == ["1 dropped", "found"]
    writer.close(20)


def test_lines_are_not_even_made_where_they_would_be_dropped(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 0)
    log = ExchangeLog(Stream(pipe[1]))
    monkeypatch.setattr(log._writer, "_size", 1)
    monkeypatch.setattr(log, "text_line", None)
    for _ in range(3):
        log.write(recorded(status=200))
    assert log._writer._dropped == 3


@pytest.mark.parametrize(("form", "line"), [("text", "7 lines"), ("json", '{"dropped":7}')])
def test_the_word_of_dropped_lines_has_the_form_of_the_log(form: str, line: str) -> None:
    assert ExchangeLog(form=form)._dropped_line(7).startswith(line)


def test_without_a_standard_output_there_is_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    log = ExchangeLog()
    log.write(recorded(status=200))
    log.close()


def polled(url: str, times: int) -> None:
    for _ in range(times):
        request = urllib.request.Request(f"{url}{PATHS[0]}?generation_id={'x' * 1000}")
        try:
            urllib.request.urlopen(request, timeout=20).close()
        except urllib.error.HTTPError as error:
            error.close()


@pytest.mark.slow
def test_a_served_pipe_that_nobody_reads_stops_nothing() -> None:
    process = subprocess.Popen(
        [*SERVE, "--log-format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        url = json.loads(process.stdout.readline())["url"]
        # More than a pipe takes: each line holds its path of a thousand characters.
        polled(url, 200)
        with urllib.request.urlopen(f"{url}/_mock/health", timeout=20) as answer:
            assert json.load(answer)["exchanges"] == 200
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_file_that_takes_no_more_stops_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="files have no limit here")
    log, errors = tmp_path / "log", tmp_path / "errors"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with log.open("wb") as out, errors.open("wb") as err:
        command = [*SERVE, "--log-format", "json"]
        process = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limited)
    try:
        until(lambda: log.read_bytes().endswith(b"\n"))
        url = json.loads(log.read_text().splitlines()[0])["url"]
        polled(url, 20)
        with urllib.request.urlopen(f"{url}/_mock/health", timeout=20) as answer:
            assert json.load(answer)["exchanges"] == 20
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert log.stat().st_size == 4096 and errors.read_bytes() == b""
