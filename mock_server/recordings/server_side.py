"""The server's side of a recording: its answers held against the contract, and against each other."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..api.generation_paths import generation_paths
from ..catalog import Catalog
from ..catalog.variants import CREATE_PATH
from ..errors import SpecError
from ..timeline import FINAL_STATUSES
from ..validation import closed, fast_judge, judge
from ..validation.fast_judge import accepts
from ..validation.problems import problems_of
from ..validation.validator import undocumented_fields
from .differences import Difference, Kind
from .exchanges import MOST_KEPT, Request

__all__ = ["ServerSide"]

OWN_HEADERS = ("x-aimlapi-", "x-inference-", "x-credits-", "x-ratelimit-", "ratelimit-", "x-kling-")
"""Beginnings of headers that the API would document: all others are those of the servers before it."""
SIMULATED = (None, "completed")
"""Scenarios of the mock in which nothing goes wrong on purpose."""
LONGEST_SAYS = 300


class ServerSide:
    """Judges the answers of one recording, in their order."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._paths = generation_paths(catalog)
        self._told: OrderedDict[str, str] = OrderedDict()
        """The last status that each job was told with."""
        self.unjudged = 0
        """Answers about jobs of models that nothing is known of."""
        self._exact: dict[int, Any] = {}
        self._any_model = min(variant.model for variant in catalog.variants)

    def judge(self, request: Request) -> Iterator[Difference]:
        """The differences that one answer shows."""
        wire, exchange = request.wire, request.exchange
        kind, status = exchange.kind, exchange.status
        if kind not in ("create", "poll") or status is None or _is_simulated(request):
            return
        judged = request.judged
        if kind == "create" and judged is not None and judged.variant is None and status < 300:
            self.unjudged += 1
            return
        where = f"{kind} {status}"
        variant = self._catalog.get(exchange.model or "")
        if variant is None and kind == "poll":
            # A job that was made before the recording: whose contract it has is not known.
            told = _json(wire.answer)
            if isinstance(told, dict):
                yield from self._coherence(request, told, where)
            return
        model = variant.model if variant else self._any_model
        method = "post" if kind == "create" else "get"
        responses = self._responses(model, exchange.path, method)
        if str(status) not in responses:
            text = f"{exchange.method} is answered {status}, which the contract does not document"
            yield Difference(Kind.STATUS, where, text + _message(wire.answer))
        yield from self._of_request(request, where)
        answer = _json(wire.answer)
        if wire.answer is None or wire.whole_size is not None:
            return
        documented = responses.get(str(status), {})
        yield from _headers(documented, wire.answer_headers, where)
        if isinstance(answer, dict):
            schema = self._schema(model, exchange.path, method, status, documented)
            if schema is not None:
                yield from self._body(schema, answer, where)
            yield from self._coherence(request, answer, where)
        elif status < 500:
            yield Difference(Kind.VALUE, where, "the answer is no JSON object")

    def _of_request(self, request: Request, where: str) -> Iterator[Difference]:
        """Whether the server takes and refuses what the contract does."""
        judged, status = request.judged, request.exchange.status
        if judged is None or judged.variant is None:
            return
        if status in (400, 422) and judged.valid:
            text = "a body that the contract takes is refused" + _message(request.wire.answer)
            yield Difference(Kind.TIGHTENED, where, text[:LONGEST_SAYS])
        elif status in (200, 201):
            for problem in judged.violations:
                text = f"a body that the contract refuses is taken: {problem.sentence()}"
                yield Difference(Kind.LOOSENED, f"{where} {problem.path}", text[:LONGEST_SAYS])

    def _body(self, schema: dict[str, Any], answer: dict[str, Any], where: str) -> Iterator[Difference]:
        # Schemas live as long as the catalogue that gives them: it keeps each of them.
        exact = self._exact.get(id(schema))
        if exact is None:
            exact = self._exact[id(schema)] = fast_judge(closed(schema))
        if not accepts(exact, answer):
            yield from _differences(schema, answer, where)

    def _coherence(self, request: Request, answer: dict[str, Any], where: str) -> Iterator[Difference]:
        exchange, wire = request.exchange, request.wire
        status = exchange.status or 0
        if status >= 400:
            said = answer.get("statusCode")
            if isinstance(said, int) and said != status:
                text = f"the body says statusCode {said}, the answer {status}"
                yield Difference(Kind.INCOHERENT, f"{where} statusCode", text)
            return
        told_id, word, job = answer.get("id"), answer.get("status"), exchange.job_id
        if exchange.kind == "poll" and job and isinstance(told_id, str) and told_id != job:
            yield Difference(Kind.INCOHERENT, f"{where} id", "a poll is answered with the id of another job")
        inference = dict(wire.answer_headers).get(b"x-inference-id", b"").decode("latin-1")
        if inference and isinstance(told_id, str) and told_id.isascii() and inference != told_id:
            text = "x-inference-id is not the id of the job"
            yield Difference(Kind.INCOHERENT, f"{where} x-inference-id", text)
        if word == "completed" and not _url(answer):
            text = "a completed job has no video.url"
            yield Difference(Kind.MISSING, f"{where} video.url", text)
        if word == "error" and not answer.get("error"):
            yield Difference(Kind.MISSING, f"{where} error", "a job that failed does not say why")
        if job and isinstance(word, str):
            yield from self._order(job, word, exchange.kind, where)

    def _order(self, job: str, word: str, kind: str, where: str) -> Iterator[Difference]:
        before = self._told.get(job)
        if before is not None and kind == "create":
            yield Difference(Kind.INCOHERENT, f"{where} id", "two creates are answered with one id")
        elif before in FINAL_STATUSES and word != before:
            text = f"a job that was {before} is {word} afterwards"
            yield Difference(Kind.INCOHERENT, f"{where} status", text)
        self._told[job] = word
        if len(self._told) > MOST_KEPT:
            self._told.popitem(last=False)

    def _responses(self, model: str, path: str, method: str) -> dict[str, Any]:
        document = self._catalog.document(model)
        paths = document["paths"]
        of_older = self._paths[path].vendor is not None and path in paths
        responses: dict[str, Any] = paths[path if of_older else CREATE_PATH][method]["responses"]
        return responses

    def _schema(
        self, model: str, path: str, method: str, status: int, documented: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The schema of an answer; None where nothing is documented of it."""
        if method == "get" and status == 200:
            return self._catalog.poll_schema(model)
        if method == "post" and status in (200, 201):
            try:
                return self._catalog.answer_schema(model, legacy=status == 201)
            except SpecError:
                return self._catalog.answer_schema(model)
        content = documented.get("content", {}).get("application/json", {})
        schema: dict[str, Any] | None = content.get("schema")
        return schema


def _is_simulated(request: Request) -> bool:
    """Whether a mock went wrong on purpose here: that is no word about the real API."""
    own = request.wire.own
    return own is not None and (own.get("scenario") not in SIMULATED or own.get("fault") is not None)


def _differences(schema: dict[str, Any], answer: dict[str, Any], where: str) -> Iterator[Difference]:
    for path in undocumented_fields(answer, schema):
        yield Difference(Kind.FIELD, f"{where} {path}", f"{path} is not documented")
    judged = judge(schema)
    for problem in problems_of(judged.iter_errors(answer)):
        kind = Kind.MISSING if problem.constraint == "required" else Kind.VALUE
        if problem.path == "status" and problem.constraint == "enum":
            kind = Kind.STATUS
        yield Difference(kind, f"{where} {problem.path}", problem.sentence()[:LONGEST_SAYS])


def _headers(
    documented: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...], where: str
) -> Iterator[Difference]:
    known = {name.lower(): header for name, header in documented.get("headers", {}).items()}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        header = known.get(name)
        if header is None:
            if name.startswith(OWN_HEADERS):
                yield Difference(Kind.HEADER, f"{where} {name}", f"the header {name} is not documented")
            continue
        schema = header.get("schema", {})
        if schema.get("type") == "string" and not _accepts(json.dumps(schema, sort_keys=True), value):
            yield Difference(Kind.HEADER, f"{where} {name}", f"the header {name} has an undocumented form")


@lru_cache(maxsize=512)
def _accepts(schema: str, value: str) -> bool:
    valid: bool = judge(json.loads(schema)).is_valid(value)
    return valid


def _message(answer: bytes | None) -> str:
    told = _json(answer)
    message = told.get("message") if isinstance(told, dict) else None
    return f": {message[:200]}" if isinstance(message, str) else ""


def _url(answer: dict[str, Any]) -> bool:
    video = answer.get("video")
    return isinstance(video, dict) and isinstance(video.get("url"), str) and bool(video["url"])


def _json(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
