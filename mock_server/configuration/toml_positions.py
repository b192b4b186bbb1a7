"""Where the parts of a TOML text stand: the standard library's reader does not tell."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence

__all__ = ["KeyLines"]

Path = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_HEADER = re.compile(rf"(\[\[?)[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*\]\]?")
_BLANK = re.compile(r"(?:[\s,=]|#[^\n]*)*")
"""What stands between the parts; in a text known to be right a comma or an equals sign says nothing more."""
_SCALAR = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}#\n]+''', re.DOTALL
)


class KeyLines:
    """The lines, from 1, on which the tables, keys and items of a TOML text stand.

    The text is one that the standard library has read without an error.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._position = 0
        self._at: dict[Path, int] = {}
        self._implied: dict[Path, int] = {}
        """Tables that no header of their own opens, by the first header of one within."""
        self._last_items: dict[Path, int] = {}
        self._read()

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key or item, of what it is in where it has no line of its own, or 1."""
        wanted = tuple(path)
        for length in range(len(wanted), 0, -1):
            found = self._at.get(wanted[:length]) or self._implied.get(wanted[:length])
            if found is not None:
                return found
        return 1

    def _read(self) -> None:
        table: Path = ()
        while self._skip():
            header = _HEADER.match(self._text, self._position)
            if header is None:
                self._pair(table)
                continue
            table = self._enter(_parts(header[2]), is_array=header[1] == "[[")
            self._note(table)
            self._position = header.end()

    def _skip(self) -> bool:
        """Go to the next part; False at the end of the text."""
        blank = _BLANK.match(self._text, self._position)
        assert blank is not None
        self._position = blank.end()
        return self._position < len(self._text)

    def _enter(self, names: tuple[str, ...], *, is_array: bool) -> Path:
        """The path of a table that a header opens; an array's own name gets the number of the new item."""
        path: Path = ()
        for name in names[:-1]:
            path = (*path, name)
            self._implied.setdefault(path, self._line())
            if path in self._last_items:
                path = (*path, self._last_items[path])
        path = (*path, names[-1])
        if is_array:
            self._implied.setdefault(path, self._line())
            self._last_items[path] = self._last_items.get(path, -1) + 1
            path = (*path, self._last_items[path])
        return path

    def _pair(self, table: Path) -> None:
        """Read a key, which may be dotted, and its value."""
        key = _KEY.match(self._text, self._position)
        assert key is not None
        path = table
        for name in _parts(key[0]):
            path = (*path, name)
            self._note(path)
        self._position = key.end()
        self._skip()
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._text[self._position]
        if opening not in "[{":
            scalar = _SCALAR.match(self._text, self._position)
            assert scalar is not None
            self._position = scalar.end()
            return
        self._position += 1
        item = 0
        while self._skip() and self._text[self._position] not in "]}":
            if opening == "{":
                self._pair(path)
            else:
                self._note((*path, item))
                self._value((*path, item))
                item += 1
        self._position += 1

    def _note(self, path: Path) -> None:
        self._at.setdefault(path, self._line())

    def _line(self) -> int:
        return bisect_right(self._starts, self._position)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(_plain(part) for part in re.findall(_PART, dotted))


def _plain(part: str) -> str:
    if part.startswith('"'):
        try:
            return str(json.loads(part, strict=False))
        except ValueError:
            # An escape that TOML has and JSON has not.
            return part[1:-1]
    return part.strip("'")
