"""What is said of a rule of the contract."""

from __future__ import annotations

from ..trace_rules import RULES, Level, Rule
from .entry import Entry, Listing

__all__ = ["WEIGHTS", "rule_entry"]

WEIGHTS = {
    Level.REQUIRED: "required",
    Level.STRICT: "strict",
    Level.ADVISORY: "advice",
}
TRACES = "a trace alone shows it: the pytest plugin, `run`, `serve`, `report` and `check` look for it"


def rule_entry(rule: Rule) -> Entry:
    """What it asks, what breaking it costs, an example, how it is mended, and who looks for it."""
    subject = "A test that keeps it" if rule.id.startswith("T") else "A client that keeps it"
    parts: list[tuple[str, str | Listing]] = [
        ("what breaking it costs", rule.cost),
        ("how to mend it", rule.mend),
    ]
    if rule.meet:
        parts.append(("an example: let your client meet it", Listing(_meet(rule.meet))))
    if rule.in_kit:
        command = f"kling-mock verify my_package.client:generate --property {rule.id}"
        parts.append(("try it on your client", Listing(command)))
    if rule.in_trace:
        parts.append(("where else it is found", f"{TRACES[0].upper()}{TRACES[1:]}."))
    return Entry(f"{rule.id} {rule.name} ({WEIGHTS[rule.level]})", f"{subject} {rule.asks}.", parts)


def _meet(scenario: str) -> str:
    return f'kling-mock serve --scenario "{scenario}"'


def rules_of_scenario(name: str) -> list[Rule]:
    """The rules that a scenario is the example of."""
    return [rule for rule in RULES.values() if rule.meet.partition(";")[0] == name]
