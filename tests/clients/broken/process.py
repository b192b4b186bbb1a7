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

STREAMING = {
    "reposts-when-lost": ("B2", "Sends the create again when the connection breaks"),
    "reposts-when-slow": ("B2", "Gives the create three seconds, and pays again"),
    "gives-up-when-not-ok": ("C9", "Throws at the first poll that is not 2xx"),
    "never-fails": ("D3", "Goes on where the job ended with an error"),
    "floats": ("F2", "Leaves its rejection to nobody, and ends with 0"),
    "prints-undefined": ("D2", "Prints `video?.url`, whatever that is"),
    "shows-objects": ("D3", "Says [object Object] where the reason stands"),
}

for name, (property, bug) in STREAMING.items():
    program(name, property, f"{bug}, in JavaScript.", "node", "streaming.mjs", name)

program("curl-retries", "B2", "Lets curl send the create again.", "bash", "careless.sh", "retries")
