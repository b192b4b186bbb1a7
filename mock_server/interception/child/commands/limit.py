"""Waits for a virtual moment beside a thread that stands still and can ask for nothing itself.

`limit MOMENT [PID THREAD SIGNAL MARK [KNOWN ...]]`: then the children that the thread waits for, all but the
`KNOWN` ones, and what they have started get the signal (Linux); `MARK` is a file that is there from then on.
Whoever waits no longer kills this process.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator

from .... import timing
from .virtual_wait import wait_until

__all__ = ["main"]


def main() -> None:
    """Wait, and end them; where the run is over nobody does."""
    moment, *more = sys.argv[1:]
    try:
        wait_until(lambda now: float(moment))
    except (OSError, ValueError, KeyError):
        return
    if more:
        _limit(*more)


def _limit(pid: str, thread: str, signal: str, mark: str, *known: str) -> None:
    spared = {os.getpid(), *map(int, known)}
    folder = f"/proc/{pid}/task/{thread}"
    # A short limit may be over before the child has been started.
    while os.path.isdir(folder):
        if _end(_children_of(folder), spared, int(signal), mark):
            return
        time.sleep(timing.SLEEP_LOOK)


def _end(children: list[int], spared: Collection[int], signal: int, mark: str) -> bool:
    """Tell whether there was anybody to end."""
    found = [child for child in children if child not in spared]
    # Found before any is ended: who loses its parent is no longer below it. They hold the output, too.
    all_below = [pid for child in found for pid in _with_all_below(child)]
    if found:
        open(mark, "w").close()
    for pid in all_below:
        try:
            os.kill(pid, signal)
        except OSError:
            continue  # it has just ended
    return bool(found)


def _with_all_below(pid: int) -> Iterator[int]:
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        for child in _children_of(f"/proc/{pid}/task/{thread}"):
            yield from _with_all_below(child)


def _children_of(folder: str) -> list[int]:
    try:
        with open(f"{folder}/children") as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return []
