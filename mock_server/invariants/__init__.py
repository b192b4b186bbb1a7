"""What a trace alone can show against a client."""

from mock_server.invariants.checks import INVARIANTS, Breach, Invariant, check_trace

__all__ = ["INVARIANTS", "Breach", "Invariant", "check_trace"]
