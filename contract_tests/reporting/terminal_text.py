"""Text for terminals and files, whatever a client has put into it."""

from __future__ import annotations

import re

__all__ = ["terminal_text"]

_UNSEEN = re.compile("(?!\x1b\\[[0-9;]*m)[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, further ends of lines and halves of surrogate pairs; colours and newlines apart."""


def terminal_text(text: str) -> str:
    """The text with what a terminal would act on, and what no encoding takes, as escapes."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
