"""SIGINT for the programs that are checked, also where the kit itself was started with it ignored."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["interruptible_children"]


@contextlib.contextmanager
def interruptible_children() -> Iterator[None]:
    """Let programs be interrupted although this process ignores SIGINT, as after `nohup` or `&`.

    A signal that is ignored stays so in a program that is started; one that is handled does not.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
