"""Property tests that check a client against the contract, and the generated data that they use.

Names are imported when they are asked for, so that a session that uses none of them stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation.payloads import (
        MISSING,
        Case,
        InvalidCase,
        boundary_payloads,
        invalid_cases,
        invalid_payloads,
        valid_payloads,
    )
    from .pytest_suite import contract_test

__all__ = [
    "MISSING",
    "Case",
    "InvalidCase",
    "boundary_payloads",
    "contract_test",
    "invalid_cases",
    "invalid_payloads",
    "valid_payloads",
]

_HOMES = {
    "MISSING": "generation.payloads",
    "Case": "generation.payloads",
    "InvalidCase": "generation.payloads",
    "boundary_payloads": "generation.payloads",
    "contract_test": "pytest_suite",
    "invalid_cases": "generation.payloads",
    "invalid_payloads": "generation.payloads",
    "valid_payloads": "generation.payloads",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
