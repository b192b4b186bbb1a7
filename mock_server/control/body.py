"""What requests to the control API say: their bodies and queries, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from ..clock import Clock
from ..errors import KlingMockError, PayloadError, SettingsError
from ..scenarios import Scenario, scenario_from_json
from ..units import parse_speed
from ..validation.strict_json import parse_json

__all__ = ["ControlError", "move_clock", "object_in", "page_size", "scenario_in", "text_in"]

_LIMIT = re.compile(r"\d{1,9}", re.ASCII)


class ControlError(KlingMockError):
    """A request to the control API says something that it cannot take."""


async def object_in(request: Request, allowed: set[str]) -> dict[str, Any]:
    """The JSON object of a request, of these keys only."""
    try:
        body = parse_json(await request.body())
    except PayloadError as error:
        wanted = f"Expected a JSON object with {' or '.join(sorted(allowed))}"
        raise ControlError(f"{wanted}. {error}") from None
    if not isinstance(body, dict) or not set(body) <= allowed or not body:
        raise ControlError(f"Expected a JSON object with {' or '.join(sorted(allowed))}, received {body!r}.")
    return body


def move_clock(clock: Clock, asked: dict[str, Any]) -> None:
    """Do to a clock what a request asks for: all of it, or nothing."""
    if {"advance", "until"} <= set(asked) or ("job" in asked and "until" not in asked):
        raise ControlError("Expected either advance or until, and job only beside until.")
    speed = _checked_speed(asked)
    if "advance" in asked:
        clock.advance(_time(asked, "advance"))
    elif "until" in asked:
        clock.advance(until=text_in(asked, "until"), job=text_in(asked, "job") if "job" in asked else None)
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


def page_size(
    request: Request, wanted: dict[str, str], expected: str, names: tuple[str, ...] = ()
) -> int | None:
    """How many of the last entries a query asks for, None for all; other names than `names` are refused."""
    unknown = [name for name in wanted if name not in (*names, "limit")]
    limit = wanted.get("limit", "")
    if unknown or (limit and not _LIMIT.fullmatch(limit)):
        raise ControlError(f"Expected {expected}, received {unknown or limit}.")
    return int(limit) if limit else None


def _number(body: dict[str, Any], name: str) -> float:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"{name}: expected a number, received {value!r}.")
    try:
        return float(value)
    except OverflowError:
        raise ControlError(f"{name}: expected a number of a usable size, received more.") from None


def _time(body: dict[str, Any], name: str) -> float | str:
    """A time as the clock takes it: a number of seconds, or a text with its unit."""
    return body[name] if isinstance(body[name], str) else _number(body, name)


def scenario_in(body: dict[str, Any], own: Mapping[str, Scenario]) -> Scenario | str:
    """The scenario that a request asks for: by name, or a whole one as an object."""
    value = body["scenario"]
    if isinstance(value, dict):
        return scenario_from_json(value, own)
    if not isinstance(value, str):
        raise ControlError(f"scenario: expected a string or an object, received {value!r}.")
    return value


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A text of such an object."""
    value = body.get(name)
    if not isinstance(value, str):
        raise ControlError(f"{name}: expected a string, received {value!r}.")
    return value
