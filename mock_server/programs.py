"""Programs that somebody names on a command line, and why one of them cannot be run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["no_program"]


def no_program(word: str) -> str:
    """Why a word is no program that can be run, as a sentence that says what to write instead."""
    file = Path(word)
    if file.is_dir():
        return f"{word!r} is a folder: expected a program that can be run."
    if not file.is_file():
        on_path = "" if os.sep in word else " on PATH"
        return f"There is no program {word!r}{on_path}: expected a command that can be run."
    if os.access(file, os.X_OK):
        return f"There is no program {word!r} on PATH: expected ./{word} for the file in this folder."
    runner = next((name for name in _RUNNERS.get(file.suffix, ()) if shutil.which(name)), "")
    instead = f"write {runner} {word}" if runner else "name the program that runs it before it"
    return f"{word!r} is not executable: expected a program; {instead}, or make it one with chmod +x {word}."


_RUNNERS = {
    ".py": ("python", "python3"),
    ".mjs": ("node",),
    ".cjs": ("node",),
    ".js": ("node",),
    ".sh": ("sh",),
    ".rb": ("ruby",),
    ".php": ("php",),
}
"""What usually runs files of a kind."""
