"""What is wrong with a request body, and how it is said."""

from .validator import (
    FORMATS,
    Problem,
    Unprepared,
    Validator,
    Verdict,
    closed,
    fast_judge,
    judge,
    message,
    noted,
    parse_json,
)

__all__ = [
    "FORMATS",
    "Problem",
    "Unprepared",
    "Validator",
    "Verdict",
    "closed",
    "fast_judge",
    "judge",
    "message",
    "noted",
    "parse_json",
]
