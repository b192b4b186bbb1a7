"""The processes below this one: known without being listed each time, and none is missed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.timing import PROCESS_BLOCKED
from kling_mock.virtual_time import proc, processes
from kling_mock.virtual_time.processes import ProcessWatcher
from tests.running import needs_linux

OWN = 1
STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "work", "rest", "end", "wait"]), st.integers(0, 5)), max_size=30
)


class System:
    """Processes as `proc` tells of them."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}
        self.works: dict[int, bool] = {}
        self.now = 0.0
        self.last = OWN
        self.tells = True
        self.listings = 0

    def step(self, name: str, place: int) -> None:
        known = [OWN, *self.parents]
        chosen = known[place % len(known)]
        if name == "start":
            self.last += 1
            self.parents[self.last], self.works[self.last] = chosen, True
        elif name == "wait":
            self.now += PROCESS_BLOCKED / 2
        elif chosen != OWN and name == "end":
            parent = self.parents.pop(chosen)
            self.parents = {pid: parent if own == chosen else own for pid, own in self.parents.items()}
        elif chosen != OWN:
            self.works[chosen] = name == "work"

    def children(self, pid: int | None = None) -> list[int]:
        self.listings += 1
        return [one for one, parent in self.parents.items() if parent == (pid or OWN)]

    def work_of_process(self, pid: int) -> tuple[object, ...] | None:
        if pid not in self.parents:
            return None
        return (proc.RUNNABLE if self.works[pid] else b"still",)

    def last_started(self) -> int | None:
        return self.last if self.tells else None


@contextlib.contextmanager
def _replaced(system: System) -> Iterator[None]:
    names = ("children", "work_of_process", "last_started")
    with (
        mock.patch.multiple(proc, **{name: getattr(system, name) for name in names}),
        mock.patch.object(processes, "monotonic", lambda: system.now),
        mock.patch.object(processes, "_any_child", lambda: True),
    ):
        yield


@given(STEPS)
def test_a_watcher_that_keeps_its_list_sees_what_one_that_lists_always_sees(
    steps: list[tuple[str, int]],
) -> None:
    system = System()
    keeps, lists = ProcessWatcher(), ProcessWatcher()
    with _replaced(system):
        for name, place in steps:
            system.step(name, place)
            system.tells = True
            found = keeps.working()
            system.tells = False
            assert sorted(found) == sorted(lists.working())


def test_while_nothing_is_started_and_nobody_works_nothing_is_listed() -> None:
    system = System()
    watcher = ProcessWatcher()
    with _replaced(system):
        for name, place in [("start", 0), ("rest", 1), ("start", 1), ("rest", 2)]:
            system.step(name, place)
        for _ in range(4):
            system.step("wait", 0)
            watcher.working()
        before = system.listings
        for _ in range(100):
            assert watcher.working() == []
        assert system.listings == before
        system.step("start", 2)
        assert watcher.working() == [system.last]


def _thread(folder: Path, state: str, place: str) -> str:
    (folder / "stat").write_text(f"7 (a) program) {state} 1 7 7")
    (folder / "schedstat").write_text("1 2 3")
    (folder / "wchan").write_text(place)
    return str(folder)


def test_a_thread_that_sleeps_by_name_only_will_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it stands in the queue for a processor, and has yet to see what has come for it."""
    monkeypatch.setattr(proc, "_places_told", True)
    assert proc._work_of(_thread(tmp_path, "S", "0")) is proc.RUNNABLE
    assert proc._work_of(_thread(tmp_path, "S", "do_epoll_wait")) == b"1 2 3"
    (tmp_path / "wchan").unlink()
    assert proc._work_of(str(tmp_path)) == b"1 2 3"


def test_where_no_thread_is_said_to_sleep_anywhere_all_that_sleep_by_name_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "_places_told", False)
    assert proc._work_of(_thread(tmp_path, "S", "0")) == b"1 2 3"
    assert proc._work_of(_thread(tmp_path, "S", "do_epoll_wait")) == b"1 2 3"
    assert proc._work_of(_thread(tmp_path, "S", "0")) is proc.RUNNABLE


@needs_linux
def test_a_process_that_has_ended_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in no place either until somebody waits for it."""
    monkeypatch.setattr(proc, "_places_told", True)
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert proc.RUNNABLE not in (proc.work_of_process(ended.pid) or ())
