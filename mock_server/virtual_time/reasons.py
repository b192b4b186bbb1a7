"""Why time may not jump: one table for threads, for the processes of a run, and for Node's hook.

`interception/child/node/reasons.cjs` has the same words, and so has PROTOCOL.md.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["SAYS", "Reason", "reason_of"]


class Reason(str, Enum):  # noqa: UP042 - Python 3.9 has no StrEnum
    """Who or what has to come first."""

    SERVER = "server"
    STARTING = "starting"
    WORK = "work"
    PROCESS = "process"
    WOKEN = "woken"
    ASKING = "asking"
    OUTSIDE = "outside"
    CHILD = "child"
    LOOKING = "looking"
    GONE = "gone"


SAYS = {
    Reason.SERVER: "the mock works on a request, or its answer is on its way",
    Reason.STARTING: "a thread has been started and does not run yet",
    Reason.WORK: "a thread works",
    Reason.PROCESS: "a process works",
    Reason.WOKEN: "something has come for a process that had said that it waits",
    Reason.ASKING: "a process has asked and has no answer yet",
    Reason.OUTSIDE: "something may come from the real world",
    Reason.CHILD: "a child process that is waited for with a time limit works",
    Reason.LOOKING: "another one that waits has to look once more",
    Reason.GONE: "the run is over",
}
"""What each of them means."""


def reason_of(word: object) -> Reason:
    """The reason that a hook has named; work, where it named none that is known here."""
    try:
        return Reason(word)
    except ValueError:
        return Reason.WORK
