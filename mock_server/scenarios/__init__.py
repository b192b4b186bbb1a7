"""What a server does, as data: scenarios, their faults, and the catalogue of named ones."""

from .builtin import CATALOGUE, GROUPS, find_scenario
from .expression import parse_scenario
from .fault import Fault
from .plain_data import scenario_as_json, scenario_from_json
from .scenario import Scenario

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Fault",
    "Scenario",
    "find_scenario",
    "parse_scenario",
    "scenario_as_json",
    "scenario_from_json",
]
