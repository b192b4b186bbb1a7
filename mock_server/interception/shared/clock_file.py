"""The layout of a run's clock file, which tells child processes how virtual time follows from real time.

PROTOCOL.md says what the fields mean; `child/node/clocks.cjs` reads them as well.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from functools import partial

__all__ = ["LAYOUT", "VERSION", "ClockReader", "pack"]

LAYOUT = struct.Struct("=6d")
"""Version, serial number, virtual seconds, monotonic seconds, speed, serial number again."""
VERSION = 1.0
_monotonic: Callable[[], float] = partial(time.monotonic)
"""Not the function itself: libraries that freeze time replace its name in every module."""


def pack(serial: int, virtual: float, real: float, speed: float) -> bytes:
    """The content of the file: at the monotonic moment `real` the virtual moment was `virtual`."""
    return LAYOUT.pack(VERSION, serial, virtual, real, speed, serial)


class ClockReader:
    """Virtual time as a clock file tells it; later changes of the file are seen.

    Raises `OSError` where there is no file, and `ValueError` where it is none of this version.
    """

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            self._content = mmap.mmap(file.fileno(), LAYOUT.size, access=mmap.ACCESS_READ)
        version = LAYOUT.unpack_from(self._content)[0]
        if version != VERSION:
            raise ValueError(f"expected a clock file of version {VERSION:g}, found {version:g}")

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        while True:
            _, serial, virtual, real, speed, again = LAYOUT.unpack_from(self._content)
            if serial == again:
                return float(virtual + (_monotonic() - real) * speed)
