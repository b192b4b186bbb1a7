"""Options that were changed while a server runs, as JSON: for a store, and as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exchanges.redaction import HIDDEN
from .exchanges.secret_names import BUILT_IN
from .scenarios import Scenario, scenario_as_json, scenario_from_json
from .store.address import shown_store

__all__ = ["plain_options", "read_options", "shown_options"]


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON has them."""
    return {name: _as_json(value) for name, value in options.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, Scenario):
        return {"scenario": scenario_as_json(value)}
    if isinstance(value, Mapping):
        return {"scenarios": [scenario_as_json(one) for one in value.values()]}
    return list(value) if isinstance(value, tuple) else value


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of such JSON."""
    return {name: _from_json(value) for name, value in options.items()}


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and "scenario" in value:
        return scenario_from_json(value["scenario"])
    if isinstance(value, dict):
        made = map(scenario_from_json, value["scenarios"])
        return {scenario.name: scenario for scenario in made}
    return tuple(value) if isinstance(value, list) else value


def shown_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the control API and events tell them: plain values, and none of the keys among them."""
    shown = {name: HIDDEN if name in BUILT_IN else _shown(value) for name, value in options.items()}
    return shown | ({"store": shown_store(shown["store"])} if "store" in shown else {})


def _shown(value: Any) -> Any:
    if isinstance(value, Scenario):
        return value.name
    if isinstance(value, Mapping | tuple | list):
        return list(value)
    return value
