"""Leading pycurl and curl_cffi, whose connections no socket of Python shows: by the proxy of the run.

Each transfer gets the proxy and the authority when it begins, and its handle what it had when it has ended.
Imports the standard library only: the hooks use it, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ....virtual_time.import_hooks import ImportHooks
from ....virtual_time.patches import Patches

__all__ = ["LibCurl"]

_LOCAL = "localhost,127.0.0.1,::1"
_KEPT = "_kling_mock_options"


class LibCurl:
    """Replaces what begins a transfer; `proxy` tells the URL of the proxy, `bundle` a file of authorities."""

    def __init__(self, proxy: Callable[[], str], bundle: Callable[[], str]) -> None:
        self._proxy = proxy
        self._bundle = bundle

    def apply(self, patches: Patches, import_hooks: ImportHooks) -> None:
        """Lead both, once they are imported."""
        import_hooks.when("pycurl", lambda: self.apply_pycurl(patches))
        import_hooks.when("curl_cffi.aio", lambda: self.apply_curl_cffi(patches))

    def apply_pycurl(self, patches: Patches) -> None:
        """Lead the handles of pycurl, which must have been imported."""
        module: Any = sys.modules["pycurl"]
        kind = module.Curl
        tracked = {module.PROXY, module.NOPROXY}
        # Older versions take a file only, and nothing can take that back.
        blob = getattr(module, "CAINFO_BLOB", None)

        def lead(curl: Any) -> None:
            setopt(curl, module.PROXY, self._proxy())
            setopt(curl, module.NOPROXY, _LOCAL)
            if blob is None:
                setopt(curl, module.CAINFO, self._bundle())
                return
            with open(self._bundle(), "rb") as file:
                setopt(curl, blob, file.read())

        def release(curl: Any) -> None:
            kept = getattr(curl, _KEPT, {})
            for option in (*tracked, *filter(None, [blob])):
                try:
                    if option in kept:
                        setopt(curl, option, kept[option])
                    else:
                        curl.unsetopt(option)
                except (module.error, TypeError):
                    pass  # not every option can be taken back: the next transfer sets it anew

        def remembering(curl: Any, option: Any, value: Any) -> Any:
            _remember(curl, option, value, tracked)
            return setopt(curl, option, value)

        setopt, reset = kind.setopt, kind.reset
        patches.set_in_c(kind, "setopt", remembering)
        patches.set_in_c(kind, "reset", _forgetting(reset))
        for name in ("perform", "perform_rb", "perform_rs"):
            patches.set_in_c(kind, name, _around(getattr(kind, name), lead, release))
        self._lead_multi(patches, module.CurlMulti, lead, release)

    def _lead_multi(
        self, patches: Patches, kind: Any, lead: Callable[[Any], None], release: Callable[[Any], None]
    ) -> None:
        add, remove = kind.add_handle, kind.remove_handle

        def add_handle(multi: Any, curl: Any) -> Any:
            lead(curl)
            return add(multi, curl)

        def remove_handle(multi: Any, curl: Any) -> Any:
            result = remove(multi, curl)
            release(curl)
            return result

        patches.set_in_c(kind, "add_handle", add_handle)
        patches.set_in_c(kind, "remove_handle", remove_handle)

    def apply_curl_cffi(self, patches: Patches) -> None:
        """Lead the handles of curl_cffi, whose modules `curl` and `aio` must have been imported."""
        module: Any = sys.modules["curl_cffi.curl"]
        kind, options = module.Curl, module.CurlOpt
        defaults = {options.PROXY: "", options.NOPROXY: "", options.CAINFO: module.DEFAULT_CACERT}

        def lead(curl: Any) -> None:
            for option, value in (
                (options.PROXY, self._proxy()),
                (options.NOPROXY, _LOCAL),
                (options.CAINFO, self._bundle()),
            ):
                setopt(curl, option, value)

        def release(curl: Any) -> None:
            kept = getattr(curl, _KEPT, {})
            for option, value in defaults.items():
                setopt(curl, option, kept.get(option, value))

        def remembering(curl: Any, option: Any, value: Any) -> Any:
            _remember(curl, option, value, defaults)
            return setopt(curl, option, value)

        setopt = kind.setopt
        patches.set(kind, "setopt", remembering)
        patches.set(kind, "reset", _forgetting(kind.reset))
        patches.set(kind, "perform", _around(kind.perform, lead, release))
        asynchronous: Any = sys.modules.get("curl_cffi.aio")
        if asynchronous is not None:
            add = asynchronous.AsyncCurl.add_handle

            def add_handle(multi: Any, curl: Any) -> Any:
                # Its sessions reset a handle themselves.
                lead(curl)
                return add(multi, curl)

            patches.set(asynchronous.AsyncCurl, "add_handle", add_handle)


def _around(
    original: Callable[..., Any], lead: Callable[[Any], None], release: Callable[[Any], None]
) -> Callable[..., Any]:
    """A method that makes a transfer."""

    def perform(curl: Any, *args: Any, **options: Any) -> Any:
        lead(curl)
        try:
            return original(curl, *args, **options)
        finally:
            release(curl)

    return perform


def _remember(curl: Any, option: Any, value: Any, tracked: Any) -> None:
    if option in tracked:
        setattr(curl, _KEPT, {**getattr(curl, _KEPT, {}), option: value})


def _forgetting(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def reset(curl: Any) -> Any:
        setattr(curl, _KEPT, {})
        return original(curl)

    return reset
