"""The video of a completed job: which clip it is, and its bytes as a content delivery network sends them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..catalog.variants import RATIO_FIELDS
from .images import inline_image_size

if TYPE_CHECKING:
    from ..catalog import Facts, Variant

__all__ = [
    "CLIPS",
    "Clip",
    "MediaResponse",
    "clip_file",
    "clip_for",
    "media_response",
    "nearest_ratio",
    "read_clip",
    "seconds_for",
]

_RATIOS = ("16:9", "9:16", "1:1")
_SHAPE = re.compile(r"([1-9]\d{0,4}):([1-9]\d{0,4})", re.ASCII)
_SHORTEST, _LONGEST, _USUAL = 1, 30, 5  # seconds
_SHOTS = 3, 15
"""The bounds of what several shots last together."""
_RATE = 16
"""Pictures a second where a body counts pictures and does not say how fast they go."""


class Clip(NamedTuple):
    """A clip that is kept: its length in whole seconds, its aspect ratio, such as `16:9`, its sound."""

    seconds: int
    ratio: str
    sound: bool
    name: str
    """The name of its file, such as `16x9-5s-sound.mp4`."""


def _named(seconds: int, ratio: str, sound: bool) -> Clip:
    name = f"{ratio.replace(':', 'x')}-{seconds}s{'-sound' if sound else ''}.mp4"
    return Clip(seconds, ratio, sound, name)


_CLIPS_BY_FORM = {
    (seconds, ratio, sound): _named(seconds, ratio, sound)
    for ratio in _RATIOS
    for seconds in range(_SHORTEST, _LONGEST + 1)
    for sound in (False, True)
}
CLIPS: Mapping[str, Clip] = {clip.name: clip for clip in _CLIPS_BY_FORM.values()}
"""Every clip by its name."""


def clip_for(variant: Variant, facts: Facts, body: Mapping[str, Any]) -> Clip:
    """The clip that a job with this create body ends with; depends on nothing else and never raises.

    Where a variant requires an `image_url` the picture decides on the aspect ratio before the body does: the
    real API makes the video in the form of its input image. A picture is only looked at if it is in the body.
    """
    seconds = seconds_for(body, variant.seconds)
    return _CLIPS_BY_FORM[seconds, _ratio_for(variant, body), facts.sound_for(body)]


def seconds_for(body: Mapping[str, Any], usual: int = _USUAL) -> int:
    """The length that a create body asks for, in whole seconds from 1 to 30; else the usual one.

    Numeric strings count as numbers. Without a length of its own, a body with shots is as long as they are
    together, if any of them says how long it is, and one that counts pictures is as long as they last.
    """
    duration = body.get("duration")
    if type(duration) is int and _SHORTEST <= duration <= _LONGEST:
        return duration
    asked = _number(duration)
    shots = body.get("multi_prompt")
    if asked is None and isinstance(shots, list):
        lengths = [_number(shot.get("duration")) for shot in shots if isinstance(shot, dict)]
        if any(length is not None for length in lengths):
            together = sum(_USUAL if length is None else length for length in lengths)
            asked = max(_SHOTS[0], min(_SHOTS[1], together))
    if asked is None and "num_frames" in body:
        frames, rate = _number(body["num_frames"]), _number(body.get("frames_per_second"))
        asked = None if frames is None else frames / (rate or _RATE)
    return max(_SHORTEST, min(_LONGEST, usual if asked is None else round(asked)))


def nearest_ratio(width: int, height: int) -> str:
    """The aspect ratio nearest to that of a picture, measured between logarithms.

    The border between 16:9 and 1:1 is their geometric mean, which is 4:3; a picture on a border keeps its
    orientation.
    """
    if 3 * width >= 4 * height:
        return "16:9"
    return "9:16" if 3 * height >= 4 * width else "1:1"


def _ratio_for(variant: Variant, body: Mapping[str, Any]) -> str:
    asked = None
    for name in RATIO_FIELDS:
        if name in body and (asked := _shape(body[name])) is not None:
            break
    if asked is not None and "image_url" not in variant.required:
        return asked
    usual = asked or _shape(variant.ratio) or _RATIOS[0]
    image = _first_image(body)
    size = inline_image_size(image) if image is not None and not image.startswith("http") else None
    return usual if size is None else nearest_ratio(*size)


def _shape(wish: object) -> str | None:
    """The kept shape nearest to what a field asks for, such as `4:3` or `1280:720`, if it asks for one."""
    if not isinstance(wish, str):
        return None
    if wish in _RATIOS:
        return wish
    found = _SHAPE.fullmatch(wish)
    return nearest_ratio(int(found[1]), int(found[2])) if found else None


def _first_image(body: Mapping[str, Any]) -> str | None:
    for key in ("image_url", "image_list"):
        value = body.get(key)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str):
            return value
    return None


def _number(value: object) -> float | None:
    """A number, or a string that the provider would take for one; None for all else, infinities included."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e9 else None


def clip_file(name: str) -> Path:
    """Where the clip of this name lies; `LookupError` for a name that no clip has."""
    if name not in CLIPS:
        raise LookupError(f"There is no clip {name!r}: expected a name such as '16x9-5s-sound.mp4'.")
    folder = find_spec("kling_mock.fixtures")
    assert folder is not None and folder.origin is not None
    return Path(folder.origin).with_name("clips") / name


def other_clip(name: str) -> str:
    """The clip that stands in for this one where a video changes: its sound does, its form does not."""
    clip = CLIPS[name]
    return _CLIPS_BY_FORM[clip.seconds, clip.ratio, not clip.sound].name


_YOUNGER = 60
"""Seconds by which a video that has changed is younger than the one that it replaces."""


class MediaResponse(NamedTuple):
    """An answer to a request for a clip; the header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@cache
def read_clip(name: str) -> tuple[dict[str, str], bytes]:
    """The headers of a whole answer and the bytes of a clip, read once; `LookupError` for an unknown name."""
    path = clip_file(name)
    content = path.read_bytes()
    headers = {
        "content-type": "video/mp4",
        "content-length": str(len(content)),
        "accept-ranges": "bytes",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "last-modified": formatdate(path.stat().st_mtime, usegmt=True),
        "cache-control": "public, max-age=31536000, immutable",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified",
        "cross-origin-resource-policy": "cross-origin",
    }
    return headers, content


def media_response(
    name: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    *,
    changed: bool = False,
) -> MediaResponse:
    """What a content delivery network answers to a GET or HEAD of this clip (RFC 9110, 13 and 14).

    `headers` are the request's, with names in lower case: `if-none-match`, `if-modified-since`, `range` and
    `if-range` matter. A HEAD has the headers of its GET and no body. With `changed` another file stands in
    its place, a minute younger. `LookupError` for an unknown name.
    """
    asked = headers or {}
    head, content = read_clip(other_clip(name) if changed else name)
    head = dict(head)
    if changed:
        before = parsedate_to_datetime(read_clip(name)[0]["last-modified"])
        head["last-modified"] = formatdate(before.timestamp() + _YOUNGER, usegmt=True)
    if method not in ("GET", "HEAD"):
        return MediaResponse(405, {"allow": "GET, HEAD", "content-length": "0"}, b"")
    if _unchanged(head, asked):
        del head["content-type"], head["content-length"]
        return MediaResponse(304, head, b"")
    ranges = _ranges(asked["range"], len(content)) if _wants_part(head, asked, method) else None
    if ranges is None:
        return MediaResponse(200, head, b"" if method == "HEAD" else content)
    if not ranges:
        head |= {"content-range": f"bytes */{len(content)}", "content-length": "0"}
        del head["content-type"]
        return MediaResponse(416, head, b"")
    if len(ranges) == 1:
        start, end = ranges[0]
        head["content-range"] = f"bytes {start}-{end - 1}/{len(content)}"
        body = content[start:end]
    else:
        boundary = head["etag"].strip('"')
        body = _multipart(content, ranges, boundary)
        head["content-type"] = f"multipart/byteranges; boundary={boundary}"
    head["content-length"] = str(len(body))
    return MediaResponse(206, head, body)


def _unchanged(head: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether the client's copy is still good; its entity tag counts before its date."""
    if "if-none-match" in asked:
        tags = {tag.strip().removeprefix("W/") for tag in asked["if-none-match"].split(",")}
        return "*" in tags or head["etag"] in tags
    if "if-modified-since" not in asked:
        return False
    try:
        since = parsedate_to_datetime(asked["if-modified-since"])
        return parsedate_to_datetime(head["last-modified"]) <= since
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False


def _wants_part(head: Mapping[str, str], asked: Mapping[str, str], method: str) -> bool:
    """Whether the range header counts: only on a GET, and only for the file that the client began with."""
    if method != "GET" or "range" not in asked:
        return False
    return asked.get("if-range", head["etag"]) in (head["etag"], head["last-modified"])


_RANGE = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)
_MOST_RANGES = 32


def _ranges(text: str, size: int) -> list[tuple[int, int]] | None:
    """The parts that a range header asks for, as (start, end), in order and joined where they touch.

    None where the header is to be ignored because it is malformed, empty where no part of it can be given.
    """
    unit, _, pieces = text.partition("=")
    if unit.strip().lower() != "bytes" or pieces.count(",") >= _MOST_RANGES:
        return None
    parts: list[tuple[int, int]] = []
    for piece in filter(None, (piece.strip() for piece in pieces.split(","))):
        match = _RANGE.fullmatch(piece)
        if match is None or piece == "-":
            return None
        first, last = (int(digits) if digits else None for digits in match.groups())
        if first is None:
            parts.append((max(0, size - (last or 0)), size))
        elif last is None:
            parts.append((first, size))
        elif first > last:
            return None
        else:
            parts.append((first, min(size, last + 1)))
    return _joined(part for part in parts if part[0] < part[1]) if parts else None


def _joined(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _multipart(content: bytes, ranges: Iterable[tuple[int, int]], boundary: str) -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: video/mp4\r\n"
        f"Content-Range: bytes {start}-{end - 1}/{len(content)}\r\n\r\n".encode()
        + content[start:end]
        + b"\r\n"
        for start, end in ranges
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()
