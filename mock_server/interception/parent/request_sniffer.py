"""The first bytes of a connection to the gateway: what they ask for, before anything answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["MAX_HEAD", "Opening", "OpeningKind", "read_opening"]

MAX_HEAD = 64 * 1024
"""The longest head of a request that is waited for."""

_REQUEST_LINE = re.compile(rb"([A-Z]+) ([^ \r\n]+) HTTP/1\.[01]\r?\n")
_PORT = re.compile(r"[0-9]{1,5}")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


OpeningKind = Literal["tls", "hook", "connect", "absolute", "origin", "invalid"]
"""`hook`: a hook's own words; `connect` and `absolute`: a proxy's client; `origin`: a request for a path."""


@dataclass(frozen=True)
class Opening:
    """The first words of a connection: what they are, and for a proxy which host they ask for."""

    kind: OpeningKind
    host: str = ""
    port: int = 0
    rewritten: bytes = b""
    """For `absolute`: the head as the host itself would get it."""


def read_opening(head: bytes) -> Opening | None:
    """Read what the first bytes ask for; None where more of them are needed."""
    if head[:1] == b"\x16":
        return Opening("tls")
    if head[:1] == b"{":
        return Opening("hook")
    if not head:
        return None
    if not head[:1].isalpha():
        return Opening("invalid")
    line = head.split(b"\n", 1)[0]
    if b"\n" not in head:
        return Opening("invalid") if len(head) > MAX_HEAD else None
    match = _REQUEST_LINE.match(head)
    if match is None:
        # Not HTTP as a proxy knows it: the mock's own server says what is wrong with it.
        return Opening("origin")
    method, target = match[1], match[2]
    absolute = _ABSOLUTE.match(target)
    if method != b"CONNECT" and absolute is None:
        return Opening("origin")
    if b"\r\n\r\n" not in head:
        # A client of a proxy says in its head who it is.
        return Opening("invalid") if len(head) > MAX_HEAD else None
    if method == b"CONNECT" or absolute is None:
        return _place("connect", target, 443)
    opening = _place("absolute", absolute[1], 80)
    rest = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    new_line = line.replace(target, rest, 1)
    return Opening(opening.kind, opening.host, opening.port, new_line + head[len(line) :])


def _place(kind: OpeningKind, authority: bytes, port: int) -> Opening:
    text = authority.rpartition(b"@")[2].decode("latin-1")
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(port)
    if not _PORT.fullmatch(number) or not 0 < int(number) < 65536 or not host:
        return Opening("invalid")
    return Opening(kind, host.strip("[]"), int(number))
