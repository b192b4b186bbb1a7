"""One HTTP exchange of the reference client: what can go wrong with it, as one tree of errors."""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "BadReply",
    "GenerationFailed",
    "GenerationTimeout",
    "KlingError",
    "NotSent",
    "OutcomeUnknown",
    "Refused",
    "Reply",
    "TransportError",
    "exchange",
]


class KlingError(Exception):
    """The root of everything that the reference client raises."""


class Refused(KlingError):
    """The API said no: the message holds its own words and the request id."""


class OutcomeUnknown(KlingError):
    """The create was sent and its reply is lost or unusable: a job may have been made and billed."""


class GenerationFailed(KlingError):
    """The job ended without a video."""


class GenerationTimeout(KlingError):
    """The job did not end within the budget; `generation_id` can be polled later."""

    def __init__(self, message: str, generation_id: str) -> None:
        super().__init__(message)
        self.generation_id = generation_id


class TransportError(KlingError):
    """The request went out and no whole answer came back."""


class NotSent(KlingError):
    """No connection was made, so nothing was sent."""


class BadReply(KlingError):
    """An answer that is no JSON object."""


@dataclass(frozen=True)
class Reply:
    """A whole HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, whatever its content type says; `BadReply` otherwise."""
        try:
            # utf-8-sig: some gateways put a byte order mark before the JSON.
            value = json.loads(self.body.decode("utf-8-sig"))
        except ValueError:
            raise BadReply(f"no JSON in an answer {self.status} of {len(self.body)} bytes") from None
        if not isinstance(value, dict):
            raise BadReply(f"an answer {self.status} that is no JSON object")
        return value

    def text(self) -> str:
        """What an error answer says: its message and request id, or the start of its body."""
        try:
            said = self.json()
        except BadReply:
            return self.body[:200].decode("utf-8", "replace").strip() or "no text"
        message = said.get("message") or said.get("error") or said
        request = said.get("requestId")
        return f"{message}" + (f" (request {request})" if request else "")

    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, from a count or from an HTTP date; None where it does not."""
        value = self.headers.get("retry-after", "").strip()
        if not value:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (TypeError, ValueError):
            return None


def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Reply:
    """One request on a connection of its own, never redirected and never repeated.

    `timeout` bounds each wait and, for a body that drips, the whole answer. Raises `NotSent` before anything
    was sent, `TransportError` after.
    """
    target = urlsplit(url)
    connection = _connection(target, timeout)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotSent(f"no connection to {target.netloc}: {error}") from error
        path = target.path + (f"?{target.query}" if target.query else "")
        deadline = time.monotonic() + 4 * timeout
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            content = _read(response, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(f"{method} {target.path}: {error or type(error).__name__}") from error
        received = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, received, _plain(content, received))
    finally:
        connection.close()


def _connection(target: SplitResult, timeout: float) -> http.client.HTTPConnection:
    kinds: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    if target.scheme not in kinds or not target.hostname:
        raise NotSent(f"the base URL must be http or https, not {target.geturl()!r}")
    return kinds[target.scheme](target.hostname, target.port, timeout=timeout)


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The whole body; a body that drips for ever is given up at the deadline."""
    pieces: list[bytes] = []
    while piece := response.read1(65_536):
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise TimeoutError("the answer took too long")
    if response.length:
        raise http.client.IncompleteRead(b"".join(pieces), response.length)
    return b"".join(pieces)


def _plain(content: bytes, headers: Mapping[str, str]) -> bytes:
    if headers.get("content-encoding", "").lower() != "gzip":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise TransportError(f"an answer that cannot be unpacked: {error}") from error
