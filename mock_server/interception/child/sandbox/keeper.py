"""Makes namespaces in which there is nothing but loopback, and hands them over: `python -IS keeper.py`.

Standard input is a socket. One line of JSON comes through it: `listen`, the addresses to listen on inside,
`files`, what stands in the place of which file inside, and `net`, whether it is to have a network of its
own; files alone take root. The answer is a line of JSON with the descriptors of the listening sockets and of
the namespaces, or with an `error`; then this process ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
from typing import Any

__all__ = ["main"]

_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_REC, _PRIVATE, _BIND = 0x4000, 1 << 18, 0x1000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
"""Linux: <linux/sched.h>, <linux/mount.h>, <linux/sockios.h>."""


def main() -> None:
    """Read what is wanted, make it, and hand it over."""
    with socket.socket(fileno=0) as parent:
        wanted = json.loads(parent.makefile("rb").readline())
        try:
            kinds = _leave(net=wanted["net"])
            _mount(None, "/", _REC | _PRIVATE)
            if wanted["net"]:
                _bring_up("lo")
            for content, place in wanted["files"]:
                if os.path.exists(place):
                    _mount(content, place, _BIND)
            listening = [_listen(host, port) for host, port in wanted["listen"]]
        except OSError as error:
            parent.sendall(json.dumps({"error": error.strerror or str(error)}).encode() + b"\n")
            return
        spaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in kinds]
        answer = json.dumps({"kinds": kinds}).encode() + b"\n"
        socket.send_fds(parent, [answer], [*(sock.fileno() for sock in listening), *spaces])


def _leave(*, net: bool) -> list[str]:
    """Leave the namespaces of the machine; root needs no users of its own for that."""
    if not net:
        _check(_library().unshare(_NEWNS))
        return ["mnt"]
    user, group = os.getuid(), os.getgid()
    if _library().unshare(_NEWNET | _NEWNS) == 0:
        return ["net", "mnt"]
    _check(_library().unshare(_NEWUSER | _NEWNET | _NEWNS))
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as written:
            written.write(text)
    return ["user", "net", "mnt"]


def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str | None, target: str, flags: int) -> None:
    name = None if source is None else os.fsencode(source)
    _check(_library().mount(name, os.fsencode(target), None, ctypes.c_ulong(flags), None))


def _bring_up(name: str) -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = struct.pack("16sH14x", name.encode(), 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, _GET_FLAGS, asked))[1]
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH14x", name.encode(), flags | _UP))


def _listen(host: str, port: int) -> socket.socket:
    kind = socket.SOCK_DGRAM if port == 53 else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(1024)
    return sock


if __name__ == "__main__":
    main()
