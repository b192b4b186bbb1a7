"""The API's error body, for requests that were refused and for faults that look like one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..exchanges.exchange import Headers, timestamp
from ..jobs.ids import looks_issued
from ..validation import Problem
from .outcome import Outcome, Refusal
from .response import FREE_HEADERS, MockResponse, encode, header_id

if TYPE_CHECKING:
    from ..workspace import Workspace

__all__ = ["error_response", "refusal_response"]


def error_response(
    space: Workspace,
    path: str,
    status: int,
    message: str,
    *,
    problems: Sequence[Problem] = (),
    headers: Headers = (),
    outcome: Outcome | None = None,
) -> MockResponse:
    """The API's error body; `problems` stand in it machine-readable as `errors`."""
    request_id = space.ids.request_id()
    body: dict[str, Any] = {
        "requestId": request_id,
        "statusCode": status,
        "timestamp": timestamp(space.clock.now()),
        "path": path,
        "message": message,
    }
    if problems:
        body["errors"] = [problem.as_dict() for problem in problems]
    inference = _inference_headers(outcome, request_id)
    return MockResponse(status, encode(body), headers=[*inference, *FREE_HEADERS, *headers])


def refusal_response(space: Workspace, path: str, refusal: Refusal, outcome: Outcome) -> MockResponse:
    """The response to a request that was refused."""
    return error_response(
        space,
        path,
        refusal.status,
        refusal.message,
        problems=refusal.problems,
        headers=refusal.headers,
        outcome=outcome,
    )


def _inference_headers(outcome: Outcome | None, request_id: str) -> list[tuple[bytes, bytes]]:
    """`x-inference-id` of an error: a polled id that could have been issued, else the request's own."""
    if outcome is None or outcome.job_id is None:
        return [(b"x-inference-id", request_id.encode())]
    if outcome.known_id or looks_issued(outcome.job_id):
        return [(b"x-inference-id", header_id(outcome.job_id))]
    return []
