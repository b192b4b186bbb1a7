"""An exchange as a text that is kept outside of this process: without keys, since it is written down."""

from __future__ import annotations

import json
from functools import lru_cache

from ..validation import Problem
from .exchange import Exchange, Headers, Notes, header_lines
from .key_forms import SHORTEST, forms_of, pieces_of
from .redaction import Redactor
from .secret_names import SecretNames, secret_names

__all__ = ["decode_exchange", "encode_exchange"]

_dump = json.JSONEncoder(separators=(",", ":")).encode


def encode_exchange(exchange: Exchange) -> bytes:
    """The text of an exchange; what it shows as a key is hidden in it wherever it stands."""
    names = exchange.secret_names
    if _could_show_a_key(exchange, names):
        exchange = _hidden(exchange)
    headers = [_shown_header(name, value, exchange.secret) for name, value in exchange.raw_headers]
    notes = exchange.notes
    texts = [
        exchange.path,
        exchange.query_string.decode("latin-1"),
        exchange.body.decode("latin-1"),
        exchange.answer_head.decode("latin-1"),
        exchange.answer_body.decode("latin-1"),
    ]
    problems = [[list(vars_of(problem)) for problem in some] for some in (notes.violations, notes.findings)]
    rest = [*exchange[13:17], *exchange[19:22]]
    sizes = [*exchange[6:8], *exchange[10:13]]
    noted = [*notes[:4], notes.key_in_url]
    values = [exchange.method, exchange.at, *sizes, texts, headers, rest, noted, problems]
    return _dump(values).encode()


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


def _could_show_a_key(exchange: Exchange, names: SecretNames) -> bool:
    """Whether a key could stand anywhere but in the headers that hold it; says yes too often, never no."""
    body, answer, notes = exchange.body, exchange.answer_body, exchange.notes
    whole = exchange.kind == "video" or len(answer) >= exchange.answer_size
    if notes.violations or notes.findings or len(body) < exchange.body_size or not whole:
        return True
    said = b"\n".join((exchange.path.encode("utf-8", "surrogatepass"), exchange.query_string, body, answer))
    if names.hinted(said.decode("latin-1")) or (b"@" in said and b"//" in said):
        return True
    said += exchange.answer_head
    for name, value in exchange.raw_headers:
        if names.header(name):
            if any(form in said for form in _forms(value)):
                return True
        elif b"?" in value or b"@" in value or len(value) > 1000:
            return True
    return False


@lru_cache(maxsize=256)
def _forms(value: bytes) -> tuple[bytes, ...]:
    """All ways to write the keys of a header's value."""
    pieces = pieces_of(value.decode("latin-1"), SHORTEST)
    return tuple(form.encode("utf-8", "surrogatepass") for piece in pieces for form, _ in forms_of(piece))


@lru_cache(maxsize=1024)
def _shown_header(name: bytes, value: bytes, secret: tuple[str, ...]) -> tuple[str, str]:
    """A header without a secret of its own; what repeats is remembered."""
    names = secret_names(secret)
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
