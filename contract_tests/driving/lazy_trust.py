"""TLS contexts that read their authorities when they are first needed: clients make one for each call.

A context that never shakes hands, as with a mock over http, never needs them, and to read the usual bundle
takes longer than a whole run. Who looks into a context finds all of them there.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import weakref
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["lazy_trust"]

USES = ("_wrap_socket", "_wrap_bio", "cert_store_stats", "get_ca_certs")
"""Methods that need the authorities of a context."""
LOADS = ("load_verify_locations", "set_default_verify_paths")
_Load = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The name and the arguments of a method that was put off."""


@contextlib.contextmanager
def lazy_trust() -> Iterator[None]:
    """Put off what contexts read again until it is used, as long as the block lasts.

    What is read for the first time is read at once, so that a file that is missing raises as ever.
    """
    pending: weakref.WeakKeyDictionary[ssl.SSLContext, list[_Load]] = weakref.WeakKeyDictionary()
    known: set[tuple[Any, ...]] = set()
    before = {name: ssl.SSLContext.__dict__.get(name) for name in (*USES, *LOADS)}
    originals: dict[str, Callable[..., Any]] = {name: getattr(ssl.SSLContext, name) for name in before}

    def loading(name: str) -> Callable[..., None]:
        def load(self: ssl.SSLContext, *args: Any, **options: Any) -> None:
            key = _key(name, args, options)
            if key is None or key not in known:
                originals[name](self, *args, **options)
                if key is not None:
                    known.add(key)
            else:
                pending.setdefault(self, []).append((name, args, options))

        return load

    def using(name: str) -> Callable[..., Any]:
        def use(self: ssl.SSLContext, *args: Any, **options: Any) -> Any:
            for name_of_load, given, named in pending.pop(self, ()):
                originals[name_of_load](self, *given, **named)
            return originals[name](self, *args, **options)

        return use

    try:
        for name in USES:
            setattr(ssl.SSLContext, name, using(name))
        for name in LOADS:
            setattr(ssl.SSLContext, name, loading(name))
        yield
    finally:
        for name, own in before.items():
            if own is None:
                delattr(ssl.SSLContext, name)
            else:
                setattr(ssl.SSLContext, name, own)
        for context, loads in list(pending.items()):
            for name, args, options in loads:
                originals[name](context, *args, **options)


def _key(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...] | None:
    """What is read, and the state of its files; None where that is no file."""
    if name == "set_default_verify_paths":
        return (name, *(os.environ.get(variable) for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    given = [*args, *options.values()]
    if not all(part is None or isinstance(part, str | os.PathLike) for part in given):
        return None
    try:
        states = [os.stat(part) for part in given if part is not None]
    except OSError:
        return None
    return (
        name,
        args,
        tuple(options.items()),
        *((one.st_ino, one.st_mtime_ns, one.st_size) for one in states),
    )
