"""How a client is tried: with one property, a fixed seed, and the counterexample as data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from kling_mock.contract_tests.driving.clients import Client, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.running.events import Finished
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.models import Trial
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.scenarios import Scenario

from .zoo import Exhibit

__all__ = ["RECORDED", "SEED", "caught", "described", "recorded"]

RECORDED = Path(__file__).with_name("counterexamples.json")
SEED = 4
LIMITS = Limits(max_examples=60, seconds=math.inf)
PROGRAM_LIMITS = Limits(max_examples=6, seconds=math.inf)


def caught(exhibit: Exhibit) -> Finished:
    """Try a broken client with the one property that names its bug."""
    plan = Plan(
        models=[exhibit.model],
        properties=[exhibit.property],
        level="strict" if exhibit.strict else "required",
        limits=PROGRAM_LIMITS if exhibit.command else LIMITS,
        seed=SEED,
    )
    return verify(handed_in(exhibit), plan)


def handed_in(exhibit: Exhibit) -> Client:
    """The client as the kit takes it."""
    return CommandClient(exhibit.command) if exhibit.command else load_callable(exhibit.target)


def described(trial: Trial) -> dict[str, Any]:
    """A counterexample as data: weight, payload, what differs from the plain server and the plain call."""
    shown: dict[str, Any] = {
        "weight": trial.weight,
        "payload": _brief(trial.payload),
        "scenario": _scenario(trial.scenario),
    }
    if trial.jobs:
        shown["jobs"] = _brief(list(trial.jobs))
    if trial.base != "plain":
        shown["base"] = trial.base
    return shown


def _scenario(scenario: Scenario) -> Any:
    shown = _changed(scenario)
    shown.pop("summary", None)
    if set(shown) == {"name"}:
        return shown["name"]
    shown.pop("name")
    return shown


def _changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, as JSON."""
    shown: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        here = getattr(value, field.name)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if here == default:
            continue
        shown[field.name] = _plain(here)
    return shown


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _changed(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if hasattr(value, "items") else value


def _brief(value: Any) -> Any:
    """A payload with long texts named by their length and a digest, long lists by their count."""
    if isinstance(value, str) and len(value) > 200:
        digest = hashlib.sha256(value.encode()).hexdigest()[:8]
        return f"{value[:24]}… ({len(value)} characters, {digest})"
    if isinstance(value, dict):
        return {name: _brief(inner) for name, inner in value.items()}
    if isinstance(value, list):
        same = len(value) > 8 and all(one == value[0] for one in value)
        return [_brief(value[0]), f"… ({len(value)} times)"] if same else [_brief(one) for one in value]
    return value


def recorded() -> dict[str, Any]:
    """The counterexamples as they were recorded, by the client's name; one of now may not be heavier."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found
