"""What ends a run whose own process was killed: a small process beside it, which sees its pipe end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

__all__ = ["Watcher"]

_SCRIPT = r"""
IFS= read -r folder || exit
read -r _ && exit
for round in 1 2 3 4 5 6 7 8 9 10; do
    found=$(cd /proc && LC_ALL=C grep -lsF "KLING_MOCK_RUN=$folder/" [0-9]*/environ)
    for file in $found; do kill -9 "${file%/environ}" 2>/dev/null; done
    [ -n "$found" ] || break
done
exec rm -rf -- "$folder"
"""
"""The run writes its folder, and one more line when it has ended by itself: without that one it was killed.

Processes of the run are told by their environment. Killing them is repeated, as they may have started others.
"""


class Watcher:
    """Where the run is killed, ends the processes that have its variable and removes its folder (Linux).

    Elsewhere, and where there is no shell, it does nothing: the next run removes the folder. To be entered
    before anything counts the processes below this one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watcher:
        if sys.platform == "linux":
            try:
                self._process = subprocess.Popen(
                    ["/bin/sh", "-c", _SCRIPT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,  # what a terminal sends is not for it
                )
            except OSError:
                pass
        return self

    def watch(self, folder: Path) -> None:
        """Name the folder of the run, which is in the environment of its processes as well."""
        self._tell(bytes(folder) + b"\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._tell(b"over\n")
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait()

    def _tell(self, line: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError:
            pass  # somebody has ended it
