"""`kling-mock scenarios`: what the server can be told to do, by name."""

from __future__ import annotations

import argparse
import json
from typing import Any

__all__ = ["add_parser"]

EPILOG = """\
examples:
  kling-mock scenarios
  kling-mock scenarios --json
  kling-mock scenarios --config my-scenarios.toml
  kling-mock serve --scenario "id-awkward+poll-server-error;times=2"

Names are joined by +. Behind a name with a fault: times=2 (or forever), after=1, since, until.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "scenarios",
        help="list what the server can be told to do",
        description="List the scenarios, each with a sentence.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON: a list of objects")
    parser.add_argument("--config", metavar="FILE.toml", help="list the scenarios of this file too")
    parser.set_defaults(handler=scenarios)


def scenarios(namespace: argparse.Namespace) -> int:
    """Print the table, or the rows as JSON; exit status 0."""
    rows = _rows(namespace.config)
    if namespace.json:
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


def _rows(config: str | None) -> list[dict[str, Any]]:
    from ..scenarios import CATALOGUE, GROUPS, Scenario

    grouped = [(group, CATALOGUE[name], False) for group, names in GROUPS.items() for name in names]
    if config is not None:
        from ..configuration import load_config

        own: dict[str, Scenario] = load_config(config).get("scenarios", {})
        grouped += [(f"own, from {config}", scenario, True) for scenario in own.values()]
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
