"""Who may use a run's proxy: whoever knows its password, and the processes of the run that cannot say it."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import socket

from .peer_process import is_from_below

__all__ = ["CHALLENGE", "Admission", "without_credentials"]

USER = "run"
_NAME = b"proxy-authorization"
_TEXT = (
    b"kling-mock run: this proxy serves the programs of one run only. A program of the run gets in with the "
    b"user and the password that stand in its HTTPS_PROXY.\n"
)
CHALLENGE = b"\r\n".join(
    (
        b"HTTP/1.1 407 Proxy Authentication Required",
        b'Proxy-Authenticate: Basic realm="kling-mock run"',
        b"Content-Type: text/plain",
        b"Connection: close",
        b"Content-Length: %d" % len(_TEXT),
        b"",
        _TEXT,
    )
)
"""The answer for a stranger."""


class Admission:
    """The password of one run, and the look at who has not said it."""

    def __init__(self) -> None:
        self._password = secrets.token_urlsafe(24)
        self._expected = base64.b64encode(f"{USER}:{self._password}".encode())

    def url(self, port: int) -> str:
        """The proxy's URL as programs of the run get it."""
        return f"http://{USER}:{self._password}@127.0.0.1:{port}"

    async def admits(self, sock: socket.socket, head: bytes) -> bool:
        """Tell whether a request's head shows the password, or its connection is of a process of the run."""
        return self._is_shown(head) or await asyncio.to_thread(is_from_below, sock)

    def _is_shown(self, head: bytes) -> bool:
        for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            scheme, _, word = value.strip().partition(b" ")
            if name.lower() == _NAME and scheme.lower() == b"basic":
                return hmac.compare_digest(word.strip(), self._expected)
        return False


def without_credentials(head: bytes) -> bytes:
    """A request's head without what is meant for this proxy alone: nobody behind it may read that."""
    fields, end, rest = head.partition(b"\r\n\r\n")
    kept: list[bytes] = []
    dropping = False
    for line in fields.split(b"\r\n"):
        # A line that begins with a blank goes on with the one before it.
        dropping = dropping if line[:1] in (b" ", b"\t") else line.partition(b":")[0].strip().lower() == _NAME
        if not dropping:
            kept.append(line)
    return b"\r\n".join(kept) + end + rest
