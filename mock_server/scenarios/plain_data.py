"""A scenario from the plain data of a TOML table or a JSON object, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import KlingMockError, SettingsError
from ..field_kinds import FieldError, place
from ..fields import Field, fields_of, plain_fields, unknown
from .expression import parse_scenario
from .scenario import Scenario
from .status_names import StatusNames

__all__ = ["SCENARIO_KEYS", "plain_scenario", "read_scenario", "scenario_as_json", "scenario_from_json"]

_TABLE: Mapping[str, Field] = {name: row for name, row in fields_of(Scenario).items() if name != "name"}
SCENARIO_KEYS = (*_TABLE, "base")
"""What plain data may say beside the name."""


def read_scenario(name: str, data: Mapping[str, Any], base: Scenario | None = None) -> Scenario:
    """The scenario that `data` says, on top of what `base` says; `data["base"]` itself is the caller's.

    What the data says wins over the base; faults, shapes and words add up. Raises `FieldError` with the path
    of what is wrong.
    """
    for key in data:
        if key not in SCENARIO_KEYS:
            raise unknown("scenario", key, SCENARIO_KEYS)
    values = {}
    for key, value in data.items():
        if key != "base" and value is not None:
            try:
                values[key] = _TABLE[key].check(value)
            except FieldError as error:
                path = (key, *error.path[1:])
                raise FieldError(error.problem, option=error.option, path=path) from None
    if base is None:
        return Scenario(name, **values)
    return base.replace(name=name, **(values | _added(base, values)))


def _added(base: Scenario, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of which a scenario has both its base's and its own."""
    added: dict[str, Any] = {}
    if "faults" in values:
        added["faults"] = base.faults + values["faults"]
    if "shapes" in values:
        added["shapes"] = base.shapes | values["shapes"]
    if "words" in values:
        added["words"] = StatusNames({**base.words, **values["words"]})
    return added


def plain_scenario(scenario: Scenario) -> dict[str, Any]:
    """The data that `read_scenario` reads an equal scenario from; what is as by default is left out."""
    data = plain_fields(scenario)
    del data["name"]
    # Faults are tables of their own in TOML, which come behind everything else.
    return data | ({"faults": data.pop("faults")} if "faults" in data else {})


def scenario_as_json(scenario: Scenario) -> dict[str, Any]:
    """A scenario as an object of JSON, which `scenario_from_json` reads an equal one from."""
    return {"name": scenario.name, **plain_scenario(scenario)}


def scenario_from_json(data: object, own: Mapping[str, Scenario] | None = None) -> Scenario:
    """The scenario of a JSON object: `name` and the fields of `Scenario`; `base` names what it is made from.

    `own` are the scenarios that `base` may name beside the catalogue. Raises `SettingsError` that starts with
    the place of what is wrong, such as `faults[1].status`.
    """
    if not isinstance(data, Mapping):
        raise SettingsError(f"expected an object with name, received {data!r}.", option="scenario")
    rest = {key: value for key, value in data.items() if key != "name"}
    if "name" not in data:
        raise SettingsError("a scenario needs 'name', which is missing.", option="scenario")
    try:
        name = fields_of(Scenario)["name"].check(data["name"])
        return read_scenario(name, rest, _base(rest, own))
    except FieldError as error:
        raise SettingsError(error.problem, option=place(error.path)) from None


def _base(data: Mapping[str, Any], own: Mapping[str, Scenario] | None) -> Scenario | None:
    text = data.get("base")
    if text is None:
        return None
    if not isinstance(text, str):
        problem = f"expected names of scenarios such as 'gzip+nulls', received {text!r}."
        raise FieldError(problem, path=("base",))
    try:
        return parse_scenario(text, own)
    except KlingMockError as error:
        raise FieldError(str(error), path=("base",)) from None
