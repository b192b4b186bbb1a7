"""The files that a client writes while it runs, and which of them hold a video that is not whole."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from kling_mock.exchanges.exchange import Exchange
from kling_mock.media import clip_file, other_clip
from kling_mock.virtual_time.session import session_of_thread

from ..running.wording import common

__all__ = ["half_files", "written_files"]

_MANY = 5_000
"""Files of a folder beyond which it is not looked through."""
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".download", ".crdownload")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PAGES = (b"<?xml", b"<html", b"<!doctype")
_TELLING = 16
"""Bytes by which a part of a video is known for one."""
_TIMES_AS_BIG = 8
"""How much bigger than the video a file may be that was put together of its parts."""

_opened: set[str] | None = None
"""The files that have been opened for writing; None while nobody wants to know."""
_listens = False


@contextlib.contextmanager
def written_files(wanted: bool, in_process: bool) -> Iterator[Callable[[], set[str]]]:
    """Note which files are written until the end of the block; the function gives them.

    Of this process all of them; of a program those in its folder and in that of temporary files.
    """
    global _opened
    if not wanted:
        yield set
        return
    if not in_process:
        before = _listed()
        yield lambda: {path for path, state in _listed().items() if before.get(path) != state}
        return
    _listen()
    opened: set[str] = set()
    _opened = opened
    try:
        yield lambda: opened
    finally:
        _opened = None


def _listen() -> None:
    global _listens
    if not _listens:
        sys.addaudithook(_note)
        _listens = True


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is None or event not in ("open", "os.rename") or session_of_thread() is None:
        return
    if event == "os.rename":
        path = arguments[1]
    else:
        path, mode, flags = arguments
        if not (set(mode or "") & set("wax+") or (flags or 0) & _WRITES):
            return
    if isinstance(path, str | bytes | os.PathLike):
        _opened.add(os.path.abspath(os.fsdecode(path)))


def _listed() -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for folder in {os.getcwd(), tempfile.gettempdir()}:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for _, entry in zip(range(_MANY), entries, strict=False):
                with contextlib.suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat()
                        found[entry.path] = (status.st_mtime_ns, status.st_size)
    return found


def half_files(paths: Iterable[str], exchanges: Iterable[Exchange]) -> tuple[str, ...]:
    """Those of some files that hold parts of a video, or what was answered in its place.

    Parts that were put together wrongly count as well: the whole behind a half, a rest from the wrong place.
    """
    names = {each.path.rpartition("/")[2] for each in exchanges if each.kind == "video" and each.fault}
    clips = []
    for name in names:
        with contextlib.suppress(OSError, LookupError):
            # What another video at the URL has left counts as its part does.
            clips += [clip_file(one).read_bytes() for one in (name, other_clip(name))]
    return tuple(sorted(path for path in paths if clips and _is_half(Path(path), clips)))


def _is_half(path: Path, clips: list[bytes]) -> bool:
    if path.suffix.lower() in _UNFINISHED or path.name.startswith("."):
        # What bears such a name says of itself that it is no video.
        return False
    try:
        size = path.stat().st_size
        most = _TIMES_AS_BIG * max(map(len, clips))
        content = path.read_bytes() if path.is_file() and size <= most else None
    except OSError:
        return False
    if content is None or content in clips:
        return False
    if not content:
        return path.suffix.lower() == ".mp4"
    is_part = any(clip.startswith(content) for clip in clips)
    return is_part or _is_page(content) or _is_patched(content, clips)


def _is_page(content: bytes) -> bool:
    return content[:9].lower().startswith(_PAGES)


def _is_patched(content: bytes, clips: list[bytes]) -> bool:
    """Whether a file is put together of parts of some clips, with a page or nothing but zeros at its end."""
    known = _known_at_start(content, clips)
    if not known:
        return False
    while known:
        content = content[known:]
        known = _known_at_start(content, clips)
    return any(content in clip for clip in clips) or _is_page(content) or not content.strip(b"\0")


def _known_at_start(content: bytes, clips: list[bytes]) -> int:
    """How many bytes at the start of a content stand in one of some clips; 0 where too few do."""
    if len(content) < _TELLING:
        return 0
    places = [(clip, clip.find(content[:_TELLING])) for clip in clips]
    return max((common(content, clip[place:]) for clip, place in places if place >= 0), default=0)
