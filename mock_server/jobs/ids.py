"""Identifiers in the styles of the real API, each a function of (seed, workspace, n)."""

from __future__ import annotations

import random
import re
import uuid
from binascii import b2a_base64
from collections.abc import Callable
from hashlib import shake_128

__all__ = ["ID_STYLES", "PER_BLOCK", "IdSource", "looks_issued"]

PER_BLOCK = 64
"""Ids that one call of the hash makes."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class IdSource:
    """Generation ids and request ids of one workspace; the same seed and number give the same id."""

    def __init__(self, seed: int | None = None, *, workspace: str = "", server: str = "") -> None:
        """`workspace` names whose ids they are: others of the same seed have others.

        `server` tells the ids of requests, which nobody counts together, from those of other servers.
        """
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.workspace = workspace
        named = f"{self.seed} {workspace}".encode("utf-8", "surrogatepass")
        self._jobs = _Numbers(b"job " + named)
        self._errors = _Numbers(b"request " + named + server.encode())
        self._requests = 0

    def generation_id(self, style: str, model: str, number: int) -> str:
        """The `number`th generation id, in one of `ID_STYLES`, for a job of this model."""
        return ID_STYLES[style](self._jobs.bits(number), model)

    def request_id(self) -> str:
        """A UUID for an error body's `requestId`, another one each time."""
        self._requests += 1
        return _uuid(self._errors.bits(self._requests))


class _Numbers:
    """128 bits for each number, which no other name and no other number has."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        # One tuple: threads may ask as well.
        self._kept = (-1, b"")

    def bits(self, number: int) -> bytes:
        """The bits of a number; most come one after the other, so a block of them is made at once."""
        index, place = divmod(number, PER_BLOCK)
        kept, block = self._kept
        if kept != index:
            block = shake_128(b"%d %b" % (index, self._name)).digest(16 * PER_BLOCK)
            self._kept = index, block
        return block[place * 16 : place * 16 + 16]


def _nanoid(bits: bytes, _model: str = "") -> str:
    # nanoid's alphabet is that of URL-safe base64, so 126 of the bits are its 21 characters.
    return b2a_base64(bits, newline=False)[:21].translate(_URL_SAFE).decode()


def _uuid(bits: bytes, _model: str = "") -> str:
    return str(uuid.UUID(bytes=bits, version=4))


def _leading_dash(bits: bytes, _model: str) -> str:
    return "-" + _nanoid(bits)[1:20] + "_"


def _digits(bits: bytes, _model: str) -> str:
    # Eighteen digits: beyond 2^53, and odd, so that a client that reads it as a number loses the end.
    return str(10**17 + 1 + 2 * (int.from_bytes(bits) % (45 * 10**16)))


def _leading_zeros(bits: bytes, _model: str) -> str:
    return "00" + str(10**15 + int.from_bytes(bits) % (9 * 10**15))


def _uuid_model(bits: bytes, model: str) -> str:
    return f"{_uuid(bits)}:{model}"


def _awkward(bits: bytes, _model: str) -> str:
    plain = _nanoid(bits)
    return f"{plain[:8]}+a&b=c#d%2Fe f/é…{plain[8:12]}"


ID_STYLES: dict[str, Callable[[bytes, str], str]] = {
    "nanoid": _nanoid,
    "leading-dash": _leading_dash,
    "digits": _digits,
    "leading-zeros": _leading_zeros,
    "uuid": _uuid,
    "uuid-model": _uuid_model,
    "awkward": _awkward,
}
"""Style name to maker. Sources: documented responses, and the traps that clients fall into."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ISSUED = re.compile(rf"[A-Za-z0-9_-]{{21}}|\d{{16,20}}|{_UUID}(?::[A-Za-z0-9./_-]+)?")


def looks_issued(generation_id: str) -> bool:
    """Whether an unknown id has the form of one that the server could have issued."""
    return _ISSUED.fullmatch(generation_id) is not None
