"""Which HTTP protocol the server speaks with: its own, or uvicorn's where uvicorn's private parts differ."""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http import httptools_impl

__all__ = ["METHODS", "missing_parts", "protocol_class"]

METHODS = (
    "_start_asgi_task",
    "_unset_keepalive_if_required",
    "on_response_complete",
    "shutdown",
    "timeout_keep_alive_handler",
)
"""Methods of uvicorn's protocol that `MockProtocol` extends or calls."""
ATTRIBUTES = (
    "connections",
    "cycle",
    "expect_100_continue",
    "flow",
    "parser",
    "pipeline",
    "server_state",
    "timeout_keep_alive_task",
)
"""Attributes of uvicorn's protocol that `MockProtocol` reads or sets."""

_log = logging.getLogger("kling_mock")
_told = False


def missing_parts() -> list[str]:
    """The private parts of uvicorn that `MockProtocol` builds on and that the installed uvicorn lacks."""
    protocol = httptools_impl.HttpToolsProtocol
    # The names that the constructor uses: an instance cannot be made without a loop and a configuration.
    named = protocol.__init__.__code__.co_names
    return [
        *(name for name in METHODS if not hasattr(protocol, name)),
        *(name for name in ATTRIBUTES if name not in named),
        *(name for name in ("RequestResponseCycle", "STATUS_LINE") if not hasattr(httptools_impl, name)),
    ]


def protocol_class() -> type[asyncio.Protocol]:
    """`MockProtocol`, or uvicorn's own protocol where the former cannot work; a warning says so once.

    With uvicorn's own every answer is right, but slower, and what needs the connection itself is delivered
    only as far as ASGI goes: a reset arrives as a connection that closes, or as a 500 before the first byte.
    """
    global _told
    missing = missing_parts()
    if not missing:
        # Imported here because it needs the parts to be there.
        from .uvicorn_protocol import MockProtocol

        return MockProtocol
    if not _told:
        _told = True
        _log.warning(
            "This uvicorn lacks %s, which kling-mock's HTTP protocol builds on: requests are served by "
            "uvicorn's own, slower, and resets and hung connections are not delivered as such. "
            "Install a uvicorn that kling-mock's metadata allows.",
            ", ".join(missing),
        )
    return httptools_impl.HttpToolsProtocol
