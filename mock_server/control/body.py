"""What requests to the control API say: their bodies and queries, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from starlette.requests import Request

from ..clock import Clock
from ..errors import KlingMockError, PayloadError, SettingsError
from ..scenarios import Scenario, scenario_from_json
from ..units import parse_speed
from ..validation.problems import shorten
from ..validation.strict_json import parse_json

__all__ = [
    "FILTERS",
    "LONGEST_PAGE",
    "PAGE",
    "ControlError",
    "Page",
    "move_clock",
    "object_in",
    "page_of",
    "scenario_in",
    "switch_in",
    "text_in",
    "whole_number",
]

FILTERS = ("kind", "method", "status", "job_id", "model", "scenario", "state", "word", "fault")
"""What lists of exchanges are filtered by."""

PAGE = 100
"""Entries of a list that are shown where a query does not say how many."""
LONGEST_PAGE = 1_000
"""Entries that are shown at most: the rest is asked for page by page."""
LARGEST_BODY = 64 * 1024
"""Bytes of a request to the control API: the longest scenario has a tenth of that."""

_LIMIT = re.compile(r"\d{1,9}", re.ASCII)


class ControlError(KlingMockError):
    """A request to the control API says something that it cannot take."""


async def object_in(request: Request, allowed: set[str]) -> dict[str, Any]:
    """The JSON object of a request, of these keys only."""
    wanted = f"Expected a JSON object with {' or '.join(sorted(allowed))}"
    try:
        body = parse_json(await _whole_body(request))
    except PayloadError as error:
        raise ControlError(f"{wanted}. {error}") from None
    if not isinstance(body, dict) or not set(body) <= allowed or not body:
        fields = ", ".join(map(shorten, islice(body, 5))) if isinstance(body, dict) else ""
        raise ControlError(f"{wanted}, received {shorten(body)}{fields and f': {fields}'}.")
    return body


async def _whole_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise ControlError(f"Expected a body of at most {LARGEST_BODY} bytes, received more.")
    return bytes(body)


def move_clock(clock: Clock, asked: dict[str, Any]) -> None:
    """Do to a clock what a request asks for: all of it, or nothing."""
    if {"advance", "until"} <= set(asked) or ("job_id" in asked and "until" not in asked):
        raise ControlError("Expected either advance or until, and job_id only beside until.")
    speed = _checked_speed(asked)
    if "advance" in asked:
        clock.advance(_time(asked, "advance"))
    elif "until" in asked:
        clock.advance(
            until=text_in(asked, "until"), job_id=text_in(asked, "job_id") if "job_id" in asked else None
        )
    if speed is not None:
        clock.speed = speed


def _checked_speed(asked: dict[str, Any]) -> float | None:
    """The speed that is asked for, checked before anything else of the same request is done."""
    if "speed" not in asked:
        return None
    try:
        return parse_speed(_number(asked, "speed"))
    except SettingsError as error:
        raise ControlError(str(error.blaming("speed"))) from None


class Page(NamedTuple):
    """Which part of a list is asked for: `limit` entries at most, and none but those `before` one of them."""

    limit: int
    before: str | None = None


def page_of(request: Request, *filters: str) -> tuple[Page, dict[str, str]]:
    """The page that a query asks for, and the values of its filters; refuses other names than these."""
    wanted = dict(request.query_params)
    limit, before = wanted.pop("limit", str(PAGE)), wanted.pop("before", None)
    unknown = [name for name in wanted if name not in filters]
    if unknown or not _LIMIT.fullmatch(limit):
        filtered = f"the filters {', '.join(filters)}, " if filters else ""
        raise ControlError(f"Expected {filtered}limit=N and before=ID, received {unknown or limit}.")
    return Page(min(int(limit), LONGEST_PAGE), before), wanted


def _number(body: dict[str, Any], name: str) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"{name}: expected a number, received {shorten(value)}.")
    try:
        return float(value)
    except OverflowError:
        raise ControlError(f"{name}: expected a number of a usable size, received more.") from None


def _time(body: dict[str, Any], name: str) -> float | str:
    """A time as the clock takes it: a number of seconds, or a text with its unit."""
    return body[name] if isinstance(body[name], str) else _number(body, name)


def whole_number(text: str, name: str, kind: str) -> int:
    """The number of a query or header, `kind` says what it counts."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ControlError(f"{name}: expected {kind}, received {text[:100]!r}.")
    return int(text)


def scenario_in(body: dict[str, Any], own: Mapping[str, Scenario]) -> Scenario | str:
    """The scenario that a request asks for: by name, or a whole one as an object."""
    value = body["scenario"]
    if isinstance(value, dict):
        return scenario_from_json(value, own)
    if not isinstance(value, str):
        raise ControlError(f"scenario: expected a string or an object, received {shorten(value)}.")
    return value


def switch_in(asked: Sequence[str], name: str) -> bool:
    """A switch of a query, off where it is not there."""
    for word in asked:
        if word not in ("true", "false"):
            raise ControlError(f"{name}: expected true or false, received {word[:100]!r}.")
    return bool(asked) and asked[-1] == "true"


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A text of such an object."""
    value = body.get(name)
    if not isinstance(value, str):
        raise ControlError(f"{name}: expected a string, received {shorten(value)}.")
    return value
