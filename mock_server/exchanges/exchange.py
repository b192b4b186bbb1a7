"""One request and what was answered: frozen, the same for the mock and for a recording of the real API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote_plus

from ..validation import Problem
from .key_forms import SHORTEST
from .redaction import Redactor, keys_of
from .secret_names import SecretNames, secret_names
from .shown_problems import shown_problems

__all__ = [
    "NO_NOTES",
    "Exchange",
    "Headers",
    "Notes",
    "header_lines",
    "parse_lines",
    "timestamp",
    "trace_redactor",
    "word_in",
]

Headers = Sequence[tuple[bytes, bytes]]
Problems = tuple[Problem, ...]
CLOSE = (b"connection", b"close")
OF_CLIENTS = ("method", "path", "word", "job_id", "model", "scenario")
"""What is shown of an exchange that may have a client's words; all else is the server's own."""
MOST_OF_ALL = 64
"""Keys of many exchanges that are looked for in all of them."""


class Notes(NamedTuple):
    """What the mock knows of an exchange beside what went over the wire; a recording has none of it."""

    scenario: str | None = None
    state: str | None = None
    """The job's status in the contract's words, whatever word the answer had for it."""
    fault: str | None = None
    """The kind of fault that the answer met."""
    known_id: bool = False
    """Whether the server has issued the id of its job."""
    violations: tuple[Problem, ...] = ()
    findings: tuple[Problem, ...] = ()
    key_in_url: bool = False
    """Whether the key was in the URL, of an exchange that is read from where keys are hidden."""


NO_NOTES = Notes()


class Exchange(NamedTuple):
    """One request and what was answered; `status` is None where nothing was.

    Times are virtual seconds since the epoch. Bodies hold the first part of what went over the wire
    (`max_recorded_body`), an answer's without its compression; `body_size` and `answer_size` say how many
    bytes went over the wire. What is shown (`shown_…`, `headers`, `as_dict`) is without the client's key.
    `notes` is what the mock adds; `scenario`, `state`, `fault`, `violations` and `findings` read it.
    """

    method: str
    path: str
    query_string: bytes = b""
    raw_headers: Headers = ()
    at: float = 0.0
    body: bytes = b""
    body_size: int = 0
    status: int | None = None
    answer_head: bytes = b""
    """The header lines of the answer; one string, because most exchanges are never looked at."""
    answer_body: bytes = b""
    answer_size: int = 0
    content_size: int | None = None
    """The bytes of a compressed answer's body without its compression; None where it had none."""
    whole_size: int | None = None
    """Where an answer was broken off: the bytes that all of its body would have had on the wire."""
    kind: str = "other"
    """What it was: create, poll, video, models or other."""
    job_id: str | None = None
    """The job that it made or asked for, as the server decoded the id."""
    model: str | None = None
    word: str | None = None
    """The status word in the answer, as it went over the wire; None where it had none."""
    notes: Notes = NO_NOTES
    number: int = 0
    ended_at: float | None = None
    """None while the answer is not over."""
    took: float = 0.0
    """Real seconds that the server worked on it."""
    secret: tuple[str, ...] = ()
    """Names whose values are hidden as well, from the option `redact`."""

    def numbered(self, number: int) -> Exchange:
        """The same by its number in the journal."""
        # What the class itself does, without passing each part by name.
        facts = tuple(self)
        return tuple.__new__(Exchange, (*facts[:NUMBER], number, *facts[NUMBER + 1 :]))

    @property
    def scenario(self) -> str | None:
        """The name of the scenario that decided the answer."""
        return self.notes.scenario

    @property
    def state(self) -> str | None:
        """The job's status in the contract's words; `word` is what the client was told."""
        return self.notes.state

    @property
    def fault(self) -> str | None:
        """The kind of fault that the answer met."""
        return self.notes.fault

    @property
    def known_id(self) -> bool:
        """Whether the server has issued the id of its job."""
        return self.notes.known_id

    @property
    def violations(self) -> tuple[Problem, ...]:
        """What the request was refused for."""
        return self.notes.violations

    @property
    def findings(self) -> tuple[Problem, ...]:
        """What was tolerated in the request."""
        return self.notes.findings

    def __repr__(self) -> str:
        path = self.shown(self.path)
        return f"<Exchange {self.number} {self.method} {path} {self.status} {self.word or ''}>"

    @property
    def secret_names(self) -> SecretNames:
        """The names whose values are hidden."""
        return secret_names(self.secret)

    @property
    def keys(self) -> tuple[str, ...]:
        """What the client showed as its key, wherever it did."""
        query = self.query_string.decode("utf-8", "replace")
        return keys_of(self.raw_headers, query, self.body, self.secret_names)

    @property
    def key_in_url(self) -> bool:
        """Whether the URL has the key that stands behind `Bearer` as well."""
        if self.notes.key_in_url:
            return True
        values = self.header_values(b"authorization")
        key = values[0].partition(" ")[2].strip() if len(values) == 1 else ""
        if len(key) < SHORTEST:
            return False
        asked = self.query_string
        return key in self.path or (bool(asked) and key in unquote_plus(asked.decode("utf-8", "replace")))

    @property
    def redactor(self) -> Redactor:
        """What hides this exchange's keys; made anew each time, so keep it for several texts."""
        return Redactor(self.keys, self.secret_names)

    def shown(self, text: str) -> str:
        """A text of this exchange, such as its path or its job's id, without the client's key."""
        return self.redactor.text(text)

    def shown_problems(
        self, redactor: Redactor | None = None
    ) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
        """The violations and the findings without the client's key and without values of secret fields."""
        if not self.violations and not self.findings:
            return (), ()
        hides = redactor or self.redactor
        return shown_problems(self.violations, hides), shown_problems(self.findings, hides)

    @property
    def shown_query(self) -> str:
        """The query without keys."""
        return self.redactor.query(self.query_string.decode("utf-8", "replace"))

    @property
    def shown_body(self) -> str:
        """The recorded part of the request's body without keys."""
        return self._shown_body(self.redactor)

    @property
    def shown_answer(self) -> str:
        """The recorded part of the answer's body without keys."""
        return self._shown_answer(self.redactor)

    def _shown_body(self, redactor: Redactor) -> str:
        return redactor.body(self.body.decode("utf-8", "replace"), cut=len(self.body) < self.body_size)

    def _shown_answer(self, redactor: Redactor) -> str:
        # Its names are the server's own: what it echoes of a client is found by itself, or in a refusal.
        hide = redactor.text if (self.status or 0) < 400 else redactor.url_text
        return hide(self.answer_body.decode("utf-8", "replace"), cut=not self._answer_is_whole)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query_string.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers with keys redacted; repeated ones are joined with a comma."""
        return self.redactor.headers(self.raw_headers)

    @property
    def answer_headers(self) -> list[tuple[bytes, bytes]]:
        """The answer's headers as they went out."""
        headers = parse_lines(self.answer_head)
        if headers and CLOSE in self.raw_headers and CLOSE not in headers:
            # Its protocol says so in every answer to such a request.
            headers.append(CLOSE)
        return headers

    @property
    def answer_header(self) -> dict[str, str]:
        """The answer's headers, without the client's key."""
        return self.redactor.headers(self.answer_headers)

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
        redactor = self.redactor
        violations, findings = self.shown_problems(redactor)
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
            "word": self.word,
            "job_id": self.job_id,
            "model": self.model,
            "scenario": self.scenario,
            "state": self.state,
            "fault": self.fault,
            "key_in_url": self.key_in_url,
        }
        texts = {name: shown[name] for name in OF_CLIENTS if shown[name] is not None}
        if not redactor.leaves("\n".join(texts.values())):
            shown.update({name: redactor.text(text) for name, text in texts.items()})
        shown["violations"] = [problem.as_dict() for problem in violations]
        shown["findings"] = [problem.as_dict() for problem in findings]
        shown["query"] = redactor.query(self.query_string.decode("utf-8", "replace"))
        if bodies:
            shown["request"] = {
                "headers": redactor.headers(self.raw_headers),
                "size": self.body_size,
                "body": self._shown_body(redactor),
            }
            shown["response"] = {
                "headers": redactor.headers(self.answer_headers),
                "size": self.answer_size,
                "body": self._shown_answer(redactor),
            }
            if self.content_size is not None:
                shown["response"]["content_size"] = self.content_size
            if self.whole_size is not None:
                shown["response"]["cut_off_from"] = self.whole_size
        return shown


def trace_redactor(
    exchanges: Iterable[Exchange], *, also: Iterable[str] = (), called: Mapping[str, str] | None = None
) -> Redactor:
    """What hides the keys of many exchanges, and some others; `called` are keys with names of their own."""
    found: dict[str, None] = {}
    names = secret_names()
    for exchange in exchanges:
        names = exchange.secret_names
        # The signature of a video's URL is the server's: nobody's key.
        query = "" if exchange.kind == "video" else exchange.query_string.decode("utf-8", "replace")
        if len(found) < MOST_OF_ALL:
            found.update(dict.fromkeys(keys_of(exchange.raw_headers, query, exchange.body, names)))
    return Redactor([*found, *also], names, called=called)


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def parse_lines(lines: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of such lines."""
    pairs = (line.partition(b": ") for line in lines.split(b"\r\n") if line)
    return [(name, value) for name, _, value in pairs]


NUMBER = Exchange._fields.index("number")


def timestamp(moment: float) -> str:
    """ISO 8601 with milliseconds and Z, from virtual seconds since the epoch."""
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def word_in(body: bytes) -> str | None:
    """The status word in the JSON of an answer; None where it is not JSON or has none."""
    answer = _json_or_none(body)
    word = answer.get("status") if isinstance(answer, dict) else None
    return word if isinstance(word, str) else None


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
