"""Where keys stand in a TOML text: the standard library's reader does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

__all__ = ["KeyLines"]

Path = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")
_STRINGS = re.compile(r"""\"\"\"|'''|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[\[\]{}]""")


class KeyLines:
    """The lines, from 1, on which the tables and keys of a TOML text stand.

    The text is one that the standard library has read without an error.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        self._read()

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key, of the table or value that it is in where it has no line of its own, or 1."""
        wanted = tuple(path)
        for length in range(len(wanted), 0, -1):
            found = self._at.get(wanted[:length])
            if found is not None:
                return self._within(found, wanted[length:])
        return 1

    def _within(self, start: int, rest: Path) -> int:
        """The line, from `start` on, on which a key within an inline table is written, or `start`."""
        names = [step for step in rest if isinstance(step, str)]
        if names:
            others = {line for line in self._at.values() if line > start}
            last = min(others, default=len(self._lines) + 1)
            key = re.compile(rf"(?<![\w-])[\"']?{re.escape(names[-1])}[\"']?\s*=")
            for number in range(start, last):
                if key.search(self._lines[number - 1]):
                    return number
        return start

    def _read(self) -> None:
        table: Path = ()
        open_string = ""
        depth = 0
        for number, line in enumerate(self._lines, 1):
            if not open_string and depth == 0:
                header, key = _TABLE.match(line), _KEY.match(line)
                if header is not None:
                    table = self._enter(_parts(header[2]), is_array=header[1] == "[[")
                    self._at.setdefault(table, number)
                    continue
                if key is not None:
                    self._note(table, _parts(key[1]), number)
                    line = line[key.end() :]
            open_string, depth = _scan(line, open_string, depth)

    def _enter(self, names: tuple[str, ...], *, is_array: bool) -> Path:
        """The path of a table that a header opens; an array's own name gets the number of the new item."""
        path: Path = ()
        for name in names[:-1]:
            path = (*path, name)
            if path in self._tables:
                path = (*path, self._tables[path])
        path = (*path, names[-1])
        if is_array:
            self._tables[path] = self._tables.get(path, -1) + 1
            path = (*path, self._tables[path])
        return path

    def _note(self, table: Path, names: tuple[str, ...], number: int) -> None:
        for length in range(1, len(names) + 1):
            self._at.setdefault((*table, *names[:length]), number)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(_plain(part) for part in re.findall(_PART, dotted))


def _plain(part: str) -> str:
    if part.startswith('"'):
        try:
            return str(json.loads(part))
        except ValueError:
            # An escape that TOML has and JSON has not.
            return part[1:-1]
    return part.strip("'")


def _scan(line: str, open_string: str, depth: int) -> tuple[str, int]:
    """The multi-line string and the depth of brackets that are open after a line."""
    for token in _tokens(line, open_string):
        if token in ('"""', "'''"):
            open_string = "" if open_string else token
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth -= 1
    return open_string, depth


def _tokens(line: str, open_string: str) -> Iterator[str]:
    position = 0
    while position <= len(line):
        if open_string:
            end = line.find(open_string, position)
            if end < 0:
                return
            yield open_string
            position, open_string = end + 3, ""
            continue
        match = _STRINGS.search(line, position)
        if match is None or match[0].startswith("#"):
            return
        position = match.end()
        if match[0] in ('"""', "'''"):
            open_string = match[0]
            yield match[0]
        elif len(match[0]) == 1:
            yield match[0]
