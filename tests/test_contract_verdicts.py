"""Verdicts: kept only where it was met, one cause shown once, and nothing that takes results away."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kling_mock.cli.main import main
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.reporting.terminal_text import terminal_text
from kling_mock.contract_tests.running import cli_run
from kling_mock.contract_tests.running.events import Checked, Event, Finished, Result
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.met import NEVER_POLLS, unmet
from kling_mock.contract_tests.running.models import Outcome, Run, Trial
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.scenarios import CATALOGUE, Scenario
from tests.clients.broken.making import StartsAgain
from tests.clients.broken.sent import SendsSeed
from tests.clients.reference import Client, generate
from tests.clients.seldom import RefusesGenerating, RefusesQueued
from tests.clients.wire import GenerationFailed, Reply
from tests.clients.zoo import TEXT
from tests.running import needs_linux
from tests.support import mostly_long, recorded

Payload = dict[str, Any]
ROOT = Path(__file__).parents[1]
GOOD = "tests.clients.reference:generate"


def checked(client: Callable[..., Any], *ids: str, **options: Any) -> Finished:
    """How a client fares with some properties."""
    limits = Limits(max_examples=4, seconds=options.pop("seconds", math.inf), shrinking=(20, 1_000))
    report = options.pop("report", lambda event: None)
    plan = Plan(models=[TEXT], properties=ids, limits=limits, **options)
    return verify(CallableClient(client), plan, report)


def told(finished: Finished) -> dict[str, str]:
    """Results by id."""
    return {result.id: result.result for result in finished.results}


def reasons(finished: Finished) -> dict[str, str]:
    return {result.id: result.reason for result in finished.results if result.result == "skipped"}


# What is met


def run_of(scenario: Scenario, *polls: dict[str, Any], **create: Any) -> Run:
    """A run in which the create and the polls were answered so; a word is the status unless it is given."""
    values = {"kind": "create", "ended_at": 0.0, "status": 200, "state": "queued"}
    trace = [recorded("POST", **{**values, **create})]
    for place, poll in enumerate(polls, 1):
        poll = {"kind": "poll", "at": place, "ended_at": place, "status": 200, **poll}
        trace.append(recorded(**{"word": poll.get("state"), **poll}))
    return Run(Trial(TEXT, {"model": TEXT}, scenario), trace, [Outcome("returned")])


QUEUED, GENERATING = {"state": "queued"}, {"state": "generating"}
WAITING, ACTIVE = {**QUEUED, "word": "waiting"}, {**GENERATING, "word": "active"}
COMPLETED, FAILED = {"state": "completed"}, {"state": "error"}
WAY = (QUEUED, GENERATING, QUEUED, GENERATING, COMPLETED)


@pytest.mark.parametrize(
    ("name", "polls", "missed"),
    [
        ("backwards", WAY, None),
        ("backwards", (QUEUED, GENERATING, COMPLETED), "no poll was told the status queued again"),
        ("backwards", (GENERATING, COMPLETED), "no poll was told the status queued"),
        ("waiting-active", WAY, 'no poll was told the status "waiting"'),
        (
            "waiting-active",
            ({**QUEUED, "word": "waiting"}, {**GENERATING, "word": "active"}, COMPLETED),
            None,
        ),
        ("poll-server-error", (QUEUED, COMPLETED), "no poll met status"),
        ("poll-server-error", ({"fault": "status", "status": 500, "state": "queued"}, COMPLETED), None),
        ("poll-server-error", (), NEVER_POLLS),
        ("failed", (QUEUED, {**FAILED, "fault": "truncated"}), "no poll was told the status error"),
        ("failed", (QUEUED, FAILED), None),
        ("completed-without-url", (QUEUED,), "no poll was answered in the shape without-url"),
        ("completed-without-url", (QUEUED, COMPLETED), None),
        ("nulls", (), NEVER_POLLS),
        ("id-awkward", (), NEVER_POLLS),
        ("completed", (), None),
        ("stuck-generating", (QUEUED,), "no poll was told the status generating"),
        ("no-credits", (QUEUED,), "no create met status"),
        ("video-expired", (COMPLETED,), "no video met expired"),
    ],
)
def test_a_behaviour_is_met_where_answers_showed_it(
    name: str, polls: Sequence[dict[str, Any]], missed: str | None
) -> None:
    assert unmet(run_of(CATALOGUE[name], *polls)) == missed


def test_nothing_is_met_without_a_create() -> None:
    run = run_of(PLAIN)
    run.trace.clear()
    assert unmet(run) == "the client never sent a create"


# Kept, broken, not applicable


class NeverPolls(Client):
    """Takes 201 alone for success."""

    def check_created(self, reply: Reply) -> None:
        if reply.status == 200:
            raise GenerationFailed("the create was refused")
        super().check_created(reply)


@pytest.mark.slow
def test_a_client_that_never_polls_keeps_no_property_of_polling() -> None:
    def never_polls(payload: Payload, *, base_url: str, api_key: str) -> str:
        return NeverPolls.run(payload, base_url=base_url, api_key=api_key)

    finished = checked(never_polls, "B*", "C*", "D*", "E*")
    results = told(finished)
    assert [id for id, kind in results.items() if kind == "failed"] == ["B7"]
    kept = {id for id, kind in results.items() if kind == "passed"}
    # C1 tries creates that are answered 201 too, whose jobs this client does poll.
    assert {id for id in kept if id[0] in "CD"} == {"C1", "D7"}
    assert not kept & {"B1", "B9", "B10"}
    assert reasons(finished)["C2"] == "see B7: already a plain job fails"
    assert reasons(finished)["C7"] == reasons(finished)["B1"] == NEVER_POLLS


@pytest.mark.slow
def test_a_plain_job_that_fails_is_no_success_whatever_was_asked_for() -> None:
    finished = checked(NeverPolls.run, "A7", "C*")
    assert set(told(finished).values()) == {"passed", "skipped"}
    assert finished.summary.status == 2
    assert finished.summary.problem.startswith("Already a plain job fails: the client failed with ")


class SendsNulls(Client):
    """Says null for what was not given."""

    def body(self, payload: Payload) -> bytes:
        return super().body({"negative_prompt": None, **payload})


class WrongRoute(Client):
    """Asks at a path that the API does not have."""

    def create_url(self) -> str:
        return self.base_url + "/videos"


class ReadsUsage(Client):
    """Reads what every job costs where it does not stand."""

    def ended(self, job: Payload) -> str | None:
        self.spent = job["usage"]
        return super().ended(job)


class ReturnsTheAnswer(Client):
    """Returns the video instead of its URL."""

    def ended(self, job: Payload) -> str | None:
        return str(job["video"]) if super().ended(job) else None


class PollsOn(Client):
    """Takes no status for an end."""

    def ended(self, job: Payload) -> str | None:
        return None


@pytest.mark.slow
def test_polls_that_do_not_end_are_no_breach_of_what_is_about_creates_or_jobs_under_way() -> None:
    finished = checked(PollsOn.run, "B6", "C1", "C7")
    assert [id for id, kind in told(finished).items() if kind == "failed"] == ["C1"]


def test_a_job_that_takes_its_time_was_tried_however_seldom_a_client_polls() -> None:
    assert told(checked(generate, "C16")) == {"C16": "passed"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "cause"),
    mostly_long(
        [
            (WrongRoute, "A6"),
            (NeverPolls, "B7"),
            (RefusesQueued, "C2"),
            (RefusesGenerating, "C2"),
            (ReadsUsage, "D5"),
            (ReturnsTheAnswer, "D6"),
        ],
        2,
    ),
)
def test_one_cause_is_one_breach(client: type[Client], cause: str) -> None:
    ids = ("A1", "A2", "A6", "A7", "A9", "B1", "B2", "B4", "B7", "B8", "B9", "C2", "C3", "C9", "C13")
    finished = checked(client.run, *ids, "D1", "D2", "D3", "D5", "D6", "E2", "E4")
    assert [id for id, kind in told(finished).items() if kind == "failed"] == [cause]
    assert any(reason.startswith(f"see {cause}") for reason in reasons(finished).values())


@pytest.mark.slow
def test_a_field_that_is_added_is_shown_where_it_is_named() -> None:
    finished = checked(SendsSeed.run, "A2", "A3", "A12")
    assert told(finished) == {"A2": "skipped", "A3": "failed", "A12": "skipped"}
    assert reasons(finished)["A2"] == "see A3: every case breaks that"
    assert told(checked(SendsSeed.run, "A12")) == {"A12": "failed"}
    nulls = told(checked(SendsNulls.run, "A1", "A2", "A4"))
    assert [id for id, kind in nulls.items() if kind == "failed"] == ["A4"]


# Cut short


@pytest.mark.slow
def test_what_is_cut_short_is_no_success() -> None:
    seen: list[Result] = []

    def slows_down(event: Event) -> None:
        if isinstance(event, Checked):
            seen.append(event.result)

    class Slow(Client):
        calls = 0

        def generate(self, payload: Payload) -> str:
            type(self).calls += 1
            if type(self).calls > 8:
                end = time.perf_counter() + 0.4
                while time.perf_counter() < end:
                    pass
            return super().generate(payload)

    finished = checked(Slow.run, "A7", "C9", seconds=0.3, report=slows_down)
    late = [result for result in finished.results if result.late]
    assert late and all(result.thin for result in late if result.examples)
    assert finished.summary.status in (2, 3)
    assert finished.summary.status == 3 or not any(result.examples for result in finished.results)


@pytest.mark.slow
def test_shrinking_is_limited_by_work() -> None:
    counts = []
    for shrinking in ((0, 0), (500, 60_000)):
        limits = Limits(max_examples=20, seconds=math.inf, shrinking=shrinking)
        plan = Plan(models=[TEXT], properties=["C9"], limits=limits)
        finished = verify(CallableClient(StartsAgain.run), plan)
        counts.append(finished.summary.runs)
        assert told(finished) == {"C9": "failed"}
        assert finished.summary.status == 1
    assert counts[0] < counts[1]


# Nothing takes results away


def test_a_check_that_fails_itself_costs_its_own_result_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(run: Run) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setitem(PROPERTIES, "A7", dataclasses.replace(PROPERTIES["A7"], holds=fails))
    finished = checked(generate, "A6", "A7", "B7")
    assert told(finished) == {"A6": "passed", "A7": "error", "B7": "passed"}
    assert "surrogates not allowed" in finished.results[1].reason
    assert finished.summary.status == 3


def test_an_interruption_keeps_what_was_found() -> None:
    def interrupts(event: Event) -> None:
        if isinstance(event, Checked) and event.result.id == "C9":
            raise KeyboardInterrupt

    finished = checked(StartsAgain.run, "B7", "C9", "D1", report=interrupts)
    assert told(finished) == {"B7": "passed"}
    assert finished.summary.status == 130


LEAVES_THREADS = """\
import threading, time, urllib.request
from tests.clients.reference import generate as made

def generate(payload, *, base_url, api_key):
    def poll_on():
        asking = urllib.request.Request(base_url, headers={"Authorization": f"Bearer {api_key}"})
        while True:
            time.sleep(5)
            try:
                urllib.request.urlopen(asking, timeout=5).close()
            except OSError:
                continue

    if threading.active_count() < 8:
        threading.Thread(target=poll_on, daemon=True).start()
    return made(payload, base_url=base_url, api_key=api_key)
"""


@pytest.mark.slow
def test_threads_that_go_on_are_mentioned_and_end_nothing(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(LEAVES_THREADS, encoding="utf-8")
    words = [
        "--model",
        TEXT,
        "--max-examples",
        "2",
        "--property",
        "B7",
        "--property",
        "D1",
        "--property",
        "D6",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "kling_mock", "verify", "leaves:generate", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept; " in done.stdout
    assert "went on after its end" in " ".join(done.stdout.split())


SURROGATES = """\
def generate(payload, *, base_url, api_key):
    import json, urllib.request
    body = json.dumps({**payload, "prompt": "half \\ud83d of a pair, \\x1b[2J\\x00 and \\u2028"}).encode()
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(base_url + "/video/generations", body, headers)).close()
    raise ValueError("half \\ud83d of a pair, \\x1b[2J\\x00 and \\u2028")
"""


def test_texts_that_no_encoding_takes_are_shown_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_run, "end_process", lambda status: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "a_client_of_halves.py").write_text(SURROGATES, encoding="utf-8")
    files = ["--report", "r.json", "--html", "r.html", "--junit", "r.xml", "--max-examples", "2"]
    ids = ["--property", "A2", "--property", "A9", "--property", "B7", "--model", TEXT]
    assert main(["verify", "a_client_of_halves:generate", *ids, *files]) == 1
    shown = capsys.readouterr()
    assert "✗ A2 " in shown.out
    assert not set("\x1b\x00\u2028") & set(shown.out)
    report = json.loads(Path("r.json").read_text("utf-8"))
    saved = [one["counterexample"]["file"] for one in report["properties"] if one["counterexample"]]
    assert saved and all(Path(file).is_file() for file in saved)
    for name in ("r.html", "r.xml"):
        assert Path(name).read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb\x00\x9b\r", "a\\x1b[2Jb\\x00\\x9b\\r"),
        ("\ud83d\u2028\u2029", "\\ud83d\\u2028\\u2029"),
        ("\x1b[32m✓\x1b[0m é\n", "\x1b[32m✓\x1b[0m é\n"),
    ],
)
def test_what_a_terminal_acts_on_is_escaped(text: str, shown: str) -> None:
    assert terminal_text(text) == shown


def test_reports_are_written_although_nobody_reads_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    class Gone:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

        def flush(self) -> None:
            """Nothing to flush."""

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Gone())
        with pytest.raises(BrokenPipeError):
            cli_run.run([GOOD], _options(report="r.json"))
    summary = json.loads(Path("r.json").read_text())["summary"]
    assert (summary["problem"], summary["status"]) == ("", 0)


def _options(**changes: Any) -> dict[str, Any]:
    """Read options of `kling-mock verify`."""
    from kling_mock.command_options import VerifyOptions
    from kling_mock.options import options_of, read_options

    given = {"properties": ["A7"], "models": [TEXT], "max_examples": 2, **changes}
    return dict(read_options(options_of(VerifyOptions), given))


@pytest.mark.slow
@needs_linux
def test_a_command_can_be_interrupted_where_verify_itself_ignores_it(tmp_path: Path) -> None:
    words = ["-m", "kling_mock", "verify", "--property", "C15", "--max-examples", "1", "--model", TEXT]
    client = [sys.executable, str(ROOT / "tests" / "clients" / "command.py")]
    done = subprocess.run(
        [sys.executable, *words, "--", *client],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "✓ C15" in done.stdout, done.stdout + done.stderr


def test_every_property_says_when_it_is_met() -> None:
    assert all(callable(one.missed) for one in PROPERTIES.values())
    assert {id for one in PROPERTIES.values() for id in one.after} <= set(PROPERTIES)
