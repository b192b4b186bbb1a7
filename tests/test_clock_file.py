"""The clock file of a run: what the parent writes, and how Python's and Node's hooks read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock import Clock
from kling_mock.interception.parent.clock_server import ClockFile
from kling_mock.interception.parent.run_directory import NODE_PRELOAD
from kling_mock.interception.shared.clock_file import LAYOUT, VERSION, ClockReader, pack
from tests.running import needs_node

START = 1_800_000_000.0
READ = "console.log(new (require(process.argv[1]).Clock)(process.argv[2]).now());"


def _in_node(file: Path) -> subprocess.CompletedProcess[str]:
    module = NODE_PRELOAD.with_name("clocks.cjs")
    return subprocess.run(["node", "-e", READ, str(module), str(file)], capture_output=True, text=True)


def test_the_layout_is_the_one_that_is_written_down() -> None:
    """PROTOCOL.md names the bytes of each field."""
    assert LAYOUT.size == 48
    fields = [LAYOUT.unpack(pack(7, 1.0, 2.0, 3.0))[place] for place in range(6)]
    assert fields == [VERSION, 7, 1.0, 2.0, 3.0, 7]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jumps=st.lists(st.floats(0, 1e6), max_size=5))
def test_a_reader_sees_every_jump(jumps: list[float], tmp_path: Path) -> None:
    clock = Clock(speed=0, start=START)
    file = ClockFile(tmp_path / "clock", clock)
    clock.bus.subscribe(lambda _event: file.publish())
    reader = ClockReader(str(file.path))
    assert reader.now() == START
    for seconds in jumps:
        assert clock.advance(seconds) == reader.now()
    file.close()


@needs_node
def test_node_reads_the_same_time(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock", Clock(speed=0, start=START + 0.25))
    file.close()
    done = _in_node(file.path)
    assert (done.stdout, done.stderr) == ("1800000000.25\n", "")


def _of_another_version(folder: Path) -> Path:
    file = folder / "clock"
    file.write_bytes(LAYOUT.pack(VERSION + 1, 1, START, 0, 0, 1))
    return file


def test_a_file_of_another_version_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a clock file of version 1, found 2"):
        ClockReader(str(_of_another_version(tmp_path)))


@needs_node
def test_node_does_not_read_a_file_of_another_version(tmp_path: Path) -> None:
    done = _in_node(_of_another_version(tmp_path))
    assert "expected a clock file of version 1, found 2" in done.stderr


def test_an_empty_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "clock").write_bytes(b"")
    with pytest.raises(ValueError):
        ClockReader(str(tmp_path / "clock"))
