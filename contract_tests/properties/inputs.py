"""Inputs that go wrong on their way in many clients: prompts in all scripts, pictures of many megabytes."""

# ruff: noqa: RUF001 - the odd characters are what is tested

from __future__ import annotations

import base64
import functools

__all__ = ["LONGEST", "MEGABYTES", "TEXTS", "image_of"]

TEXTS = (
    "naïve café — “quotes” and ‘more’",
    "🐈‍⬛ walks past a 🏳️‍🌈 flag 👩🏽‍🚀",
    "قطة سوداء تمشي على الجدار",
    "חתול שחור הולך על הקיר",
    "e\u0301a\u0308o\u0302 combined, Z͑ͫ̓a̴l",
    "line\u2028separator\u2029and paragraph",
    "tab\tnewline\nreturn\r\nzero\u200bwidth\ufeffmark",
    'quote " backslash \\ slash / and \\u0041',
    "𝒜𝓈𝓉𝓇𝒶𝓁 plane 𠮷",
    "漢字かな交じり文 한국어 ไทย",
    "</script><b>&amp;</b> %41 + {braces}",
)
LONGEST = 2_500
MEGABYTES = (1, 5, 20)


@functools.lru_cache(maxsize=4)
def image_of(megabytes: int) -> str:
    """A picture of so many megabytes as a data URI."""
    raw = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * (megabytes * 1024**2 * 3 // 4 // 256)
    return "data:image/png;base64," + base64.b64encode(raw).decode()
