"""`kling-mock explain`: what a rule, a scenario or a word means, without a checkout at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .commands import Command, argument

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock explain C9
  kling-mock explain one-create-per-job
  kling-mock explain rate-limited
  kling-mock explain queued
  kling-mock explain workspace

The rules are listed by `kling-mock verify --list`, the scenarios by `kling-mock scenarios`.
"""


def explain(given: Mapping[str, Any]) -> int:
    """Print all that goes by each of the words; exit status 0."""
    from ..reference import explain as explained

    entries = [entry for word in given["words"] for entry in explained(word)]
    print("\n\n".join(entry.as_text() for entry in entries))
    return 0


command = Command(
    "explain",
    explain,
    [argument("words", "ID|SCENARIO|WORD", many=True)],
    help="Say what a rule asks, costs and how it is mended; what a scenario does; what a word means.",
    epilog=EPILOG,
)
