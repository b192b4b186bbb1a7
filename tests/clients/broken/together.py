"""Clients that survive two things one at a time, and not both."""

from __future__ import annotations

from ..reference import Client
from ..wire import Reply, TransportError
from ..zoo import breaks

__all__ = ["ForgetsToQuote"]


@breaks("G1")
class ForgetsToQuote(Client):
    """Cuts an id at its first plus sign, but only after a poll that went wrong."""

    upset = False

    def quoted(self, generation_id: str) -> str:
        if self.upset:
            return generation_id.partition("+")[0]
        return super().quoted(generation_id)

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        try:
            reply = super().send(method, url, body, timeout)
        except TransportError:
            self.upset = self.upset or method == "GET"
            raise
        self.upset = self.upset or (method == "GET" and reply.status != 200)
        return reply
