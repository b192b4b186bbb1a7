"""The child: started, waited for, interrupted, and with everything that it started ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

__all__ = [
    "NOT_EXECUTABLE",
    "NOT_FOUND",
    "TIMED_OUT",
    "adopt_orphans",
    "children",
    "end_leftovers",
    "held_signals",
    "run_child",
]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
TIMED_OUT = 124
"""Exit statuses as shells and `timeout` use them."""
GRACE = 2.0
"""Real seconds between asking a process to end and ending it."""

_FORWARDED = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGHUP, signal.SIGQUIT] if os.name == "posix" else [])


@contextmanager
def held_signals() -> Iterator[set[int] | None]:
    """Hold signals back in this thread and those it starts, so that `run_child` can take them one by one.

    Yields the mask from before, for the child; None where the system has no such means.
    """
    if not hasattr(signal, "sigtimedwait") or threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = set(signal.pthread_sigmask(signal.SIG_BLOCK, [*_FORWARDED, signal.SIGCHLD]))
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    mask: set[int] | None,
    *,
    timeout: float | None = None,
) -> int:
    """Run a command with this process's own input and output, and return its exit status.

    `mask` is what `held_signals` gave. 127 and 126 where the command cannot be started, 128 + n where
    signal n ended it, 124 where `timeout` (real seconds) did. Signals go to the child first: Ctrl-C reaches
    it from the terminal, others are handed on. What it left running is ended as well, on Linux.
    """
    adopt_orphans()
    own = set(children())
    restore = None if mask is None else partial(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
    try:
        process = subprocess.Popen(list(command), env=dict(environment), preexec_fn=restore)
    except FileNotFoundError:
        print(f"kling-mock run: command not found: {command[0]}", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        print(f"kling-mock run: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE
    try:
        return _status(_wait(process, timeout, taken=mask is not None))
    finally:
        end_leftovers(own)


def _wait(process: subprocess.Popen[bytes], timeout: float | None, *, taken: bool) -> int:
    deadline = None if timeout is None else time.monotonic() + timeout
    while process.poll() is None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            print(
                f"kling-mock run: the command took longer than {timeout:g} s and was ended.", file=sys.stderr
            )
            _end(process)
            return -TIMED_OUT - 1000
        _await_signal(process, min(0.5, left) if left is not None else 0.5, taken=taken)
    return process.returncode


def _status(returned: int) -> int:
    if returned == -TIMED_OUT - 1000:
        return TIMED_OUT
    return 128 - returned if returned < 0 else returned


def _await_signal(process: subprocess.Popen[bytes], seconds: float, *, taken: bool) -> None:
    """Wait for the child's end or a signal; one that somebody sent to this process alone is handed on."""
    if not taken:
        try:
            process.wait(min(seconds, 0.1))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
        return
    got = signal.sigtimedwait([*_FORWARDED, signal.SIGCHLD], seconds)
    if got is None or got.si_signo == signal.SIGCHLD:
        return
    # What the terminal sends (si_code > 0) has reached the child already: both are in one group.
    if got.si_code <= 0 and process.poll() is None:
        process.send_signal(got.si_signo)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def adopt_orphans() -> None:
    """Become the parent of what the child leaves behind, so that it can be ended (Linux)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (OSError, AttributeError):
        pass


def children() -> list[int]:
    """The processes whose parent is this one."""
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except (OSError, ValueError):
            continue
    return found


def end_leftovers(own: set[int]) -> None:
    """End what the child started and left running, generation by generation."""
    if sys.platform != "linux":
        return
    deadline = time.monotonic() + GRACE
    while left := set(children()) - own:
        for number in left:
            late = time.monotonic() > deadline
            try:
                if os.waitpid(number, os.WNOHANG)[0] == 0:
                    os.kill(number, signal.SIGKILL if late else signal.SIGTERM)
            except (ChildProcessError, ProcessLookupError):
                continue
        if not set(children()) - own:
            return
        time.sleep(0.02)
        if time.monotonic() > deadline + GRACE:
            return
