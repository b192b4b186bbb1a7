"""Linux's own look at what a thread and all that it starts ask of the network: a filter, and its questions.

No rights are needed for it. What is asked waits until this process has answered.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import sys
from typing import NamedTuple

__all__ = [
    "NUMBERS",
    "Numbers",
    "Question",
    "answer",
    "await_question",
    "give_file",
    "install",
    "is_asked",
    "let_go",
    "next_question",
]


class Numbers(NamedTuple):
    """System calls of one machine, and those of its 32-bit programs that would go by the filter."""

    arch: int
    seccomp: int
    socket: int
    connect: int
    sendto: int
    sendmsg: int
    foreign: tuple[int, ...]


NUMBERS = {
    "x86_64": Numbers(0xC000003E, 317, 41, 42, 44, 46, (102, 345, 362, 369, 370)),
    "aarch64": Numbers(0xC00000B7, 277, 198, 203, 206, 211, (283, 290, 296, 374)),
}
"""By the machine's name; Linux, <asm/unistd.h>."""
_IO_URING, _X32 = 425, 0x40000000
_FAST_OPEN = 0x20000000
_ENOSYS, _EPERM, _EOPNOTSUPP = 38, 1, 95
_ALLOW, _ASK, _ERROR = 0x7FFF0000, 0x7FC00000, 0x00050000
_NEW_LISTENER, _SPEED_KEPT, _NO_NEW_PRIVS = 8, 4, 38
_RECEIVE, _SEND, _ADD_FILE = 0xC0502100, 0xC0182101, 0x40182103
"""Linux, <linux/seccomp.h>, <linux/prctl.h>."""
_LOAD, _EQUAL, _GREATER, _SET, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54


class Question(NamedTuple):
    """A system call that waits for an answer: of which thread, which one, and with what."""

    id: int
    thread: int
    call: int
    arguments: tuple[int, ...]


def install() -> int:
    """Ask about what this thread and its children do from now on; the descriptor that is asked through.

    Raises `OSError` where the system has no such filter, or another one stands above this process.
    """
    numbers = NUMBERS.get(os.uname().machine) if sys.platform == "linux" else None
    if numbers is None:
        raise OSError(_ENOSYS, "this is for Linux on x86-64 and ARM64")
    library = ctypes.CDLL(None, use_errno=True)
    code = _filter(numbers)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(held))
    for privileged in (True, False):
        # Root may do it as it is; others give up what programs with rights of their own would give them.
        if not privileged and library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            break
        descriptor = library.syscall(numbers.seccomp, 1, _NEW_LISTENER | _SPEED_KEPT, program)
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
            return int(descriptor)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def await_question(descriptor: int, woken: int) -> bool:
    """Wait for a question; False once `woken` can be read or nobody is left who could ask."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(woken, select.POLLIN)
    ready = dict(poll.poll())
    return woken not in ready and not ready.get(descriptor, 0) & ~select.POLLIN


def is_asked(descriptor: int) -> bool:
    """Tell whether there is a question that nobody has taken."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(ready == select.POLLIN for _, ready in poll.poll(0))


def next_question(descriptor: int) -> Question | None:
    """Take a question; None where who asked has ended."""
    text = bytearray(80)
    try:
        fcntl.ioctl(descriptor, _RECEIVE, text)
    except OSError:
        return None
    number, thread, _, call, _, _, *arguments = struct.unpack("QIIiIQ6Q", text)
    return Question(number, thread, call, tuple(arguments))


def let_go(descriptor: int, question: Question) -> None:
    """Let the system do what was asked."""
    _answer(descriptor, struct.pack("QqiI", question.id, 0, 0, 1))


def answer(descriptor: int, question: Question, error: int) -> None:
    """Answer with an error; with 0 it has been done."""
    _answer(descriptor, struct.pack("QqiI", question.id, 0, -error, 0))


def give_file(descriptor: int, question: Question, file: int, *, close_on_exec: bool) -> None:
    """Answer with a file of this process, as the system answers `socket`."""
    flags = os.O_CLOEXEC if close_on_exec else 0
    fcntl.ioctl(descriptor, _ADD_FILE, struct.pack("QIIII", question.id, 2, file, 0, flags))


def _answer(descriptor: int, text: bytes) -> None:
    try:
        fcntl.ioctl(descriptor, _SEND, text)
    except OSError:
        pass  # who asked has ended


def _filter(numbers: Numbers) -> bytes:
    """The filter as the kernel runs it: nothing but numbers can be told there."""
    rules: list[bytes] = [
        *_if_argument(numbers.socket, 0, [(_EQUAL, 17)], _ERROR | _EPERM),  # frames of the link itself
        # AF_INET and AF_INET6, datagrams and raw ones.
        *[one for domain in (2, 10) for kind in (2, 3) for one in _if_socket(numbers.socket, domain, kind)],
        *_if(numbers.connect, _ASK),
        *_if_address(numbers.sendto),
        *_if_argument(numbers.sendmsg, 2, [(_SET, _FAST_OPEN)], _ERROR | _EOPNOTSUPP),
        *_if(_IO_URING, _ERROR | _ENOSYS),
    ]
    foreign = [one for number in numbers.foreign for one in _if(number, _ERROR | _ENOSYS)]
    native = [_op(_LOAD, 0), _op(_GREATER, _X32, 0, 1), _op(_RETURN, _ERROR | _ENOSYS), *rules]
    return b"".join(
        [
            _op(_LOAD, 4),
            _op(_EQUAL, numbers.arch, len(foreign) + 2, 0),
            _op(_LOAD, 0),
            *foreign,
            _op(_RETURN, _ALLOW),
            *native,
            _op(_RETURN, _ALLOW),
        ]
    )


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _argument(index: int) -> bytes:
    return _op(_LOAD, 16 + 8 * index)


def _if(call: int, result: int) -> list[bytes]:
    """For one system call; each of these leaves its number loaded."""
    return [_op(_EQUAL, call, 0, 1), _op(_RETURN, result)]


def _if_argument(call: int, index: int, tests: list[tuple[int, int]], result: int) -> list[bytes]:
    """For one system call with an argument that one of the tests holds for."""
    checks = [one for code, value in tests for one in (_op(code, value, 0, 1), _op(_RETURN, result))]
    return [_op(_EQUAL, call, 0, len(checks) + 2), _argument(index), *checks, _op(_LOAD, 0)]


def _if_socket(call: int, domain: int, kind: int) -> list[bytes]:
    checks = [
        _argument(0),
        _op(_EQUAL, domain, 0, 4),
        _argument(1),
        _op(_AND, 0xF),
        _op(_EQUAL, kind, 0, 1),
        _op(_RETURN, _ASK),
    ]
    return [_op(_EQUAL, call, 0, len(checks) + 1), *checks, _op(_LOAD, 0)]


def _if_address(call: int) -> list[bytes]:
    """For `sendto` with an address: without one it is what every connection sends by."""
    checks = [
        _argument(4),
        _op(_EQUAL, 0, 0, 2),
        _op(_LOAD, 16 + 8 * 4 + 4),
        _op(_EQUAL, 0, 1, 0),
        _op(_RETURN, _ASK),
    ]
    return [_op(_EQUAL, call, 0, len(checks) + 1), *checks, _op(_LOAD, 0)]
