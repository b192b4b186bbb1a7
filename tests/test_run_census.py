"""Which programs of a run nothing reached, and which waited in real time: said once each, no others."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kling_mock.interception.parent import census as module
from kling_mock.interception.parent.census import Census, Program
from kling_mock.interception.parent.summary import summary_lines
from kling_mock.interception.parent.unwatched import real_time_of, unwatched_of
from kling_mock.virtual_time import proc
from tests.running import needs_linux, report_of

PYTHON = sys.executable
NAME = os.path.basename(os.path.realpath(PYTHON))


@needs_linux
@pytest.mark.skipif(shutil.which("perl") is None, reason="there is no perl on this machine")
def test_programs_that_nothing_reaches_are_named_and_others_are_not(tmp_path: Path) -> None:
    script = f"""
    wait='import time; time.sleep(1.6)'
    env -i {PYTHON} -c "$wait" &
    {PYTHON} -I -c "$wait" &
    perl -e 'select undef, undef, undef, 1.6' &
    {PYTHON} -c "import os, time; os.fork(); $wait" | tee {tmp_path}/pipe &
    sleep 300 &
    wait
    """
    report, _ = report_of(tmp_path, "--fast-forward", "--", "sh", "-c", script)
    assert {(one["program"], one["why"]) for one in report["unwatched"]} == {
        (NAME, "environment"),
        (NAME, "options"),
    }
    waited = {one["program"].rstrip("0123456789."): one["processes"] for one in report["real_time"]}
    assert waited == {"perl": 1, NAME.rstrip("0123456789."): 2}
    lines = summary_lines(report)
    assert sum(line.startswith(("  unwatched ", "  real time ")) for line in lines) == 4
    assert max(map(len, lines)) <= 110


@needs_linux
def test_a_program_that_becomes_another_one_is_told_from_it(tmp_path: Path) -> None:
    become = "import os, sys, time; time.sleep(0.2); os.execve(sys.argv[1], sys.argv[1:], {})"
    words = ["--", PYTHON, "-c", become, shutil.which("sleep") or "", "0.5"]
    report, _ = report_of(tmp_path, *words)
    assert [one["why"] for one in report["unwatched"]] == ["environment"]
    assert report["real_time"] == []


@pytest.fixture
def census(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Census]:
    """One that takes this process itself for a program of the run."""
    monkeypatch.setattr(proc, "children", lambda pid=None: [os.getpid()] if pid is None else [])
    census = Census(tmp_path, tmp_path / "run.json")
    census._own = ()
    yield census


@needs_linux
def test_a_mark_shows_a_hook_and_is_used_up(
    census: Census, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Census, "_why_unled", lambda self, pid: "")
    census.look()
    assert not census.programs[0].hooked
    mark = tmp_path / str(os.getpid())
    mark.touch()
    (tmp_path / "no number").touch()
    census.look()
    (program,) = census.programs
    assert program.hooked and not mark.exists()
    program.idle = 5.0
    assert real_time_of([program]) == []
    mark.write_text("gevent")
    census.look()
    assert "gevent" in real_time_of([program])[0]["says"]


@needs_linux
def test_a_fork_is_hooked_as_its_parent_is_whichever_was_seen_first(
    census: Census, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, fork = 2**30, 2**30 + 1
    monkeypatch.setattr(module, "_words", lambda pid: (b"python3", b"x.py"))
    monkeypatch.setattr(module, "_link", lambda path: "/usr/bin/python3")
    monkeypatch.setattr(Census, "_why_unled", lambda self, pid: "")
    monkeypatch.setattr(proc, "children", lambda pid=None: [fork, parent] if pid is None else [])
    census.look()
    (tmp_path / str(parent)).touch()
    census.look()
    assert [program.hooked for program in census.programs] == [True, True]


@needs_linux
@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ("", "environment"),
        ("A=1\0", "environment"),
        ("A=1\0KLING_MOCK_RUN={}\0", ""),
        ("KLING_MOCK_RUN=/other\0", None),
        ("worker: a title\0\0A=1\0", ""),
    ],
)
def test_what_an_environment_says(
    environ: str, why: str | None, census: Census, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "environ"
    file.write_text(environ.format(tmp_path / "run.json"))
    monkeypatch.setattr(module, "open", lambda path, mode: file.open(mode), raising=False)
    assert census._why_unled(1) == why


@pytest.mark.parametrize(
    ("words", "isolated"),
    [
        ("python3 -I x.py", True),
        ("python3 -X dev -sE x.py", True),
        ("python3 -W ignore -S -c pass", True),
        ("python3 -c -I", False),
        ("python3 -m x -E", False),
        ("python3 x.py -I", False),
        ("python3 -u -", False),
        ("python3 -X importtime x.py -S", False),
        ("node -E x.js", False),
    ],
)
def test_options_that_leave_the_hook_out(words: str, isolated: bool) -> None:
    name, *_ = words.split()
    assert module._is_isolated(name, tuple(words.encode().split())) is isolated


def test_a_short_life_without_a_mark_proves_nothing() -> None:
    program = Program("/usr/bin/node (deleted)", (b"node",), 1.0)
    assert (program.name, program.unhooked) == ("node", "")
    program.last = 1000.0
    assert program.unhooked == "hook"
    program.hooked = True
    assert program.unhooked == ""


def test_each_program_is_said_once_and_none_where_all_are_led() -> None:
    programs = [Program("/bin/ask", (b"ask",), 0.0) for _ in range(3)]
    for program in programs:
        program.why, program.idle = "environment", 5.0
    (said,) = unwatched_of(programs, guarded=True, leads=False)
    assert said["processes"] == 3 and "no other host" in said["says"]
    assert "--offline" in unwatched_of(programs, guarded=False, leads=False)[0]["says"]
    assert unwatched_of(programs, guarded=True, leads=True) == []
    assert [one["seconds"] for one in real_time_of(programs)] == [15.0]


def test_where_the_system_shows_nothing_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(proc, "is_visible", lambda: False)
    with Census(tmp_path, tmp_path / "run.json") as census:
        assert census._thread is None
    assert census.programs == []
