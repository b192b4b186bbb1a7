"""Every scenario of the catalogue is looked at from outside, by one of the modules named here."""

from __future__ import annotations

from kling_mock.scenarios import CATALOGUE

from . import test_scenarios_creates, test_scenarios_jobs, test_scenarios_polls, test_scenarios_videos

MODULES = (test_scenarios_jobs, test_scenarios_creates, test_scenarios_polls, test_scenarios_videos)


def test_every_scenario_is_observed() -> None:
    assert sorted(name for module in MODULES for name in module.NAMES) == sorted(CATALOGUE)
