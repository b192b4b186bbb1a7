"""Sockets, look-ups and TLS of gevent and eventlet, which put their own in the place of the system's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ....virtual_time.import_hooks import ImportHooks
from ....virtual_time.patches import Patches
from .redirection import Redirection

__all__ = ["lead_green_sockets"]

_NAMES = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
_SAID = "kling-mock run: {library} waits in a loop of its own: sleeps of this process take real time.\n"


def lead_green_sockets(
    redirection: Redirection, patches: Patches, import_hooks: ImportHooks, note: Callable[[str], None] | None
) -> None:
    """Lead them as others are, once they are imported; `note` is told of a library whose waits are real."""

    def look_ups(module: str) -> None:
        for name in _NAMES:
            if name in vars(sys.modules[module]):
                original = getattr(sys.modules[module], name)
                patches.set(sys.modules[module], name, getattr(redirection, name)(original))

    def gevent_sockets() -> None:
        redirection.apply_class(patches, sys.modules["gevent._socket3"].socket)

    def eventlet_sockets() -> None:
        module: Any = sys.modules["eventlet.greenio.base"]
        original = module.socket_connect
        patches.set(
            module, "socket_connect", lambda sock, address: original(sock, redirection.target(sock, address))
        )

    def tls(module: str, kind: str) -> None:
        redirection.apply_context(patches, getattr(sys.modules[module], kind))

    def say(library: str) -> None:
        if note is not None:
            sys.stderr.write(_SAID.format(library=library))
            note(library)

    actions: dict[str, Callable[[], None]] = {
        "gevent._socketcommon": lambda: look_ups("gevent._socketcommon"),
        "gevent._socket3": gevent_sockets,
        "gevent.ssl": lambda: tls("gevent.ssl", "SSLContext"),
        "gevent.hub": lambda: say("gevent"),
        "eventlet.greenio.base": eventlet_sockets,
        "eventlet.green.socket": lambda: look_ups("eventlet.green.socket"),
        "eventlet.green.ssl": lambda: tls("eventlet.green.ssl", "GreenSSLContext"),
        "eventlet.hubs": lambda: say("eventlet"),
    }
    for module, action in actions.items():
        import_hooks.when(module, action)
