"""Processes that check at once share the folders of their client: who looks at files there is alone."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from kling_mock.contract_tests.driving import engine as engine_module
from kling_mock.contract_tests.driving import turns
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.engine import Engine
from kling_mock.contract_tests.driving.turns import room, turn
from kling_mock.contract_tests.generation.payloads import smallest_payload
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.running.models import Trial
from tests.clients.reference import generate
from tests.clients.zoo import TEXT
from tests.support import until


def closed(door: Path) -> bool:
    """Whether somebody stands in a door."""
    number = os.open(door, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def test_who_waits_to_be_alone_is_not_overtaken() -> None:
    came: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def run(name: str, alone: bool) -> None:
        with turn(alone=alone):
            came.append(name)
            inside.set()
            if name == "first":
                leave.wait()

    first = threading.Thread(target=run, args=("first", False))
    first.start()
    inside.wait()
    with turn(alone=False):
        came.append("beside it")
    looks = threading.Thread(target=run, args=("alone", True))
    looks.start()
    until(lambda: closed(room("door")))
    later = threading.Thread(target=run, args=("later", False))
    later.start()
    leave.set()
    for thread in (first, looks, later):
        thread.join()
    assert came == ["first", "beside it", "alone", "later"]


def test_a_process_that_a_client_has_left_keeps_nobody_waiting() -> None:
    with turn(alone=True):
        waits, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(waits, 1)
            os._exit(0)
    with turn(alone=True):
        pass
    os.close(go)
    os.close(waits)
    os.waitpid(child, 0)


HOLDS = """
import os, sys
from kling_mock.contract_tests.driving.turns import turn
with turn(alone=True):
    print("alone", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_another_verification_is_waited_for_until_it_ends_even_by_a_kill() -> None:
    words = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"alone\n"
        assert closed(room("room"))
        other.stdin.close()
        with turn(alone=True):
            assert other.wait() == -9


def test_nobody_waits_for_ever_for_one_that_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_COMES", 0.01)
    with turn(alone=False), turn(alone=True):
        assert not closed(room("door"))
    with turn(alone=True):
        assert closed(room("room"))


def test_where_no_file_can_be_made_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    with turn(alone=True), turn(alone=True):
        pass


@pytest.fixture(autouse=True)
def own_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns that no other test, and no verification on this machine, takes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The turns that were asked for: whether alone."""
    found: list[bool] = []

    def noted(*, alone: bool) -> object:
        found.append(alone)
        return turn(alone=alone)

    monkeypatch.setattr(engine_module, "turn", noted)
    return found


def test_a_run_that_looks_at_files_is_alone(asked: list[bool]) -> None:
    with Engine(CallableClient(generate)) as engine:
        for watched in (False, True):
            engine.run(Trial(TEXT, smallest_payload(TEXT), PLAIN, watch_files=watched))
    assert asked == [False, True]
