"""The proxies that the user has set: hosts which are not the mock's are still reached through them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ...hostnames import is_loopback, plain_name

__all__ = ["Proxy", "UserProxies"]

LOCAL = ("localhost", "127.0.0.1", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """A proxy: where it listens, and what it wants to be told."""

    host: str
    port: int
    tls: bool = False
    authorization: bytes = b""
    """A header line that tells the proxy who asks, with its line end; empty where its URL names nobody."""


class UserProxies:
    """The proxies of an environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in both cases.

    Proxies that speak something else than HTTP (SOCKS, say) cannot be put behind another one: `unusable`
    lists their URLs.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._proxies: dict[str, Proxy] = {}
        self.unusable: list[str] = []
        self._without = "" if environ is None else _value(environ, "no")
        for scheme in ("http", "https", "all"):
            url = "" if environ is None else _value(environ, scheme)
            proxy = _parse(url) if url else None
            if proxy is not None:
                self._proxies[scheme] = proxy
            elif url and url not in self.unusable:
                self.unusable.append(url)

    @property
    def schemes(self) -> list[str]:
        """The schemes that have a proxy: `http`, `https`, `all`."""
        return sorted(self._proxies)

    def proxy_for(self, scheme: str, host: str) -> Proxy | None:
        """The proxy through which a host is to be reached; None where it is reached directly."""
        if is_loopback(host) or any(_covers(entry, host) for entry in self._without.split(",")):
            return None
        return self._proxies.get(scheme) or self._proxies.get("all")

    def no_proxy(self, hosts: Iterable[str]) -> str:
        """`NO_PROXY` for a child: the user's own, without entries that would lead past the mock."""
        known = list(hosts)
        entries = [entry.strip() for entry in self._without.split(",") if entry.strip()]
        kept = [entry for entry in entries if not any(_covers(entry, host) for host in known)]
        return ",".join(dict.fromkeys([*LOCAL, *kept]))


def _covers(entry: str, host: str) -> bool:
    """Tell whether an entry of `NO_PROXY` means a host: `*`, its name, or the end of it; ports do not count.

    As curl and Go read it. `urllib.request.proxy_bypass_environment` knows `*` only alone and no `*.NAME`,
    and takes the whole list, where each entry has to be kept or left out for a child.
    """
    name = entry.strip().lower().removeprefix("*.").removeprefix(".")
    if name.count(":") == 1:
        name = name.partition(":")[0]
    host = plain_name(host)
    return name == "*" or (name != "" and (host == plain_name(name) or host.endswith(f".{name}")))


def _value(environ: Mapping[str, str], scheme: str) -> str:
    name = f"{scheme}_proxy"
    return environ.get(name) or environ.get(name.upper()) or ""


def _parse(url: str) -> Proxy | None:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host:
        return None
    line = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        line = b"Proxy-Authorization: Basic " + base64.b64encode(pair) + b"\r\n"
    return Proxy(host, port or DEFAULT_PORTS[parts.scheme], parts.scheme == "https", line)
