"""Files that are named on a command line; a folder stands for the JSON files in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import SettingsError

__all__ = ["json_files"]


def json_files(names: Iterable[str]) -> Iterator[str]:
    """The names, each folder replaced by its `*.json`; `SettingsError` for a folder that has none."""
    for name in names:
        if not Path(name).is_dir():
            yield name
            continue
        inside = sorted(str(path) for path in Path(name).glob("*.json"))
        if not inside:
            raise SettingsError(f"{name}: expected a folder with *.json in it, received one without.")
        yield from inside
