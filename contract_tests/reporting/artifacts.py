"""Counterexamples as files: the behaviour as a configuration to serve again, the payload beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kling_mock.configuration import dump_scenario
from kling_mock.scenarios import Scenario

from ..driving.engine import GENERATING, QUEUED
from ..running.events import Result

__all__ = ["replayable", "save", "scenario_text"]


def replayable(result: Result) -> Scenario:
    """The behaviour of a counterexample under a name of its own."""
    assert result.counterexample is not None
    scenario = result.counterexample.trial.scenario
    return scenario.replace(name=f"{result.id.lower()}-{result.name}", summary=scenario.summary)


def scenario_text(result: Result) -> str:
    """The configuration file that makes a server behave as in the counterexample."""
    assert result.counterexample is not None
    scenario = replayable(result)
    seed = result.counterexample.seed
    return dump_scenario(scenario, seed=seed, queued=QUEUED, generating=GENERATING)


def save(result: Result, folder: Path) -> Path:
    """Write `ID-MODEL.toml` and `ID-MODEL.json`, the payload, and return the path of the first."""
    assert result.counterexample is not None
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9.]+", "-", f"{result.id}-{result.model}")
    path = folder / f"{stem}.toml"
    heading = f"# {result.id} {result.name}: {' '.join(result.counterexample.says.split())}\n"
    path.write_text(heading + scenario_text(result), encoding="utf-8")
    payload = json.dumps(result.counterexample.trial.payload, ensure_ascii=False, indent=2)
    path.with_suffix(".json").write_text(payload + "\n", encoding="utf-8")
    return path
