"""`sleep` for shell scripts under `kling-mock run --fast-forward`: asks for the jump instead of waiting."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from .... import timing
from ...shared.clock_file import ClockReader
from .real_command import become

__all__ = ["main", "seconds_of"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(words: list[str]) -> float:
    """The seconds that the arguments add up to, as the system's `sleep` counts them."""
    return sum(
        float(word.rstrip("smhd")) * _UNITS[word[-1]] if word[-1] in _UNITS else float(word) for word in words
    )


def main() -> None:
    """Sleep in virtual time; whatever is unusual is left to the system's own `sleep`."""
    words = sys.argv[1:]
    try:
        _sleep(words)
    except (OSError, ValueError, KeyError, IndexError):
        become("sleep", words)


def _sleep(words: list[str]) -> None:
    with open(os.environ["KLING_MOCK_RUN"]) as file:
        config = json.load(file)
    clock = ClockReader(config["clock"])
    deadline = clock.now() + seconds_of(words)
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
