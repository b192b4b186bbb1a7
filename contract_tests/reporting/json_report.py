"""The report as JSON, in a form that stays.

    {
      "tool": {"name": "kling-mock", "version": "…"},
      "client": "…", "seed": 0, "level": "required",
      "properties": [{
        "id": "B1", "name": "one-create-per-job", "level": "R", "model": "…",
        "result": "passed" | "failed" | "skipped" | "xfailed" | "xpassed" | "error",
        "reason": "", "cost": "…", "mend": "…", "examples": 20, "met": 20, "cut_short": false, "seconds": 0.4,
        "counterexample": null | {
          "says": "…", "payload": {…}, "jobs": […], "base_url": "plain", "note": "",
          "scenario": "TOML for kling-mock serve --config", "file": null | "PATH of that TOML",
          "trace": [{"number", "at", "took", "kind", "method", "target", "status", "word", "state", "fault"}],
          "outcome": "…", "billed": 2, "curl": "…", "command": "kling-mock verify …", "seed": 0
        }
      }],
      "coverage": {"faults": {"shown": 17, "of": 18, "missing": ["…"]}, …},
      "summary": {
        "status": 0, "counts": {"passed": 47}, "runs": 790, "seconds": 9.1, "not_asked": [], "problem": "",
        "note": ""
      }
    }

Times are seconds; `at` and `took` are virtual ones, from the start of the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kling_mock import __version__

from ..running.events import Finished, Result, ResultKey, Started
from .artifacts import scenario_text
from .formatting import command_line, curl_lines, trace_lines

__all__ = ["as_json", "report_of"]

_LONGEST = 100_000


def report_of(started: Started, finished: Finished, files: Mapping[ResultKey, Path]) -> dict[str, Any]:
    """The report as plain values."""
    summary = finished.summary
    return {
        "tool": {"name": "kling-mock", "version": __version__},
        "client": started.client,
        "seed": started.seed,
        "level": started.level,
        "properties": [_property(started, result, files) for result in finished.results],
        "coverage": finished.coverage,
        "summary": {
            "status": summary.status,
            "counts": summary.counts,
            "runs": summary.runs,
            "seconds": round(summary.seconds, 3),
            "not_asked": summary.not_asked,
            "problem": summary.problem,
            "note": summary.note,
            "over_budget": summary.over_budget,
        },
    }


def as_json(started: Started, finished: Finished, files: Mapping[ResultKey, Path]) -> str:
    """The report as a JSON document."""
    return json.dumps(report_of(started, finished, files), indent=2, ensure_ascii=True, default=repr) + "\n"


def _property(started: Started, result: Result, files: Mapping[ResultKey, Path]) -> dict[str, Any]:
    example = result.counterexample
    shown: dict[str, Any] | None = None
    if example is not None:
        file = files.get(result.key)
        shown = {
            "says": example.says,
            "payload": _bounded(example.trial.payload),
            "jobs": _bounded(list(example.trial.jobs)),
            "base_url": example.trial.base,
            "note": example.trial.note,
            "scenario": scenario_text(result),
            "file": None if file is None else str(file),
            "trace": [line.as_dict() for line in trace_lines(example.run)],
            "outcome": example.run.brief(),
            "billed": example.run.charged,
            "charges": [charge.as_dict() for charge in example.run.charges],
            "curl": "\n".join(curl_lines(example)),
            "command": command_line(started, result),
            "seed": example.seed,
        }
    return {
        "id": result.id,
        "name": result.name,
        "level": result.rule.level,
        "model": result.model,
        "result": result.result,
        "reason": result.reason,
        "cost": result.rule.cost,
        "mend": result.rule.mend,
        "examples": result.examples,
        "met": result.met,
        "cut_short": result.late,
        "seconds": round(result.seconds, 3),
        "counterexample": shown,
    }


def _bounded(value: Any) -> Any:
    """A payload without the megabytes of an inline picture."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:60]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _bounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_bounded(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    return value
