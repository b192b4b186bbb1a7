"""How the functions of clients, and the variables that they read, call the base URL and the key."""

from __future__ import annotations

__all__ = ["ADDRESSES", "KEYS", "is_address_variable", "is_key_variable"]

ADDRESSES = frozenset({"base_url", "base", "api_base", "url", "endpoint", "host", "server"})
"""The argument for the base URL."""
KEYS = frozenset({"api_key", "key", "apikey", "token", "api_token", "auth"})
"""The argument for the key."""


def is_key_variable(name: str) -> bool:
    """Whether a constant or a variable of the environment is the key, by its name."""
    return "KEY" in name or "TOKEN" in name


def is_address_variable(name: str) -> bool:
    """Whether it is the base URL."""
    return not is_key_variable(name) and any(word in name for word in ("BASE", "URL", "ENDPOINT", "HOST"))
