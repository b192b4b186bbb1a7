"""A document fetched by its address: once, without a key, and only when a command was told to."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ..errors import SpecError
from ..timing import DOWNLOAD
from ..version import __version__

__all__ = ["MOST_BYTES", "download"]

MOST_BYTES = 16 * 1024**2
"""What a document may have: those of the provider have some twenty thousand bytes."""


def download(url: str) -> bytes:
    """What an http(s) address answers; raises SpecError, with the address, where that is no document."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise SpecError(f"{url}: expected an http or https address.")
    head = {"Accept": "application/json", "User-Agent": f"kling-mock/{__version__}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=head), timeout=DOWNLOAD) as answer:
            body: bytes = answer.read(MOST_BYTES + 1)
            kind = answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        error.close()
        raise SpecError(f"{url} answered {error.code} {error.reason}: expected a document.") from None
    except urllib.error.URLError as error:
        raise SpecError(f"{url} cannot be reached: {error.reason}.") from None
    except TimeoutError:
        raise SpecError(f"{url} did not answer within {DOWNLOAD:g} seconds.") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SpecError(f"{url} cannot be read: {error}.") from None
    if len(body) > MOST_BYTES:
        raise SpecError(f"{url} answers more than {MOST_BYTES // 1024**2} MiB, which is no document.")
    if kind == "text/html":
        raise SpecError(f"{url} answers a page of HTML: expected an OpenAPI document as JSON.")
    return body
