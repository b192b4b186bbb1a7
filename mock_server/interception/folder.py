"""The temporary folder of one run: what the hooks and tools in the child read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from mock_server.clock import Clock
from mock_server.interception.certificates import Authority
from mock_server.interception.hosts import Hosts
from mock_server.interception.timekeeping import ClockFile

__all__ = ["HOOKS", "RunFolder"]

HOOKS = Path(__file__).with_name("hooks")
"""What a child's Python and Node load first."""


class RunFolder:
    """Files that only this user can read; `close` removes all of them."""

    def __init__(self, authority: Authority, hosts: Hosts, clock: Clock) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="kling-mock-run-"))
        self.authority = self._write("authority.pem", authority.pem)
        self.bundle = self._write("bundle.pem", authority.bundle())
        self.wgetrc = self._write("wgetrc", self._wgetrc())
        self.tools = self._tools()
        self.config = self.path / "run.json"
        self._hosts = hosts
        self._pem = authority.pem.decode()
        self._listeners = clock.listeners
        self._clock = ClockFile(self.path / "clock", clock)
        clock.listeners.append(self._clock.publish)
        self.write_hosts()
        hosts.changed = self.write_hosts

    def configure(self, *, hooked: int, proxy: int, token: str, fast_forward: bool) -> None:
        """Write down what the hooks need to know, once the ports are open."""
        config = {
            "package": str(Path(__file__).parent.parent),
            "hosts": str(self.path / "hosts.json"),
            "clock": str(self._clock.path),
            "authority": self._pem,
            "bundle": str(self.bundle),
            "hooked": hooked,
            "proxy": proxy,
            "token": token,
            "fast_forward": fast_forward,
        }
        self._write(self.config.name, json.dumps(config).encode())

    def write_hosts(self) -> None:
        """Replace the list of hosts at once, so that nobody reads half of it."""
        new = self._write("hosts.json.new", self._hosts.as_json().encode())
        new.replace(self.path / "hosts.json")

    def close(self) -> None:
        """Remove everything."""
        self._hosts.changed = lambda: None
        self._listeners.remove(self._clock.publish)
        self._clock.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> Path:
        path = self.path / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return path

    def _tools(self) -> Path:
        """A folder with a `sleep` for shell scripts, to be found before the system's own."""
        tools = self.path / "tools"
        tools.mkdir()
        script = tools / "sleep"
        words = " ".join(map(shlex.quote, [sys.executable, "-IS", str(HOOKS / "sleep.py")]))
        script.write_text(f'#!/bin/sh\n_KLING_SLEEP="$0" exec {words} "$@"\n')
        script.chmod(0o700)
        return tools

    def _wgetrc(self) -> bytes:
        """The user's own settings of wget, and the authority: wget reads one file only."""
        own = os.environ.get("WGETRC") or os.path.expanduser("~/.wgetrc")
        try:
            kept = Path(own).read_bytes()
        except OSError:
            kept = b""
        return kept + b"\nca_certificate = " + os.fsencode(self.bundle) + b"\n"
