"""What axe-core finds on a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["serious"]

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """The rules that are seriously broken on what is shown, each with some of its elements."""
    if not AXE.is_file():
        text = "axe-core is not here: npm install --prefix tests/node."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]][:3])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
