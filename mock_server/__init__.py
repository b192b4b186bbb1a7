"""A mock of AI/ML API's Kling video endpoints, and a kit that tests clients against their contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import create_app
    from .clock import Clock
    from .errors import (
        ConfigError,
        KlingMockError,
        KlingMockWarning,
        ServerError,
        SettingsError,
        UnknownModel,
        UnknownScenario,
    )
    from .exchanges.exchange import Exchange
    from .jobs.charges import Charge
    from .jobs.timeline import Step
    from .scenarios import Fault, Scenario, find_scenario
    from .server import MockServer
    from .settings import Settings

__all__ = [
    "Charge",
    "Clock",
    "ConfigError",
    "Exchange",
    "Fault",
    "KlingMockError",
    "KlingMockWarning",
    "MockServer",
    "Scenario",
    "ServerError",
    "Settings",
    "SettingsError",
    "Step",
    "UnknownModel",
    "UnknownScenario",
    "__version__",
    "create_app",
    "find_scenario",
]

__version__ = "0.1.0"

_HOMES = {
    "Charge": "jobs.charges",
    "Clock": "clock",
    "ConfigError": "errors",
    "Exchange": "exchanges.exchange",
    "Fault": "scenarios",
    "KlingMockError": "errors",
    "KlingMockWarning": "errors",
    "MockServer": "server",
    "Scenario": "scenarios",
    "ServerError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "Step": "jobs.timeline",
    "UnknownModel": "errors",
    "UnknownScenario": "errors",
    "create_app": "app",
    "find_scenario": "scenarios",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the pytest plugin must cost nothing unused."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
