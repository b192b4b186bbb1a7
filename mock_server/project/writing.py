"""Writing the files of a project: all that are missing or none, and never over one that is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingsError

__all__ = ["write"]


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files that are not there; raises `SettingsError`, and leaves nothing, where one cannot be."""
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            try:
                _make_folders(path.parent, made)
                with path.open("x", encoding="utf-8") as file:
                    made.append(path)
                    file.write(text)
            except OSError as error:
                raise SettingsError(
                    f"{name} cannot be written: {error.strerror or error}. Nothing was written."
                ) from None
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder with those above it, and note which were made."""
    if os.path.lexists(folder):
        return
    _make_folders(folder.parent, made)
    folder.mkdir()
    made.append(folder)
