"""The temporary folder of one run: what the hooks and tools in the child read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from ... import timing
from ...clock import Clock
from ...events import EventKind
from .certificates import Authority
from .clock_server import ClockFile
from .host_policy import Hosts
from .stale_runs import PREFIX, claim
from .user_proxies import UserProxies

__all__ = ["BUNDLE_VARIABLES", "NODE_BRIEF", "NODE_PRELOAD", "PYTHON_STARTUP", "RUBY_HOOK", "RunDirectory"]

CHILD = Path(__file__).parent.parent / "child"
PYTHON_STARTUP = CHILD / "python" / "startup"
"""Stands in front of a Python child's import path."""
NODE_PRELOAD = CHILD / "node" / "preload.cjs"
NODE_BRIEF = CHILD / "node" / "brief.cjs"
"""The module that a Node child loads first."""
PHP_PREPEND = CHILD / "php" / "prepend.php"
"""Loaded before a PHP program; `PHP_CLOCKS` are what it writes anew."""
PHP_CLOCKS = ("sleep", "usleep", "time_nanosleep", "time_sleep_until", "time", "microtime", "hrtime", "date")
RUBY_HOOK = CHILD / "ruby" / "hook.rb"
"""Required by a Ruby program before its own code."""
PROTOCOL = 2
"""The version of what parent and hooks say to each other: PROTOCOL.md."""
START_COMMAND = CHILD / "commands" / "start.py"
"""Starts a command that waits or tells the time, for shells."""
COMMANDS = ("sleep", "date")
_STAND_IN = (sys.executable, "-IS", str(START_COMMAND))
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "DENO_CERT")
"""Files of trusted certificates: OpenSSL (and Go, Ruby, PHP with it), requests, curl, git, Deno."""
NODE_VARIABLE = "NODE_EXTRA_CA_CERTS"
"""The same for Node, which has the machine's own authorities without a file."""


class RunDirectory:
    """Files that only this user can read; the end of the `with` block, or `close`, removes all of them.

    What the user's own environment trusts is trusted by the child as well.
    """

    def __init__(
        self, authority: Authority, hosts: Hosts, clock: Clock, proxies: UserProxies | None = None
    ) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self._owner = claim(self.path)
            self.marks.mkdir(mode=0o700)
            self._fill(authority, proxies or UserProxies(), hosts)
            self._clock = ClockFile(self.path / "clock", clock)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        self._end = clock.bus.subscribe(lambda _event: self._clock.publish(), (EventKind.CLOCK,))
        hosts.listeners.append(self.write_hosts)

    def _fill(self, authority: Authority, proxies: UserProxies, hosts: Hosts) -> None:
        """Write what does not depend on ports."""
        own = {name: os.environ[name] for name in (*BUNDLE_VARIABLES, NODE_VARIABLE) if os.environ.get(name)}
        self.bundle = self._write("bundle.pem", authority.bundle(own.values()))
        node = own.get(NODE_VARIABLE)
        self.node_authorities = self._write("node.pem", authority.extended([] if node is None else [node]))
        self.wgetrc = self._write("wgetrc", self._wgetrc())
        self.tools = self._tools()
        self.config = self.path / "run.json"
        self.no_proxy = proxies.no_proxy(hosts.names)
        self._proxies = proxies
        self._hosts = hosts
        self._pem = authority.pem.decode()
        self.write_hosts()

    @property
    def marks(self) -> Path:
        """Where each hook leaves a file with its process's number as name."""
        return self.path / "marks"

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def configure(self, *, hooked: int, proxy: int, proxy_url: str, token: str, fast_forward: bool) -> None:
        """Write down what the hooks need to know, once the ports are open."""
        config = {
            "version": PROTOCOL,
            "package": str(CHILD.parent.parent),
            "hosts": str(self.path / "hosts.json"),
            "clock": str(self._clock.path),
            "marks": str(self.marks),
            "authority": self._pem,
            "bundle": str(self.bundle),
            "hooked": hooked,
            "proxy": proxy,
            "proxy_url": proxy_url,
            "user_proxies": self._proxies.schemes,
            "no_proxy": self.no_proxy,
            "token": token,
            "fast_forward": fast_forward,
            "limit": [*_STAND_IN, "limit"],
            "epoch": time.time() - time.monotonic(),
            "timing": timing.for_hooks(),
        }
        self._write(self.config.name, json.dumps(config).encode())
        self.php = self._php(fast_forward=fast_forward)

    def _php(self, *, fast_forward: bool) -> Path:
        """A folder with settings for PHP, which reads it after its own."""
        disabled = ",".join(PHP_CLOCKS) if fast_forward else ""
        settings = {
            "auto_prepend_file": PHP_PREPEND,
            "openssl.cafile": self.bundle,
            "curl.cainfo": self.bundle,
            "disable_functions": disabled,
        }
        folder = self.path / "php"
        folder.mkdir(exist_ok=True)
        self._write("php/kling-mock.ini", "".join(f'{n}="{v}"\n' for n, v in settings.items() if v).encode())
        return folder

    def write_hosts(self) -> None:
        """Replace the list of hosts at once, so that nobody reads half of it."""
        new = self._write("hosts.json.new", self._hosts.as_json().encode())
        new.replace(self.path / "hosts.json")

    def close(self) -> None:
        """Remove everything."""
        self._end()
        self._hosts.listeners.remove(self.write_hosts)
        self._clock.close()
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._owner)

    def _write(self, name: str, content: bytes) -> Path:
        path = self.path / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return path

    def _tools(self) -> Path:
        """A folder with a `sleep` and a `date` for shell scripts, to be found before the system's own."""
        tools = self.path / "tools"
        tools.mkdir()
        for name in COMMANDS:
            script = tools / name
            words = " ".join(map(shlex.quote, [*_STAND_IN, name]))
            script.write_text(f'#!/bin/sh\n_KLING_TOOL="$0" exec {words} "$@"\n')
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
