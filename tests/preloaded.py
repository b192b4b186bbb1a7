"""Processes of `kling-mock` that need not import it first: each is a copy of one that has done so.

Most of what a short run of the command costs are its imports: most of a second of the processor, some
hundred times. `words("run")` begins a command line that does as `python -m kling_mock run` does, for tests of
what the command does with its words, and not of how it starts.

As a program: `preloaded.py PATH MODULE…` serves copies at a socket until its standard input ends; meanwhile
`preloaded.py PATH WORD…` asks for one, with its own environment, folder, input and outputs, and ends as it
does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress

__all__ = ["words"]

_COMMON = ("kling_mock.cli.main", "kling_mock.cli.group", "kling_mock.serving.uvicorn_protocol", "uvloop")
MODULES = {
    "run": (
        "kling_mock.cli.run",
        "kling_mock.interception.parent.run",
        "kling_mock.verdicts.verdict",
        "trustme",
    ),
    "serve": ("kling_mock.cli.serve", "kling_mock.cli.listening", "kling_mock.server"),
}
"""What the copies of a command have imported, as far as it is there."""
_KEPT: dict[str, tuple[object, ...]] = {}
"""What keeps the server of a command's copies going: its folder, and the pipe that is its standard input."""


def words(command: str) -> list[str]:
    """The beginning of a command line of `kling-mock COMMAND`."""
    if not hasattr(socket, "send_fds"):
        return [sys.executable, "-m", "kling_mock", command]
    if command not in _KEPT:
        _KEPT[command] = _started(command)
    return [sys.executable, "-I", "-S", __file__, str(_KEPT[command][0]), command]


def _started(command: str) -> tuple[object, ...]:
    """Start a server of copies: the path of its socket, then what keeps it going."""
    import subprocess
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="kling-preloaded-", ignore_cleanup_errors=True)
    path = f"{folder.name}/socket"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK_")}
    reading, writing = os.pipe()
    # Not a child of this process, whose children tests count: the one in between ends at once.
    subprocess.run(
        [sys.executable, __file__, path, *_COMMON, *MODULES[command]],
        stdin=reading, stdout=subprocess.DEVNULL, env=environ | {"PYTHONIOENCODING": "utf-8"}, check=True,
    )  # fmt: skip
    os.close(reading)
    return path, folder, writing


def serve(path: str, modules: list[str]) -> None:
    """Import these, then fork for each that asks, until standard input ends."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    import gc
    import importlib
    import select

    for module in modules:
        with suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while 0 not in select.select([0, listening.fileno()], [], [])[0]:
        asking = listening.accept()[0]
        if not os.fork():
            listening.close()
            os.dup2(null, 0)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(asking)
            return
        asking.close()


def _answer(asking: socket.socket) -> None:
    """Be the command that is asked for, in a child, and tell its status."""
    import json

    data, files, _, _ = socket.recv_fds(asking, 65536, 3)
    while not data.endswith(b"\n"):
        data += asking.recv(65536)
    asked = json.loads(data)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        asking.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    asking.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.path[0] = asked["folder"]
    sys.argv = ["kling-mock", *asked["words"]]
    from kling_mock.cli.main import main

    sys.exit(main())


def ask(path: str, command: list[str]) -> int:
    """Have a copy be this command; returns its exit status."""
    import json

    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        asked = {"words": command, "environ": dict(os.environ), "folder": os.getcwd()}
        data = json.dumps(asked).encode() + b"\n"
        sent = socket.send_fds(asking, [data], [0, 1, 2])
        asking.sendall(data[sent:])
        status = int(asking.makefile("rb").readline())
    if status < 0:
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    if os.path.exists(sys.argv[1]):
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1], sys.argv[2:])
