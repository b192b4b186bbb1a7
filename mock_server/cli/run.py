"""`kling-mock run`: an unmodified program, with api.aimlapi.com answered by a mock made for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from ..command_options import RunOptions
from ..errors import SettingsError
from ..options import options_of, read_options
from ..output_files import write_private, write_report
from .commands import Command, argument, flags
from .judging import check_files, ignored_ids
from .options import server_flags, settings_from

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock run --fast-forward -- python my_program.py
  kling-mock run --fast-forward --realistic -- node client.js
  kling-mock run --scenario create-lost-reply --check --report report.json -- python -m my_package
  kling-mock run --offline -- sh -c 'curl -s https://api.aimlapi.com/v1/models | head -c 300'

Python, Node, curl and wget are led to the mock by the environment of the child alone, and so are
processes that they start. The exit status is the program's own: 127 where it does not exist, 128+n where
signal n ended it, 124 after --timeout. With --check it is 1 where the program itself succeeded but broke
a required rule, and with --budget where more would have been billed.
"""
WITHOUT = ("host", "port", "log_format", "control_token")


def run(given: Mapping[str, Any]) -> int:
    """Run the program; its exit status, or 1 where `--check` finds something."""
    words = list(given["command_line"])
    if not words:
        raise SettingsError(
            "expected a command after --, for example: kling-mock run -- python my_program.py"
        )
    options = read_options(options_of(RunOptions), given)
    check_files(options)
    from ..interception.parent import run as runner

    plan = runner.RunOptions(
        command=words,
        settings=settings_from(given),
        hosts=options["hosts"],
        fast_forward=options["fast_forward"],
        offline=_is_offline(options),
        sandbox=options["sandbox"],
        budget=options["budget"],
        timeout=options["timeout"],
        ignore=ignored_ids(options),
    )
    report = runner.run(plan)
    _show(report, options["report"])
    if options["junit"] is not None:
        from ..trace_rules import RULES
        from ..verdicts.junit import as_junit

        checked = [id for id, rule in RULES.items() if rule.in_trace and id not in plan.ignore]
        write_report("--junit", options["junit"], as_junit(report["breaches"], checked))
    broken = [breach for breach in report["breaches"] if breach["level"] == "R"]
    status: int = report["exit_status"]
    failed = (options["check"] and broken) or report["charges"]["over_budget"]
    if options["check"] and broken and status == 0:
        rules = sorted({breach["id"] for breach in broken})
        verb = "is" if len(rules) == 1 else "are"
        print(f"--check: {', '.join(rules)} {verb} broken, so exit status 1.", file=sys.stderr, flush=True)
    return 1 if failed and status == 0 else status


def _show(report: dict[str, Any], file: str | None) -> None:
    """The summary on stderr, and in a file as JSON where one is named."""
    from ..interception.parent.summary import summary_lines

    if file is not None:
        text = json.dumps(report, indent=2, ensure_ascii=file == "-") + "\n"
        try:
            _write(text, file)
        except OSError as error:
            # The program's exit status counts more than what there is to say of it.
            print(f"kling-mock run: --report: cannot write {file}: {error.strerror}.", file=sys.stderr)
    plain = "utf" not in (sys.stderr.encoding or "").lower()
    print("\n".join(summary_lines(report, plain=plain)), file=sys.stderr, flush=True)


def _write(text: str, file: str) -> None:
    if file != "-":
        write_private(file, text)
        return
    try:
        print(text, end="", flush=True)
    except OSError:
        # Nothing may be left for the interpreter to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _is_offline(options: Mapping[str, Any]) -> bool:
    """Whether other hosts are refused: on CI unless it says otherwise, and always in a sandbox."""
    if not options["sandbox"]:
        return _in_ci() if options["offline"] is None else bool(options["offline"])
    if options["offline"] is False:
        raise SettingsError("--sandbox: there is no other host to reach in it, so not with --no-offline.")
    return True


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


command = Command(
    "run",
    run,
    [
        argument("command_line", "CMD [ARG ...]", many=True, required=False),
        *flags(RunOptions),
        *server_flags(without=WITHOUT),
    ],
    help="Run an unmodified program with api.aimlapi.com answered by a mock made for it.",
    epilog=EPILOG,
    usage="[options] -- CMD [ARG ...]",
    stops=True,
)
