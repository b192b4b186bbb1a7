"""Keeps the programs of a run from other hosts, whatever they make of their environment (Linux).

The system asks before each connect and datagram. This machine may be reached, other hosts not: what asks for
a name or for a host of the mock is led to the run, even where no hook and no variable is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from . import seccomp
from .host_policy import Hosts
from .sandbox import STAND_IN

__all__ = ["Guard"]

T = TypeVar("T")
_ADDRESS = 128
"""Bytes of an address that are read."""
_NAMES = 53
_ASKED_FOR_NAMES = (
    b"/run/systemd/resolve/",
    b"/run/nscd/",
    b"/var/run/nscd/",
    b"/run/avahi-daemon/",
    b"/var/run/avahi-daemon/",
)
"""Where services listen that look names up for others."""
_OPEN_PROCESS, _GET_FILE = 434, 438
"""Linux: `pidfd_open` and `pidfd_getfd`."""


class Guard:
    """Starts programs from a thread of its own, and answers what the system asks of them until `close`.

    `gateway` is the port to which connects to the mock's hosts go, `names` the one that answers for names.
    `problem` says why the system has no such means, and is empty where it has: `call` starts programs either
    way.
    """

    def __init__(self, hosts: Hosts, *, gateway: int, names: int) -> None:
        self.problem = ""
        self._hosts = hosts
        self._gateway = gateway
        self._names = names
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._descriptor = -1
        self._woken, self._wake = -1, -1
        self._numbers = seccomp.NUMBERS.get(os.uname().machine)
        self._rests = True
        """False from before a question is taken until it has been answered."""
        self._answering: threading.Thread | None = None
        self._starting: threading.Thread | None = None

    def __enter__(self) -> Guard:
        ready: Future[int] = Future()
        self._starting = threading.Thread(
            target=self._start_programs, args=(ready,), name="kling-mock-guard", daemon=True
        )
        self._starting.start()
        try:
            self._descriptor = ready.result()
        except OSError as error:
            self.problem = error.strerror or str(error)
            return self
        self._woken, self._wake = os.pipe()
        self._answering = threading.Thread(target=self._answer_all, name="kling-mock-answers", daemon=True)
        self._answering.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.put(None)
        if self._starting is not None:
            self._starting.join()
        if self._answering is not None:
            os.write(self._wake, b"\0")
            self._answering.join()
            closed = self._descriptor, self._woken, self._wake
            self._descriptor = self._woken = self._wake = -1
            for descriptor in closed:
                os.close(descriptor)

    def busy(self) -> bool:
        """Tell whether a thread waits for an answer: it looks as if nothing would come for it."""
        return self._descriptor >= 0 and (not self._rests or seccomp.is_asked(self._descriptor))

    def call(self, function: Callable[[], T]) -> T:
        """Call something that starts a program, so that this one is guarded."""
        done: Future[T] = Future()
        self._calls.put((function, done))
        return done.result()

    def _start_programs(self, ready: Future[int]) -> None:
        """The guarded thread; it lasts, for the system ends programs with the thread that started them."""
        try:
            ready.set_result(seccomp.install())
        except OSError as error:
            ready.set_exception(error)
        while (asked := self._calls.get()) is not None:
            function, done = asked
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

    def _answer_all(self) -> None:
        descriptor, woken = self._descriptor, self._woken
        while seccomp.await_question(descriptor, woken):
            self._rests = False
            self._answer_next(descriptor)
            self._rests = True

    def _answer_next(self, descriptor: int) -> None:
        question = seccomp.next_question(descriptor)
        if question is not None:
            try:
                self._answer(question)
            except OSError as error:
                seccomp.answer(self._descriptor, question, error.errno or errno.ENETUNREACH)
            except Exception:
                seccomp.answer(self._descriptor, question, errno.ENETUNREACH)

    def _answer(self, question: seccomp.Question) -> None:
        assert self._numbers is not None
        if question.call == self._numbers.socket:
            self._give_local_socket(question)
            return
        connects = question.call == self._numbers.connect
        at, size = question.arguments[1:3] if connects else question.arguments[4:6]
        place = _place(_memory(question.thread, at, min(size, _ADDRESS)))
        port = self._port_for(place) if connects else None
        if port is not None:
            seccomp.answer(self._descriptor, question, _connect(question.thread, question.arguments[0], port))
        elif self._may(place, connects=connects):
            seccomp.let_go(self._descriptor, question)
        else:
            if place is not None and place[1] != _NAMES:
                self._hosts.refuse_unhooked(*place)
            seccomp.answer(self._descriptor, question, errno.ENETUNREACH if place else errno.ECONNREFUSED)

    def _port_for(self, place: tuple[str, int] | None) -> int | None:
        """The port of the run that answers in the place of another one."""
        if place is None:
            return None
        host, port = place
        if port == _NAMES:
            return self._names
        return self._gateway if host == STAND_IN else None

    def _may(self, place: tuple[str, int] | None, *, connects: bool) -> bool:
        """Tell whether a place is on this machine; None is where names are looked up for others."""
        if place is None or place[1] == _NAMES:
            return False
        # Who connects a datagram to port 0 only asks which of its addresses it would use.
        return place[0] == "" or (connects and place[1] == 0) or _is_here(place[0])

    def _give_local_socket(self, question: seccomp.Question) -> None:
        """Answer with a socket for datagrams that cannot leave this machine, whatever is done with it."""
        domain, kind, protocol = (number & 0xFFFFFFFF for number in question.arguments[:3])
        made = socket.socket(domain, kind, protocol)
        with made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
            seccomp.give_file(
                self._descriptor,
                question,
                made.fileno(),
                close_on_exec=bool(kind & socket.SOCK_CLOEXEC),
            )


def _memory(thread: int, at: int, size: int) -> bytes:
    with open(f"/proc/{thread}/mem", "rb", buffering=0) as file:
        return os.pread(file.fileno(), size, at)


def _place(address: bytes) -> tuple[str, int] | None:
    """The host and the port of an address, an empty host for one without; None for who looks names up."""
    (family,) = struct.unpack_from("=H", address)
    if family == socket.AF_UNIX:
        return None if address[2:].startswith(_ASKED_FOR_NAMES) else ("", 0)
    if family == socket.AF_INET:
        (port,) = struct.unpack_from("!H", address, 2)
        return socket.inet_ntop(socket.AF_INET, address[4:8]), port
    if family == socket.AF_INET6:
        (port,) = struct.unpack_from("!H", address, 2)
        mapped = address[8:20] == b"\0" * 10 + b"\xff\xff"
        kind, host = (socket.AF_INET, address[20:24]) if mapped else (socket.AF_INET6, address[8:24])
        return socket.inet_ntop(kind, host), port
    return "", 0


def _is_here(host: str) -> bool:
    """Tell whether an address is one of this machine's own: only those can be bound."""
    if host.startswith("127.") or host in ("0.0.0.0", "::1", "::"):
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
    except OSError:
        return False
    return True


def _connect(thread: int, number: int, port: int) -> int:
    """Connect a socket of another process to a port of this machine; the error that this had, or 0."""
    with _taken(thread, number) as sock:
        host = "::ffff:127.0.0.1" if sock.family == socket.AF_INET6 else "127.0.0.1"
        try:
            sock.connect((host, port))
        except OSError as error:
            return error.errno or errno.ENETUNREACH
    return 0


def _taken(thread: int, number: int) -> socket.socket:
    """A second name, here, for a socket of another process."""
    library = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{thread}/status") as status:
        process = next(int(line.split()[1]) for line in status if line.startswith("Tgid:"))
    opened = library.syscall(_OPEN_PROCESS, process, 0)
    if opened < 0:
        raise OSError(ctypes.get_errno(), "pidfd_open")
    try:
        found = library.syscall(_GET_FILE, opened, ctypes.c_int(number & 0xFFFFFFFF), 0)
    finally:
        os.close(opened)
    if found < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return socket.socket(fileno=found)
