"""Waiting for what a page shows."""

from __future__ import annotations

from itertools import count
from typing import Any

__all__ = ["holds"]

LOOKS = 1000
BETWEEN = 20
"""Milliseconds."""


def holds(page: Any, expression: str) -> None:
    """Wait until an expression holds in the page, asked from outside, as its policy demands."""
    for look in count():
        if page.evaluate(expression):
            return
        assert look < LOOKS, expression
        page.wait_for_timeout(BETWEEN)
