"""What was measured: rows, and the tables that show them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

__all__ = ["Report", "Row", "median"]

PACKAGES = ("uvicorn", "httptools", "uvloop", "starlette", "jsonschema", "jsonschema-rs")


def median(values: Sequence[float]) -> float:
    """The median."""
    return float(statistics.median(values))


@dataclass(frozen=True)
class Row:
    """One figure of the mock, beside that of the bare application where there is one."""

    section: str
    what: str
    unit: str
    mock: float
    bare: float | None = None
    goal: str = ""
    """The bound that the project sets itself, in words."""
    kept: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The mock's figure over that of the bare application."""
        return self.mock / self.bare if self.bare else None


class Report:
    """All rows of a run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`."""
        rows = [{**asdict(row), "ratio": row.ratio} for row in self.rows]
        return {"machine": machine(), "rows": rows}

    def table(self) -> str:
        """A Markdown table of the rows, its columns aligned."""
        head = ("section", "what", "bare uvicorn", "kling-mock", "ratio", "goal")
        lines = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        shown = [_line(line, widths) for line in lines]
        return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def machine() -> str:
    """What the figures depend on: the interpreter, the packages, the cores."""
    parts = [f"{name} {version(name)}" for name in PACKAGES if _installed(name)]
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, "
        + ", ".join(parts)
    )


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ModuleNotFoundError:
        return False


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < 2 or column == 5 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    mark = "" if row.kept is None else " ✓" if row.kept else " ✗"
    return (
        row.section,
        row.what,
        "" if row.bare is None else _figure(row.bare, row.unit),
        _figure(row.mock, row.unit),
        "" if row.ratio is None else f"{row.ratio:.2f}",
        row.goal + mark,
    )


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
