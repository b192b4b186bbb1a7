"""Running the command: starting it, waiting for it, handing signals on, and ending what it leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ... import timing
from ...programs import no_program
from ...virtual_time.proc import children

__all__ = [
    "NOT_EXECUTABLE",
    "NOT_FOUND",
    "TIMED_OUT",
    "Starting",
    "adopt_orphans",
    "end_leftovers",
    "held_signals",
    "run_child",
]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
TIMED_OUT = 124
"""Exit statuses as shells and `timeout` use them."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
"""Linux, <linux/prctl.h>."""

Starting = Callable[[Callable[[], "subprocess.Popen[bytes]"]], "subprocess.Popen[bytes]"]
"""Calls a function that starts a process."""

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
    look: Callable[[], None] = lambda: None,
    entering: Callable[[], None] | None = None,
    starting: Starting = lambda start: start(),
    said_by: str = "kling-mock run",
) -> int:
    """Run a command with this process's own input and output, and return its exit status.

    `mask` is what `held_signals` gave. 127 and 126 where the command cannot be started, 128 + n where
    signal n ended it, 124 where `timeout` (real seconds) did. Signals go to the child first: Ctrl-C reaches
    it from the terminal, others are handed on. What it left running is ended as well, on Linux.
    `look` is called now and then while it runs, `entering` in the child before it becomes the command,
    `starting` with what starts it; `said_by` begins each sentence on standard error.
    """
    adopt_orphans()
    own = set(children())
    try:
        prepare = _preparation(mask, entering)
        process = starting(lambda: subprocess.Popen(list(command), env=dict(environment), preexec_fn=prepare))
    except FileNotFoundError:
        file = shutil.which(command[0], path=environment.get("PATH", os.defpath))
        if file is not None:
            # The file is there, so it must be what its first line names that is not.
            print(f"{said_by}: cannot run {file}: {_interpreter(file)} does not exist", file=sys.stderr)
            return NOT_EXECUTABLE
        print(f"{said_by}: {no_program(command[0])}", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        there = shutil.which(command[0], path=environment.get("PATH", os.defpath))
        says = f"cannot run {command[0]}: {error.strerror}" if there else no_program(command[0])
        print(f"{said_by}: {says}", file=sys.stderr)
        return NOT_EXECUTABLE
    try:
        returned = _wait(process, timeout, look, taken=mask is not None, said_by=said_by)
    finally:
        end_leftovers(own)
    if returned is None:
        return TIMED_OUT
    return 128 - returned if returned < 0 else returned


def _preparation(
    mask: set[int] | None, entering: Callable[[], None] | None = None
) -> Callable[[], None] | None:
    """The function that the child runs before it becomes the command: system calls only, looked up here."""
    control = _process_control()
    if control is None and mask is None and entering is None:
        return None
    set_mask, parent, get_parent = signal.pthread_sigmask, os.getpid(), os.getppid

    def prepare() -> None:
        if entering is not None:
            entering()
        if control is not None:
            # Killed with this process, even where this one can do nothing any more.
            control(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if get_parent() != parent:
                os._exit(128 + signal.SIGKILL)
        if mask is not None:
            set_mask(signal.SIG_SETMASK, mask)

    return prepare


def _interpreter(file: str) -> str:
    """The program that a script's first line names, as part of a sentence."""
    with open(file, "rb") as script:
        line = script.readline(256)
    name = line.removeprefix(b"#!").strip().split(maxsplit=1)[:1] if line.startswith(b"#!") else []
    return f"its interpreter {os.fsdecode(name[0])}" if name else "what it needs to be run"


def _wait(
    process: subprocess.Popen[bytes],
    timeout: float | None,
    look: Callable[[], None],
    *,
    taken: bool,
    said_by: str,
) -> int | None:
    """The status as `subprocess` tells it; None where the time was up."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while process.poll() is None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            print(f"{said_by}: the command took longer than {timeout:g} s and was ended.", file=sys.stderr)
            _end(process)
            return None
        look()
        _await_signal(
            process, min(timing.SIGNAL_LOOK, left) if left is not None else timing.SIGNAL_LOOK, taken=taken
        )
    return process.returncode


def _await_signal(process: subprocess.Popen[bytes], seconds: float, *, taken: bool) -> None:
    """Wait for the child's end or a signal; one that somebody sent to this process alone is handed on."""
    if not taken:
        try:
            process.wait(min(seconds, timing.UNTAKEN_SIGNAL_LOOK))
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
        process.wait(timing.PROCESS_ENDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def adopt_orphans() -> None:
    """Become the parent of what the child leaves behind, so that it can be ended (Linux)."""
    control = _process_control()
    if control is not None:
        control(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _process_control() -> Callable[..., Any] | None:
    """The system's `prctl`; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        control: Callable[..., Any] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return control


def end_leftovers(own: set[int]) -> None:
    """End what the child started and left running, generation by generation."""
    if sys.platform != "linux":
        return
    deadline = time.monotonic() + timing.PROCESS_ENDS
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
        time.sleep(timing.LEFTOVER_LOOK)
        if time.monotonic() > deadline + timing.PROCESS_ENDS:
            return
