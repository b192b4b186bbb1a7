"""`kling-mock`: reads the command, runs it, and turns what went wrong into a line and an exit status.

Whoever completes a word, or asks for the help, must not wait: modules are imported where they are needed.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from .top import COMMANDS, top_help

__all__ = ["COMMANDS", "COMPLETION", "main"]

COMPLETION = "_KLING_MOCK_COMPLETE"
HELP = (["--help"], ["-h"], ["help"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started this (`>&-`): what is said goes nowhere.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    if COMPLETION in os.environ:
        return _complete(os.environ[COMPLETION])
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words in HELP:
            print(top_help(), end="")
            return 0 if words else 2
        return _run(_spelled(words))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output is gone, as with `| head`.
        _say_no_more()
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
            raise
        print(f"{_said_by(words)}: the output cannot be written: {error}.", file=sys.stderr)
        _say_no_more()
        return 2


def _run(words: list[str]) -> int:
    from ..serving.collector import no_collection

    with no_collection():
        from ..errors import KlingMockError
        from ..timing import check_slowness
        from .commands import Wrong
        from .group import run

    try:
        check_slowness()
        return run(words)
    except Wrong as error:
        _tell(error.sentence())
        return 2
    except KlingMockError as error:
        from ..exchanges.redaction import Redactor, environment_keys

        _tell(f"{_said_by(words)}: {Redactor(environment_keys())(str(error))}")
        return 2


def _tell(problem: str) -> None:
    """Write what is wrong to standard error, without control characters that a word brought along."""
    from ..wording import printable

    print(printable(problem, keep="\n"), file=sys.stderr)


def _complete(asked: str) -> int:
    """Print what a shell can complete, from the table that was made beforehand where that says it."""
    from .completing import complete

    found = complete(asked, os.environ)
    if found is not None:
        print(found)
        return 0
    from click.shell_completion import shell_complete

    from .group import top_group

    return shell_complete(top_group(), {}, "kling-mock", COMPLETION, asked)


def _said_by(words: list[str]) -> str:
    return " ".join(["kling-mock", *[word for word in words[:1] if word in COMMANDS]])


def _spelled(words: list[str]) -> list[str]:
    """The words, with `help` and `version` as the options that they stand for."""
    if words[:1] == ["version"]:
        return ["--version"]
    return [*words[1:], "--help"] if words[:1] == ["help"] else words


def _say_no_more() -> None:
    """Leave nothing for the interpreter to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
