"""Waiting for a virtual moment by asking the run for the jump, for a process that does nothing else."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any

from .... import timing
from ...shared.clock_file import ClockReader

__all__ = ["wait_until"]


def wait_until(moment: Callable[[float], float]) -> None:
    """Wait until the moment that follows from the present one; `OSError` where there is no run."""
    with open(os.environ["KLING_MOCK_RUN"]) as file:
        config = json.load(file)
    clock = ClockReader(config["clock"])
    deadline = moment(clock.now())
    with socket.create_connection(("127.0.0.1", config["hooked"])) as connection:
        lines = connection.makefile("rwb", buffering=0)

        def ask(message: dict[str, Any]) -> Any:
            lines.write(json.dumps(message).encode() + b"\n")
            return json.loads(lines.readline())

        lines.write(json.dumps({"token": config["token"], "pid": os.getpid()}).encode() + b"\n")
        while clock.now() < deadline:
            answer = ask({"ask": "horizon", "due": deadline})
            if (
                answer["horizon"] is None
                or not ask({"ask": "jump", "to": deadline, "seen": answer["seen"]})["done"]
            ):
                time.sleep(timing.SLEEP_LOOK)
