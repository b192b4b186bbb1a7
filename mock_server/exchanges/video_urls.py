"""The URLs of the finished videos in an answer, in whichever shape it tells them."""

from __future__ import annotations

from typing import Any

__all__ = ["video_urls"]


def video_urls(answer: Any) -> list[str]:
    """The URLs under `video`: that of an object, or those of a list of objects or of texts."""
    video = answer.get("video") if isinstance(answer, dict) else None
    found = (
        one.get("url") if isinstance(one, dict) else one
        for one in (video if isinstance(video, list) else [video])
    )
    return [url for url in found if isinstance(url, str) and url]
