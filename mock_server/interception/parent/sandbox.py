"""A run's own network: no program below has another one, whatever it makes of its environment (Linux).

Inside, loopback is all there is. The run's ports are there as well as outside; the hosts of the mock have an
address of loopback in `/etc/hosts`, on which ports 80 and 443 are the gateway's; and the machine's file of
trusted certificates is the run's. So even a static binary without any variable is led to the mock.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ServerError
from .host_policy import Hosts
from .name_server import NameServer
from .run_directory import CHILD, RunDirectory

__all__ = ["STAND_IN", "Sandbox", "SandboxFiles", "Spaces", "open_files", "open_sandbox"]

KEEPER = CHILD / "sandbox" / "keeper.py"
STAND_IN = "127.83.0.1"
"""The address of the mock's hosts inside."""
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the authorities that programs trust: one of them is there, or two names of it."""
_KINDS = {"user": 0x10000000, "net": 0x40000000, "mnt": 0x00020000}
"""Linux, <linux/sched.h>."""


class SandboxFiles:
    """What the programs inside find instead of the machine's own files; removed with the run's folder."""

    def __init__(self, folder: RunDirectory, hosts: Hosts) -> None:
        self._hosts = hosts
        self._folder = folder.path / "sandbox"
        self._folder.mkdir(mode=0o700)
        self._own_hosts = _read("/etc/hosts")
        services = re.sub(r"(?m)^\s*hosts:.*$", "", _read("/etc/nsswitch.conf"))
        self._write("nsswitch.conf", f"{services}\nhosts: files dns\n")
        self._write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (self._folder / "nscd").mkdir()
        self.write_hosts()
        self.places = [
            *(
                (str(self._folder / name), f"/etc/{name}")
                for name in ("hosts", "nsswitch.conf", "resolv.conf")
            ),
            # A cache of names beside those files would be asked first.
            *((str(self._folder / "nscd"), place) for place in ("/run/nscd", "/var/run/nscd")),
            *((str(folder.bundle), place) for place in CERTIFICATES),
        ]
        """Pairs: a file, and the place where it is found inside."""

    def write_hosts(self) -> None:
        """Write down the hosts of the mock, in place: the file is in use already."""
        names = "".join(f"{STAND_IN} {name}\n" for name in sorted(self._hosts.names))
        self._write("hosts", f"127.0.0.1 localhost\n::1 localhost\n{names}{self._own_hosts}")

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)


@dataclass(frozen=True)
class Spaces:
    """Namespaces that a child can be put into."""

    spaces: Sequence[tuple[int, int]]
    """Pairs: the descriptor of a namespace, and its kind."""

    def entering(self) -> Callable[[], None]:
        """A function for a child that has not become its command yet: it makes system calls only."""
        enter, folder, change = ctypes.CDLL(None, use_errno=True).setns, os.getcwd(), os.chdir
        spaces, error = list(self.spaces), ctypes.get_errno

        def put_inside() -> None:
            for descriptor, kind in spaces:
                if enter(descriptor, kind) != 0:
                    raise OSError(error(), "cannot enter the network of the run")
            change(folder)

        return put_inside

    def close(self) -> None:
        """Let go of it: it ends with its last process."""
        for descriptor, _ in self.spaces:
            os.close(descriptor)


@dataclass(frozen=True)
class Sandbox(Spaces):
    """The same with a network, and the sockets that listen inside."""

    listening: Sequence[socket.socket]
    """One for each port asked for, in that order; then those for ports 80 and 443 of the mock's hosts."""
    names: NameServer
    """Answers what is asked for names inside; it was not started."""

    def close(self) -> None:
        """Let go of it: it ends with its last process."""
        self.names.close()
        for sock in self.listening:
            sock.close()
        super().close()


def open_sandbox(ports: Iterable[int], files: SandboxFiles, hosts: Hosts) -> Sandbox:
    """Make a network of its own, with these ports on its 127.0.0.1.

    Raises `ServerError` with the reason where this system has none to give.
    """
    if sys.platform != "linux":
        raise ServerError(_sentence("it takes Linux"))
    addresses = [
        *(("127.0.0.1", port) for port in ports),
        (STAND_IN, 80),
        (STAND_IN, 443),
        ("127.0.0.1", 53),
    ]
    sockets, spaces = _kept(addresses, files, net=True)
    *listening, asked = sockets
    return Sandbox(spaces, listening, NameServer(asked, hosts, STAND_IN))


def open_files(files: SandboxFiles) -> Spaces | None:
    """The files alone, in the network of the machine; None where this process has no right to that."""
    if sys.platform != "linux":
        return None
    try:
        return Spaces(_kept([], files, net=False)[1])
    except ServerError:
        return None


def _kept(
    addresses: Sequence[tuple[str, int]], files: SandboxFiles, *, net: bool
) -> tuple[list[socket.socket], list[tuple[int, int]]]:
    """Let the keeper make namespaces; what listens inside, and what leads there."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            keeper = subprocess.Popen(
                [sys.executable, "-IS", str(KEEPER)], stdin=theirs.fileno(), stderr=subprocess.DEVNULL
            )
        wanted = {"listen": addresses, "files": files.places, "net": net}
        ours.sendall(json.dumps(wanted).encode() + b"\n")
        text, descriptors, _, _ = socket.recv_fds(ours, 65536, len(addresses) + len(_KINDS))
        keeper.wait()
    answer = json.loads(text) if text else {"error": "the process that makes it ended at once"}
    if "error" in answer:
        raise ServerError(_sentence(answer["error"]))
    sockets = [socket.socket(fileno=number) for number in descriptors[: len(addresses)]]
    kinds = [_KINDS[kind] for kind in answer["kinds"]]
    return sockets, list(zip(descriptors[len(addresses) :], kinds, strict=True))


def _sentence(reason: str) -> str:
    return (
        f"--sandbox: this system gives a program no network of its own ({reason}). Without it, --offline "
        "keeps programs from other hosts, and the summary says which of them were not led to the mock."
    )


def _read(file: str) -> str:
    try:
        return Path(file).read_text()
    except (OSError, ValueError):
        return ""
