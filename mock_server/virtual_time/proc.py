"""Reads what Linux tells of processes and threads in `/proc`; nothing else reads it for child processes."""

from __future__ import annotations

import os

__all__ = [
    "RUNNABLE",
    "children",
    "is_visible",
    "last_started",
    "name_of",
    "waits_for_pipe",
    "work_of_process",
    "work_of_thread",
]

_READ = {"x86_64": "0", "aarch64": "63"}
"""The number of the system call `read`, by machine."""
RUNNABLE = object()
"""The thread works right now, or will as soon as a processor or a disk lets it."""


def is_visible() -> bool:
    """Tell whether this system says what its processes do; elsewhere the other functions find nothing."""
    return os.path.isdir("/proc/self/task")


def children(pid: int | None = None) -> list[int]:
    """The processes that a process has started and have not been waited for; this one's without `pid`."""
    folder = f"/proc/{'self' if pid is None else pid}/task"
    found: list[int] = []
    for task in _tasks(folder):
        try:
            with open(f"{folder}/{task}/children") as file:
                found += map(int, file.read().split())
        except (OSError, ValueError):
            continue  # the thread has just ended
    return found


def last_started() -> int | None:
    """A number that changes whenever a process or a thread is started; None where nobody knows."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return int(file.read().rsplit(None, 1)[-1])
    except (OSError, ValueError, IndexError):
        return None


def name_of(pid: int) -> str:
    """The name of a process's program, its number where that is not known."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return str(pid)


def waits_for_pipe(pid: int) -> bool:
    """Tell whether a process waits for what another one writes into a pipe, as `tee` does."""
    try:
        with open(f"/proc/{pid}/syscall") as file:
            call, _, rest = file.read().partition(" ")
        number = int(rest.partition(" ")[0], 16)
        return call == _READ.get(os.uname().machine) and os.readlink(f"/proc/{pid}/fd/{number}").startswith(
            "pipe:"
        )
    except (OSError, ValueError):
        return False


def work_of_process(pid: int) -> tuple[object, ...] | None:
    """The `work_of_thread` of each thread of a process; None where there is no such process."""
    folder = f"/proc/{pid}/task"
    try:
        tasks = os.listdir(folder)
    except OSError:
        return None
    return tuple(_work_of(f"{folder}/{task}") for task in tasks)


def work_of_thread(number: int) -> object:
    """Something that changes whenever a thread of this process works; `number` is the system's for it.

    `RUNNABLE` while it works, None where nobody knows.
    """
    return _work_of(f"/proc/self/task/{number}")


def _work_of(folder: str) -> object:
    try:
        with open(f"{folder}/stat", "rb") as file:
            # A thread that waits for a processor or a disk has not moved either, but it will.
            state = file.read().rpartition(b") ")[2][:1]
        if state in (b"R", b"D") or (state == b"S" and not _has_left(folder)):
            return RUNNABLE
        with open(f"{folder}/schedstat", "rb") as file:
            return file.read()
    except OSError:
        return None


_places_told = False
"""Whether this system has said of any thread where in the kernel it sleeps."""


def _has_left(folder: str) -> bool:
    """Tell whether a thread that means to sleep has left its processor, and the queue for one.

    Until then it sleeps by name only: what has come for it meanwhile, it may not have seen.
    """
    global _places_told
    try:
        with open(f"{folder}/wchan", "rb") as file:
            if file.read() != b"0":
                _places_told = True
                return True
        # Nor does it say so of processes of others.
        return not _places_told or os.stat(folder).st_uid != os.geteuid()
    except OSError:
        return True


def _tasks(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
