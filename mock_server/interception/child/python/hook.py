"""The hook of a Python process under `kling-mock run`: it leads connections and time to the parent."""

from __future__ import annotations

import atexit
import json
import os
from typing import Any

from .... import timing
from ....virtual_time import originals
from ....virtual_time.import_hooks import ImportHooks
from ....virtual_time.patches import Patches
from ....virtual_time.uvloops import without_uvloop
from ...shared.decision import Decision
from .green_sockets import lead_green_sockets
from .lazy_ca_bundle import defer_bundle
from .libcurl import LibCurl
from .proxies import Proxies, Shown
from .redirection import Redirection

__all__ = ["hook"]


class _HostList:
    """The parent's list of hosts, read again whenever it has changed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stamp: Any = None
        self._hosts: frozenset[str] = frozenset()
        self._offline = False

    def decide(self, host: str) -> Decision:
        """Decide about a host by its name."""
        self._read()
        if host in self._hosts:
            return "mock"
        return "refuse" if self._offline else "pass"

    def names(self) -> frozenset[str]:
        """Every host that the mock answers for."""
        self._read()
        return self._hosts

    def _read(self) -> None:
        try:
            status = os.stat(self._path)
            if (stamp := (status.st_mtime_ns, status.st_ino)) != self._stamp:
                with open(self._path) as file:
                    known = json.load(file)
                self._hosts, self._offline = frozenset(known["hosts"]), known["offline"]
                self._stamp = stamp
        except OSError:
            pass  # the run is over: what was known last still holds


def hook(config: dict[str, Any]) -> None:
    """Lead this process's connections to the parent's gateway, and let it live by the parent's clock."""
    from .remote_time_source import RemoteTimeSource

    parent = RemoteTimeSource(
        config["clock"], config["hooked"], config["token"], (config["hooked"], config["proxy"])
    )

    def refuse(host: str, port: int) -> None:
        parent.ask({"ask": "refused", "host": host, "port": port}, answered=False)

    patches, import_hooks = Patches(kept={"_kling_mock"}), ImportHooks()
    hosts = _HostList(config["hosts"])
    redirection = Redirection(hosts.decide, refuse, config["hooked"], config["proxy"], config["authority"])
    proxies = Proxies(hosts.decide, hosts.names, _shown(config))
    import_hooks.when("urllib.request", lambda: proxies.apply(patches))
    redirection.apply(patches)
    import_hooks.when("ssl", lambda: redirection.apply_tls(patches))
    import_hooks.when("ssl", lambda: defer_bundle(patches, config["bundle"]))
    import_hooks.when("asyncio", lambda: redirection.apply_asyncio(patches))
    import_hooks.when("aiohttp.connector", lambda: redirection.apply_aiohttp(patches))
    import_hooks.when("uvloop", lambda: without_uvloop(patches))
    LibCurl(lambda: config["proxy_url"], lambda: config["bundle"]).apply(patches, import_hooks)
    marks = config["marks"]
    note = (lambda library: _leave_mark(marks, library)) if config["fast_forward"] else None
    lead_green_sockets(redirection, patches, import_hooks, note)
    patches.rename()
    _leave_mark(marks)
    if config["fast_forward"]:
        from ....virtual_time import fast_forward_from

        session = fast_forward_from(parent, import_hooks=import_hooks, shared=True)
        session.__enter__().wall_offset = _moved_by(config["epoch"])
        # Kept: a generator that nobody refers to ends. What runs at the end does not do so in every child:
        # since 3.13 those of `multiprocessing` forget what their parent has registered.
        _kept.append(session)
        # Python's own end waits for threads in real time.
        atexit.register(session.__exit__, None, None, None)


def _leave_mark(folder: str, library: str = "") -> None:
    """Show that this process is hooked, and which library in it waits in real time all the same."""
    mark = os.path.join(folder, str(os.getpid()))
    try:
        with open(f"{mark}.new", "w") as file:
            file.write(library)
        os.replace(f"{mark}.new", mark)
    except OSError:
        pass  # the run is over, or its disk is full: nothing depends on it


def _moved_by(epoch: float) -> float:
    """Seconds by which libfaketime has set this program's time of day; 0 where nothing has."""
    moved = originals.time() - (epoch + originals.monotonic())
    return moved if abs(moved) > timing.CLOCK_MOVED else 0.0


_kept: list[Any] = []
"""What lasts as long as the process."""


def _shown(config: dict[str, Any]) -> Shown:
    """The run's proxy stands for the user's own where there is one, and is not to be seen elsewhere."""
    return lambda scheme, url: url != config["proxy_url"] or scheme in config["user_proxies"]
