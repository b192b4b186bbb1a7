"""What the commands that give a verdict share: the ids that are left out, the files, the exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError, did_you_mean, nearest
from ..output_files import check_report_file, write_report

if TYPE_CHECKING:
    from ..verdicts.verdict import Verdict

__all__ = ["check_files", "ignored_ids", "plain_text", "status_of", "write_verdict"]

PLAIN = str.maketrans("…→", "~>")


def ignored_ids(options: Mapping[str, Any]) -> frozenset[str]:
    """The ids of `--ignore`; `SettingsError` for one that no verdict has."""
    from ..trace_rules import INVARIANTS

    known = [invariant.id for invariant in INVARIANTS]
    for word in options["ignore"]:
        if word.upper() not in known:
            hint = did_you_mean(nearest(word, known))
            problem = f"expected ids out of {', '.join(known)}, received {word!r}.{hint}"
            raise SettingsError(problem, option="--ignore")
    return frozenset(word.upper() for word in options["ignore"])


def check_files(options: Mapping[str, Any]) -> None:
    """Refuse files that could not be written in the end, before anything is started."""
    for name in ("report", "junit"):
        check_report_file(f"--{name}", options[name])


def write_verdict(options: Mapping[str, Any], verdict: Verdict) -> None:
    """Write the reports that are asked for; one that cannot be written is said, and the verdict stays."""
    if options["report"] is not None:
        text = json.dumps(verdict.as_dict(), indent=2, ensure_ascii=False) + "\n"
        write_report("--report", options["report"], text)
    if options["junit"] is not None:
        from ..verdicts.junit import as_junit

        write_report("--junit", options["junit"], as_junit(verdict.rows, verdict.checked))


def plain_text(text: str) -> str:
    """A text for standard error, in ASCII where the terminal is."""
    if "utf" in (sys.stderr.encoding or "").lower():
        return text
    return text.translate(PLAIN).encode("ascii", "replace").decode()


def status_of(verdict: Verdict, status: int, *, check: bool) -> int:
    """The exit status: the command's own, and 1 where that is 0, and `check` finds a required rule broken."""
    return 1 if check and verdict.failures and status == 0 else status
