"""One line per exchange on standard output: readable, in colour on a terminal, or JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TextIO

from ..events import Event
from ..timing import LOG_ENDS, LOG_FLUSH
from .exchange import Exchange
from .line import status_word
from .log_writer import LogWriter

__all__ = ["ExchangeLog"]

MOST_PARTS = 256
"""How many parts of lines are kept: most lines differ only in the moment and the job."""
LONGEST_REASON = 200
"""Characters of why a request was refused."""
MOST_SAID = 5
"""How many violations and findings stand in a line; the journal has the others."""

_RESET, _DIM, _RED, _GREEN, _YELLOW, _CYAN = (
    "\x1b[0m",
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[32m",
    "\x1b[33m",
    "\x1b[36m",
)
STATE_COLOURS = {"completed": _GREEN, "error": _RED, "generating": _CYAN, "queued": _CYAN}


class ExchangeLog:
    """Writes exchanges as they end; a listener of the event bus. It never waits for whoever reads it."""

    def __init__(
        self, stream: TextIO | None = None, *, form: str = "text", colour: bool | None = None
    ) -> None:
        stream = stream or sys.stdout
        self.form = form
        # There is no standard output where it was closed before the start.
        self.colour = bool(stream and stream.isatty()) if colour is None else colour
        self._writer = LogWriter(stream, self._dropped_line)
        self._waiting: list[tuple[Exchange, str]] = []
        self._second, self._moment = -1, ""
        self._kept_parts = lru_cache(maxsize=MOST_PARTS)(self._parts)
        self._dim, self._off = (_DIM, _RESET) if self.colour else ("", "")

    def __call__(self, event: Event) -> None:
        """Note an exchange that has ended; it is written within a moment."""
        self.write(event.data)

    def listener(self, workspace: str) -> Callable[[Event], None]:
        """What notes the exchanges of a workspace, with its name; empty is the one that has none."""
        return (lambda event: self.write(event.data, workspace)) if workspace else self

    def write(self, exchange: Exchange, workspace: str = "") -> None:
        """Note an exchange."""
        self._waiting.append((exchange, workspace))
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_later(LOG_FLUSH, self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Give what waits to the writer; drop it where too much waits there already."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self._writer.crowded:
            self._writer.drop(len(waiting))
            return
        line = self.json_line if self.form == "json" else self.text_line
        self._writer.write("".join([line(*one) + "\n" for one in waiting]))

    def close(self) -> None:
        """Write what waits, as far as somebody reads it soon."""
        self.flush()
        self._writer.close(LOG_ENDS)

    def _dropped_line(self, dropped: int) -> str:
        if self.form == "json":
            return json.dumps({"dropped": dropped}, separators=(",", ":"))
        return f"{dropped} lines of this log are missing: they could not be written."

    def text_line(self, exchange: Exchange, workspace: str = "") -> str:
        """`12:03:04 POST /v2/… 200 queued kling-video/… 0.4ms job_id=… scenario=… finding: …`."""
        # By their places: reading the names of a tuple one by one takes three times as long.
        method, path, _, _, at, _, _, status = exchange[:8]
        job_id, model, _, notes, _, _, took = exchange[14:21]
        scenario, state, fault, known_id, violations, findings, _ = notes
        second, dim, off = int(at), self._dim, self._off
        if second != self._second:
            self._second, self._moment = second, datetime.fromtimestamp(second).strftime("%H:%M:%S")
        what = method, f"/@{workspace}{path}" if workspace else path, status, status_word(exchange), state
        if known_id:
            # Where the job is the server's own, the line holds nothing that the client made up.
            parts = self._kept_parts(*what, model)
        else:
            hide = exchange.redactor
            parts = self._parts(*what, model, hide)
            job_id = job_id and hide(job_id)
        line = f"{dim}{self._moment}{off} {parts} {dim}{took * 1000:.1f}ms{off}"
        if job_id:
            line += f" {dim}job_id={_visible(job_id)}{off}"
        if fault:
            line += " " + self._paint(f"fault={fault}", _YELLOW)
        elif scenario is not None and scenario != "completed":
            line += f" {dim}scenario={_visible(scenario)}{off}"
        if violations or findings:
            line += " " + self._problems(exchange)
        elif (status or 0) >= 400 and (why := reason(exchange)):
            line += " " + self._paint(f"why: {_visible(why)}", _YELLOW)
        return line

    def _parts(
        self,
        method: str,
        path: str,
        status: int | None,
        word: str | None,
        state: str | None,
        model: str | None,
        hide: Callable[[str], str] = str,
    ) -> str:
        """The part of a line that many exchanges share."""
        line = f"{method:<4} {_visible(hide(path))} {self._status(status)}"
        if word:
            line += " " + self._paint(_visible(word), STATE_COLOURS.get(state or "", ""))
        return f"{line} {_visible(hide(model))}" if model else line

    def _problems(self, exchange: Exchange) -> str:
        """What is wrong with a request, the first of it: the line stays one that can be read."""
        violations, findings = exchange.shown_problems()
        said = [("violation", _RED, problem) for problem in violations]
        said += [("finding", _YELLOW, problem) for problem in findings]
        words = [
            self._paint(f"{kind}: {_visible(problem.sentence())}", colour)
            for kind, colour, problem in said[:MOST_SAID]
        ]
        if len(said) > MOST_SAID:
            words.append(f"and {len(said) - MOST_SAID} more")
        return "; ".join(words)

    def json_line(self, exchange: Exchange, workspace: str = "") -> str:
        """The exchange as one JSON object, without bodies."""
        shown = {**exchange.as_dict(bodies=False), "took": round(exchange.took, 6)}
        beside = {"workspace": workspace, "why": "" if exchange.violations else reason(exchange)}
        shown |= {name: said for name, said in beside.items() if said}
        return json.dumps(shown, separators=(",", ":"))

    def _status(self, status: int | None) -> str:
        if status is None:
            return self._paint("---", _RED)
        return self._paint(str(status), _GREEN if status < 400 else _YELLOW if status < 500 else _RED)

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self.colour and colour else text


def reason(exchange: Exchange) -> str:
    """Why a request was refused, as the answer says it; empty where nothing was, and for what was armed."""
    if (exchange.status or 0) < 400 or exchange.fault is not None:
        return ""
    try:
        message = json.loads(exchange.shown_answer)["message"]
    except (ValueError, TypeError, KeyError):
        return ""
    if not isinstance(message, str):
        return ""
    return message if len(message) <= LONGEST_REASON else message[: LONGEST_REASON - 1] + "…"


def _visible(text: str) -> str:
    """A client's text without line breaks and terminal escapes of its own."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
