"""What a client's module may remember of calls and checks before, and the time in which it forgets.

A circuit breaker that is open, a token, a rate that is used up: what has to do with time passes with it. An
hour passes after each call that failed, and from one check of a process to the next; no clock goes back.
"""

from __future__ import annotations

__all__ = ["COOLED_DOWN", "begin_after", "note_end"]

COOLED_DOWN = 3_600.0
"""Virtual seconds after which a client that refuses to ask because others have failed has to ask again."""

_reached: dict[str, float] = {}
"""The moments that checks of this process have come to, by the name of the client."""


def begin_after(name: str) -> float:
    """The moment after which a check of this client begins; 0 for the first one of this process."""
    return _reached.get(name, 0.0)


def note_end(name: str, moment: float) -> None:
    """Note the moment at which a check of a client has ended."""
    _reached[name] = moment + COOLED_DOWN
