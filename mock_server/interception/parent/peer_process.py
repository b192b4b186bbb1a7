"""Whose connection it is: Linux tells which process has the other end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

from ...virtual_time import proc

__all__ = ["is_from_below"]

_MAPPED = "0" * 16 + f"{int.from_bytes(bytes.fromhex('0000ffff'), sys.byteorder):08X}"
"""What stands before an address of IPv4 where IPv6 writes it."""


def is_from_below(sock: socket.socket) -> bool:
    """Tell whether a process below this one has the other end of a connection on 127.0.0.1.

    False where the system does not tell. This looks through files: not to be called in an event loop.
    """
    try:
        here, there = _written(sock.getsockname()), _written(sock.getpeername())
    except (OSError, ValueError):
        return False
    inode = _inode(there, here)
    if inode is None:
        return False
    wanted = f"socket:[{inode}]"
    return any(_has(pid, wanted) for pid in _below(os.getpid()))


def _written(place: tuple[str, int]) -> str:
    """An address as the system's table has it."""
    host, port = place
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"


def _inode(local: str, remote: str) -> str | None:
    """The number of the socket that goes from one address to another; None where there is none."""
    for file, before in (("/proc/net/tcp", ""), ("/proc/net/tcp6", _MAPPED)):
        try:
            with open(file) as lines:
                for line in lines:
                    fields = line.split(None, 10)
                    if fields[1:3] == [before + local, before + remote]:
                        return fields[9] if fields[9] != "0" else None
        except (OSError, IndexError):
            continue
    return None


def _below(pid: int) -> Iterator[int]:
    ahead = proc.children(pid)
    while ahead:
        found = ahead.pop()
        yield found
        ahead += proc.children(found)


def _has(pid: int, wanted: str) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder)
    except OSError:
        return False
    for number in numbers:
        try:
            if os.readlink(f"{folder}/{number}") == wanted:
                return True
        except OSError:
            continue  # closed meanwhile
    return False
