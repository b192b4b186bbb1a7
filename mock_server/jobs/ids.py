"""Identifiers in the styles that the real API has been seen to issue, from one seed."""

from __future__ import annotations

import random
import re
import uuid
from binascii import b2a_base64
from collections.abc import Callable

__all__ = ["ID_STYLES", "IdSource", "looks_issued"]

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class IdSource:
    """Generation ids and request ids; the same seed gives the same sequence."""

    def __init__(self, seed: int | None = None, *, of: str = "") -> None:
        """`of` names whose ids they are: others of the same seed have others."""
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self._jobs = random.Random(f"jobs {self.seed}{of}")
        self._requests = random.Random(f"requests {self.seed}{of}")

    def generation_id(self, style: str, model: str) -> str:
        """A new generation id in one of `ID_STYLES`, for a job of this model."""
        return ID_STYLES[style](self._jobs, model)

    def request_id(self) -> str:
        """A UUID for an error body's `requestId`."""
        return _uuid(self._requests)


def _nanoid(source: random.Random, _model: str = "") -> str:
    # nanoid's alphabet is that of URL-safe base64, so 126 random bits are its 21 characters.
    digits = b2a_base64(source.getrandbits(128).to_bytes(16, "big"), newline=False)
    return digits[:21].translate(_URL_SAFE).decode()


def _uuid(source: random.Random, _model: str = "") -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def _leading_dash(source: random.Random, _model: str) -> str:
    return "-" + _nanoid(source)[1:20] + "_"


def _digits(source: random.Random, _model: str) -> str:
    # Eighteen digits: beyond 2^53, so that a client that reads it as a number loses the end.
    return str(source.randrange(10**17 + 1, 10**18, 2))


def _leading_zeros(source: random.Random, _model: str) -> str:
    return "00" + str(source.randrange(10**15, 10**16))


def _uuid_model(source: random.Random, model: str) -> str:
    return f"{_uuid(source)}:{model}"


def _awkward(source: random.Random, _model: str) -> str:
    return f"{_nanoid(source)[:8]}+a&b=c#d%2Fe f/é…{_nanoid(source)[:4]}"


ID_STYLES: dict[str, Callable[[random.Random, str], str]] = {
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
