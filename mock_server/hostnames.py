"""Host names and addresses: how they are compared, and which of them are this machine.

The standard library only, for Python 3.9 as well: the hooks in child processes decide by the same functions.
`interception/child/node/hostnames.cjs` says the same in JavaScript: a test
holds the two to one list of cases.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

__all__ = ["is_loopback", "is_this_machine", "own_name", "plain_name"]


def plain_name(host: str) -> str:
    """A host name as it is compared: lower case, without brackets and without the last dot."""
    return host.strip("[]").rstrip(".").lower()


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Tell whether a name or an address always means this machine, and nobody else can reach it.

    `localhost` and every name below it (RFC 6761), 127.0.0.0/8, ::1, and those of IPv4 written as IPv6
    (::ffff:127.0.0.1), as a server that listens on `::` sees its clients. Nothing is looked up.
    """
    name = plain_name(host).partition("%")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def is_this_machine(host: str) -> bool:
    """Tell whether a connect to a name or an address stays on this machine.

    Loopback does, and so do 0.0.0.0 and ::, which mean any address of this machine. A server must not trust
    those two in a Host header: browsers let pages of other origins ask for them.
    """
    return is_loopback(host) or plain_name(host) in ("0.0.0.0", "::")


def own_name() -> str:
    """This machine's own name, which programs look up without meaning the network."""
    return plain_name(socket.gethostname())
