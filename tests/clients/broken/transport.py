"""Clients that trust the network too much."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from ..reference import Client
from ..wire import Reply, TransportError, exchange
from ..zoo import breaks

__all__: list[str] = []

Job = dict[str, Any]


class Trusting(Client):
    """Sends requests with `http.client` alone, without a timeout."""

    keep: http.client.HTTPConnection | None = None

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        target = urlsplit(url)
        connection = http.client.HTTPConnection(target.netloc, timeout=self.limit(method, timeout))
        try:
            connection.request(method, f"{target.path}?{target.query}", body, self.headers(method))
            response = connection.getresponse()
            content = self.content(response)
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(f"{method}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def limit(self, method: str, timeout: float) -> float | None:
        return timeout

    def content(self, response: http.client.HTTPResponse) -> bytes:
        return response.read()


@breaks("E1")
class NoTimeout(Trusting):
    """Has no timeout on any request."""

    def limit(self, method: str, timeout: float) -> float | None:
        return None


@breaks("E1")
class NoTimeoutOnPolls(Trusting):
    """Has a timeout on the create, and none on polls."""

    def limit(self, method: str, timeout: float) -> float | None:
        return timeout if method == "POST" else None


@breaks("E2")
class TrustsContentLength(Trusting):
    """Reads as many bytes as Content-Length says, which is nothing where answers come in chunks."""

    def content(self, response: http.client.HTTPResponse) -> bytes:
        return response.read(int(response.getheader("Content-Length", "0")))


@breaks("E2")
class CannotUnpack(Trusting):
    """Asks for gzip and cannot unpack it."""

    def headers(self, method: str) -> dict[str, str]:
        return super().headers(method) | {"Accept-Encoding": "gzip"}


@breaks("E2")
class ReadsOnce(Trusting):
    """Takes the first piece of an answer for all of it."""

    def content(self, response: http.client.HTTPResponse) -> bytes:
        return response.read1(65_536)


@breaks("E3", strict=True)
class FollowsAnywhere(Client):
    """Follows a redirect to any host, and hands over the key."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        reply = super().send(method, url, body, timeout)
        if reply.status in (307, 308):
            return exchange(method, reply.headers["location"], self.headers(method), body, timeout)
        return reply


@breaks("E4")
class WantsJsonLabel(Client):
    """Reads answers only under the right content type, and ends with a TypeError otherwise."""

    def state(self, reply: Reply) -> Job | None:
        if reply.status != 200:
            return super().state(reply)
        labelled = reply.headers.get("content-type", "").startswith("application/json")
        job: Any = json.loads(reply.body.decode("utf-8-sig")) if labelled else None
        return {"id": job["id"], **job}


@breaks("E4")
class CutsMarkBadly(Client):
    """Looks for the JSON by the first byte, and ends with an unrelated error at a byte order mark."""

    def state(self, reply: Reply) -> Job | None:
        parsed = {b"{": json.loads}
        return parsed[reply.body[:1]](reply.body) if reply.status == 200 and reply.body else None
