"""The Node suite of `examples/`, judged by `serve --check -- npm test`: as it is, and with a retry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .test_served_command import serve

EXAMPLE = Path(__file__).parents[1] / "examples" / "node-client"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm on this machine"),
]


def judged(folder: Path) -> tuple[int, dict[str, Any], str]:
    report = folder / "verdict.json"
    words = [
        "--polls",
        "1,1",
        "--check",
        "--report",
        str(report),
        "--",
        "npm",
        "test",
        "--prefix",
        str(folder),
    ]
    done = serve(*words)
    return done.returncode, json.loads(report.read_text(encoding="utf-8")), done.stdout + done.stderr


def test_nothing_is_said_of_the_example(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "client")
    status, verdict, said = judged(tmp_path / "client")
    assert status == 0, said
    assert (verdict["breaches"], verdict["jobs"], verdict["tests"]) == ([], 6, 6)


def test_a_retry_of_creates_fails_it_though_all_its_tests_pass(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "client")
    client = tmp_path / "client" / "client.mjs"
    text = client.read_text(encoding="utf-8")
    once = 'made = await ask(url, { method: "POST", body: JSON.stringify(payload) });'
    assert once in text
    client.write_text(text.replace(once, f"{once[:-1]}.catch(() => {once[13:-1]});"), encoding="utf-8")
    tests = tmp_path / "client" / "test" / "client.test.mjs"
    lost = tests.read_text(encoding="utf-8").split('test("')[2]
    passing = lost.replace("await assert.rejects(run(), /look before you send it again/);", "await run();")
    passing = passing.replace("assert.equal((await charges()).length, 1);", "")
    tests.write_text(tests.read_text(encoding="utf-8").replace(lost, passing), encoding="utf-8")
    status, verdict, said = judged(tmp_path / "client")
    assert status == 1, said
    assert [(row["id"], row["level"]) for row in verdict["breaches"]] == [("B2", "R")]
    assert "paid 2 times" in verdict["breaches"][0]["says"]
