"""The path of the API that one which nobody has was meant to be."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ..api.generation_paths import vendored_paths
from ..catalog import CURRENT_PATHS

__all__ = ["nearest_path"]

LONGEST = 200
"""Characters of a path that is looked at: a longer one is no slip."""
ALIKE = 0.88
"""How much a path must look like one of the API's, where it is not the same but for slashes and the like."""
ALIKE_NAMES = 0.8
"""The same for the name of a family, which is short."""
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
    if _is_of_another_vendor(plain):
        return None
    if plain.endswith(CURRENT_PATHS[-1]) or f"{CURRENT_PATHS[-1]}/" in plain:
        return CURRENT_PATHS[0]
    if "/video" not in plain and not any(f"/{family}" in plain for family in _families()):
        return None
    likeness, near = max((_likeness(plain, known), known) for known in vendored_paths())
    return near if likeness >= ALIKE else None


@cache
def _older() -> tuple[int, list[list[str]]]:
    """The older paths in pieces, and the piece in which they differ: the name of a family."""
    paths = [path.split("/") for path, made in vendored_paths().items() if made.vendor is not None]
    return next(place for place, names in enumerate(zip(*paths, strict=True)) if len(set(names)) > 1), paths


def _families() -> list[str]:
    place, paths = _older()
    return [pieces[place] for pieces in paths]


def _is_of_another_vendor(path: str) -> bool:
    """Whether a path has the form of the older ones, and names nobody of whom there is one: nobody's slip."""
    pieces, (place, paths) = path.split("/"), _older()
    named = pieces[place] if len(pieces) == len(paths[0]) else ""
    if not named or [*pieces[:place], paths[0][place], *pieces[place + 1 :]] != paths[0]:
        return False
    return not any(named.startswith(one) or _ratio(named, one) >= ALIKE_NAMES for one in _families())


def _likeness(path: str, known: str) -> float:
    """How much two paths look alike, with or without the version in front."""
    bare, known_bare = _PREFIX.sub("", path), _PREFIX.sub("", known)
    return max(_ratio(path, known), _ratio(bare, known_bare))


def _ratio(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other, autojunk=False).ratio()
