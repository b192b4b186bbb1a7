"""Blocking sockets: a wait for the mock's answer, and its timeout, pass in virtual time."""

from __future__ import annotations

import math
import os
import socket
import stat
from collections.abc import Callable
from typing import Any, Literal

from .originals import monotonic, poll, select, socket_methods
from .patches import Patches
from .scheduler import Ready
from .session import Session, session_of_thread

__all__ = ["NEUTRAL", "REAL", "VIRTUAL", "Kind", "kind_of", "patch_sockets", "patch_tls", "readiness"]

VIRTUAL: Literal["virtual"] = "virtual"
"""A socket whose other side is the mock."""
REAL: Literal["real"] = "real"
"""A descriptor whose other side lives in real time: a pipe, a process, another host."""
NEUTRAL: Literal["neutral"] = "neutral"
"""A descriptor that nobody waits for in earnest: a listening socket, an event loop's own pair."""
Kind = Literal["virtual", "real", "neutral"]


def kind_of(descriptor: int, session: Session) -> Kind:
    """Tell which time the other side of a descriptor lives in."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return REAL
        with socket.socket(fileno=os.dup(descriptor)) as double:
            peer, own = double.getpeername(), double.getsockname()
    except OSError:
        return NEUTRAL
    if not isinstance(peer, tuple):
        # A pair without names belongs to this process, as an event loop's does; a name leads to a server.
        return REAL if peer or own else NEUTRAL
    return VIRTUAL if session.source.local(str(peer[0]), int(peer[1])) else REAL


def readiness(sock: socket.socket, write: bool) -> Ready:
    """A look at whether a socket can be read from (or written to) without waiting."""
    descriptor = sock.fileno()
    if poll is None:
        lists = ([], [descriptor]) if write else ([descriptor], [])
        return lambda pause: any(select(*lists, [], pause))
    looker = poll()
    looker.register(descriptor, 4 if write else 1)
    return lambda pause: bool(looker.poll(math.ceil(pause * 1000)))


def _place(sock: socket.socket, session: Session) -> Kind | None:
    """Tell which time a wait on this socket passes in, None where it does not wait or is not connected."""
    if sock.gettimeout() == 0:
        return None
    try:
        peer = sock.getpeername()
        if isinstance(peer, tuple):
            return VIRTUAL if session.source.local(str(peer[0]), int(peer[1])) else REAL
        # A pair without names belongs to this process.
        return REAL if peer or sock.getsockname() else NEUTRAL
    except OSError:
        return None


def _wait(sock: socket.socket, session: Session, kind: Kind, deadline: float, write: bool) -> bool:
    """Wait until a socket can be used, and say whether it can.

    In virtual time where its other side lives in it, too. For the real world in real time: what is awaited
    from there holds time up in the meantime, and others are told so.
    """
    ready = readiness(sock, write)
    if kind != REAL:
        return session.scheduler.until(deadline, ready, socket=kind == VIRTUAL)
    came = False

    def ready_or_late(pause: float) -> bool:
        nonlocal came
        left = deadline - monotonic()
        came = came or ready(min(pause, max(left, 0.0)))
        return came or left <= 0

    session.scheduler.until(math.inf, ready_or_late, external=(sock.fileno(),))
    return came


def _session_for(sock: socket.socket) -> tuple[Session, Kind] | None:
    """The session that a wait on this socket belongs to; None where it is left to the system.

    That is a wait for this process itself without an end: nobody else has to know of it.
    """
    session = session_of_thread()
    kind = None if session is None else _place(sock, session)
    if session is None or kind is None or (kind == NEUTRAL and sock.gettimeout() is None):
        return None
    return session, kind


def _use(sock: socket.socket, write: bool, original: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Use a socket, and note what happens on it where its other side is not the mock."""
    session = session_of_thread()
    if session is None:
        return original(sock, *args, **options)
    descriptor, external_io = sock.fileno(), session.external_io
    if write:
        external_io.sent(descriptor)
        return original(sock, *args, **options)
    if sock.gettimeout() != 0:
        external_io.begin(descriptor)
    try:
        result = original(sock, *args, **options)
    finally:
        external_io.end()
    external_io.came(descriptor)
    return result


def _deadline(sock: socket.socket, session: Session, kind: Kind) -> float:
    timeout = sock.gettimeout()
    if timeout is None:
        return math.inf
    return monotonic() + timeout if kind == REAL else session.due_in(timeout)


def _waiting(name: str, write: bool) -> Callable[..., Any]:
    """A socket's method that waits in virtual time first."""
    original = socket_methods[name]

    def method(self: socket.socket, *args: Any, **options: Any) -> Any:
        found = _session_for(self)
        if found is not None:
            session, kind = found
            if not _wait(self, session, kind, _deadline(self, session, kind), write):
                raise TimeoutError("timed out")
            if kind == VIRTUAL:
                return original(self, *args, **options)
        return _use(self, write, original, *args, **options)

    method.__name__ = name
    return method


def _sendall(self: socket.socket, data: Any, flags: int = 0, /) -> None:
    found = _session_for(self)
    if found is None:
        _use(self, True, socket_methods["sendall"], data, flags)
        return
    session, kind = found
    deadline = _deadline(self, session, kind)
    with memoryview(data) as view, view.cast("B") as rest:
        sent = 0
        while sent < len(rest):
            if not _wait(self, session, kind, deadline, True):
                raise TimeoutError("timed out")
            session.external_io.sent(self.fileno())
            sent += _send_some(self, rest[sent:], flags)


def _send_some(sock: socket.socket, data: memoryview, flags: int) -> int:
    """Send as much as fits, so that a full buffer is waited for in virtual time."""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        return int(socket_methods["send"](sock, data, flags))
    except BlockingIOError:
        return 0
    finally:
        sock.settimeout(timeout)


def _accept(self: socket.socket) -> Any:
    session = session_of_thread()
    if session is not None and self.gettimeout():
        if not _wait(self, session, NEUTRAL, _deadline(self, session, NEUTRAL), False):
            raise TimeoutError("timed out")
    return socket_methods["accept"](self)


def patch_sockets(patches: Patches) -> None:
    """Replace the methods of plain sockets that wait for the other side."""
    for name in ("recv", "recv_into", "recvfrom", "recvfrom_into"):
        patches.set(socket.socket, name, _waiting(name, write=False))
    patches.set(socket.socket, "send", _waiting("send", write=True))
    patches.set(socket.socket, "sendall", _sendall)
    patches.set(socket.socket, "accept", _accept)


def patch_tls(patches: Patches) -> None:
    """Replace the methods of TLS sockets that wait for the other side."""
    import ssl

    patches.set(
        ssl.SSLSocket, "read", _tls(ssl, ssl.SSLSocket.read, "The read operation timed out", write=False)
    )
    patches.set(
        ssl.SSLSocket, "send", _tls(ssl, ssl.SSLSocket.send, "The write operation timed out", write=True)
    )


def _tls(ssl: Any, original: Callable[..., Any], message: str, *, write: bool) -> Callable[..., Any]:
    """A TLS socket's method that never waits itself: TLS says which way it has to wait."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        found = _session_for(self) if getattr(self, "_sslobj", None) is not None else None
        if found is None:
            return _use(self, write, original, *args, **options)
        session, kind = found
        timeout, deadline = self.gettimeout(), _deadline(self, session, kind)
        self.settimeout(0)
        try:
            while True:
                try:
                    return _use(self, write, original, *args, **options)
                except ssl.SSLWantReadError:
                    want_write = False
                except ssl.SSLWantWriteError:
                    want_write = True
                if not _wait(self, session, kind, deadline, want_write):
                    raise TimeoutError(message)
        finally:
            if self.fileno() != -1:
                self.settimeout(timeout)

    return method
