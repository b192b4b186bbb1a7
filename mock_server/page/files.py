"""The files of the page: with an ETag, and under a policy that lets no text become a script."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["REFERENCE", "file_response"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REFERENCE = "reference.html"
STYLED_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""For the API reference, whose library writes its styles into the page; scripts are files there too."""
PACKED = ".gz"
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}


class _File(NamedTuple):
    content: bytes
    media_type: str
    etag: str
    packed: bool


@cache
def _files() -> dict[str, _File]:
    """Every file there is by its path: nothing else is ever looked for on the disk."""
    # Slow to import, and many servers are never looked at.
    from importlib import resources

    return dict(_found(resources.files(__package__).joinpath("files"), ""))


def _found(folder: Traversable, prefix: str) -> list[tuple[str, _File]]:
    files: list[tuple[str, _File]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            files += _found(entry, f"{prefix}{entry.name}/")
            continue
        name = entry.name.removesuffix(PACKED)
        media_type = TYPES.get(name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            files.append((prefix + name, _File(content, media_type, etag, name != entry.name)))
    return files


def file_response(request: Request, path: str) -> Response | None:
    """The answer with a file of the page; None where there is none of this path."""
    file = _files().get(path)
    if file is None:
        return None
    headers = {
        "etag": file.etag,
        "cache-control": "no-cache",
        "content-security-policy": STYLED_POLICY if path == REFERENCE else POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if file.packed:
        headers["content-encoding"] = "gzip"
    return Response(file.content, media_type=file.media_type, headers=headers)
