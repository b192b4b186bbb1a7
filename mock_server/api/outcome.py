"""What an endpoint decides: the response, and what is to be noted of it."""

from __future__ import annotations

from collections.abc import Sequence

from ..exchanges.exchange import Headers, Notes
from ..validation import Problem
from .response import MockResponse

__all__ = ["Forgotten", "Outcome", "Refusal"]


class Outcome:
    """What becomes of one request: an endpoint fills it in while it decides; nothing changes it later."""

    response: MockResponse
    job_id: str | None = None
    known_id = False
    model: str | None = None
    word: str | None = None
    scenario: str | None = None
    state: str | None = None
    fault: str | None = None
    violations: tuple[Problem, ...] = ()
    findings: tuple[Problem, ...] = ()

    def __init__(self, kind: str = "other") -> None:
        self.kind = kind

    def notes(self) -> Notes:
        """What the mock knows beside what goes over the wire."""
        return tuple.__new__(
            Notes,
            (self.scenario, self.state, self.fault, self.known_id, self.violations, self.findings, False),
        )


class Refusal(Exception):
    """A request that is answered with one of the API's errors."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        noted: Sequence[Problem] | None = None,
        headers: Headers = (),
    ) -> None:
        """`problems` stand in the body machine-readable; `noted` are those that the journal keeps."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems
        self.noted = tuple(problems if noted is None else noted)
        self.headers = headers


class Forgotten(Exception):
    """All was reset while a request was looked at: what it asks for has no place in what comes after."""
