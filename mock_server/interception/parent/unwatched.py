"""What a run's summary says of programs that no hook reached: not led, or waiting in real time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ... import timing
from .census import Program

__all__ = ["real_time_of", "unwatched_of"]

_WHY = {
    "environment": "was started without the run's environment: neither a hook nor the proxy reaches it",
    "rights": "runs with rights of its own, so that nobody can look at it",
    "options": "was told to load no hook (python -I, -E or -S); it is led only where it uses the proxy",
    "hook": "loaded no hook although its runtime has one; it is led only where it uses the proxy",
}
_ANYWHERE = "--offline keeps it from other hosts (Linux), and --sandbox leads it to the mock"
_OFFLINE = "it reaches no other host; --sandbox leads it to the mock"


def unwatched_of(programs: Iterable[Program], *, guarded: bool, leads: bool) -> list[dict[str, Any]]:
    """Each program that could be neither watched nor led, once, with what that means and what to do.

    `guarded` says that the system keeps it from other hosts, `leads` that it leads it as well.
    """
    count: dict[tuple[str, str], int] = {}
    for program in programs:
        why = program.why or program.unhooked
        if why and not leads:
            count[program.name, why] = count.get((program.name, why), 0) + 1
    todo = _OFFLINE if guarded else _ANYWHERE
    return [
        {"program": name, "processes": times, "why": why, "says": f"`{name}` {_WHY[why]}: {todo}"}
        for (name, why), times in count.items()
    ]


def real_time_of(programs: Iterable[Program]) -> list[dict[str, Any]]:
    """Each program that waited in real time although time was to jump, once, with for how long."""
    waited: dict[tuple[str, str], list[float]] = {}
    for program in programs:
        if (program.library or not program.hooked) and program.idle >= timing.REAL_WAIT:
            waited.setdefault((program.name, program.library), []).append(program.idle)
    return [
        {
            "program": name,
            "processes": len(spans),
            "seconds": round(sum(spans), 3),
            "says": f"`{name}` waited for {sum(spans):.1f} s that could not be skipped: "
            + (f"{library} waits in a loop of its own" if library else "no hook is in it"),
        }
        for (name, library), spans in waited.items()
    ]
