"""`kling-mock serve -- CMD`: a server for as long as a command runs, its exit status, and the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from . import preloaded
from .planted.client import ADVICE, MISTAKES

CLIENT = [sys.executable, str(Path(__file__).parent / "planted" / "client.py")]
QUICK = ["--speed", "50", "--polls", "1,1"]
"""Virtual seconds in the pauses of a client whose PAUSE is 0.02."""


def serve(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}
    environ |= {"PAUSE": "0.02", "PYTHONIOENCODING": "utf-8"}
    command = [*preloaded.words("serve"), *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=timeout, env=environ)


@pytest.mark.slow
def test_every_planted_mistake_is_told_and_fails_the_check(tmp_path: Path) -> None:
    report, junit = tmp_path / "verdict.json", tmp_path / "verdict.xml"
    words = ["--check", "--report", str(report), "--junit", str(junit), "--", *CLIENT, "each"]
    done = serve(*QUICK, *words)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    found = json.loads(report.read_text(encoding="utf-8"))
    told = {(row["id"], row["level"]) for row in found["breaches"]}
    assert told == {(rule, "A" if rule in ADVICE else "R") for rule, _ in MISTAKES.values()}
    assert sum(row["id"] == "B13" for row in found["breaches"]) == 2
    assert found["verdict"] == "broken" and found["tests"] == len(MISTAKES)
    assert all(row["cost"] and row["mend"] and row["page"] for row in found["breaches"])
    suite = ElementTree.fromstring(junit.read_text(encoding="utf-8"))[0]
    failed = [case.get("name", "").split()[0] for case in suite if case.find("failure") is not None]
    assert failed == [rule for rule in found["checked"] if (rule, "R") in told]


@pytest.mark.slow
def test_nothing_is_said_of_a_client_that_makes_no_mistake() -> None:
    done = serve("--polls", "1,1", "--check", "--", *CLIENT, "right")
    assert done.returncode == 0, done.stderr
    first, said, job, billed = done.stderr.splitlines()
    assert first.endswith("exit status 0")
    assert said == "verdict: no required rule broken; 1 job, 5 exchanges"
    assert "completed (completed), 3 polls" in job and "1 video would have been" in billed


SHOW = "import os; print(*[os.environ[n] for n in ('KLING_BASE_URL', 'KLING_API_KEY', 'KLING_MOCK_URL')])"


def test_the_command_finds_the_server_and_keeps_its_output_and_its_status() -> None:
    code = f"{SHOW}; raise SystemExit(3)"
    done = serve("--check", "--api-key", "my-key", "--", sys.executable, "-c", code)
    base, key, mock = done.stdout.split()
    assert (base, key) == (f"{mock}/v2", "my-key") and mock.startswith("http://127.0.0.1:")
    assert done.returncode == 3
    assert "this suite proves nothing: nobody called the mock." in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--check", "--", sys.executable, "-c", "pass"], 1, "T3 mock-called"),
        (["--check", "--ignore", "t3", "--", sys.executable, "-c", "pass"], 0, "no required rule broken"),
        (["--", "no-such-command"], 127, "kling-mock serve: There is no program 'no-such-command' on PATH"),
        (
            ["--timeout", "200ms", "--", sys.executable, "-c", "import time; time.sleep(60)"],
            124,
            "kling-mock serve: the command took longer than 0.2 s",
        ),
        (["--timeout", "5s"], 2, "--timeout: expected with a command after --"),
        (["--ignore", "B99", "--", "true"], 2, "--ignore: expected ids out of A1,"),
        (["--report", "/no/such/folder/x.json", "--", "true"], 2, "--report: there is no folder"),
        (["--chek", "--", "true"], 2, "Did you mean '--check'"),
    ],
)
def test_exit_statuses(words: list[str], status: int, said: str) -> None:
    done = serve(*words)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


@pytest.mark.slow
def test_a_report_that_cannot_be_written_in_the_end_loses_neither_verdict_nor_status(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code = f"import os; os.rmdir({str(folder)!r}); raise SystemExit(5)"
    done = serve("--report", str(folder / "x.json"), "--", sys.executable, "-c", code)
    assert done.returncode == 5
    assert "cannot be written" in done.stderr and "verdict:" in done.stderr
