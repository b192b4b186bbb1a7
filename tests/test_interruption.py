"""Ctrl-C while `verify` checks, as a terminal sends it: the reports are whole, and nobody is left at work."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kling_mock.contract_tests.running.interruption import Interruption, hear, unheard

from .support import until


@pytest.fixture(autouse=True)
def keyboard() -> Iterator[None]:
    """Python's own answer to Ctrl-C, here and in programs, also behind a shell that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")

CLIENT = """\
import json, os, subprocess, sys
from tests.clients.reference import generate as made

calls = 0

def generate(payload, *, base_url, api_key):
    global calls
    calls += 1
    if calls > 30:
        stay()
    return made(payload, base_url=base_url, api_key=api_key)

def stay():
    # For a pipe that nobody writes to: no clock ends that.
    child = subprocess.Popen(["cat", "interrupted-client"], stdin=subprocess.PIPE)
    open(f"busy-{os.getpid()}", "w").close()
    child.wait()

if __name__ == "__main__":
    if len(os.listdir("started")) >= 3:
        stay()
    open(f"started/{os.getpid()}", "w").close()
    base_url, api_key = os.environ["KLING_BASE_URL"], os.environ["KLING_API_KEY"]
    print(made(json.load(sys.stdin), base_url=base_url, api_key=api_key))
"""
ROOT = Path(__file__).parents[1]
FUNCTION, COMMAND = ["interrupted_client:generate"], ["--", sys.executable, "interrupted_client.py"]


def left(folder: Path) -> list[str]:
    """Processes that have to do with a folder: what was started there works there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if Path(os.readlink(entry / "cwd")) == folder and int(entry.name) != os.getpid():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "interrupted-client")
    (tmp_path / "started").mkdir()
    (tmp_path / "interrupted_client.py").write_text(CLIENT, encoding="utf-8")
    return tmp_path.resolve()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "busy", "number"),
    [
        (FUNCTION, 1, signal.SIGINT),
        pytest.param(["-j", "2", *FUNCTION], 2, signal.SIGINT, marks=pytest.mark.long),
        (["-j", "2", *COMMAND], 2, signal.SIGINT),
        pytest.param(["-j", "1", *COMMAND], 1, signal.SIGTERM, marks=pytest.mark.long),
    ],
)
def test_reports_are_whole_and_nobody_is_left(
    folder: Path, words: list[str], busy: int, number: signal.Signals
) -> None:
    ours, theirs = pty.openpty()
    reports = ["--report", "r.json", "--html", "r.html", "--junit", "r.xml"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kling_mock", "verify", *reports, "--max-examples", "2", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):
        while True:
            # As a terminal does: to all processes of the foreground, and twice, as people do.
            if len(list(folder.glob("busy-*"))) >= busy and b"Checking" in said:
                for _ in range(2):
                    os.killpg(process.pid, number)
                busy = 1_000
            if select.select([ours], [], [], 0.05)[0]:
                said += os.read(ours, 65_536)
    os.close(ours)
    assert process.wait(60) in (130, -signal.SIGINT), said.decode()
    until(lambda: not left(folder))
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert report["summary"]["problem"] == "It was interrupted."
    assert ElementTree.parse(folder / "r.xml").getroot().tag == "testsuites"
    assert "</html>" in (folder / "r.html").read_text(encoding="utf-8")
    text = said.decode()
    assert "Traceback" not in text
    # The bar is gone from the line on which the report goes on.
    shown = text[text.rindex("░") :] if "░" in text else "\r\x1b[K" + text
    assert "It was interrupted." in shown.partition("\r\x1b[K")[2]
    checked = "What is above was checked." if report["properties"] else "Nothing was checked."
    assert checked in text


class Lost:
    """Python drops what is raised as this goes."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_that_python_dropped_comes_at_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda found: None)
    interruption = Interruption()
    done: list[int] = []

    def work(most: int) -> Iterator[int]:
        for number in range(most):
            if number == 2:
                Lost()
            yield number

    with interruption.heard():
        with pytest.raises(KeyboardInterrupt):
            done.extend(interruption.ends(work)(5))
        # What is written now is not disturbed by a second one; by a third it is.
        signal.raise_signal(signal.SIGINT)
        interruption.step()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_before_the_work_ends_it_at_its_start() -> None:
    interruption = Interruption()
    with interruption.heard():
        with unheard():
            signal.raise_signal(signal.SIGINT)
            assert signal.SIGINT in signal.sigpending()
        assert list(iter(lambda: signal.sigpending(), set())) == []
        with pytest.raises(KeyboardInterrupt):
            next(interruption.ends(lambda: iter([1]))())
    hear()
