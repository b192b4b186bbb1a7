"""Leading the programs that a process under `intercept` starts: as `kling-mock run` does, in real time."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from multiprocessing import util
from typing import Any

from ...server import MockServer
from ...virtual_time.patches import Patches
from .certificates import Authority
from .clock_server import ClockServer
from .environment import child_environment
from .gateway import Gateway
from .host_policy import Hosts
from .run_directory import RunDirectory

__all__ = ["LedChildren"]

_ENV = 10
"""The place of `env` among the arguments of `Popen`."""


class LedChildren:
    """Gives each program that is started the variables that lead it; nothing is made before the first one."""

    def __init__(
        self,
        server: MockServer,
        gateway: Gateway,
        clock_server: ClockServer,
        hosts: Hosts,
        authority: Authority,
    ) -> None:
        self._server = server
        self._gateway = gateway
        self._clock_server = clock_server
        self._hosts = hosts
        self._authority = authority
        self._folder: RunDirectory | None = None
        self._lock = threading.Lock()

    def apply(self, patches: Patches) -> None:
        """Replace what starts programs: `subprocess`, and with it asyncio, and `multiprocessing`."""
        patches.set(subprocess.Popen, "__init__", self._starting(subprocess.Popen.__init__))
        if os.name == "posix":
            patches.set(util, "spawnv_passfds", self._spawning(util.spawnv_passfds))
        patches.later(self._close)

    def _starting(self, original: Callable[..., None]) -> Callable[..., None]:
        def start(popen: Any, *args: Any, **options: Any) -> None:
            given = args[_ENV] if len(args) > _ENV else options.get("env")
            environment = self._environment(os.environ if given is None else given)
            if len(args) > _ENV:
                args = (*args[:_ENV], environment, *args[_ENV + 1 :])
            else:
                options["env"] = environment
            original(popen, *args, **options)

        return start

    def _spawning(self, original: Callable[..., int]) -> Callable[..., int]:
        """What `multiprocessing` starts takes this process's own variables: for a moment it has these."""

        def spawn(*args: Any) -> int:
            environment = self._environment(os.environ)
            with self._lock:
                before = dict(os.environ)
                os.environ.update(environment)
                try:
                    return original(*args)
                finally:
                    for name in environment.keys() - before.keys():
                        del os.environ[name]
                    os.environ.update(before)

        return spawn

    def _environment(self, environ: Mapping[Any, Any]) -> dict[str, str]:
        plain = {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}
        with self._lock:
            folder = self._folder = self._folder or self._made()
        return child_environment(folder, self._gateway.proxy_url, fast_forward=False, environ=plain)

    def _made(self) -> RunDirectory:
        folder = RunDirectory(self._authority, self._hosts, self._server.clock)
        folder.configure(
            hooked=self._gateway.hooked,
            proxy=self._gateway.port,
            proxy_url=self._gateway.proxy_url,
            token=self._clock_server.token,
            fast_forward=False,
        )
        return folder

    def _close(self) -> None:
        if self._folder is not None:
            self._folder.close()
