"""The parts for CI: the action's script in a workspace like a runner's, and the hooks of pre-commit."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
PROGRAM = """\
import json, urllib.request
body = json.dumps({"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox", "extra": 1}).encode()
headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request("https://api.aimlapi.com/v2/video/generations", body, headers))
"""


def act(folder: Path, **inputs: str) -> tuple[int, str, dict[str, str], str]:
    """Run the script as a step; returns exit status, output, outputs of the step, and its summary."""
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    environment = {name: word for name, word in os.environ.items() if not name.startswith("KLING_")}
    environment |= {name: str(path) for name, path in files.items()} | {"RUNNER_TEMP": str(folder)}
    environment |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "action.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    read = {name: path.read_text(encoding="utf-8") if path.exists() else "" for name, path in files.items()}
    outputs = dict(line.split("=", 1) for line in read["GITHUB_OUTPUT"].splitlines())
    return done.returncode, done.stdout + done.stderr, outputs, read["GITHUB_STEP_SUMMARY"]


def test_a_server_goes_on_after_its_step(tmp_path: Path) -> None:
    status, said, outputs, _ = act(tmp_path, mode="serve", options="--log-format none")
    assert status == 0, said
    process = int(re.findall(r"process (\d+)", said)[0])
    try:
        assert json.load(urllib.request.urlopen(f"{outputs['url']}/_mock/health"))
    finally:
        os.kill(process, signal.SIGTERM)


@pytest.mark.slow
def test_what_a_run_breaks_is_an_error_line_a_table_and_a_report(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    target = shlex.join([sys.executable, "program.py"])
    status, said, outputs, summary = act(tmp_path, mode="run", target=target)
    assert status == 1
    assert "::error title=A3 no-undocumented-fields::" in said
    assert '| A3 no-undocumented-fields | the field "extra" is none of' in summary and "B13" not in summary
    assert (tmp_path / outputs["report"]).is_file()


@pytest.mark.slow
def test_what_is_verified_and_kept_is_said(tmp_path: Path) -> None:
    client = "def generate(payload, *, base_url, api_key):\n    raise ValueError('no')\n"
    (tmp_path / "kept_by_action.py").write_text(client, encoding="utf-8")
    status, said, outputs, summary = act(
        tmp_path, mode="verify", target="kept_by_action:generate", options="--property A7 --max-examples 1"
    )
    assert (tmp_path / outputs["report"]).is_file(), said
    assert f"exit status {status}" in summary


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "mode%3A expected serve%2C run or verify%2C received ''."),
        ({"mode": "sevre"}, "received 'sevre'"),
        ({"mode": "run"}, "target%3A expected what run is for%2C received nothing."),
        ({"mode": "serve", "target": "x"}, "target%3A expected none in mode serve."),
        ({"mode": "verify", "target": "'x"}, "expected words as in a shell"),
        ({"mode": "run", "target": "true", "report": "a\nurl=b"}, "report%3A expected the name of a file"),
        ({"mode": "serve", "options": "--prot 1"}, "--prot"),
    ],
)
def test_a_wrong_input_is_one_error_line_and_nothing_is_written(
    inputs: dict[str, str], says: str, tmp_path: Path
) -> None:
    status, said, outputs, summary = act(tmp_path, **inputs)
    assert status == 2 and outputs == {} and summary == ""
    assert said.startswith("::error title=kling-mock::") and says in said and "Traceback" not in said


@pytest.mark.slow
def test_inputs_are_words_and_never_a_script(tmp_path: Path) -> None:
    act(tmp_path, mode="run", target="true $(touch owned) `touch owned`; touch owned")
    assert not (tmp_path / "owned").exists()
    script = ACTION[ACTION.index("      run: |") :]
    assert "${{ inputs" not in script[: script.index("    - if:")]


def test_the_inputs_of_the_action_are_read_and_in_the_guide() -> None:
    named = re.findall(r"^  (\w+):$", ACTION[: ACTION.index("outputs:")], re.MULTILINE)
    assert named == re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert named == [name.lower() for name in re.findall(r"INPUT_(\w+): \$", ACTION)]


@pytest.mark.slow
def test_the_hooks_judge_the_files_that_they_are_for(tmp_path: Path) -> None:
    ids = re.findall(r"^- id: (\S+)$", HOOKS, re.MULTILINE)
    entries = re.findall(r"^  entry: kling-mock (.*)$", HOOKS, re.MULTILINE)
    assert ids == re.findall(r"^      - id: (\S+)$", GUIDE, re.MULTILINE)
    assert len(ids) == len(entries) == 2
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "x"}', encoding="utf-8")
    bad.write_text("{}", encoding="utf-8")
    for entry, file, fails in ((entries[0], good, False), (entries[0], bad, True), (entries[1], bad, True)):
        command = [sys.executable, "-m", "kling_mock", *entry.split(), str(file)]
        assert (subprocess.run(command, capture_output=True, timeout=60).returncode != 0) is fails, entry
