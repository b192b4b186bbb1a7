"""The run's bundle of certificates, loaded into a Python's TLS contexts only where they are needed.

Reading some hundred authorities takes 30 ms, and clients such as requests do it for every call; handshakes
with the mock's hosts use a context of their own and need none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ....virtual_time.patches import Patches

__all__ = ["defer_bundle", "load_deferred"]

_LATER = "_kling_mock_later"


def load_deferred(context: Any) -> None:
    """Load into a context what was put off."""
    for load in vars(context).pop(_LATER, ()) if hasattr(context, "__dict__") else ():
        load()


def defer_bundle(patches: Patches, bundle: str) -> None:
    """Put off loading the file `bundle` until a context is used for a host that is not the mock's."""
    import ssl

    kind = ssl.SSLContext
    load_file, load_defaults = kind.load_verify_locations, kind.load_default_certs

    def load_verify_locations(self: Any, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if cafile == bundle and capath is None and cadata is None:
            _later(self, lambda: load_file(self, cafile))
        else:
            load_file(self, cafile, capath, cadata)

    def load_default_certs(self: Any, purpose: Any = ssl.Purpose.SERVER_AUTH) -> None:
        if os.environ.get("SSL_CERT_FILE") == bundle:
            _later(self, lambda: load_defaults(self, purpose))
        else:
            load_defaults(self, purpose)

    def flushed(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **options: Any) -> Any:
            load_deferred(self)
            return original(self, *args, **options)

        return method

    patches.set(kind, "load_verify_locations", load_verify_locations)
    patches.set(kind, "load_default_certs", load_default_certs)
    for name in ("get_ca_certs", "cert_store_stats"):
        patches.set(kind, name, flushed(getattr(kind, name)))


def _later(context: Any, load: Callable[[], None]) -> None:
    vars(context).setdefault(_LATER, []).append(load)
