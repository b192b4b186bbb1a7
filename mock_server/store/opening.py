"""Opening a store by its address."""

from __future__ import annotations

from importlib.util import find_spec

from .address import MEMORY
from .records import Backend, StoreError

__all__ = ["open_backend"]


def open_backend(address: str) -> Backend | None:
    """The store of an address; None for that in memory. Raises `StoreError` where it cannot be used."""
    if address == MEMORY:
        return None
    scheme, _, rest = address.partition(":")
    if scheme == "sqlite":
        from .sqlite import SqliteBackend

        return SqliteBackend(rest)
    if find_spec("redis") is None or find_spec("hiredis") is None:
        raise StoreError("A store in Redis needs its client: python -m pip install 'kling-mock[redis]'.")
    from .redis_server import RedisBackend

    return RedisBackend(address)
