"""Retry-After as it is read: by the passive checks and by the contract kit alike."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, find_scenario
from kling_mock.trace_rules.retry_after import TOLERANCE, retry_after, seconds_asked, waits_too_little

from .support import create

NOW = 1_800_000_000.0
MOMENTS = st.floats(0, 4e9)
WAITS = st.floats(0, 1e6)


def as_date(moment: float) -> str:
    """An HTTP date, rounded up as the server does it."""
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=math.ceil(moment))
    return format_datetime(whole, usegmt=True)


@given(st.integers(0, 10**9) | st.floats(0, 1e6).map(lambda value: round(value, 3)), MOMENTS)
def test_seconds_are_read_as_they_stand_at_any_moment(asked: float, now: float) -> None:
    assert seconds_asked(f"{asked}", now) == asked or "e" in f"{asked}"


@given(WAITS, MOMENTS)
def test_a_date_asks_for_at_most_what_the_server_meant_and_a_second_less_at_least(
    asked: float, now: float
) -> None:
    read = seconds_asked(as_date(now + asked), now)
    assert read is not None
    assert max(0.0, asked - 1.0) - 1e-3 <= read <= asked + 1e-3


@given(MOMENTS, MOMENTS)
def test_a_date_in_the_past_asks_for_nothing(moment: float, later: float) -> None:
    assert seconds_asked(as_date(moment), moment + later + 1.0) == 0.0


@pytest.mark.slow
@given(
    st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]?\w*"),
    MOMENTS,
)
def test_anything_else_is_never_an_error_nor_below_nothing(value: str, now: float) -> None:
    asked = seconds_asked(value, now)
    assert asked is None or asked >= 0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e3", "inf", "nan", "5 s", "\u0663"])
def test_what_is_no_wait_asks_for_none(value: str) -> None:
    assert seconds_asked(value, NOW) is None


@given(WAITS, WAITS, WAITS)
def test_who_waits_as_long_as_asked_or_as_the_cap_is_right(waited: float, asked: float, cap: float) -> None:
    assert waits_too_little(waited, asked, cap) == (waited < min(asked, cap) - TOLERANCE)
    assert not waits_too_little(asked, asked, cap)
    assert not waits_too_little(cap, asked, cap)


@pytest.mark.parametrize("retry_date", [False, True])
def test_what_the_server_asks_for_is_read(timed: MockServer, retry_date: bool) -> None:
    timed.use(find_scenario("rate-limited", retry_after=30.0, retry_date=retry_date))
    create(timed)
    (exchange,) = timed.exchanges
    assert retry_after(exchange) == pytest.approx(30.0, abs=1.0 if retry_date else 0.0)


@pytest.mark.parametrize(("value", "asked"), [("30", 30.0), (as_date(NOW + 30), 19.0)])
def test_a_wait_counts_from_the_end_of_the_answer(value: str, asked: float) -> None:
    slow: Any = SimpleNamespace(at=NOW, ended_at=NOW + 10, answer_headers=[(b"Retry-After", value.encode())])
    assert retry_after(slow) == asked
