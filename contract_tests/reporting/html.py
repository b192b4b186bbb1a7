"""The report as one page, with nothing to load: a table, and a timeline drawn for each broken property."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..events import Finished, Started

__all__ = ["as_html"]


def as_html(started: Started, finished: Finished, files: Mapping[int, Path]) -> str:
    """The report as an HTML document."""
    return ""
