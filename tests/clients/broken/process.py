"""Programs that do not keep to what a command has to: address, last line, exit status, silence."""

from __future__ import annotations

from ..command import BUGS
from ..zoo import program

__all__: list[str] = []

PROPERTIES = {
    "hard-coded-address": "F1",
    "other-variable": "F1",
    "always-zero": "F2",
    "says-done": "F2",
    "prints-json": "F2",
    "url-on-stderr": "F2",
    "logs-headers": "F3",
    "shows-key-in-errors": "F3",
}

for name, property in PROPERTIES.items():
    program(name, property, f"A program that {BUGS[name]}.", "python", "command.py", name)

program("exits-zero", "F2", "Ends with 0 after errors, in JavaScript.", "node", "careless.mjs", "exits-zero")
program("undefined-id", "B4", "Polls `undefined`, in JavaScript.", "node", "careless.mjs", "undefined-id")
program("counts-ids", "C12", "Keeps ids as numbers, in JavaScript.", "node", "careless.mjs", "counts-ids")
