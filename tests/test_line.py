"""An exchange in a line: every report shows the status word that the client was told."""

from __future__ import annotations

import io
from typing import Any

from kling_mock import MockServer, Scenario
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.reporting.formatting import timeline as kit_timeline
from kling_mock.contract_tests.reporting.sequence_svg import sequence
from kling_mock.contract_tests.running.models import Outcome, Run, Trial
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.exchange import Exchange
from kling_mock.exchanges.line import line_of, status_word
from kling_mock.exchanges.redaction import Redactor
from kling_mock.fixtures.reporting import timeline as fixture_timeline
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.summary import summary_lines, summary_of

from .support import create, poll, recorded

KEY = "sk-contract-0000"


def renamed() -> Exchange:
    """A poll of a generating job that the client was told is `processing`."""
    query = f"generation_id=7&key={KEY}".encode()
    facts: dict[str, Any] = {
        "kind": "poll",
        "number": 2,
        "status": 200,
        "word": "processing",
        "ended_at": 12.5,
    }
    return recorded(at=10.0, query_string=query, state="generating", **facts)


def test_the_log_and_both_timelines_show_the_word_of_the_wire() -> None:
    exchange = renamed()
    run = Run(Trial("m", {}, PLAIN), [exchange], [Outcome("returned", "x")], started=10.0, key=KEY)
    shown = [
        ExchangeLog(io.StringIO(), colour=False).text_line(exchange),
        fixture_timeline([exchange], seed=0)[2],
        kit_timeline(run)[0],
        sequence(run, None),
    ]
    assert all("200 processing" in text and "generating" not in text for text in shown), shown


def test_what_came_after_a_call_had_ended_stands_below_its_end() -> None:
    calls = [recorded(at=at, number=number, kind="poll", status=200) for number, at in ((1, 10.0), (2, 30.0))]
    run = Run(Trial("m", {}, PLAIN), calls, [Outcome("returned", "x")], seconds=5.0, started=10.0, late=(2,))
    assert [line.split()[-2:] for line in kit_timeline(run)][1] == ["returned", '"x"']


def test_the_summary_of_a_run_tells_the_word_and_draws_the_state(timed: MockServer) -> None:
    timed.use(Scenario("odd-words", words={"queued": "processing"}))
    made = create(timed).json["id"]
    poll(timed, made)
    began = timed.clock.now()
    report: Any = summary_of(timed, command=["x"], status=0, began=began, real=1.0, hosts=Hosts())
    (told,) = report["jobs"][0]["told"]
    assert (told["status"], told["state"], told["times"]) == ("processing", "queued", 2)
    assert any("·" in line and "create → processing" in line for line in summary_lines(report))


def test_what_was_not_answered_told_no_status() -> None:
    exchange = renamed()._replace(status=None, word=None)
    assert status_word(exchange) is None
    assert line_of(exchange, 0.0).answer == "no answer"


def test_a_line_counts_from_its_beginning_and_holds_no_key() -> None:
    line = line_of(renamed(), 4.0, Redactor(called={KEY: "KEY"}))
    assert (line.at, line.took, line.delay) == (6.0, 2.5, "after 2.5 s")
    assert line.target == "/v2/video/generations?generation_id=7&key=KEY"
    assert KEY not in line_of(renamed(), 4.0).target
    assert list(line.as_dict()) == [
        "number", "at", "took", "kind", "method", "target", "status", "word", "state", "fault",
    ]  # fmt: skip
