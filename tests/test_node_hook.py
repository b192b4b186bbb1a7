"""Node's hook alone, as PROTOCOL.md has it: the other side of its connection is this test."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock import interception, timing
from kling_mock.interception.shared.clock_file import pack
from tests.running import needs_node

pytestmark = needs_node

PRELOAD = Path(interception.__file__).parent / "child" / "node" / "preload.cjs"
PROGRAM = """
setTimeout(() => {}, 1_000_000);
process.stdin.once("data", () => {
  setTimeout(() => process.exit(7), 5000);
  console.log("set");
});
"""
GIVEN_UP = 60.0


def _configuration(folder: Path, port: int, look_again: float) -> Path:
    (folder / "marks").mkdir()
    (folder / "clock").write_bytes(pack(1, time.time(), time.monotonic(), 0.0))
    (folder / "hosts.json").write_text('{"hosts": ["api.aimlapi.com"], "offline": false}')
    waits = timing.for_hooks() | {"look_again": look_again, "look_idle": 10 * GIVEN_UP}
    places = {name: str(folder / name) for name in ("clock", "marks")} | {"hosts": str(folder / "hosts.json")}
    proxy = {"proxy": 1, "proxy_url": "http://127.0.0.1:1", "user_proxies": [], "no_proxy": ""}
    config = places | proxy | {"hooked": port, "token": "t", "fast_forward": True, "timing": waits}
    file = folder / "run.json"
    file.write_text(json.dumps(config))
    return file


class _Parent:
    """The other side of a hook's connection, and the program that it is in."""

    def __init__(self, folder: Path, server: socket.socket, source: str, look_again: float) -> None:
        environment = {"PATH": os.environ["PATH"]}
        environment["KLING_MOCK_RUN"] = str(_configuration(folder, server.getsockname()[1], look_again))
        self.clock = folder / "clock"
        self.program = subprocess.Popen(
            ["node", "--require", str(PRELOAD), "-e", source],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.connection = server.accept()[0]
        self.connection.settimeout(GIVEN_UP)
        self._lines = self.connection.makefile("rw")
        assert self.heard()["token"] == "t"

    def heard(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._lines.readline())
        return message

    def heard_all(self) -> list[dict[str, Any]]:
        """What else is said until the connection ends; one that ends with the program may be reset."""
        with contextlib.suppress(ConnectionResetError):
            return [json.loads(line) for line in self._lines]
        return []

    def says(self, **answer: Any) -> None:
        self._lines.write(json.dumps(answer) + "\n")
        self._lines.flush()

    def asked_to_jump(self, seen: int) -> dict[str, Any]:
        """Tell of a horizon that is far until a jump is asked for: the connection itself is news at first."""
        while (message := self.heard())["ask"] == "horizon":
            self.says(horizon="inf", why=None, seen=seen)
        return message

    def jumps(self, message: dict[str, Any], horizon: float | str, serial: int) -> None:
        """Grant a jump: the clock shows its moment before the answer is there."""
        self.clock.write_bytes(pack(serial, message["to"] + 1e-6, time.monotonic(), 0.0))
        self.says(now=message["to"] + 1e-6, done=True, why=None, horizon=horizon, seen=serial)


@contextlib.contextmanager
def _hooked(folder: Path, source: str, look_again: float = 10 * GIVEN_UP) -> Iterator[_Parent]:
    """A hooked program; whoever rests does so for longer than a test waits, unless it says otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GIVEN_UP)
        parent = _Parent(folder, server, source, look_again)
        with parent.program, parent.connection:
            try:
                yield parent
            finally:
                parent.program.kill()


def test_what_is_set_while_a_question_is_open_is_told_as_soon_as_that_is_answered(tmp_path: Path) -> None:
    with _hooked(tmp_path, PROGRAM) as parent:
        first = parent.heard()
        assert first["ask"] == "horizon"
        stdin, stdout = parent.program.stdin, parent.program.stdout
        assert stdin is not None and stdout is not None
        stdin.write("go\n")
        stdin.flush()
        assert stdout.readline() == "set\n"
        parent.says(horizon=None, why="process", seen=0)
        then = parent.heard()
        assert then["ask"] == "horizon" and then["due"] < first["due"]


def test_what_is_set_while_a_jump_is_asked_for_is_told_before_that_is_answered(tmp_path: Path) -> None:
    """The jump may not be made then: it would go over what was set."""
    with _hooked(tmp_path, PROGRAM) as parent:
        parent.asked_to_jump(seen=0)
        stdin, stdout = parent.program.stdin, parent.program.stdout
        assert stdin is not None and stdout is not None
        stdin.write("go\n")
        stdin.flush()
        assert stdout.readline() == "set\n"
        assert parent.heard() == {"ask": "awake"}


def test_what_is_due_later_is_told_as_well(tmp_path: Path) -> None:
    with _hooked(tmp_path, "for (const ms of [3e6, 1e6, 2e6, 1e6]) setTimeout(() => {}, ms)") as parent:
        first = parent.heard()
        later = [round((due - first["due"]) / 1000, 1) for due in sorted(first["dues"])]
        assert [due for due in later if due > 0] == [1.0, 2.0]


def test_a_timer_before_the_horizon_of_the_last_jump_needs_no_other_one(tmp_path: Path) -> None:
    with _hooked(tmp_path, "setInterval(() => {}, 1000)") as parent:
        first = parent.asked_to_jump(seen=3)
        due = first["to"]
        parent.jumps(first, due + 1.5, 2)
        second = parent.heard()
        # The next second is before it, the one behind that is not.
        assert (second["ask"], second["seen"]) == ("jump", 2)
        assert due < second["to"] < due + 1.5
        parent.jumps(second, due + 1.5, 3)
        assert parent.heard()["ask"] == "horizon"


def test_a_timer_that_says_something_to_another_process_asks_for_the_horizon(tmp_path: Path) -> None:
    source = """
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {};
    setInterval(() => port1.postMessage(""), 1000);
    """
    with _hooked(tmp_path, source) as parent:
        parent.jumps(parent.asked_to_jump(seen=0), "inf", 2)
        assert parent.heard()["ask"] == "horizon"


def test_one_that_sends_a_request_before_its_wait_is_over_says_that_it_is_awake(tmp_path: Path) -> None:
    """It lets the mock answer before it asks; what it has set meanwhile must not be jumped over."""
    source = """
    setTimeout(() => {}, 3e6);
    process.stdin.once("data", () => {
      const done = () => console.log("connected");
      const socket = require("net").connect(80, "api.aimlapi.com", done);
      process.stdin.once("data", () => {
        console.log("sent");
        setTimeout(() => {}, 1000);
        socket.write("x");
      });
    });
    """
    with _hooked(tmp_path, source, look_again=0.001) as parent:
        stdin, stdout = parent.program.stdin, parent.program.stdout
        assert stdin is not None and stdout is not None
        waits = parent.heard()
        for word, done in (("connect", "connected"), ("go", "sent")):
            stdin.write(f"{word}\n")
            stdin.flush()
            assert stdout.readline() == f"{done}\n"
        # The question was open all the while.
        assert waits["ask"] == "horizon"
        parent.says(horizon=None, why="process", seen=0)
        assert parent.heard()["ask"] == "awake"


@pytest.mark.parametrize("left", ["", "AbortSignal.timeout(5000)"], ids=["nothing", "a loose timer"])
def test_one_that_has_done_its_work_ends_without_a_question(left: str, tmp_path: Path) -> None:
    """A runtime that is slow to end would read the answer still, and time jump to the end of its run."""
    with _hooked(tmp_path, f"setTimeout(() => {{ {left} }}, 5000)") as parent:
        parent.jumps(parent.asked_to_jump(seen=0), "inf", 2)
        assert parent.heard_all() == []
        assert parent.program.wait(GIVEN_UP) == 0


def test_one_that_waits_for_no_moment_asks_after_some_rounds(tmp_path: Path) -> None:
    source = "require('net').createServer().listen(0); setTimeout(() => {}, 10)"
    with _hooked(tmp_path, source, look_again=0.001) as parent:
        first = parent.asked_to_jump(seen=0)
        parent.jumps(first, "inf", 2)
        assert parent.heard()["due"] is None
