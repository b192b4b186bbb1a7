"""What a server does, as data: scenarios, their faults, and the catalogue of named ones."""

from mock_server.scenarios.catalogue import CATALOGUE, GROUPS, find_scenario
from mock_server.scenarios.fault import Fault
from mock_server.scenarios.scenario import Scenario
from mock_server.scenarios.text import parse_scenario

__all__ = ["CATALOGUE", "GROUPS", "Fault", "Scenario", "find_scenario", "parse_scenario"]
