"""Node's hook alone, as PROTOCOL.md has it: the other side of its connection is this test."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

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


def _configuration(folder: Path, port: int) -> Path:
    (folder / "marks").mkdir()
    (folder / "clock").write_bytes(pack(1, time.time(), time.monotonic(), 0.0))
    (folder / "hosts.json").write_text('{"hosts": [], "offline": false}')
    # Whoever rests does so for longer than this test waits.
    waits = timing.for_hooks() | {"look_again": 10 * GIVEN_UP, "look_idle": 10 * GIVEN_UP}
    places = {name: str(folder / name) for name in ("clock", "marks")} | {"hosts": str(folder / "hosts.json")}
    proxy = {"proxy": 1, "proxy_url": "http://127.0.0.1:1", "user_proxies": [], "no_proxy": ""}
    config = places | proxy | {"hooked": port, "token": "t", "fast_forward": True, "timing": waits}
    file = folder / "run.json"
    file.write_text(json.dumps(config))
    return file


def test_what_is_set_while_a_question_is_open_is_told_as_soon_as_that_is_answered(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GIVEN_UP)
        environment = {"PATH": os.environ["PATH"]}
        environment["KLING_MOCK_RUN"] = str(_configuration(tmp_path, server.getsockname()[1]))
        program = subprocess.Popen(
            ["node", "--require", str(PRELOAD), "-e", PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with program, server.accept()[0] as connection:
            connection.settimeout(GIVEN_UP)
            lines = connection.makefile("rw")

            def heard() -> dict[str, Any]:
                message: dict[str, Any] = json.loads(lines.readline())
                return message

            try:
                assert heard()["token"] == "t"
                first = heard()
                assert first["ask"] == "horizon"
                assert program.stdin is not None and program.stdout is not None
                program.stdin.write("go\n")
                program.stdin.flush()
                assert program.stdout.readline() == "set\n"
                lines.write('{"horizon": null, "why": "process", "seen": 0}\n')
                lines.flush()
                then = heard()
                assert then["ask"] == "horizon" and then["due"] < first["due"]
            finally:
                program.kill()
