"""The proxies that a Python process sees: its own and never a run's, which is for programs without a hook.

A program that goes through a proxy gets other errors than one that does not, and repeats other requests:
what a hook leads to the mock anyway must not notice one. Imports the standard library only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from ....virtual_time.patches import Patches
from ...shared.decision import Decide

__all__ = ["Proxies", "Shown"]

Shown = Callable[[str, str], bool]
"""Says of a scheme (`http`, `https`, `all`) and a proxy's URL whether this process may see it."""


class Proxies:
    """Replaces what `urllib.request` tells of the environment's proxies: requests, httpx and aiohttp ask it.

    `decide` says which hosts are the mock's and `names` lists them: no proxy is between them and a program.
    """

    def __init__(self, decide: Decide, names: Callable[[], Iterable[str]], shown: Shown) -> None:
        self._decide = decide
        self._names = names
        self._shown = shown

    def apply(self, patches: Patches) -> None:
        """Replace the functions of `urllib.request`, which must have been imported."""
        module = sys.modules["urllib.request"]
        one_name = getattr(module, "getproxies", None) is getattr(module, "getproxies_environment", None)
        for name in ("getproxies_environment", *(["getproxies"] if one_name else [])):
            patches.replace(module, name, self._seen(vars(module)[name]))
        for name in ("proxy_bypass_environment", "proxy_bypass"):
            if name in vars(module):
                patches.replace(module, name, self._bypassing(vars(module)[name]))

    def _seen(self, original: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
        def getproxies_environment() -> dict[str, str]:
            found = original()
            seen = {
                scheme: url for scheme, url in found.items() if scheme != "no" and self._shown(scheme, url)
            }
            if seen:
                seen["no"] = ",".join([*filter(None, [found.get("no")]), *sorted(self._names())])
            return seen

        return getproxies_environment

    def _bypassing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def proxy_bypass(host: str, *args: Any, **options: Any) -> Any:
            try:
                name = urlsplit(f"//{host}").hostname
            except ValueError:
                name = None
            return (name is not None and self._decide(name) == "mock") or original(host, *args, **options)

        return proxy_bypass
