"""What `kling-mock run` says afterwards, and what it makes of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.planted.client import ADVICE, MISTAKES
from tests.running import PROGRAMS, python, report_of, run
from tests.support import mostly_long

EXACT = ["--fast-forward", "--speed", "0", "--offline"]
CLIENT = """
import sys, time, requests
url = "https://api.aimlapi.com/v2/video/generations"
headers = {"Authorization": "Bearer test-key"}
data = {"model": "kling-video/v1/standard/text-to-video", "prompt": "x", "duration": "5", "colour": "red"}
made = requests.post(url, json=data, headers=headers, timeout=30)
job = made.json()
while True:
    answer = requests.get(url, params={"generation_id": job["id"]}, headers=headers, timeout=30)
    status = answer.json().get("status")
    if status not in ("queued", "generating"):
        break
    time.sleep(15)
print(status)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "said"),
    mostly_long(
        [
            ("failed", "ended in an error (failed)"),
            ("poll-server-error", "A poll was answered 500 (poll-server-error)."),
            ("create-lost-reply", "The reply to a create was lost (create-lost-reply)"),
            ("create-hangs", "The reply to a create was lost (create-hangs)"),
            ("rate-limited", "A create was answered 429 (rate-limited)."),
            ("completed-without-url", "completed without a URL."),
        ],
        3,
    ),
)
def test_the_summary_says_what_went_wrong(scenario: str, said: str, tmp_path: Path) -> None:
    words = [*EXACT, "--scenario", scenario, *python(CLIENT)]
    done = run(*words)
    shown = done.stderr.decode()
    assert said in shown
    report, _ = report_of(tmp_path, *words)
    assert any(said.strip(".") in sentence for sentence in report["trouble"])


@pytest.mark.slow
def test_the_summary_shows_findings_bars_and_the_bill() -> None:
    done = run(*EXACT, "--queued", "35s", "--generating", "50s", *python(CLIENT))
    shown = done.stderr.decode()
    assert done.stdout == b"completed\n"
    first = r"^kling-mock run: 1 job, 8 exchanges, 1 min 30 s of virtual time in \d+\.\d s, exit status 0$"
    assert re.search(first, shown, re.MULTILINE)
    assert re.search(r"·+▒+█ +create → queued 3x → generating 3x → completed, 1 min 30 s", shown)
    assert "finding   duration: Expected an integer, received the string '5'" in shown
    assert "finding   colour:" in shown
    assert "billed    1 video would have been" in shown


def test_the_summary_is_ascii_where_the_terminal_is() -> None:
    words = [*EXACT, "--queued", "35s", "--generating", "50s", *python(CLIENT)]
    done = run(*words, environ={"PYTHONIOENCODING": "ascii"})
    assert done.stderr.isascii()
    assert b"create > queued 3x > generating 3x > completed" in done.stderr


@pytest.mark.slow
def test_check_fails_a_program_that_breaks_a_required_rule() -> None:
    words = [*EXACT, "--check"]
    assert run(*words, *python(CLIENT)).returncode == 1  # A3: the field colour is not documented
    assert run(*words, "--", sys.executable, str(PROGRAMS / "client_requests.py")).returncode == 0
    assert run("--check", *python("raise SystemExit(3)")).returncode == 3


@pytest.mark.slow
def test_options_are_read_from_the_environment(tmp_path: Path) -> None:
    environ = {"KLING_MOCK_FAST_FORWARD": "1", "KLING_MOCK_OFFLINE": "yes", "KLING_MOCK_GENERATING": "300s"}
    report, output = report_of(tmp_path, *python(CLIENT), environ=environ)
    assert output == "completed\n"
    assert report["virtual_seconds"] > 300
    done = run(*python("pass"), environ={"KLING_MOCK_FAST_FORWARD": "perhaps"})
    assert done.returncode == 2
    assert b"KLING_MOCK_FAST_FORWARD" in done.stderr


@pytest.mark.slow
def test_every_planted_mistake_is_told_and_the_control_api_is_reached(tmp_path: Path) -> None:
    client = str(Path(__file__).parent / "planted" / "client.py")
    words = [*EXACT, "--junit", str(tmp_path / "x.xml"), "--", sys.executable, client]
    report, _ = report_of(tmp_path, *words, "each")
    told = {(row["id"], row["level"]) for row in report["breaches"]}
    assert told == {(rule, "A" if rule in ADVICE else "R") for rule, _ in MISTAKES.values()}
    assert sum(row["id"] == "B13" for row in report["breaches"]) == 2
    assert (tmp_path / "x.xml").exists()
    report, _ = report_of(tmp_path, *words, "right")
    assert report["breaches"] == []
