"""What was said: every exchange once, bounded, its body shortened, its keys redacted when shown."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from ..validation import Problem
from .redaction import hide, hide_all, hide_cut, hide_query, keys_of, shown_headers

__all__ = ["Exchange", "Journal", "header_lines", "parse_lines", "timestamp"]

Headers = list[tuple[bytes, bytes]]
CLOSE = (b"connection", b"close")


class Exchange:
    """One request and what was answered; `status` is None where nothing was.

    Times are virtual seconds since the epoch. Bodies hold the first part of what went over the wire
    (`max_recorded_body`), an answer's without its compression; `body_size` and `answer_size` say how many
    bytes went over the wire. What is shown (`shown_…`, `headers`, `as_dict`) is without the client's key.
    """

    __slots__ = (
        "answer_body",
        "answer_head",
        "answer_size",
        "at",
        "body",
        "body_size",
        "content_size",
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
        "whole_size",
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
        self.body = b""
        self.body_size = 0
        self.status: int | None = None
        self.answer_head = b""
        """The header lines of the answer; one string, because most exchanges are never looked at."""
        self.answer_body = b""
        self.answer_size = 0
        self.content_size: int | None = None
        """The bytes of a compressed answer's body without its compression; None where it had none."""
        self.whole_size: int | None = None
        """Where an answer was broken off: the bytes that all of its body would have had on the wire."""
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
        path = self.shown(self.path)
        return f"<Exchange {self.number} {self.method} {path} {self.status} {self.state or ''}>"

    @property
    def keys(self) -> tuple[str, ...]:
        """What the client showed as its key, wherever it did."""
        return keys_of(self.raw_headers, self.query_string.decode("utf-8", "replace"))

    def shown(self, text: str) -> str:
        """A text of this exchange, such as its path or its job's id, without the client's key."""
        return hide(text, self.keys)

    @property
    def shown_query(self) -> str:
        """The query without keys."""
        query = self.query_string.decode("utf-8", "replace")
        return hide_query(query, self.keys)

    @property
    def shown_body(self) -> str:
        """The recorded part of the request's body without keys."""
        return _text(self.body, len(self.body) < self.body_size, self.keys)

    @property
    def shown_answer(self) -> str:
        """The recorded part of the answer's body without keys."""
        return _text(self.answer_body, not self._answer_is_whole, self.keys)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query_string.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers with keys redacted; repeated ones are joined with a comma."""
        return shown_headers(self.raw_headers, self.keys)

    @property
    def answer_headers(self) -> Headers:
        """The answer's headers as they went out."""
        headers = parse_lines(self.answer_head)
        if headers and CLOSE in self.raw_headers and CLOSE not in headers:
            # Its protocol says so in every answer to such a request.
            headers.append(CLOSE)
        return headers

    @answer_headers.setter
    def answer_headers(self, headers: Headers) -> None:
        self.answer_head = header_lines(headers)

    @property
    def answer_header(self) -> dict[str, str]:
        """The answer's headers, without the client's key."""
        return shown_headers(self.answer_headers, self.keys)

    @property
    def payload(self) -> Any:
        """The request body as JSON; None where it is not JSON or was shortened."""
        return _json_or_none(self.body) if len(self.body) == self.body_size else None

    @property
    def answer(self) -> Any:
        """The answer's body as JSON; None where it is not JSON, was shortened or was cut off."""
        return _json_or_none(self.answer_body) if self._answer_is_whole else None

    @property
    def _answer_is_whole(self) -> bool:
        size = self.answer_size if self.content_size is None else self.content_size
        return len(self.answer_body) == size and self.whole_size is None

    def header_values(self, name: bytes) -> list[str]:
        """All values of a request header, unredacted, for checks of what a client sent."""
        return [value.decode("latin-1") for key, value in self.raw_headers if key.lower() == name]

    def as_dict(self, *, bodies: bool = True) -> dict[str, Any]:
        """The exchange as the control API shows it, keys redacted."""
        keys = self.keys
        shown: dict[str, Any] = {
            "number": self.number,
            "at": self.at,
            "ended_at": self.ended_at,
            "took": self.took,
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "query": None,
            "status": self.status,
            "job": self.job_id,
            "model": self.model,
            "scenario": self.scenario,
            "state": self.state,
            "fault": self.fault,
            "violations": [problem.as_dict() for problem in self.violations],
            "findings": [problem.as_dict() for problem in self.findings],
        }
        shown = {name: hide_all(value, keys) for name, value in shown.items()}
        shown["query"] = self.shown_query
        if bodies:
            shown["request"] = {"headers": self.headers, "size": self.body_size, "body": self.shown_body}
            shown["response"] = {
                "headers": self.answer_header,
                "size": self.answer_size,
                "body": self.shown_answer,
            }
            if self.content_size is not None:
                shown["response"]["content_size"] = self.content_size
            if self.whole_size is not None:
                shown["response"]["cut_off_from"] = self.whole_size
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


def timestamp(moment: float) -> str:
    """ISO 8601 with milliseconds and Z, from virtual seconds since the epoch."""
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def _text(body: bytes, is_cut: bool, keys: tuple[str, ...]) -> str:
    text = body.decode("utf-8", "replace")
    return hide_cut(text, keys) if is_cut else hide(text, keys)


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
