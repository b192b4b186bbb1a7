"""Counterexamples as files: the behaviour as a configuration to serve again, the payload beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kling_mock.configuration import dump_scenario
from kling_mock.scenarios import Scenario

from ..driving.engine import GENERATING, QUEUED
from ..running.events import Result
from .terminal_text import terminal_text

__all__ = ["Artifacts", "replayable", "scenario_text"]


def replayable(result: Result) -> Scenario:
    """The behaviour of a counterexample under a name of its own."""
    assert result.counterexample is not None
    example = result.counterexample
    scenario = example.run.served or example.trial.scenario
    return scenario.replace(name=f"{result.id.lower()}-{result.name}", summary=scenario.summary)


def scenario_text(result: Result) -> str:
    """The configuration file that makes a server behave as in the counterexample."""
    assert result.counterexample is not None
    scenario = replayable(result)
    seed = result.counterexample.seed
    return dump_scenario(scenario, seed=seed, queued=QUEUED, generating=GENERATING)


class Artifacts:
    """Saves counterexamples in a folder; one that cannot be written costs no result, only the files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problem = ""
        """Why a counterexample could not be saved, as a sentence; empty where all were."""

    def save(self, result: Result) -> Path | None:
        """Write `ID-MODEL.toml` and `ID-MODEL.json`, the payload, and return the path of the first.

        None where that is not possible: `problem` says why.
        """
        stem = re.sub(r"[^A-Za-z0-9.]+", "-", f"{result.id}-{result.model}")
        path = self._folder / f"{stem}.toml"
        texts = {path: _configuration(result), path.with_suffix(".json"): _payload(result)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                file.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self.problem = f"{self._folder} cannot be written: {why}. Counterexamples are shown, not saved."
            return None
        return path


def _configuration(result: Result) -> str:
    assert result.counterexample is not None
    says = terminal_text(" ".join(result.counterexample.says.split()))
    heading = f"# {result.id} {result.name}: {says}\n"
    return heading + scenario_text(result)


def _payload(result: Result) -> str:
    assert result.counterexample is not None
    payload = result.counterexample.trial.payload
    text = json.dumps(payload, ensure_ascii=False, indent=2)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(payload, indent=2)
    return text + "\n"
