"""What a TOML file may ask of its reader, which takes square time for some of what it reads."""

from __future__ import annotations

import re

__all__ = ["LARGEST_FILE", "too_much"]

LARGEST_FILE = 1024**2
"""Bytes of a file at most."""
LONGEST_WORD = 1000
"""Characters of a bare key or a number at most."""
MOST_PARTS = 32
"""How many parts a dotted key has at most."""

_TEXTS = re.compile(
    r'''"""(?:[^"\\]|\\(?:.|\Z)|"(?!""))*+(?:"{3,5}|\Z)|\'\'\'(?:[^']|'(?!''))*+(?:'{3,5}|\Z)'''
    r"""|"(?:[^"\\\n]|\\(?:.|\Z))*+(?:"|$)|'[^'\n]*+(?:'|$)|\#[^\n]*+""",
    re.DOTALL | re.MULTILINE,
)
"""Texts and comments; one that does not end reaches to the end, so that no sign is looked at twice."""
_KEYS = re.compile(r"[\w.\- \t]+")
_WORDS = re.compile(r"[\w\-]+")


def too_much(text: str) -> str:
    """What is too long in a TOML text, as the rest of a sentence; empty where nothing is."""
    bare = _TEXTS.sub("s", text)
    if any(len(word) > LONGEST_WORD for word in _WORDS.findall(bare)):
        return f"expected keys and numbers of at most {LONGEST_WORD} characters, received longer ones"
    if any(keys.count(".") >= MOST_PARTS for keys in _KEYS.findall(bare)):
        return f"expected keys of at most {MOST_PARTS} parts, received longer ones"
    return ""
