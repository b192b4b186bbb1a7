"""`kling-mock run`: an unmodified program, with api.aimlapi.com answered by a mock made for it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..settings import ENV_PREFIX
from ..units import parse_duration, parse_flag
from .options import add_server_options, settings_from

__all__ = ["add_parser"]

EPILOG = """\
examples:
  kling-mock run --fast-forward -- python my_program.py
  kling-mock run --fast-forward --realistic -- node client.js
  kling-mock run --scenario create-lost-reply --check --report report.json -- python -m my_package
  kling-mock run --offline -- sh -c 'curl -s https://api.aimlapi.com/v1/models | head -c 300'

Python, Node, curl and wget are led to the mock by the environment of the child alone, and so are
processes that they start. The exit status is the program's own: 127 where it does not exist, 128+n where
signal n ended it, 124 after --timeout. With --check it is 1 where the program itself succeeded but broke
a required rule.
"""
WITHOUT = ("host", "port", "log_format", "control_token")


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "run",
        help="run an unmodified program with api.aimlapi.com answered by a mock",
        description="Run an unmodified program with api.aimlapi.com answered by a mock made for it.",
        epilog=EPILOG,
        usage="kling-mock run [options] -- CMD [ARG ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command_line", nargs=argparse.REMAINDER, metavar="CMD", help="what to run")
    add = parser.add_argument
    add(
        "--fast-forward",
        action="store_const",
        const=True,
        help="sleeping and waiting for the mock cost nothing",
    )
    add(
        "--host",
        action="append",
        metavar="NAME",
        dest="hosts",
        help="answer for this host as well (repeatable)",
    )
    add(
        "--offline",
        action=argparse.BooleanOptionalAction,
        help="refuse every other host, and list it at the end (default where CI is set)",
    )
    add("--timeout", metavar="TIME", help="end the program after this much real time, with status 124")
    add("--check", action="store_const", const=True, help="fail where the trace breaks a rule of level R")
    add("--report", metavar="FILE.json", help="write the summary to a file as JSON, - for stdout")
    add_server_options(parser, without=WITHOUT)
    parser.set_defaults(handler=run)


def run(namespace: argparse.Namespace) -> int:
    """Run the program; its exit status, or 1 where `--check` finds something."""
    words = namespace.command_line
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise SettingsError(
            "expected a command after --, for example: kling-mock run -- python my_program.py"
        )
    report_file = _option(namespace.report, "REPORT")
    if report_file is not None and report_file != "-":
        _check_file(Path(report_file))
    timeout = _option(namespace.timeout, "TIMEOUT")
    check = _flag(namespace.check, "CHECK")
    from ..interception.parent.run import RunOptions
    from ..interception.parent.run import run as run_command

    options = RunOptions(
        command=command,
        settings=settings_from(namespace),
        hosts=namespace.hosts or (),
        fast_forward=_flag(namespace.fast_forward, "FAST_FORWARD"),
        offline=_flag(namespace.offline, "OFFLINE", default=_in_ci()),
        timeout=None if timeout is None else _seconds(timeout),
    )
    report = run_command(options)
    _show(report, report_file)
    broken = [breach for breach in report["breaches"] if breach["level"] == "R"]
    status: int = report["exit_status"]
    return 1 if check and broken and status == 0 else status


def _show(report: dict[str, Any], file: str | None) -> None:
    """The summary, on stderr or in a file."""
    from ..interception.parent.summary import summary_lines

    if file is not None:
        text = json.dumps(report, indent=2, ensure_ascii=file == "-") + "\n"
        try:
            _write(text, file)
        except OSError as error:
            # The program's exit status counts more than what there is to say of it.
            print(f"kling-mock run: --report: cannot write {file}: {error.strerror}.", file=sys.stderr)
        return
    plain = "utf" not in (sys.stderr.encoding or "").lower()
    print("\n".join(summary_lines(report, plain=plain)), file=sys.stderr, flush=True)


def _write(text: str, file: str) -> None:
    if file != "-":
        Path(file).write_text(text, encoding="utf-8")
        return
    try:
        print(text, end="", flush=True)
    except OSError:
        # Nothing may be left for the interpreter to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _check_file(file: Path) -> None:
    """Raise where a report could not be written, before anything runs."""
    if not file.absolute().parent.is_dir():
        raise SettingsError(f"--report: there is no folder {file.parent} to write the report to.")
    if file.is_dir():
        raise SettingsError(f"--report: expected a file, received the folder {file}.")
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise SettingsError(f"--report: {file} cannot be written; choose another file, or - for stdout.")


def _option(value: str | None, name: str) -> str | None:
    """An option of this command, or its variable of the environment."""
    return value if value is not None else os.environ.get(ENV_PREFIX + name)


def _flag(value: bool | None, name: str, *, default: bool = False) -> bool:
    if value is not None:
        return value
    text = os.environ.get(ENV_PREFIX + name)
    try:
        return default if text is None else parse_flag(text)
    except SettingsError as error:
        raise error.blaming(f"{ENV_PREFIX}{name}") from None


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except SettingsError as error:
        raise error.blaming("--timeout") from None
    if seconds <= 0:
        raise SettingsError(f"--timeout: expected more than 0 s, received {text!r}.")
    return seconds


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
