"""The decision about a connection to a host: answered by the mock, left alone, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

__all__ = ["Decide", "Decision", "Refuse"]

Decision = Literal["mock", "pass", "refuse"]
"""`mock`: the mock answers for the host; `pass`: it is reached as ever; `refuse`: the run is offline."""
Decide = Callable[[str], Decision]
"""Decides about a host by its name."""
Refuse = Callable[[str, int], None]
"""Notes an attempt to reach a host that is refused: its name and the port, 0 where it was looked up."""
