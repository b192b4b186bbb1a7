"""What is wrong with the head of a request, and how one is written without its wish for another protocol."""

from __future__ import annotations

from collections.abc import Sequence

from ..limits import MAX_FIELDS, MAX_HEAD, MAX_TARGET

__all__ = ["OPENING", "head_size", "head_without_upgrade", "host_problem", "size_problem", "unreadable"]

OPENING = 16
"""The first bytes of a connection, by which other protocols are told."""
HTTP2_PREFACE = b"PRI * HTTP/2.0"

Head = Sequence[tuple[bytes, bytes]]
Refusal = tuple[int, str]
"""A status and a sentence."""


def head_size(target: bytes, headers: Head) -> int:
    """The bytes of a head, about: those of the target and of each header with its colon and line end."""
    return len(target) + sum([len(name) + len(value) + 4 for name, value in headers])


def size_problem(target: bytes, headers: Head, size: int) -> Refusal | None:
    """Why a head is too large; None where it is not."""
    if len(target) > MAX_TARGET:
        return 414, f"URI too long: expected at most {MAX_TARGET} bytes, received {len(target)}."
    if len(headers) > MAX_FIELDS:
        return 431, f"Request header fields too large: expected at most {MAX_FIELDS} fields."
    if size > MAX_HEAD:
        return 431, f"Request header fields too large: expected at most {MAX_HEAD} bytes."
    return None


def host_problem(hosts: int, version: str) -> Refusal | None:
    """Why a request with so many Host headers is refused; None where it is not."""
    if hosts > 1:
        return 400, f"Invalid HTTP request: expected one Host header, received {hosts}."
    if hosts == 0 and version != "1.0":
        return 400, "Invalid HTTP request: expected a Host header, received none."
    return None


def unreadable(opening: bytes) -> str:
    """What is said of bytes that are no HTTP/1.1, by the first of them on the connection."""
    text = "Invalid HTTP request received."
    if opening[:1] == b"\x16":
        return text + " It looks like TLS: this address speaks http://, not https://."
    if opening.startswith(HTTP2_PREFACE):
        return text + " It looks like HTTP/2 with prior knowledge: this server speaks HTTP/1.1."
    return text


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: Head) -> bytes:
    """The same head without `Upgrade`, for a server that stays with HTTP/1.1 and reads the body."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers:
        if name in (b"upgrade", b"http2-settings"):
            continue
        if name == b"connection":
            kept = [token.strip() for token in value.split(b",")]
            value = b", ".join(
                token for token in kept if token.lower() not in (b"upgrade", b"http2-settings")
            )
            if not value:
                continue
        lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"", b""])
