"""Identifiers in the styles of the real API, each a function of (seed, workspace, n)."""

from __future__ import annotations

import random
import re
import uuid
from binascii import b2a_base64
from collections.abc import Callable
from hashlib import blake2b

__all__ = ["ID_STYLES", "IdSource", "looks_issued"]

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class IdSource:
    """Generation ids and request ids of one workspace; the same seed and number give the same id."""

    def __init__(self, seed: int | None = None, *, workspace: str = "") -> None:
        """`workspace` names whose ids they are: others of the same seed have others."""
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.workspace = workspace
        named = f"{self.seed} {workspace}".encode("utf-8", "surrogatepass")
        self._key = blake2b(named, digest_size=32).digest()
        self._requests = 0

    def generation_id(self, style: str, model: str, number: int) -> str:
        """The `number`th generation id, in one of `ID_STYLES`, for a job of this model."""
        return ID_STYLES[style](self._bits(b"job %d" % number), model)

    def request_id(self) -> str:
        """A UUID for an error body's `requestId`, another one each time."""
        self._requests += 1
        return _uuid(self._bits(b"request %d" % self._requests))

    def _bits(self, what: bytes) -> bytes:
        """128 bits that only this seed, this workspace and this number have."""
        # One block of the hash: a key of its own would be another.
        return blake2b(self._key + what, digest_size=16).digest()


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
