"""What is said of a scenario: all its facts, and its TOML."""

from __future__ import annotations

from typing import Any

from ..configuration import dump_scenario
from ..fields import fields_of
from ..scenarios import CATALOGUE, GROUPS, Fault, Scenario
from ..scenarios.fault import FOR_SECONDS, KINDS, UNANSWERED
from ..scenarios.plain_data import plain_scenario
from .entry import Entry, Listing
from .rules import rules_of_scenario

__all__ = ["scenario_entry"]


def scenario_entry(scenario: Scenario) -> Entry:
    """What happens, every fact of it, how to ask for it, and the file that makes it."""
    group = next((group for group, names in GROUPS.items() if scenario.name in names), "")
    parts: list[tuple[str, str | Listing]] = [("its facts", Listing(_facts(scenario), "text"))]
    rules = rules_of_scenario(scenario.name)
    if rules:
        parts.append(("rules that it shows", ", ".join(f"{rule.id} {rule.name}" for rule in rules) + "."))
    if scenario.name in CATALOGUE:
        parts.append(("ask for it", Listing(_ways(scenario.name))))
    parts.append(("as TOML, to change it: `--config FILE.toml`", Listing(dump_scenario(scenario), "toml")))
    return Entry(f"{scenario.name}{f' ({group})' if group else ''}", scenario.summary, parts)


def _ways(name: str) -> str:
    return "\n".join(
        (
            f"kling-mock serve --scenario {name}",
            f"curl -H 'X-Mock-Scenario: {name}' …    # for one create",
            f'kling_server.next("{name}")    # in a test',
        )
    )


def _facts(scenario: Scenario) -> str:
    """A line per fact: those of the job, then those of each fault."""
    said = plain_scenario(scenario)
    help_of = fields_of(Scenario)
    rows: list[tuple[str, str, str]] = [
        ("ends", scenario.ends or "never", "the status that the job comes to rest in")
    ]
    rows += [
        (name, _shown(value), help_of[name].help)
        for name, value in said.items()
        if name not in ("summary", "faults", "end")
    ]
    text = _table(rows)
    for number, fault in enumerate(scenario.faults, 1):
        title = "its fault" if len(scenario.faults) == 1 else f"fault {number}"
        text += f"\n{title}: {KINDS[fault.kind]}\n{_table(_fault_rows(fault))}"
    return text


def _fault_rows(fault: Fault) -> list[tuple[str, str, str]]:
    """Every field of a fault that means something for its kind, the defaults too."""
    table = fields_of(Fault)
    rows = []
    for name, row in table.items():
        value = getattr(fault, name)
        if name == "status":
            if fault.modifies or fault.kind in UNANSWERED:
                continue
            value = fault.answer_status if fault.kind in ("status", "html", "empty", "expired") else value
        if name == "times" and value is None:
            value = "forever"
        elif name not in ("at", "kind", "times", "status") and value == row.default:
            continue
        if value in (None, "") or (name == "seconds" and fault.kind not in FOR_SECONDS):
            continue
        rows.append((name, _shown(value), row.help))
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_shown(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(rows: list[tuple[str, str, str]]) -> str:
    wide = max(len(name) for name, _, _ in rows)
    return "".join(f"{name:<{wide}}  {value}  ({help})\n" for name, value, help in rows)
