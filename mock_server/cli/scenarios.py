"""`kling-mock scenarios`: what the server can be told to do, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..command_options import ConfigOptions, JsonOptions
from ..options import options_of, read_options
from .commands import Command, argument, flags

if TYPE_CHECKING:
    from ..scenarios import Scenario

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock scenarios
  kling-mock scenarios rate-limited
  kling-mock scenarios "id-awkward+poll-server-error;times=2"
  kling-mock scenarios --json
  kling-mock scenarios --config my-scenarios.toml
  kling-mock serve --scenario "id-awkward+poll-server-error;times=2"

Names are joined by +. Behind a name with a fault: times=2 (or forever), after=1, since, until.
"""


def scenarios(given: Mapping[str, Any]) -> int:
    """Print the table, or the rows as JSON; exit status 0."""
    options = read_options({**options_of(JsonOptions), **options_of(ConfigOptions)}, given)
    if given["name"] is not None:
        return _one(given["name"], options["config"], as_json=options["json"])
    rows = _rows(options["config"])
    if options["json"]:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    width = max(len(row["name"]) for row in rows)
    group = None
    for row in rows:
        if row["group"] != group:
            print(f"{'' if group is None else chr(10)}{row['group']}")
            group = row["group"]
        print(f"  {row['name']:<{width}}  {row['summary']}".rstrip())
    return 0


def _one(name: str, config: str | None, *, as_json: bool) -> int:
    """Print all that a scenario says, its own TOML too."""
    from ..reference import scenario_entry
    from ..scenarios import parse_scenario, scenario_as_json

    scenario = parse_scenario(name, _own(config))
    if as_json:
        print(json.dumps({**scenario_as_json(scenario), "ends": scenario.ends}, indent=2, ensure_ascii=False))
    else:
        print(scenario_entry(scenario).as_text())
    return 0


def _own(config: str | None) -> Mapping[str, Scenario]:
    """The scenarios of a configuration file."""
    if config is None:
        return {}
    from ..configuration import load_config

    return load_config(config).get("scenarios", {})


def _rows(config: str | None) -> list[dict[str, Any]]:
    from ..scenarios import CATALOGUE, GROUPS

    grouped = [(group, CATALOGUE[name], False) for group, names in GROUPS.items() for name in names]
    grouped += [(f"own, from {config}", scenario, True) for scenario in _own(config).values()]
    return [
        {
            "name": scenario.name,
            "group": group,
            "summary": scenario.summary,
            "ends": scenario.ends,
            "own": is_own,
        }
        for group, scenario, is_own in grouped
    ]


command = Command(
    "scenarios",
    scenarios,
    [argument("name", "NAME", required=False), *flags(JsonOptions), *flags(ConfigOptions)],
    help="List the scenarios, each with a sentence; with a NAME, all facts of that one, and its TOML.",
    epilog=EPILOG,
)
