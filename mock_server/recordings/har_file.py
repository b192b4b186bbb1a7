"""The file of a recording: plain, compressed, or in an archive with its bodies beside it."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from .har_stream import EntrySplitter, RecordingError

__all__ = ["HarFile"]

PART = 1024 * 1024
"""Bytes that are read at once."""
READ = 64 * 1024
"""Packed bytes that are read at once."""
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a body in a file of its own that is read."""
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacked:
    """What is packed with gzip, as far as it goes; `EOFError` at the end of a file that is cut off."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._unpacker = zlib.decompressobj(wbits=31)
        self._left = b""

    def read(self, size: int) -> bytes:
        """Some bytes, at most `size`; empty at the end."""
        while True:
            packed = self._left or self._raw.read(READ)
            if not packed:
                if self._unpacker.eof:
                    return b""
                raise EOFError
            if self._unpacker.eof:
                # Another member: whoever appends to a packed file writes one.
                self._unpacker = zlib.decompressobj(wbits=31)
            part = self._unpacker.decompress(packed, size)
            self._left = self._unpacker.unconsumed_tail or self._unpacker.unused_data
            if part:
                return part


class HarFile:
    """One file; `entries` gives what is in it, and afterwards the attributes say what it was like."""

    def __init__(self, path: Path, on_read: Callable[[int, int], None] = lambda read, size: None) -> None:
        """`on_read` is told now and then how many bytes of how many have been read."""
        self.path = path
        self._on_read = on_read
        self.splitter = EntrySplitter()
        self.broken_off = ""
        """Why not all of it could be read; empty where all of it was."""
        self._archive: zipfile.ZipFile | None = None

    def entries(self) -> Iterator[dict[str, Any]]:
        """The entries, oldest first as they stand; raises `RecordingError` where there can be none."""
        try:
            with contextlib.ExitStack() as stack:
                stream, raw = self._opened(stack)
                yield from self._entries(stream, raw)
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
                raise RecordingError(f"{self.path} cannot be read: {error.strerror}.") from None
            self._end(f"it cannot be read to its end: {error}")
        except EOFError:
            self._end("its compressed bytes are cut off")

    def _entries(self, stream: _Readable, raw: IO[bytes]) -> Iterator[dict[str, Any]]:
        size, first = self.path.stat().st_size, True
        while part := stream.read(PART):
            if first:
                part, first = self._beginning(part), False
            yield from self.splitter.feed(part)
            self._on_read(raw.tell(), size)
        if first:
            raise RecordingError(f"{self.path} is empty.")
        self._end("" if self.splitter.whole else "it is cut off")

    def _end(self, why: str) -> None:
        if not self.splitter.found:
            cut = f" ({why})" if why else ""
            raise RecordingError(f"{self.path} is no HAR file: expected a list log.entries{cut}.")
        self.broken_off = why

    def _beginning(self, part: bytes) -> bytes:
        for mark, name in _BOMS.items():
            if part.startswith(mark):
                raise RecordingError(f"{self.path} is in {name}: HAR is JSON in UTF-8.")
        part = part.removeprefix(b"\xef\xbb\xbf")
        if not part.lstrip().startswith(b"{"):
            shown = part.lstrip()[:20].decode("utf-8", "replace")
            raise RecordingError(f"{self.path} is no HAR file: expected a JSON object, received {shown!r}.")
        return part

    def _opened(self, stack: contextlib.ExitStack) -> tuple[_Readable, IO[bytes]]:
        """The stream of the HAR, and that of the file, whose place says how much has been read."""
        raw = stack.enter_context(self.path.open("rb"))
        magic = raw.read(4)
        raw.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            return _Unpacked(raw), raw
        if magic == b"PK\x03\x04":
            self._archive = stack.enter_context(zipfile.ZipFile(raw))
            names = [name for name in self._archive.namelist() if name.endswith(".har")]
            if len(names) != 1:
                raise RecordingError(f"{self.path}: expected one .har in the archive, received {len(names)}.")
            return stack.enter_context(self._archive.open(names[0])), raw
        return raw, raw

    def body(self, name: str) -> bytes | None:
        """A body in a file of its own, beside the recording or in its archive; None without it."""
        if not name or "/" in name or "\\" in name or name.startswith("."):
            return None
        try:
            if self._archive is not None:
                with self._archive.open(name) as stream:
                    return stream.read(LARGEST_BODY)
            with (self.path.parent / name).open("rb") as stream:
                return stream.read(LARGEST_BODY)
        except (OSError, KeyError, zipfile.BadZipFile):
            return None
