"""The log: one readable line for each exchange, or one JSON object."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.exchange import Exchange
from kling_mock.validation import Problem

from .support import ask, recorded


def exchange(**values: Any) -> Exchange:
    return recorded(at=1_700_000_000.0, **{"took": 0.0042, **values})


def logged(one: Exchange, form: str = "text", *, colour: bool = False) -> str:
    stream = io.StringIO()
    ExchangeLog(stream, form=form, colour=colour).write(one)
    return stream.getvalue()


def test_a_line_says_what_happened() -> None:
    line = logged(exchange(status=200, word="queued", model="kling-video/x", job_id="abc", scenario="failed"))
    assert line.count("\n") == 1
    for word in ("GET", "/v2/video/generations", "200", "queued", "kling-video/x", "4.2ms", "abc", "failed"):
        assert word in line


def test_findings_and_violations_stand_in_the_line_of_their_exchange() -> None:
    problem = Problem("duration", "an integer", "the string '5'", "numeric-string")
    (line,) = logged(exchange(status=200, findings=(problem,), violations=(problem,))).splitlines()
    assert line.endswith(
        "violation: duration: Expected an integer, received the string '5'; "
        "finding: duration: Expected an integer, received the string '5'"
    )
    (line,) = logged(exchange(status=200, findings=(problem,) * 9)).splitlines()
    assert line.count("finding:") == 5 and line.endswith("; and 4 more")


def test_what_was_not_answered_shows_so() -> None:
    assert " --- " in logged(exchange(status=None, fault="reset"))


def test_colour_only_where_it_is_asked_for() -> None:
    assert "\x1b[" in logged(exchange(status=200), colour=True)
    assert "\x1b[" not in logged(exchange(status=200))
    assert not ExchangeLog(io.StringIO()).colour


@pytest.mark.parametrize("form", ["text", "json"])
@given(text=st.text(max_size=30))
def test_a_client_cannot_write_lines_or_escapes_of_its_own(form: str, text: str) -> None:
    problem = Problem(text, text, text, "type")
    one = exchange(path="/" + text, model=text, job_id=text, status=404, findings=(problem,), method="GET")
    shown = logged(one, form)
    assert shown.endswith("\n") and len(shown.splitlines()) == 1
    assert not any(ord(char) < 32 or ord(char) in range(127, 160) for char in shown.replace("\n", ""))


def test_json_lines_are_json() -> None:
    shown = json.loads(logged(exchange(status=200, job_id="é\n"), "json"))
    assert (shown["status"], shown["job_id"], shown["took"]) == (200, "é\n", 0.0042)


def test_a_reader_that_left_stops_nothing() -> None:
    stream = io.StringIO()
    log = ExchangeLog(stream)
    stream.close()
    log.write(exchange(status=200))


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_an_encoding_cannot_say_takes_no_line_along(form: str) -> None:
    raw = io.BytesIO()
    log = ExchangeLog(io.TextIOWrapper(raw, encoding="ascii"), form=form)
    log.write(exchange(status=200, model="kling"))
    log.write(exchange(path="/é…🏰", status=404, job_id="é…"))
    log.write(exchange(status=201))
    lines = raw.getvalue().decode("ascii").splitlines()
    assert len(lines) == 3 and "201" in lines[2]
    assert "\\" in lines[1]


def test_a_mistake_of_the_log_is_not_taken_for_a_reader_that_left() -> None:
    class Odd(io.StringIO):
        def write(self, text: str) -> int:
            raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        ExchangeLog(Odd()).write(exchange(status=200))


def test_a_reader_that_left_in_the_middle_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    ExchangeLog(Gone()).write(exchange(status=200))


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("method", "path", "headers", "why"),
    [
        ("GET", "/v2/video/generations?generation_id=abc", {}, "API key"),
        (
            "GET",
            "/v2/video/generations?generation_id=abc",
            {"Authorization": "Bearer k-of-a-test"},
            "not found",
        ),
        ("GET", "/v2/nothing", {"Authorization": "Bearer k-of-a-test"}, "Cannot GET /v2/nothing"),
        ("PUT", "/v2/video/generations", {"Authorization": "Bearer k-of-a-test"}, "received PUT"),
        ("GET", "/model/none", {}, "none"),
    ],
)
def test_a_refusal_says_why_in_its_line(
    form: str, method: str, path: str, headers: dict[str, str], why: str, server: MockServer
) -> None:
    answer = ask(server, method, path, headers=headers, key=None)
    line = logged(server.exchanges[-1], form)
    said = json.loads(line)["why"] if form == "json" else line.partition(" why: ")[2]
    assert answer.status >= 400 and answer.json["message"].startswith(said.strip()[:150])
    assert why in said and "k-of-a-test" not in line
