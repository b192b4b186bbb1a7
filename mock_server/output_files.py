"""A file that a report goes to: known to be writable before hours of work are put into it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from .errors import SettingsError

__all__ = ["check_report_file", "write_private", "write_report"]


def check_report_file(option: str, file: str | None) -> None:
    """Raise `SettingsError`, naming the option, where a report could not be written to `file`.

    `-` is standard output; None is no report.
    """
    if file is None or file == "-":
        return
    path = Path(file)
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"{option}: there is no folder {path.parent} to write to.")
    if path.is_dir():
        raise SettingsError(f"{option}: expected a file to write to, received the folder {path}.")
    there = path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise SettingsError(f"{option}: {path} cannot be written: {error.strerror or error}.") from None
    if not there:
        path.unlink()


def write_report(option: str, file: str | None, text: str) -> None:
    """Write a report; where that fails after all, say so and let the run keep its result."""
    # Half of a surrogate pair, which a program may have sent, has no place in a file.
    text = text.encode("utf-8", "backslashreplace").decode()
    if file == "-":
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
    elif file is not None:
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"kling-mock: {option}: {file} cannot be written: {error.strerror}.", file=sys.stderr)


def write_private(file: str, text: str) -> None:
    """Write a file that nobody but its owner can read; raises `OSError`."""

    def opened(path: str, flags: int) -> int:
        descriptor = os.open(path, flags, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with contextlib.suppress(AttributeError, OSError):
                os.fchmod(descriptor, 0o600)
        return descriptor

    with open(file, "w", encoding="utf-8", opener=opened) as stream:
        stream.write(text)
