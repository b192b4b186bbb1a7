"""An exchange in a line: how every report writes what was asked and what was answered."""

from __future__ import annotations

from typing import Any, NamedTuple

from .exchange import Exchange
from .redaction import Redactor

__all__ = ["LONG_ANSWER", "Line", "line_of", "status_word"]

LONG_ANSWER = 0.5
"""Virtual seconds from which on a line says how long an answer took."""


def status_word(exchange: Exchange) -> str | None:
    """The status of the job as the client was told it: the word that went over the wire.

    A scenario may call a status by another name, or leave it out; the mock's own name of it is
    `Exchange.state`. None where nothing was answered.
    """
    if exchange.status is None:
        return None
    return exchange.word


class Line(NamedTuple):
    """What an exchange looks like in a report. Times are virtual seconds; no text holds the client's key."""

    number: int
    at: float
    """From the beginning that the line was made for."""
    took: float | None
    """From the request to the end of the answer; None where there was no end."""
    kind: str
    method: str
    target: str
    """The path with its query."""
    status: int | None
    word: str | None
    """The job's status as the client was told it."""
    state: str | None
    """The same in the mock's own words."""
    fault: str | None

    @property
    def answer(self) -> str:
        """The HTTP status and the word of the answer: `200 generating`, or `no answer`."""
        if self.status is None:
            return "no answer"
        return " ".join([str(self.status), *([self.word] if self.word else [])])

    @property
    def delay(self) -> str:
        """`after 2 s` where the answer was long in coming, nothing elsewhere."""
        return f"after {self.took:g} s" if self.took and self.took >= LONG_ANSWER else ""

    def as_dict(self) -> dict[str, Any]:
        """The line as plain values, for reports that programs read."""
        return self._asdict()


def line_of(exchange: Exchange, began: float, redactor: Redactor | None = None) -> Line:
    """The line of an exchange; `began` is the virtual moment from which its times count.

    `redactor` takes keys out of its texts; without it, those that the client showed in this exchange.
    """
    ended = exchange.ended_at
    redactor = redactor or exchange.redactor
    query = exchange.query_string.decode("utf-8", "replace")
    return Line(
        number=exchange.number,
        at=round(exchange.at - began, 3),
        took=None if ended is None else round(ended - exchange.at, 3),
        kind=exchange.kind,
        method=exchange.method,
        target=redactor.text(exchange.path) + (f"?{redactor.query(query)}" if query else ""),
        status=exchange.status,
        word=status_word(exchange),
        state=exchange.state,
        fault=exchange.fault,
    )
