"""The verdict of a server: over HTTP, by `report`, over resets, and what of it is certain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kling_mock import MockServer
from kling_mock.cli import main
from kling_mock.trace_rules import INVARIANTS
from kling_mock.verdicts.everybody import Everybody
from kling_mock.verdicts.past import keep_past, verdict_of

from .planted.client import MISTAKES, Api, right
from .support import MODEL, PATHS, ask, body_for, create, poll
from .tracing import job_id


def verdict(server: MockServer, query: str = "", **headers: str) -> Any:
    return ask(server, "GET", f"/_mock/verdict{query}", key=None, headers=headers)


def test_it_says_what_is_broken_what_it_costs_and_how_it_is_mended(server: MockServer) -> None:
    poll(server, job_id(create(server, colour="blue")))
    found = verdict(server).json
    (row,) = found["breaches"]
    assert (row["id"], row["level"], row["weight"], row["exchanges"]) == ("A3", "R", "required", [1])
    assert row["page"] == "docs/properties.md#a3-no-undocumented-fields-required"
    assert (found["verdict"], found["required"], found["advice"]) == ("broken", 1, 0)
    assert (found["jobs"], found["exchanges"], found["charges"]["billed"]) == (1, 2, 1)
    assert found["checked"] == [invariant.id for invariant in INVARIANTS]


def test_a_job_is_shown_with_the_word_that_its_client_was_told(server: MockServer) -> None:
    server.use("waiting-active")
    made = job_id(create(server))
    poll(server, made)
    (row,) = verdict(server).json["first_jobs"]
    assert row["word"] == server.exchanges[-1].word == "waiting"
    assert f"{MODEL}  waiting (waiting-active), 1 poll" in verdict(server, "?format=text").body.decode()


def test_an_empty_one_is_kept(server: MockServer) -> None:
    found = verdict(server).json
    assert (found["verdict"], found["breaches"], found["exchanges"]) == ("kept", [], 0)


@pytest.mark.parametrize(
    ("query", "accept", "begins"),
    [
        ("", "text/plain", "verdict: 1 required rule broken; 1 job, 1 exchange\n  job "),
        ("?format=text", "*/*", "verdict: "),
        ("", "text/html, text/markdown;q=0.9", "## kling-mock: 1 required rule broken"),
        ("?format=markdown", "application/json", "## kling-mock: "),
        ("?format=junit", "", "<?xml "),
        ("", "*/*", '{"verdict":"broken"'),
        ("?format=json", "text/plain", '{"verdict":"broken"'),
    ],
)
def test_it_comes_in_the_form_that_is_asked_for(
    server: MockServer, query: str, accept: str, begins: str
) -> None:
    create(server, colour="a|b")
    assert verdict(server, query, Accept=accept).body.decode().startswith(begins)


def test_junit_and_markdown_take_what_a_client_sends(server: MockServer) -> None:
    ask(server, "POST", PATHS[0], body_for() | {"a|b<&>\u0001": 1})
    text = verdict(server, "?format=junit").body.decode()
    assert "a|b" in (ElementTree.fromstring(text)[0][1][0].get("message") or "")
    row = verdict(server, "?format=markdown&rule=A3").body.decode().splitlines()[4]
    assert row.startswith("| A3 ") and r"a\|b" in row


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["A3", "B13"]),
        ("?rule=A3", ["A3"]),
        ("?rule=a3,b13", ["A3", "B13"]),
        ("?level=advice", ["B13"]),
        ("?level=R", ["A3"]),
        ("?level=required&rule=B13", []),
        ("?ignore=A3", ["B13"]),
    ],
)
def test_rules_and_levels_can_be_chosen(server: MockServer, query: str, ids: list[str]) -> None:
    create(server, colour="blue")
    found = verdict(server, query).json
    # The job is still open.
    assert [row["id"] for row in found["breaches"]] == [id for id in ids if id != "B13"]
    assert [row["id"] for row in found["open"]] == [id for id in ids if id == "B13"]
    ended = verdict(server, f"?over=true&{query[1:]}").json
    assert [row["id"] for row in ended["breaches"]] == ids and not ended["open"]


@pytest.mark.parametrize(
    "query", ["?rule=B99", "?level=high", "?format=pdf", "?limit=5", "?ignore=x", "?over=1"]
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(server: MockServer, query: str) -> None:
    reply = verdict(server, query)
    assert reply.status == 400 and "xpected" in reply.json["message"]


def test_a_test_leaves_rules_out_until_the_next_reset(kept: MockServer) -> None:
    for ignore in (["a3", "B13"], []):
        kept.reset()
        assert ask(kept, "POST", "/_mock/verdict", {"ignore": ignore}, key=None).status == 200
        create(kept, colour="blue")
    found = verdict(kept, "?over=true").json["breaches"]
    assert {(row["id"], row["times"]) for row in found} == {("A3", 1), ("B13", 1)}
    wrong: list[Any] = [{"ignore": ["A99"]}, {"ignore": "A3"}, {"ignore": [3]}, {"rules": ["A3"]}, []]
    for refused in wrong:
        reply = ask(kept, "POST", "/_mock/verdict", refused, key=None)
        assert reply.status == 400 and "xpected" in reply.json["message"]


# Over resets


@pytest.fixture
def kept() -> Iterator[MockServer]:
    """A server whose past is kept, as that of `serve`."""
    with MockServer(polls=(1, 1)) as server:
        keep_past(server.space)
        yield server


def lost_and_again(server: MockServer, *, look: bool = False) -> None:
    ask(server, "POST", "/_mock/scenario/next", {"scenario": "gateway-timeout"}, key=None)
    create(server)
    if look:
        ask(server, "GET", "/_mock/charges", key=None)
    poll(server, job_id(create(server)))


def test_a_reset_loses_no_breach_and_no_charge(kept: MockServer) -> None:
    for _ in range(2):
        create(kept, colour="blue")
        ask(kept, "POST", "/_mock/reset", key=None)
    poll(kept, job_id(create(kept)))
    found = verdict(kept).json
    assert [(row["id"], row["times"], row["test"]) for row in found["breaches"]] == [
        ("A3", 2, 1),
        ("B13", 2, 1),
    ]
    assert (found["tests"], found["jobs"], found["exchanges"], found["charges"]["billed"]) == (3, 3, 4, 3)


def test_the_same_create_twice_is_certain_where_resets_part_the_tests(kept: MockServer) -> None:
    lost_and_again(kept)
    assert [row["level"] for row in verdict(kept, "?rule=B2").json["breaches"]] == ["A"]
    kept.reset()
    right_one = job_id(create(kept))
    poll(kept, right_one)
    assert [row["level"] for row in verdict(kept, "?rule=B2").json["breaches"]] == ["R"]


def test_the_same_create_twice_is_advice_where_a_test_has_two_wishes(kept: MockServer) -> None:
    kept.reset()
    lost_and_again(kept)
    poll(kept, job_id(create(kept, prompt="another")))
    assert [row["level"] for row in verdict(kept, "?rule=B2").json["breaches"]] == ["A"]


def test_a_test_that_looks_in_between_has_another_wish(server: MockServer) -> None:
    lost_and_again(server, look=True)
    assert verdict(server, "?rule=B2").json["breaches"] == []


def given_up(server: MockServer) -> str:
    made = job_id(create(server))
    for _ in range(3):
        server.clock.advance(1)
        poll(server, made)
    return made


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_what_is_still_open_is_told_when_all_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    store = "memory" if where == "memory" else f"sqlite:{tmp_path / 'store.db'}"
    with MockServer(queued=60, generating=60, speed=0, store=store) as server:
        server.next("failed")
        early, unpolled = given_up(server), job_id(create(server))
        server.next("failed")
        so_far = verdict(server).json
        assert (so_far["verdict"], so_far["breaches"], so_far["over"]) == ("kept", [], False)
        told = {(row["id"], *row["jobs"]) for row in so_far["open"]}
        assert told == {("B13", early), ("B13", unpolled), ("T1",)}
        assert f"open      B13 job-followed (A) would be told of {early} if all ended now: a job that" in (
            verdict(server, "?format=text").body.decode()
        )
        assert (
            f"- B13 job-followed (A) would be told of {early} "
            in verdict(server, "?format=markdown").body.decode()
        )
        ended = verdict(server, "?over=true").json
        assert [row["id"] for row in ended["breaches"]] == ["B13", "B13", "T1"] and ended["open"] == []
        assert report(server.url, "--so-far") == 0 and "advice" not in capsys.readouterr().out
        assert report(server.url) == 1 and "was given up after 3 s" in capsys.readouterr().out


def test_nobody_is_called_impatient_while_a_program_may_still_wait(timed: MockServer) -> None:
    given_up(timed)
    assert verdict_of(timed.space, over=False).seen == []


# `kling-mock report`


def report(*words: str) -> int:
    return main(["report", *words])


def test_report_prints_the_verdict_and_fails_where_a_required_rule_broke(
    server: MockServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    create(server, colour="blue")
    files = tmp_path / "verdict.json", tmp_path / "verdict.xml"
    words = ["--report", str(files[0]), "--junit", str(files[1])]
    assert report(f"{server.url}/v2", *words) == 1
    assert "broken    A3 no-undocumented-fields (R)" in capsys.readouterr().out
    assert json.loads(files[0].read_text(encoding="utf-8"))["required"] == 1
    assert ElementTree.parse(files[1]).getroot()[0].get("failures") == "1"
    assert report(server.url, "--level", "advice", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["breaches"][0]["id"] == "B13"
    assert report(f"{server.url}/_mock/", "--ignore", "A3", "--format", "markdown") == 0
    assert capsys.readouterr().out.startswith("## kling-mock: no required rule broken")


def test_report_finds_the_server_by_the_environment(
    server: MockServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report() == 2
    monkeypatch.setenv("KLING_MOCK_URL", server.url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert report() == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "127.0.0.1:8000", "ftp://x", "http://[", "http://x y/"]
)
def test_report_says_why_there_is_no_verdict(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(url) == 2
    said = capsys.readouterr().err
    assert said.startswith("kling-mock report: ") and said.count("\n") == 1


def test_report_says_so_of_what_is_no_mock(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(f"{server.url}/elsewhere") == 2
    assert "gave no verdict" in capsys.readouterr().err


def test_every_planted_mistake_is_told_by_report(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(polls=(1, 1), speed=50) as server:
        api = Api(server.base_url, server.url, pause=0.02)
        keep_past(server.space)
        for _, mistake in MISTAKES.values():
            server.reset()
            mistake(api)
        assert report(server.url, "--format", "json") == 1
        found = json.loads(capsys.readouterr().out)["breaches"]
        assert {row["id"] for row in found} == {rule for rule, _ in MISTAKES.values()}
        assert sum(row["id"] == "B13" for row in found) == 2
        server.reset()
        right(api)
        assert verdict_of(server.space).totals.tests == len(MISTAKES) + 1


def test_report_is_content_with_a_right_client(server: MockServer) -> None:
    right(Api(server.base_url, server.url, pause=0.001))
    assert report(server.url) == 0
    assert verdict(server).json["breaches"] == []


def test_other_paths_than_the_servers_own_are_kept(server: MockServer) -> None:
    assert ask(server, "PUT", "/_mock/verdict", body_for(), key=None).status == 405
    assert ask(server, "GET", f"{PATHS[0]}/_mock/verdict").status == 404


def test_each_workspace_counts_also_one_that_was_ended() -> None:
    with MockServer(polls=(1, 1)) as server:
        everybody = Everybody(server.common.workspaces)
        for name in ("one", "two"):
            base = f"/@{name}{PATHS[0]}"
            made = ask(server, "POST", base, body_for(colour="blue"))
            ask(server, "GET", f"{base}?generation_id={job_id(made)}")
        ask(server, "DELETE", "/_mock/workspaces/one", key=None)
        found = everybody.verdict()
        assert (found.totals.jobs, found.totals.exchanges, found.totals.tests) == (2, 4, 2)
        assert [(seen.breach.id, seen.times) for seen in found.seen] == [("A3", 2)]
        assert everybody.verdict(ignore=["A3"]).seen == []
        two = ask(server, "GET", "/@two/_mock/verdict", key=None).json
        assert (two["exchanges"], [row["id"] for row in two["breaches"]]) == (2, ["A3"])
        assert verdict(server).json["breaches"] == []


def test_a_server_that_nobody_called_is_told_of_once() -> None:
    with MockServer() as server:
        found = Everybody(server.common.workspaces).verdict(uncalled=["the mock"])
        assert [seen.breach.id for seen in found.seen] == ["T3"]
