"""How the address of a store is written."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import SettingsError

__all__ = ["MEMORY", "parse_store", "shown_store"]

MEMORY = "memory"
SERVERS = ("redis", "rediss")
"""Schemes of addresses of Redis, without and with TLS."""
FORMS = "memory, sqlite:FILE or redis://HOST:PORT/DB"
_PASSWORD = re.compile(r"//[^/@]*@")


def parse_store(text: object) -> str:
    """The address of a store; raises `SettingsError` for one that cannot be read."""
    if not isinstance(text, str):
        raise SettingsError(f"expected {FORMS}, received {text!r}.")
    scheme, colon, rest = text.partition(":")
    if text == MEMORY or (scheme == "sqlite" and colon and rest):
        return text
    if scheme in SERVERS and _is_address(text):
        return text
    raise SettingsError(f"expected {FORMS}, received {shown_store(text)!r}.")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            bool(parts.hostname)
            and (parts.port or 1) > 0
            and re.fullmatch(r"(/\d*)?", parts.path) is not None
        )
    except ValueError:
        return False


def shown_store(text: str) -> str:
    """The address without a password."""
    return _PASSWORD.sub("//", text)
