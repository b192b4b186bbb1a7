"""Virtual time inside a Python process: sleeping and waiting for the mock cost nothing.

    with fast_forward(server):            # a MockServer, or its clock
        time.sleep(15)                    # the server's clock is 15 s on, at once

What a program waits with or measures by follows the clock: `time`, `datetime.now`, `threading`, `queue`,
`select`, `selectors`, sockets that are connected to the mock, and thus asyncio. Nothing outside the
standard library is imported here: the child processes of `kling-mock run` use the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .alarms import patch_alarms
from .child_processes import patch_subprocess
from .dates import patch_dates
from .import_hooks import ImportHooks
from .locks import patch_locks, patch_process_locks, patch_simple_queue
from .loops import bring_loop_along, patch_loops, set_back_loops
from .patches import Patches
from .selectors import patch_selectors
from .session import OF_CHILDREN, REAL_PACKAGES, Session, current, keep_real_time, set_current
from .sockets import patch_sockets, patch_tls
from .threads import patch_processes, patch_threads
from .time_functions import patch_time_functions
from .time_source import ClockSource, MovableClock, TimeSource
from .uvloops import patch_uvloop

__all__ = [
    "REAL_PACKAGES",
    "ClockSource",
    "MovableClock",
    "Session",
    "TimeSource",
    "fast_forward",
    "fast_forward_from",
    "keep_real_time",
]


@contextmanager
def fast_forward(
    of: Any, *, quiet: Callable[[], bool] | None = None, real_packages: Collection[str] = ()
) -> Iterator[Session]:
    """Let this process live by a mock's clock until the end of the block; everything is undone then.

    `of` is a `MockServer`, or a clock such as `MockServer.clock`. `quiet` says whether the server is at rest
    (a server knows by itself). Threads of the mock keep real time, as does code in `real_packages` besides
    `REAL_PACKAGES`. Works around sync and async code. Entering costs milliseconds: enter once for many runs.
    Raises RuntimeError when another clock is being followed already; the same clock may be entered again.
    """
    clock: MovableClock = getattr(of, "clock", of)
    quiet = quiet if quiet is not None else getattr(of, "quiet", None)
    running = current()
    if running is not None:
        if getattr(running.source, "clock", None) is not clock:
            raise RuntimeError("This process already follows another clock: leave that fast_forward() first.")
        yield running
        return
    source = ClockSource(clock, quiet=quiet, ports=getattr(of, "ports", None))
    with (
        source.followed(),
        fast_forward_from(source, patience=source.patience, real_packages=real_packages) as session,
    ):
        yield session


@contextmanager
def fast_forward_from(
    source: TimeSource,
    *,
    patience: float = 0.0,
    real_packages: Collection[str] = (),
    import_hooks: ImportHooks | None = None,
    shared: bool = False,
) -> Iterator[Session]:
    """Let this process live by any source of time until the end of the block.

    `shared` says that processes below this one live by it as well: they are waited for in virtual time then.
    With `import_hooks` the modules that are slow to import are changed only when the program imports them.
    """
    kept = REAL_PACKAGES - OF_CHILDREN if shared else REAL_PACKAGES
    # In a child of `run` this package has another name, and its own looks pass in real time there, too.
    own = {__name__.partition(".")[0]}
    session = Session(source, patience=patience, real_packages=kept | own | frozenset(real_packages))
    patches = Patches(kept=session.real_packages)
    set_current(session)
    try:
        patch_time_functions(patches)
        patch_threads(patches)
        patch_locks(patches)
        patch_sockets(patches)
        patch_selectors(patches)
        for name, patch in (
            ("datetime", patch_dates),
            ("ssl", patch_tls),
            ("asyncio", patch_loops),
            ("signal", patch_alarms),
            ("queue", patch_simple_queue),
            *([("subprocess", patch_subprocess)] if shared else []),
            ("_multiprocessing", patch_process_locks),
            ("multiprocessing.synchronize", patch_processes),
        ):
            if import_hooks is None:
                patch(patches)
            else:
                import_hooks.when(name, partial(patch, patches))
        patch_uvloop(patches, import_hooks)
        patches.rename()
        bring_loop_along(session)
        yield session
    finally:
        session.end()
        set_back_loops(session)
        patches.undo()
        set_current(None)
