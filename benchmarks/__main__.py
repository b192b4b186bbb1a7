"""`python -m benchmarks`: measures the server against a bare uvicorn application and prints a table."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import BenchmarkError, end_readers
from benchmarks.report import Report, machine
from benchmarks.sections import SECTIONS, Plan

__all__ = ["main"]

EPILOG = """\
examples:
  python -m benchmarks
  python -m benchmarks --quick
  python -m benchmarks requests start --json figures.json
  python -m benchmarks peers --peer 'prism=prism mock -p {port} openapi.json'
"""
QUICK: dict[str, Any] = {
    "rounds": 3,
    "seconds": 1.0,
    "count": 2_000,
    "starts": 3,
    "jobs": 5_000,
    "requests": 10_000,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, or 1 where a goal was missed, 2 where it could not be run."""
    options = _parser().parse_args(arguments)
    report = Report()
    print(f"kling-mock beside bare uvicorn: {machine()}\n", flush=True)
    problem: BenchmarkError | None = None
    try:
        plan = _plan(options)
        for name in _sections(options.sections, plan):
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            report.rows += SECTIONS[name](plan)
    except BenchmarkError as error:
        problem = error
    finally:
        end_readers()
    # What was measured before a problem took minutes.
    if report.rows:
        print(report.table())
        if options.json is not None:
            options.json.write_text(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n")
    if problem is not None:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    return 1 if any(row.kept is False for row in report.rows) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure kling-mock against a bare uvicorn application in the same run. Linux only.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="a minute instead of five: rougher figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--loader", choices=("auto", "wrk", "own"), default="auto", help="wrk where it is installed"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="another server; {port} is its port",
    )
    for name, value in QUICK.items():
        kind = type(value)
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=f"override the number of {name}")
    return parser


def _sections(asked: Sequence[str], plan: Plan) -> Sequence[str]:
    for name in asked:
        if name not in SECTIONS:
            raise BenchmarkError(f"expected sections out of {', '.join(SECTIONS)}, received {name!r}.")
    return asked or [name for name in SECTIONS if name != "peers" or plan.peers]


def _plan(options: argparse.Namespace) -> Plan:
    if options.loader == "wrk" and shutil.which("wrk") is None:
        raise BenchmarkError("wrk is not installed: install it, or use --loader own.")
    numbers = dict(QUICK) if options.quick else {}
    numbers |= {name: getattr(options, name) for name in QUICK if getattr(options, name) is not None}
    peers: dict[str, list[str]] = {}
    for text in options.peer:
        name, separator, command = text.partition("=")
        if not separator or "{port}" not in command:
            raise BenchmarkError(
                f"--peer: expected NAME=COMMAND with {{port}} in the command, received {text!r}."
            )
        peers[name] = shlex.split(command)
    use_wrk = options.loader != "own" and shutil.which("wrk") is not None
    return Plan(wrk=use_wrk, peers=peers, **numbers)


if __name__ == "__main__":
    sys.exit(main())
