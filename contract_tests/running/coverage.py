"""Coverage: how many of the known models, statuses, faults, shapes and boundaries a client has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios.fault import KINDS
from kling_mock.scenarios.scenario import ERROR_SHAPES, SHAPES
from kling_mock.timeline import STATUSES

from ..generation.payloads import boundary_payloads
from .met import shapes_met, states_told
from .models import Run
from .pair_coverage import PairCoverage
from .spending import Spending

__all__ = ["HTTP_STATUSES", "Coverage"]

HTTP_STATUSES = (200, 201, 307, 400, 401, 403, 404, 422, 429, 500, 502, 503, 504)
"""The statuses of the API and of the gateways before it."""


class Coverage:
    """Collects what a client saw on the wire, not what was on offer.

    `as_dict` says so many of so many, and what is missing.
    """

    def __init__(self, models: Sequence[str]) -> None:
        self._known: dict[str, list[str]] = {
            "models": list(models),
            "statuses": [str(status) for status in HTTP_STATUSES],
            "states": list(STATUSES),
            "faults": list(KINDS),
            "shapes": list(SHAPES),
            "errors": list(ERROR_SHAPES),
            "ids": list(ID_STYLES),
        }
        self._seen: dict[str, set[str]] = {name: set() for name in self._known}
        self._features: dict[str, set[str]] = {}
        self._pairs = PairCoverage()
        self.spending = Spending()

    def see(self, run: Run) -> None:
        """Count a run in."""
        trial, seen = run.trial, self._seen
        self._pairs.see(run)
        self.spending.see(run)
        seen["models"].add(trial.model)
        for exchange in run.trace:
            if exchange.status is not None:
                seen["statuses"].add(str(exchange.status))
            if exchange.fault is not None:
                seen["faults"].add(exchange.fault)
        states = set(states_told(run.creates)) | set(states_told(run.polls))
        seen["states"] |= states
        seen["shapes"] |= shapes_met(run)
        if states_told(run.creates):
            seen["ids"].add(trial.scenario.ids or "nanoid")
        if "error" in states:
            seen["errors"].add(trial.scenario.error or "schema")
        if not trial.bulky:
            self._features.setdefault(trial.model, set()).update(_features(trial.payload))

    def add(self, other: Coverage) -> None:
        """Count in what the runs of another process showed."""
        for name, words in other._seen.items():
            self._seen[name] |= words
        for model, features in other._features.items():
            self._features.setdefault(model, set()).update(features)
        self._pairs.add(other._pairs)
        self.spending.add(other.spending)

    def as_dict(self) -> dict[str, Any]:
        """`{"faults": {"shown": k, "of": n, "missing": […]}, …}`; boundaries are of all models together."""
        shown = {
            name: {
                "shown": sum(word in self._seen[name] for word in known),
                "of": len(known),
                "missing": [word for word in known if word not in self._seen[name]],
            }
            for name, known in self._known.items()
        }
        missing: list[str] = []
        count = 0
        for model in self._known["models"]:
            cases = boundary_payloads(model)
            plain = set(_features(cases[0].payload))
            have = self._features.get(model, set())
            for case in cases:
                count += 1
                # A boundary is reached where all that tells it from the smallest body has been sent.
                if not set(_features(case.payload)) - plain <= have or not have:
                    missing.append(f"{model} {case.label}")
        shown["boundaries"] = {"shown": count - len(missing), "of": count, "missing": missing}
        return shown | self._pairs.as_dict()


def _features(value: Any, path: str = "") -> Iterator[str]:
    """The features that tell a payload from others: its fields, their values, lengths and counts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from _features(inner, f"{path}.{name}")
    elif isinstance(value, list):
        yield f"{path} has {len(value)}"
        # What is in the items counts once, wherever it stands.
        for inner in value[:8]:
            yield from _features(inner, f"{path}[]")
    elif isinstance(value, str):
        yield f"{path} is {value}" if len(value) <= 32 else f"{path} is long {len(value)}"
    else:
        yield f"{path} is {value!r}"
