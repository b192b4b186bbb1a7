"""Which hosts the mock answers for, which are left alone, and which were refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from ...errors import SettingsError
from ...exchanges.exchange import Exchange
from ...exchanges.video_urls import video_urls
from ...hostnames import is_loopback, is_this_machine, own_name, plain_name
from ..shared.decision import Decision

__all__ = ["API_HOST", "MOST_REFUSED", "OTHERS", "Hosts"]

API_HOST = "api.aimlapi.com"
MOST_LEARNED = 64
"""Hosts of videos that are answered for as well: clients name them, and each is told to every hook."""

MOST_REFUSED = 1_000
"""Hosts that are counted by name; a program may try as many as it likes."""
LONGEST_NAME = 255
"""Characters of a host's name (RFC 1035); what is longer is cut off."""
OTHERS = "other hosts"
"""Stands for all beyond those."""


class Hosts:
    """The hosts of one run: those asked for, and those that the mock's own answers name.

    `offline` refuses every other host. `on_unhooked_refusal` is told of each attempt of a program without a
    hook, as `host:port`: such a program may not show why it failed.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        offline: bool = False,
        on_unhooked_refusal: Callable[[str], None] = lambda place: None,
    ) -> None:
        self.offline = offline
        self.refused: dict[str, int] = {}
        """Attempts by `host:port`, or by the name alone where that was looked up; the first comes first.

        Of those after the first thousand the sum is kept, as `other hosts`.
        """
        self.untrusted = 0
        """Connections that the program broke off because it does not trust the run's authority."""
        self.listeners: list[Callable[[], None]] = []
        """Called whenever there is one more host to answer for."""
        self._on_unhooked_refusal = on_unhooked_refusal
        self._names: set[str] = set()
        self._learned = 0
        for name in (API_HOST, *names):
            self._add(_checked(name))

    @property
    def names(self) -> frozenset[str]:
        """Every host that the mock answers for."""
        return frozenset(self._names)

    def decide(self, host: str) -> Decision:
        """Decide about a host by its name or address."""
        name = plain_name(host)
        if name in self._names:
            return "mock"
        local = is_this_machine(name) or name == own_name()
        return "refuse" if self.offline and not local else "pass"

    def refuse(self, host: str, port: int | str) -> None:
        """Note an attempt to reach a host that is not allowed."""
        name = plain_name(host)[:LONGEST_NAME]
        place = f"{name}:{port}" if port else name
        if place not in self.refused and len(self.refused) >= MOST_REFUSED:
            place = OTHERS
        self.refused[place] = self.refused.get(place, 0) + 1

    def refuse_unhooked(self, host: str, port: int) -> None:
        """Note such an attempt of a program without a hook, and tell of it."""
        self.refuse(host, port)
        name = host[:LONGEST_NAME]
        self._on_unhooked_refusal(f"{name}:{port}" if port else name)

    def learn(self, exchange: Exchange) -> None:
        """Answer for the host of a video's URL as well: the journal tells of an answer before it goes."""
        if exchange.kind not in ("create", "poll") or b'"video"' not in exchange.answer_body:
            return
        for url in video_urls(exchange.answer):
            host = _host_of(url)
            if not host or is_loopback(host) or host in self._names:
                continue
            if self._learned < MOST_LEARNED:
                self._learned += 1
                self._add(host)
                for listener in self.listeners:
                    listener()

    def as_json(self) -> str:
        """The list as the hooks in the child read it."""
        return json.dumps({"hosts": sorted(self._names), "offline": self.offline})

    def _add(self, name: str) -> None:
        self._names.add(name)
        # The mock's redirects and signed links lead to a second name of the same server.
        self._names.add("cdn." + name.removeprefix("api.").removeprefix("cdn."))


def _host_of(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return plain_name(host) if host else None


def _checked(name: str) -> str:
    plain = plain_name(name)
    if not plain or any(sign in plain for sign in "/:@ *") or is_loopback(plain):
        raise SettingsError(f"--api-host: expected a host name such as {API_HOST}, received {name!r}.")
    return plain
