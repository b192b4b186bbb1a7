"""Which video a job gets, and how it is delivered."""

from .clips import (
    CLIPS,
    Clip,
    MediaResponse,
    clip_file,
    clip_for,
    media_response,
    nearest_ratio,
    other_clip,
    read_clip,
    seconds_for,
)

__all__ = [
    "CLIPS",
    "Clip",
    "MediaResponse",
    "clip_file",
    "clip_for",
    "media_response",
    "nearest_ratio",
    "other_clip",
    "read_clip",
    "seconds_for",
]
