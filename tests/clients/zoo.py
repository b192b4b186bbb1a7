"""The table of broken clients: name, how to hand it in, the property that names its bug, the model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

__all__ = ["IMAGE", "MASKS", "TEXT", "Exhibit", "breaks", "program", "zoo"]

TEXT = "kling-video/v1.6/standard/text-to-video"
IMAGE = "kling-video/v1.6/standard/image-to-video"
MASKS = "kling-video/v1.6/pro/image-to-video"

Broken = TypeVar("Broken", bound=type)

HERE = Path(__file__).parent
SECTIONS = (
    "sent",
    "making",
    "polling",
    "reading",
    "downloading",
    "typed",
    "transport",
    "process",
    "lasting",
    "together",
    "remembering",
    "seldom_met",
)


@dataclass(frozen=True)
class Exhibit:
    """One broken client. `target` is `module:function`, `command` the words of a program instead of it."""

    name: str
    property: str
    bug: str
    """The bug in one sentence."""
    model: str = TEXT
    target: str = ""
    command: tuple[str, ...] = ()
    strict: bool = False
    """Caught with level strict only."""


_table: dict[str, Exhibit] = {}


def breaks(property: str, model: str = TEXT, *, strict: bool = False) -> Callable[[Broken], Broken]:
    """Put a class derived from the reference client into the zoo; its docstring says the bug."""

    def add(broken: Broken) -> Broken:
        target = f"{broken.__module__}:{broken.__name__}.run"
        _add(Exhibit(broken.__name__, property, broken.__doc__ or "", model, target, strict=strict))
        return broken

    return add


def program(name: str, property: str, bug: str, *command: str, model: str = TEXT) -> None:
    """Put a program into the zoo; `python` stands for this interpreter, files are those of this folder."""
    words = tuple(_word(word) for word in command)
    _add(Exhibit(name, property, bug, model, command=words))


def _word(word: str) -> str:
    if word == "python":
        return sys.executable
    return str(HERE / word) if (HERE / word).is_file() else word


def _add(exhibit: Exhibit) -> None:
    assert exhibit.name not in _table, f"two clients are called {exhibit.name}"
    _table[exhibit.name] = exhibit


def zoo() -> dict[str, Exhibit]:
    """All broken clients by name, in the order of the catalogue's sections."""
    for section in SECTIONS:
        import_module(f"{__package__}.broken.{section}")
    return dict(_table)
