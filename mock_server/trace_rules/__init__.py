"""What a trace alone can show against a client."""

from .passive import INVARIANTS, Breach, Invariant, check_trace

__all__ = ["INVARIANTS", "Breach", "Invariant", "check_trace"]
