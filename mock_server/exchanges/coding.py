"""An exchange as a text that is kept outside of this process: without keys, since it is written down."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from ..validation import Problem
from .exchange import Exchange, Headers, Notes, header_lines
from .key_forms import SHORTEST, forms_of, pieces_of
from .redaction import Redactor
from .secret_names import SecretNames, secret_names

__all__ = ["decode_exchange", "encode_exchange"]

_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
REPEATED = 4_096
"""Bytes of headers up to which what is known of them is remembered: clients repeat theirs."""


class _Headers(NamedTuple):
    """What is known of the headers of a request."""

    text: str
    """They as JSON, without their secrets."""
    forms: tuple[bytes, ...]
    """All ways to write the keys among them."""
    doubtful: bool
    """Whether one of the others could hold a key."""


def encode_exchange(exchange: Exchange) -> bytes:
    """The text of an exchange; what it shows as a key is hidden in it wherever it stands."""
    known = _known(exchange)
    if _could_show_a_key(exchange, known):
        exchange = _hidden(exchange)
        known = _known(exchange)
    notes = exchange.notes
    problems = ",".join(
        _dump([vars_of(problem) for problem in some]) if some else "[]"
        for some in (notes.violations, notes.findings)
    )
    sizes = ",".join(_plain(size) for size in (*exchange[6:8], *exchange[10:13]))
    texts = ",".join(
        (
            _quote(exchange.path),
            *(_quote(exchange[place].decode("latin-1")) for place in (2, 5, 8, 9)),
        )
    )
    words = ",".join(_word(word) for word in exchange[13:17])
    rest = f"{words},{_plain(exchange.ended_at)},{exchange.took!r},{_dump(exchange.secret)}"
    said = f"{_word(notes.scenario)},{_word(notes.state)},{_word(notes.fault)},{_plain(notes.known_id)}"
    head = f"{_quote(exchange.method)},{exchange.at!r},{sizes},[{texts}],{known.text}"
    return f"[{head},[{rest}],[{said}],[{problems}]]".encode()


def _word(word: str | None) -> str:
    return "null" if word is None else _quote(word)


def _plain(value: float | None) -> str:
    """A number or a truth as JSON has it."""
    if value is None:
        return "null"
    return str(value).lower() if value is True or value is False else repr(value)


def vars_of(problem: Problem) -> tuple[str, str, str, str]:
    """The parts of a problem."""
    return problem.path, problem.expected, problem.received, problem.constraint


def decode_exchange(number: int, text: bytes) -> Exchange:
    """The exchange of such a text, which is kept by its number."""
    method, at, body_size, status, size, content, whole, texts, headers, rest, notes, problems = json.loads(
        text
    )
    path, query, body, head, answer = texts
    violations, findings = (tuple(Problem(*one) for one in some) for some in problems)
    kind, job_id, model, word, ended_at, took, secret = rest
    return Exchange(
        method,
        path,
        query.encode("latin-1"),
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        at,
        body.encode("latin-1"),
        body_size,
        status,
        head.encode("latin-1"),
        answer.encode("latin-1"),
        size,
        content,
        whole,
        kind,
        job_id,
        model,
        word,
        Notes(notes[0], notes[1], notes[2], notes[3], violations, findings),
        number,
        ended_at,
        took,
        tuple(secret),
    )


def _could_show_a_key(exchange: Exchange, known: _Headers) -> bool:
    """Whether a key could stand anywhere but in the headers that hold it; says yes too often, never no."""
    body, answer, notes = exchange.body, exchange.answer_body, exchange.notes
    whole = exchange.kind == "video" or len(answer) >= exchange.answer_size
    if known.doubtful or notes.violations or notes.findings or len(body) < exchange.body_size or not whole:
        return True
    said = b"\n".join((exchange.path.encode("utf-8", "surrogatepass"), exchange.query_string, body, answer))
    if exchange.secret_names.hinted(said.decode("latin-1")) or (b"@" in said and b"//" in said):
        return True
    said += exchange.answer_head
    return any(form in said for form in known.forms)


def _known(exchange: Exchange) -> _Headers:
    headers = tuple(exchange.raw_headers)
    short = sum([len(name) + len(value) for name, value in headers]) <= REPEATED
    return (_repeated if short else _read_headers)(headers, exchange.secret)


def _read_headers(headers: tuple[tuple[bytes, bytes], ...], secret: tuple[str, ...]) -> _Headers:
    names = secret_names(secret)
    forms: list[bytes] = []
    doubtful = False
    for name, value in headers:
        if names.header(name):
            forms += _forms(value)
        elif b"?" in value or b"@" in value or len(value) > 1000:
            doubtful = True
    shown = [_shown_header(name, value, names) for name, value in headers]
    return _Headers(_dump(shown), tuple(forms), doubtful)


_repeated = lru_cache(maxsize=256)(_read_headers)


def _forms(value: bytes) -> tuple[bytes, ...]:
    """All ways to write the keys of a header's value."""
    pieces = pieces_of(value.decode("latin-1"), SHORTEST)
    return tuple(form.encode("utf-8", "surrogatepass") for piece in pieces for form, _ in forms_of(piece))


def _shown_header(name: bytes, value: bytes, names: SecretNames) -> tuple[str, str]:
    """A header without a secret of its own."""
    text = value.decode("latin-1")
    if names.header(name):
        text = Redactor((), names).header(name.decode("latin-1"), text)
    return name.decode("latin-1"), text.encode("latin-1", "replace").decode("latin-1")


def _hidden(exchange: Exchange) -> Exchange:
    """The same without its keys in any part."""
    redactor = exchange.redactor
    violations, findings = exchange.shown_problems(redactor)
    query = redactor.query(exchange.query_string.decode("utf-8", "replace"))
    hide = redactor.text
    return exchange._replace(
        path=hide(exchange.path),
        query_string=query.encode(),
        raw_headers=_hidden_headers(exchange.raw_headers, redactor),
        body=exchange.shown_body.encode("utf-8", "surrogatepass"),
        answer_head=header_lines(_hidden_headers(exchange.answer_headers, redactor)),
        answer_body=exchange.shown_answer.encode("utf-8", "surrogatepass"),
        job_id=exchange.job_id and hide(exchange.job_id),
        model=exchange.model and hide(exchange.model),
        word=exchange.word and hide(exchange.word),
        notes=exchange.notes._replace(violations=violations, findings=findings),
    )


def _hidden_headers(headers: Headers, redactor: Redactor) -> Headers:
    return [
        (name, redactor.header(name.decode("latin-1"), value.decode("latin-1")).encode("latin-1", "replace"))
        for name, value in headers
    ]
