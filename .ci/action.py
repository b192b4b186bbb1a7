"""What action.yml runs: one command of kling-mock, its summary, its error lines and its outputs.

Everything is read from the environment, and no word of it by a shell.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

MODES = ("serve", "run", "verify")
KLING_MOCK = (sys.executable, "-m", "kling_mock")


def main() -> int:
    """Run the mode that is asked for; returns the exit status of the step."""
    mode = _input("mode")
    if mode not in MODES:
        return _fail(f"mode: expected serve, run or verify, received {mode!r}.")
    try:
        target, options = shlex.split(_input("target")), shlex.split(_input("options"))
    except ValueError as error:
        return _fail(f"target, options: expected words as in a shell: {error}.")
    if mode == "serve":
        return _fail("target: expected none in mode serve.") if target else _serve(options)
    if not target:
        return _fail(f"target: expected what {mode} is for, received nothing.")
    return _judge(mode, target, options, _input("report") or "kling-mock-report.json")


def _serve(options: list[str]) -> int:
    """Start a server that goes on after this step; its address is an output, and a variable."""
    log = Path(os.environ.get("RUNNER_TEMP", ".")) / "kling-mock.log"
    with log.open("w") as errors:
        server = subprocess.Popen(
            [*KLING_MOCK, "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert server.stdout is not None
    words = server.stdout.readline().split()
    if not words or not words[-1].startswith("http"):
        said = log.read_text().strip()
        return _fail(said or f"the server ended with exit status {server.wait()}.")
    url = words[-1]
    _append("GITHUB_OUTPUT", f"url={url}\n")
    _append("GITHUB_ENV", f"KLING_MOCK_URL={url}\nKLING_BASE_URL={url}/v2\n")
    _append("GITHUB_STEP_SUMMARY", f"kling-mock serves at {url}\n")
    print(f"{url} (process {server.pid})")
    return 0


def _judge(mode: str, target: list[str], options: list[str], report: str) -> int:
    """Run or verify; the report's breaches become error lines and a table."""
    if "\n" in report:
        return _fail(f"report: expected the name of a file, received {report!r}.")
    Path(report).unlink(missing_ok=True)
    words = [] if mode == "verify" and len(target) == 1 and ":" in target[0] else ["--"]
    check = ["--check"] if mode == "run" and "--check" not in options else []
    status = subprocess.run(
        [*KLING_MOCK, mode, "--report", report, *check, *options, *words, *target]
    ).returncode
    if not Path(report).is_file():
        return _fail(f"{mode} ended with exit status {status}, and wrote no report.", status or 1)
    _append("GITHUB_OUTPUT", f"report={report}\n")
    broken = _broken(json.loads(Path(report).read_text(encoding="utf-8")))
    rows = [f"| {_cell(rule)} | {_cell(says)} |\n" for rule, says in broken]
    table = "| rule | what is broken |\n|---|---|\n" + "".join(rows) if rows else "Nothing is broken.\n"
    _append("GITHUB_STEP_SUMMARY", f"### kling-mock {mode}: exit status {status}\n\n{table}")
    for rule, says in broken:
        print(f"::error title={_escaped(rule)}::{_escaped(says)}")
    return status


def _broken(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The rules that are broken, each with its reason, from the report of either command."""
    if "properties" in report:
        failed = [one for one in report["properties"] if one["result"] in ("failed", "xpassed", "error")]
        return [(f"{one['id']} {one['name']}", f"{one['model']}: {one['reason']}") for one in failed]
    counted = [one for one in report["breaches"] if one["level"] == "R"]
    return [(f"{one['id']} {one['name']}", one["says"]) for one in counted]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _escaped(text: str) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C")


def _input(name: str) -> str:
    return os.environ.get(f"INPUT_{name.upper()}", "").strip()


def _append(variable: str, text: str) -> None:
    if variable in os.environ:
        with open(os.environ[variable], "a", encoding="utf-8") as file:
            file.write(text)


def _fail(says: str, status: int = 2) -> int:
    print(f"::error title=kling-mock::{_escaped(says)}")
    return status


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
