"""What a choice among scenarios needs: the catalogue, what each can be told, and a verdict on a choice."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..errors import KlingMockError, SettingsError
from ..fields import fields_schema
from ..scenarios import CATALOGUE, Fault, Scenario, scenario_as_json
from .auth import space_of
from .body import ControlError, object_in, scenario_in

__all__ = ["judged_scenario", "listed_scenarios"]


async def listed_scenarios(request: Request) -> Response:
    """List every scenario with its sentence, the user's own last, and the options that faults take."""
    rows = [_scenario_row(scenario, own=False) for scenario in CATALOGUE.values()]
    rows += [_scenario_row(scenario, own=True) for scenario in space_of(request).names.own.values()]
    return JSONResponse({"scenarios": rows, "options": fields_schema(Fault)["properties"]})


async def judged_scenario(request: Request) -> Response:
    """Say what a scenario would be, by name with options or as a whole one; nothing changes."""
    asked, names = await object_in(request, {"scenario"}), space_of(request).names
    try:
        scenario = names.resolve(scenario_in(asked, names.own))
    except ControlError:
        raise
    except KlingMockError as error:
        path = error.option if isinstance(error, SettingsError) else ""
        problem = error.problem if isinstance(error, SettingsError) else str(error)
        return JSONResponse({"problem": {"path": path, "says": problem}, "scenario": None})
    return JSONResponse({"problem": None, "scenario": _scenario_row(scenario, own=False)})


def _scenario_row(scenario: Scenario, *, own: bool) -> dict[str, Any]:
    row = {"name": scenario.name, "summary": scenario.summary, "ends": scenario.ends, "own": own}
    return row | {"scenario": scenario_as_json(scenario)}
