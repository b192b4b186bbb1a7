"""Completion in a shell, from a table that was made beforehand: nobody waits half a second for a word.

`completions.json` is made from the commands by `python -m kling_mock.cli.completion_table`; a test holds the
two to each other, and what is printed to what click would print.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

__all__ = ["TABLE", "complete"]

TABLE = os.path.join(os.path.dirname(__file__), "completions.json")
FILE = "file"

Item = tuple[str, str, str]
"""The kind of a completion, the word, and what it does."""


def complete(asked: str, environ: Mapping[str, str]) -> str | None:
    """What a shell is told for `bash_complete` and the like; None where click has to say it."""
    shell, _, what = asked.partition("_")
    if what != "complete" or shell not in FORMS:
        return None
    line = environ.get("COMP_WORDS", "")
    if any(sign in line for sign in "\"'\\=") or "--" in line.split():
        return None
    words, incomplete = _words(shell, line, environ)
    with open(TABLE, encoding="utf-8") as file:
        table = json.load(file)
    return "\n".join(FORMS[shell](*item) for item in _items(table, words, incomplete))


def _words(shell: str, line: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """The words before the one that is written, and what is there of that."""
    words = line.split()
    if shell == "fish":
        incomplete = environ.get("COMP_CWORD", "")
        before = words[1:]
        return (before[:-1] if incomplete and before[-1:] == [incomplete] else before), incomplete
    place = int(environ.get("COMP_CWORD", "0"))
    return words[1:place], words[place] if place < len(words) else ""


def _items(table: Mapping[str, Any], words: list[str], incomplete: str) -> list[Item]:
    path, command = "", table[""]
    given: list[str] = []
    for word in words:
        if word in command["commands"]:
            path = f"{path} {word}".strip()
            command, given = table[path], []
        elif word.startswith("-"):
            given.append(word)
    options = command["options"]
    if not incomplete.startswith("-") and words and words[-1].startswith("-"):
        for option in options:
            if words[-1] in option["names"] and option["takes"] is not None:
                return _values(option["takes"], incomplete)
    if not incomplete.startswith("-"):
        names = command["commands"].items()
        return [("plain", name, says) for name, says in names if name.startswith(incomplete)]
    items: list[Item] = []
    for option in options:
        if option["many"] or not any(name in given for name in option["names"]):
            items += [
                ("plain", name, option["help"]) for name in option["names"] if name.startswith(incomplete)
            ]
    return items


def _values(takes: str | list[str], incomplete: str) -> list[Item]:
    if takes == FILE:
        return [(FILE, incomplete, "")]
    return [("plain", word, "") for word in takes if word.startswith(incomplete)]


def _bash(kind: str, word: str, _says: str) -> str:
    return f"{kind},{word}"


def _zsh(kind: str, word: str, says: str) -> str:
    word = word.replace(":", r"\:") if says else word
    return f"{kind}\n{word}\n{says or '_'}"


def _fish(kind: str, word: str, says: str) -> str:
    return f"{kind},{word}\t{says}" if says else f"{kind},{word}"


FORMS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""How each shell is told a completion, in the words of click's scripts for them."""
