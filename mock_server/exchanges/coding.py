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


class _Parts(NamedTuple):
    """The parts of an exchange that repeat from poll to poll."""

    asked: str
    """Path, query and body as JSON."""
    answer: str
    words: str
    """What kind of exchange it was, its job, model and status word."""
    hinted: bool
    """Whether a key could stand in one of them."""


def encode_exchange(exchange: Exchange) -> bytes:
    """The text of an exchange; what it shows as a key is hidden in it wherever it stands."""
    known = _known(exchange)
    parts = _parts_of(exchange, known.forms)
    if _could_show_a_key(exchange, known, parts):
        exchange = _hidden(exchange)
        known = _known(exchange)
        parts = _parts_of(exchange, ())
    notes = exchange.notes
    problems = "[],[]"
    if notes.violations or notes.findings:
        some = [[vars_of(problem) for problem in some] for some in (notes.violations, notes.findings)]
        problems = _dump(some)[1:-1]
    secret = _dump(exchange.secret) if exchange.secret else "[]"
    at, ended = repr(exchange.at), exchange.ended_at
    ended_at = at if ended == exchange.at else _number(ended)
    return (
        f"[{_quote(exchange.method)},{at},{exchange.body_size},{_number(exchange.status)},"
        f"{exchange.answer_size},{_number(exchange.content_size)},{_number(exchange.whole_size)},"
        f"[{parts.asked},{_quote(exchange.answer_head.decode('latin-1'))},{parts.answer}],{known.text},"
        f"[{parts.words},{ended_at},{exchange.took!r},{secret}],"
        f"[{_word(notes.scenario)},{_word(notes.state)},{_word(notes.fault)},"
        f"{'true' if notes.known_id else 'false'},{_dump(notes.key_in_url)}],[{problems}]]"
    ).encode()


def _parts_of(exchange: Exchange, forms: tuple[bytes, ...]) -> _Parts:
    path, query, body, answer = exchange.path, exchange.query_string, exchange.body, exchange.answer_body
    short = not body and len(path) + len(query) + len(answer) <= REPEATED
    read = _repeated_parts if short else _read_parts
    return read(path, query, body, answer, forms, exchange.secret, exchange[13:17])


def _read_parts(
    path: str,
    query: bytes,
    body: bytes,
    answer: bytes,
    forms: tuple[bytes, ...],
    secret: tuple[str, ...],
    words: tuple[str | None, ...],
) -> _Parts:
    said = b"\n".join((path.encode("utf-8", "surrogatepass"), query, body, answer))
    hinted = secret_names(secret).hinted(said.decode("latin-1")) or (b"@" in said and b"//" in said)
    hinted = hinted or any(form in said for form in forms)
    texts = [path, query.decode("latin-1"), body.decode("latin-1")]
    asked = ",".join(map(_quote, texts))
    return _Parts(asked, _quote(answer.decode("latin-1")), ",".join(map(_word, words)), hinted)


_repeated_parts = lru_cache(maxsize=256)(_read_parts)


def _word(word: str | None) -> str:
    return "null" if word is None else _quote(word)


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)


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
        Notes(notes[0], notes[1], notes[2], notes[3], violations, findings, notes[4]),
        number,
        ended_at,
        took,
        tuple(secret),
    )


def _could_show_a_key(exchange: Exchange, known: _Headers, parts: _Parts) -> bool:
    """Whether a key could stand anywhere but in the headers that hold it; says yes too often, never no."""
    body, answer, notes = exchange.body, exchange.answer_body, exchange.notes
    whole = exchange.kind == "video" or len(answer) >= exchange.answer_size
    if known.doubtful or parts.hinted or notes.violations or notes.findings:
        return True
    if len(body) < exchange.body_size or not whole:
        return True
    head = exchange.answer_head
    return any(form in head for form in known.forms)


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
        notes=exchange.notes._replace(
            violations=violations, findings=findings, key_in_url=exchange.key_in_url
        ),
    )


def _hidden_headers(headers: Headers, redactor: Redactor) -> Headers:
    return [
        (name, redactor.header(name.decode("latin-1"), value.decode("latin-1")).encode("latin-1", "replace"))
        for name, value in headers
    ]
