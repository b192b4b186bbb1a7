"""Which programs ran below a run, and which of them no hook reached: seen in Linux's list of processes."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from ... import timing
from ...virtual_time import proc

__all__ = ["Census", "Program"]

_HOOKABLE = re.compile(r"(python|pypy|node|deno|bun|ruby|php)[\d.]*(-\w+)?$")
"""Programs that load a hook unless something keeps them from it."""
_ISOLATED = re.compile(rb"-[a-zA-Z]*[IES]")
"""Options of Python that leave the run's `sitecustomize` out."""
_TAKES_WORD = (b"-W", b"-X", b"--check-hash-based-pycs")


class Program:
    """One program in one process, from its first sight to its last."""

    __slots__ = ("exe", "first", "hooked", "idle", "last", "library", "name", "waits", "why", "words")

    def __init__(self, exe: str, words: tuple[bytes, ...], now: float) -> None:
        self.exe = exe
        self.words = words
        self.name = os.path.basename(exe.removesuffix(" (deleted)")) or os.path.basename(
            os.fsdecode(words[0])
        )
        self.first = self.last = now
        self.hooked = False
        self.library = ""
        """What waits in real time in it although it is hooked."""
        self.why = ""
        """Why nothing leads it: `environment` where that was dropped, `rights` where nobody may look."""
        self.idle = 0.0
        """Real seconds that it waited by itself."""
        self.waits = False
        """Whether it did at the last look."""

    @property
    def unhooked(self) -> str:
        """Why no hook is in it although its runtime has one; empty where that is not so."""
        if self.hooked or self.why or _HOOKABLE.match(self.name) is None:
            return ""
        if _is_isolated(self.name, self.words):
            return "options"
        return "hook" if self.last - self.first >= timing.HOOK_LOADS else ""


class Census:
    """Looks at the processes below this one again and again, in a thread of its own (Linux).

    `marks` is the folder in which each hook leaves a file with its process's number as name. Processes in
    `unrelated` are none of the run's; `keep` are files whose programs are the run's own.
    """

    def __init__(
        self, marks: Path, config: Path, *, unrelated: Collection[int] = (), keep: Iterable[Path] = ()
    ) -> None:
        self._marks = marks
        self._variable = b"KLING_MOCK_RUN=" + os.fsencode(config)
        self._unrelated = frozenset(unrelated)
        self._kept = {os.fsencode(path) for path in keep}
        self._own = _words(os.getpid())
        self._now: dict[int, Program] = {}
        self._ended: list[Program] = []
        self._hooked: set[tuple[str, tuple[bytes, ...]]] = set()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Census:
        if proc.is_visible():
            self._thread = threading.Thread(target=self._go_on, name="kling-mock-census", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def programs(self) -> list[Program]:
        """All that were seen, the first one first."""
        found = sorted([*self._ended, *self._now.values()], key=lambda one: one.first)
        for program in found:
            # A fork is hooked as its parent is, and may have been seen before that one's mark.
            program.hooked |= not program.why and (program.exe, program.words) in self._hooked
        return found

    def _go_on(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            began = time.thread_time()
            self.look()
            # A look at many processes takes long: a twentieth of the time may go by looking.
            pause = max(timing.CENSUS_LOOK, 20 * (time.thread_time() - began))
        self._read_marks()

    def look(self) -> None:
        """Look once."""
        now, seen = time.monotonic(), set()
        for pid, below in self._below():
            seen.add(pid)
            program = self._program_of(pid, now)
            if program is not None and (program.library or not program.hooked):
                _count_idle(pid, program, now, waits_for_others=bool(below))
            if program is not None:
                program.last = now
        self._read_marks()
        for pid in self._now.keys() - seen:
            self._ended.append(self._now.pop(pid))

    def _below(self) -> Iterator[tuple[int, list[int]]]:
        """Every process of the run, and those that it has started itself."""
        ahead = [pid for pid in proc.children() if pid not in self._unrelated]
        while ahead:
            pid = ahead.pop()
            below = proc.children(pid)
            yield pid, below
            ahead += below

    def _program_of(self, pid: int, now: float) -> Program | None:
        """The program that a process runs now; None where it is none of the run's."""
        before, words = self._now.get(pid), _words(pid)
        if not words or words == self._own or self._kept.intersection(words):
            return None  # it ends or begins, or it is the run's own
        exe = _link(f"/proc/{pid}/exe")
        if before is not None and exe == before.exe:
            if words == before.words or not _is_isolated(before.name, words):
                return before
        why = self._why_unled(pid)
        if why is None:
            return None
        program = Program(exe, words, now)
        program.why = why
        if before is not None:
            self._ended.append(before)
        self._now[pid] = program
        return program

    def _why_unled(self, pid: int) -> str | None:
        """Why nothing leads a process, empty where it has the run's variables, None where it is another's."""
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                pairs = file.read().rstrip(b"\0").split(b"\0")
        except PermissionError:
            return "rights"
        except OSError:
            return None
        if self._variable in pairs:
            return ""
        if any(pair.startswith(b"KLING_MOCK_RUN=") for pair in pairs):
            return None
        # A program that writes a title over its environment is no program that dropped it.
        whole = pairs == [b""] or all(b"=" in pair for pair in pairs)
        return "environment" if whole else ""

    def _read_marks(self) -> None:
        for name in _entries(self._marks):
            program = self._now.get(int(name)) if name.isdigit() else None
            if program is not None:
                program.library = _text(self._marks / name) or program.library
                (self._marks / name).unlink(missing_ok=True)
                program.hooked = True
                self._hooked.add((program.exe, program.words))


def _count_idle(pid: int, program: Program, now: float, *, waits_for_others: bool) -> None:
    """Note that a program has waited since the last look: for nothing but time or the world outside."""
    work = None if waits_for_others or proc.waits_for_pipe(pid) else proc.work_of_process(pid)
    waits = work is not None and proc.RUNNABLE not in work
    if waits and program.waits:
        program.idle += now - program.last
    program.waits = waits


def _is_isolated(name: str, words: tuple[bytes, ...]) -> bool:
    """Tell whether these are the words of a Python that was told to load nothing of its surroundings."""
    if not name.startswith(("python", "pypy")):
        return False
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith(b"-") or word in (b"-", b"--") or word[:2] in (b"-c", b"-m"):
            return False
        if _ISOLATED.match(word):
            return True
        if word in _TAKES_WORD:
            next(rest, None)
    return False


def _words(pid: int) -> tuple[bytes, ...]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            text = file.read().rstrip(b"\0")
    except OSError:
        return ()
    return tuple(text.split(b"\0")) if text else ()


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
