"""The files of the page: with an ETag, and under a policy that lets no text become a script."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["file_response"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class _File(NamedTuple):
    content: bytes
    media_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """Every file there is by its path: nothing else is ever looked for on the disk."""
    return dict(_found(resources.files(__package__).joinpath("files"), ""))


def _found(folder: Traversable, prefix: str) -> list[tuple[str, _File]]:
    files: list[tuple[str, _File]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            files += _found(entry, f"{prefix}{entry.name}/")
            continue
        media_type = TYPES.get(entry.name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            files.append((prefix + entry.name, _File(content, media_type, etag)))
    return files


def file_response(request: Request, path: str) -> Response | None:
    """The answer with a file of the page; None where there is none of this path."""
    file = _files().get(path)
    if file is None:
        return None
    headers = {
        "etag": file.etag,
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
