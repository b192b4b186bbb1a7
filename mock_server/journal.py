"""What was said: every exchange once, bounded, its body shortened, its keys redacted when shown."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from mock_server.validation import Problem

__all__ = ["Exchange", "Journal", "header_lines", "parse_lines", "redact"]

Headers = list[tuple[bytes, bytes]]


class Exchange:
    """One request and what was answered; `status` is None where nothing was.

    Times are virtual seconds since the epoch. Bodies hold the first part of what went over the wire
    (`max_recorded_body`); `body_size` and `answer_size` say how much it was.
    """

    __slots__ = (
        "answer_body",
        "answer_head",
        "answer_size",
        "at",
        "body",
        "body_size",
        "client",
        "ended_at",
        "fault",
        "findings",
        "job_id",
        "kind",
        "known_id",
        "method",
        "model",
        "number",
        "path",
        "query_string",
        "raw_headers",
        "scenario",
        "state",
        "status",
        "took",
        "violations",
    )

    def __init__(self, method: str, path: str, query_string: bytes, raw_headers: Headers, at: float) -> None:
        self.number = 0
        self.method = method
        self.path = path
        self.query_string = query_string
        self.raw_headers = raw_headers
        self.at = at
        self.ended_at: float | None = None
        self.took = 0.0
        """Real seconds that the server worked on it."""
        self.client = ""
        self.body = b""
        self.body_size = 0
        self.status: int | None = None
        self.answer_head = b""
        """The header lines of the answer; one string, because most exchanges are never looked at."""
        self.answer_body = b""
        self.answer_size = 0
        self.kind = "other"
        """What it was: create, poll, video, models or other."""
        self.job_id: str | None = None
        """The job that it made or asked for, as the server decoded the id."""
        self.known_id = False
        self.model: str | None = None
        self.scenario: str | None = None
        self.state: str | None = None
        """The job's status in the answer, in the contract's words."""
        self.fault: str | None = None
        self.violations: tuple[Problem, ...] = ()
        self.findings: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"<Exchange {self.number} {self.method} {self.path} {self.status} {self.state or ''}>"

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query_string.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers with keys redacted; repeated ones are joined with a comma."""
        return _shown(self.raw_headers)

    @property
    def answer_headers(self) -> Headers:
        """The answer's headers as they went out."""
        return parse_lines(self.answer_head)

    @answer_headers.setter
    def answer_headers(self, headers: Headers) -> None:
        self.answer_head = header_lines(headers)

    @property
    def answer_header(self) -> dict[str, str]:
        """The answer's headers."""
        return _shown(self.answer_headers)

    @property
    def payload(self) -> Any:
        """The request body as JSON; None where it is not JSON or was shortened."""
        return _json_or_none(self.body) if len(self.body) == self.body_size else None

    @property
    def answer(self) -> Any:
        """The answer's body as JSON; None where it is not JSON or was shortened."""
        return _json_or_none(self.answer_body) if len(self.answer_body) == self.answer_size else None

    def header_values(self, name: bytes) -> list[str]:
        """All values of a request header, unredacted, for checks of what a client sent."""
        return [value.decode("latin-1") for key, value in self.raw_headers if key.lower() == name]

    def as_dict(self, *, bodies: bool = True) -> dict[str, Any]:
        """The exchange as the control API shows it, keys redacted."""
        shown: dict[str, Any] = {
            "number": self.number,
            "at": self.at,
            "ended_at": self.ended_at,
            "took": self.took,
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "query": self.query_string.decode("utf-8", "replace"),
            "status": self.status,
            "job": self.job_id,
            "model": self.model,
            "scenario": self.scenario,
            "state": self.state,
            "fault": self.fault,
            "violations": [problem.as_dict() for problem in self.violations],
            "findings": [problem.as_dict() for problem in self.findings],
        }
        if bodies:
            shown["request"] = {
                "headers": self.headers,
                "size": self.body_size,
                "body": self.body.decode("utf-8", "replace"),
            }
            shown["response"] = {
                "headers": self.answer_header,
                "size": self.answer_size,
                "body": self.answer_body.decode("utf-8", "replace"),
            }
        return shown


class Journal:
    """The last exchanges, oldest first, numbered from 1 since the start or the last reset."""

    def __init__(self, limit: int) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=limit)
        self._count = 0
        self.listeners: list[Callable[[Exchange], None]] = []
        """Called with each exchange as it is added, in the server's thread."""

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def limit(self) -> int:
        """How many exchanges are kept."""
        return self._exchanges.maxlen or 0

    @limit.setter
    def limit(self, value: int) -> None:
        if value != self._exchanges.maxlen:
            self._exchanges = deque(self._exchanges, maxlen=value)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._exchanges))

    @property
    def count(self) -> int:
        """How many exchanges there were, the forgotten ones included."""
        return self._count

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange; the oldest goes where the journal is full."""
        self._count += 1
        exchange.number = self._count
        self._exchanges.append(exchange)
        for listener in self.listeners:
            listener(exchange)

    def select(self, **wanted: str) -> list[Exchange]:
        """The exchanges whose attributes have these values, for example `kind="poll"` or `status="429"`."""
        return [
            exchange
            for exchange in self
            if all(str(getattr(exchange, name)) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        """Forget all exchanges and count from 1 again."""
        self._exchanges.clear()
        self._count = 0


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def parse_lines(lines: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of such lines."""
    pairs = (line.partition(b": ") for line in lines.split(b"\r\n") if line)
    return [(name, value) for name, _, value in pairs]


def redact(value: str) -> str:
    """A credential with its middle hidden: the scheme and at most four characters of the key remain."""
    scheme, separator, key = value.partition(" ")
    if not separator:
        scheme, key = "", value
    kept = key[:4] if len(key) > 8 else ""
    return f"{scheme}{separator}{kept}…"


def _shown(headers: Headers) -> dict[str, str]:
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in ("authorization", "proxy-authorization", "cookie", "x-api-key"):
            value = redact(value)
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
