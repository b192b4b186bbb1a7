"""Links to media: samples of each way to hand in a picture, and strings that are none."""

from __future__ import annotations

import base64
import functools

from kling_mock.media.png import png

__all__ = ["BROKEN_LINKS", "link_samples"]

BROKEN_LINKS = ("not a link", "/a.png", "ftp://example.com/a.png", "https://", "example.com/a.png", "")
"""Strings that are neither a link nor inline data; the first is the plainest."""


@functools.cache
def link_samples(role: str) -> dict[str, tuple[str, ...]]:
    """Values for a field that holds a link, by kind: `link`, and `data` and `base64` where it is a picture.

    `role` is the field's name; the suffix of each sample suits it. The first link is the shortest.
    """
    suffix = "mp4" if "video" in role else "mp3" if "audio" in role else "png"
    links = (
        f"https://example.com/a.{suffix}",
        f"http://example.com:8080/a.{suffix}",
        f"https://cdn.example.com/a%20b/c.{suffix}?Expires=1790000000&Signature=a%2Fb%2Bc%3D~_-&Key=K1#t=0",
        f"https://example.com/{'d/' * 200}a.{suffix}?sig={'0aZ-' * 100}",
    )
    if suffix != "png":
        return {"link": links}
    pictures = [base64.b64encode(png(*size)).decode() for size in ((1, 1), (16, 9), (9, 16))]
    return {
        "link": links,
        "data": tuple(f"data:image/png;base64,{picture}" for picture in pictures),
        "base64": tuple(pictures),
    }
