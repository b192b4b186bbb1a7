"""HAR as a stream: the entries one by one, of a file of any size, cut off or not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import KlingMockError

__all__ = ["LARGEST_ENTRY", "EntrySplitter", "RecordingError"]

LARGEST_ENTRY = 64 * 1024 * 1024
"""Bytes of an entry: a larger one is passed over, and counted."""
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_SKIPPED = rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+"
_TO_BRACKET = re.compile(_SKIPPED + rb"([{}\[\]])", re.DOTALL)
_AS_FAR_AS_IT_GOES = re.compile(_SKIPPED, re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_NAME = re.compile(rb'"([^"\\]{1,64})"\s*:\s*\Z')
_NEAR = 512
"""Bytes before a bracket in which the name of its member is looked for."""
_LOOKED_AT_AGAIN = 1024 * 1024
"""Bytes between two brackets near the top of the document that are looked at again with each part."""
_ENTRIES_AT = 3
"""How deep the entries are: in an array, in the log, in the document."""


class RecordingError(KlingMockError):
    """A file is no recording that can be read."""


class EntrySplitter:
    """Takes the bytes of a HAR file part by part, and gives its entries.

    What has been given is forgotten: no more is held than one entry, up to `LARGEST_ENTRY`.
    """

    def __init__(self) -> None:
        self.unread = 0
        """Entries that are no JSON, or too large."""
        self.found = False
        """Whether there was a list of entries at all."""
        self.whole = False
        """Whether the document has come to its end."""
        self.aside: Any = None
        """What kling-mock wrote beside the entries of a recording of its own."""
        self._held = b""
        self._at = 0
        """What is before this place in what is held has been read."""
        self._in_string = False
        self._depth = 0
        self._path: list[bytes] = []
        self._begun: int | None = None
        """Where the object that is being taken begins in what is held."""
        self._passing = False
        """Whether that is passed over, for its size."""
        self._is_aside = False

    def feed(self, part: bytes) -> Iterator[dict[str, Any]]:
        """Take one part, and give the entries that end in it."""
        kept = self._at if self._begun is None else self._begun
        self._held = self._held[kept:] + part
        self._at -= kept
        if self._begun is not None:
            self._begun = 0
        while not self._in_string or self._through_string():
            found = _TO_BRACKET.match(self._held, self._at)
            if found is None:
                self._go_on_later()
                break
            token = found[1]
            if token in b"{[":
                self._open(token, found.end() - 1)
                self._at = found.end()
            else:
                self._at = found.end()
                entry = self._close()
                if entry is not None:
                    yield entry
        if self._begun is not None and len(self._held) - self._begun > LARGEST_ENTRY:
            self._begun, self._passing = None, True

    def _through_string(self) -> bool:
        """Go to the end of a string that began in an earlier part; False where that is still to come."""
        run = _IN_STRING.match(self._held, self._at)
        assert run is not None
        self._at = run.end()
        if self._held[self._at : self._at + 1] != b'"':
            return False
        self._at += 1
        self._in_string = False
        return True

    def _go_on_later(self) -> None:
        """Note how far this part could be read; near the top a name is read once more when it is whole."""
        near_the_top = self._depth < _ENTRIES_AT and len(self._held) - self._at < _LOOKED_AT_AGAIN
        if near_the_top:
            return
        run = _AS_FAR_AS_IT_GOES.match(self._held, self._at)
        assert run is not None
        self._at = run.end()
        if self._held[self._at : self._at + 1] == b'"':
            self._at += 1
            self._in_string = True
            self._through_string()

    def _open(self, token: bytes, at: int) -> None:
        if self._depth < _ENTRIES_AT:
            name = _NAME.search(self._held, max(self._at, at - _NEAR), at)
            self._path = [*self._path[: self._depth], name[1] if name else b""]
        in_log = self._path[1:2] == [b"log"]
        if self._depth == 2 and token == b"[" and in_log and self._path[2:] == [b"entries"]:
            self.found = True
        in_entries = self._depth == _ENTRIES_AT and in_log and self._path[2:] == [b"entries"]
        self._depth += 1
        if token == b"{" and not self._passing and self._begun is None:
            aside = self._depth == 3 and in_log and self._path[2:] == [b"_klingMock"]
            if in_entries or aside:
                self._begun, self._is_aside = at, aside

    def _close(self) -> dict[str, Any] | None:
        self._depth -= 1
        if self._depth == 0:
            self.whole = True
        end_of = 2 if self._is_aside else _ENTRIES_AT
        if self._depth != end_of or (self._begun is None and not self._passing):
            return None
        begun, self._begun = self._begun, None
        passed, self._passing = self._passing, False
        is_aside, self._is_aside = self._is_aside, False
        if passed or begun is None:
            self.unread += 1
            return None
        try:
            value = json.loads(self._held[begun : self._at])
        except (ValueError, RecursionError):
            value = None
        if is_aside:
            self.aside = value
            return None
        if not isinstance(value, dict):
            self.unread += 1
            return None
        return value
