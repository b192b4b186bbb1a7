"""What an address answers: read without a key, politely, and only when a command was told to."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import SpecError
from ..timing import DOWNLOAD, DOWNLOAD_ENDS, RETRY_PAUSE, RETRY_PAUSE_MOST
from ..version import __version__

__all__ = ["MOST_BYTES", "Fetched", "download", "fetch"]

MOST_BYTES = 16 * 1024**2
"""What a document may have: those of the provider have some twenty thousand bytes."""
TRIES = 3
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that may be another one a little later."""
PART = 64 * 1024


class Fetched(NamedTuple):
    """An answer; `body` is None where it is still the one that was held, by its `etag`."""

    body: bytes | None
    etag: str


class _Passing(SpecError):
    """What went wrong may go right a little later; `pause` is what the answer asked for."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host: a document of another one is not what was asked for."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).hostname != urlsplit(req.full_url).hostname:
            raise SpecError(f"{req.full_url} leads to another host, {urlsplit(newurl).netloc}.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str) -> bytes:
    """What an http(s) address answers; raises SpecError, with the address, where that is no document."""
    return fetch(url).body or b""


def fetch(url: str, *, etag: str = "") -> Fetched:
    """The same, unless the answer still has this tag; what may pass is tried again, a few times."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise SpecError(f"{url}: expected an http or https address.")
    head = {"Accept": "application/json", "User-Agent": f"kling-mock/{__version__}"}
    if etag:
        head["If-None-Match"] = etag
    for tried in range(1, TRIES + 1):
        try:
            return _once(url, head)
        except _Passing as error:
            if tried == TRIES:
                raise SpecError(str(error)) from None
            pause = RETRY_PAUSE * 2**tried if error.pause is None else error.pause
            time.sleep(min(pause, RETRY_PAUSE_MOST))
    raise AssertionError("the last try returns or raises")


def _once(url: str, head: Mapping[str, str]) -> Fetched:
    opener = urllib.request.build_opener(_SameHost)
    try:
        with opener.open(urllib.request.Request(url, headers=dict(head)), timeout=DOWNLOAD) as answer:
            body = _body(url, answer)
            kind, etag = answer.headers.get_content_type(), answer.headers.get("ETag", "")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304:
            return Fetched(None, error.headers.get("ETag", head.get("If-None-Match", "")))
        says = f"{url} answered {error.code} {error.reason}: expected a document."
        if error.code in PASSING:
            raise _Passing(says, _seconds(error.headers.get("Retry-After"))) from None
        raise SpecError(says) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise SpecError(f"{url} did not answer within {DOWNLOAD:g} seconds.") from None
        raise _Passing(f"{url} cannot be reached: {error.reason}.") from None
    except TimeoutError:
        raise SpecError(f"{url} did not answer within {DOWNLOAD:g} seconds.") from None
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(f"{url} cannot be read: {error}.") from None
    except ValueError as error:
        raise SpecError(f"{url} cannot be read: {error}.") from None
    if kind == "text/html":
        raise SpecError(f"{url} answers a page of HTML: expected JSON.")
    return Fetched(body, etag)


def _body(url: str, answer: Any) -> bytes:
    """All of an answer, which may be long neither in bytes nor in time."""
    end, body = time.monotonic() + DOWNLOAD_ENDS, bytearray()
    while part := answer.read1(PART):
        body += part
        if len(body) > MOST_BYTES:
            raise SpecError(f"{url} answers more than {MOST_BYTES // 1024**2} MiB, which is no document.")
        if time.monotonic() > end:
            raise SpecError(f"{url} was not read to its end within {DOWNLOAD_ENDS:g} seconds.")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and len(body) < int(length):
        raise _Passing(f"{url} broke off after {len(body)} of {length} bytes.")
    return bytes(body)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else None
