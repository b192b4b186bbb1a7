"""The path of the API that one which nobody has was meant to be."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

from ..api.generation_paths import vendored_paths
from ..catalog import CURRENT_PATHS

__all__ = ["nearest_path"]

LONGEST = 200
"""Characters of a path that is looked at: a longer one is no slip."""
ALIKE = 0.88
"""How much a path must look like one of the API's, where it is not the same but for slashes and the like."""
_OF_A_VENDOR = re.compile(r"/v2/generate/video/([a-z0-9-]+)/generation")
_PREFIX = re.compile(r"^(?:/v\d+)+(?=/)|^(?:/api)(?=/)")


@lru_cache(maxsize=256)
def nearest_path(path: str) -> str | None:
    """The path of creates and polls that `path` nearly is; None where it is far from all of them.

    Slips of the usual kind: slashes too many or too few, a version that is doubled, missing or another one,
    an id behind the path instead of in the query, a word in the plural or the singular.
    """
    if len(path) > LONGEST or path in vendored_paths():
        return None
    plain = re.sub(r"/{2,}", "/", path.lower()).rstrip("/")
    if plain in vendored_paths():
        return plain
    if _OF_A_VENDOR.fullmatch(plain) and not plain.startswith("/v2/generate/video/kling"):
        # Another vendor's, some of which have no older path here: nobody's slip.
        return None
    if plain.endswith(CURRENT_PATHS[-1]) or f"{CURRENT_PATHS[-1]}/" in plain:
        return CURRENT_PATHS[0]
    if "/video" not in plain and "kling" not in plain:
        return None
    likeness, near = max((_likeness(plain, known), known) for known in vendored_paths())
    return near if likeness >= ALIKE else None


def _likeness(path: str, known: str) -> float:
    """How much two paths look alike, with or without the version in front."""
    bare, known_bare = _PREFIX.sub("", path), _PREFIX.sub("", known)
    return max(_ratio(path, known), _ratio(bare, known_bare))


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
