"""The keys that a value holds, and every way in which a key may be written elsewhere."""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

__all__ = ["SCHEMES", "SHORTEST", "SHORTEST_NAMED", "forms_of", "overlap", "pieces_of"]

SCHEMES = ("bearer", "basic", "digest", "key", "token", "apikey")
"""Schemes of Authorization that are shown; any other first word could be a part of the key."""
SHORTEST = 4
"""Characters of a key at least: a shorter one would hide parts of ordinary words."""
SHORTEST_NAMED = 8
"""The same for what only a name says is a key: `token=true` hides no `true` elsewhere."""
NO_KEYS = frozenset({*SCHEMES, "none", "null", "undefined", "true", "false", "your_key"})
"""What programs send in place of a key that they do not have: hidden, it would take ordinary words along."""
GLUED = re.compile(r"(?:bearer|basic|token)[:=]*+(?=[\w\-]{8})", re.I)
BORDERS = re.compile(r"""[\s,;"']+""")
ENCODED = re.compile("%[0-9A-F]{2}")
IN_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
"""What `html.escape` does: that module would load all of HTML's names at every start."""


@lru_cache(maxsize=64)
def pieces_of(value: str, shortest: int = SHORTEST) -> tuple[str, ...]:
    """The keys in a value such as `Bearer KEY`, whole and without schemes, quotes and commas around them."""
    text = value.strip()
    scheme, _, key = text.partition(" ")
    if scheme.lower() in SCHEMES and key.strip():
        text = key.strip()
    found = [text] if len(text) >= shortest else []
    if scheme.lower() == "basic":
        found += _password(text)
    if scheme.lower() != "digest":
        words = [word for word in BORDERS.split(text) if word.lower().strip(":=") not in NO_KEYS]
        for word in words[:8]:
            bare = GLUED.sub("", word, count=1) if GLUED.match(word) else word
            found += [one for one in (word, bare) if len(one) >= max(shortest, SHORTEST_NAMED)]
    return tuple(dict.fromkeys(one for one in found if one.lower() not in NO_KEYS))


def _password(text: str) -> list[str]:
    """The password of Basic authentication."""
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return []
    return [one for one in (user, password) if len(one) >= SHORTEST_NAMED]


@lru_cache(maxsize=128)
def forms_of(key: str) -> tuple[tuple[str, int], ...]:
    """A key as it is and as it is written in URLs, JSON, HTML, Python and base64, the longest first.

    With each form goes the least distance at which it can stand in a text again.
    """
    written: set[str] = set()
    for one in _readings(key):
        written |= {one, one.replace(" ", "+"), one.translate(IN_HTML), repr(one)[1:-1]}
        for encoded in (quote(one, safe="", errors="replace"), quote_plus(one, errors="replace")):
            written |= {encoded, ENCODED.sub(lambda found: found[0].lower(), encoded)}
        for escaped in (json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]):
            written |= {escaped, escaped.replace("/", "\\/")}
        if len(one) >= SHORTEST_NAMED:
            # Names of hosts and headers are written in lower case.
            written |= {one.lower(), *_in_base64(one.encode("utf-8", "replace"))}
    longest_first = sorted(written, key=len, reverse=True)
    return tuple((one, len(one) - overlap(one, one)) for one in longest_first if one)


def overlap(text: str, form: str) -> int:
    """The length of the longest beginning of a form, not all of it, with which a text ends."""
    tail = text[max(0, len(text) - len(form) + 1) :]
    if not tail:
        return 0
    borders = [0] * len(tail)
    length = 0
    for place in range(1, len(tail)):
        length = _longer(form, borders, length, form[place])
        borders[place] = length
    length = 0
    for char in tail:
        length = _longer(form, borders, length, char)
    return length


def _longer(form: str, borders: list[int], length: int, char: str) -> int:
    """The beginning of a form that ends with one more character (Knuth, Morris and Pratt)."""
    while length and (length == len(borders) or char != form[length]):
        length = borders[length - 1]
    return length + (char == form[length])


def _readings(key: str) -> set[str]:
    """A header's bytes may be UTF-8, which bodies and paths are read as."""
    try:
        return {key, key.encode("latin-1").decode()}
    except ValueError:
        return {key}


def _in_base64(key: bytes) -> set[str]:
    """What is the same in the base64 of every text that holds the key, at each of three offsets."""
    found = set()
    for offset in range(3):
        start = -(-offset * 8 // 6)
        end = (offset + len(key)) * 8 // 6
        for coded in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(coded(b"\0" * offset + key)[start:end].decode())
    return found
