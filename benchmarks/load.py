"""Load on a server: by wrk where it is installed, else by the loader beside this module."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.process import ROOT, BenchmarkError, cores, pin

__all__ = ["Load", "Request", "counted", "timed"]

PATH = "/v2/video/generations"
NUMBER = "########"
"""Stands in a numbered request's body for a number of its own."""
NUMBERS = 1_000
"""So many bodies differ; then they come again."""
SCRIPT = """
wrk.method = %s
wrk.body = %s
wrk.headers["Authorization"] = "Bearer benchmark-key"
wrk.headers["Content-Type"] = "application/json"
%s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "seconds": %%f, "failed": %%d}\\n', summary.requests,
    summary.duration / 1e6, e.status + e.connect + e.read + e.write + e.timeout))
end
"""

NUMBERED = """
local n = 0
request = function()
  n = (n + 1) %% %d
  return wrk.format(nil, nil, nil, (wrk.body:gsub("%s", string.format("%%08d", n))))
end
"""


@dataclass(frozen=True)
class Request:
    """What is sent: a method, a path with its query, a body; each `numbered` one has another body."""

    method: str
    path: str = PATH
    body: bytes = b""
    numbered: bool = False

    def each(self) -> list[Request]:
        """The requests as they are sent in turn."""
        if not self.numbered:
            return [self]
        name = NUMBER.encode()
        bodies = [self.body.replace(name, b"%08d" % number) for number in range(NUMBERS)]
        return [Request(self.method, self.path, body) for body in bodies]

    def wire(self, host: str) -> bytes:
        """The bytes of it."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer benchmark-key\r\n"
            f"Content-Type: application/json\r\n"
        )
        if self.body:
            head += f"Content-Length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + self.body


@dataclass
class Load:
    """What came of a load; `failed` counts lost answers and those whose status is none of success."""

    requests: int
    seconds: float
    failed: int
    completed: int = 0
    ids: list[str] = field(default_factory=list)


def timed(url: str, request: Request, *, connections: int, seconds: float) -> Load:
    """Load for some seconds, with wrk."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchmarkError("wrk is not installed: use --loader own.")
    numbered = NUMBERED % (NUMBERS, NUMBER) if request.numbered else ""
    script = SCRIPT % (json.dumps(request.method), _lua(request.body), numbered)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = [
            wrk,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            file.name,
            url + request.path,
        ]
        output = _output(words)
    result = json.loads(output.strip().splitlines()[-1])
    return Load(result["requests"], result["seconds"], result["failed"])


def counted(
    url: str, requests: Sequence[Request], *, connections: int, count: int, keep_ids: bool = False
) -> Load:
    """Send `count` requests, the given ones in turn, with the loader of this folder."""
    address = urlsplit(url)
    plan = {
        "host": address.hostname,
        "port": address.port,
        "connections": connections,
        "count": count,
        "keep_ids": keep_ids,
        "requests": [request.wire(address.netloc).decode("latin-1") for request in requests],
    }
    result = json.loads(_output([sys.executable, "-m", "benchmarks.loader"], json.dumps(plan)))
    good = sum(number for status, number in result["statuses"].items() if status.startswith("2"))
    return Load(result["requests"], result["seconds"], count - good, result["completed"], result["ids"])


def _output(words: list[str], given: str = "") -> str:
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    pin(process.pid, cores()[1])
    output, _ = process.communicate(given)
    if process.returncode != 0:
        raise BenchmarkError(f"{Path(words[0]).name} failed: {output.strip()}")
    return output


def _lua(body: bytes) -> str:
    """A body as a Lua string."""
    return '"' + "".join(f"\\{byte:03d}" for byte in body) + '"' if body else "nil"
