"""Problems of a body as they are shown: without keys, and without what stood in secret fields."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..validation import Problem
from .redaction import HIDDEN, Redactor

__all__ = ["shown_problems"]

BORDERS = re.compile(r"[.\[\]]+")
VALUES = tuple("'\"-0123456789")
"""How a value begins that was received, and not a description of one."""


def shown_problems(problems: Iterable[Problem], redactor: Redactor) -> tuple[Problem, ...]:
    """The same problems without any key of the redactor's, and without the values of secret fields."""
    return tuple(_shown(problem, redactor) for problem in problems)


def _shown(problem: Problem, redactor: Redactor) -> Problem:
    received = problem.received
    if received.startswith(VALUES) and any(step in redactor.names for step in BORDERS.split(problem.path)):
        received = f"'{HIDDEN}'"
    path, expected = redactor.text(problem.path), redactor.text(problem.expected)
    return Problem(path, expected, redactor.url_text(received), problem.constraint)
