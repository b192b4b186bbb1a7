"""What a callable raised: its name, all that it says, and whether it was raised on purpose."""

from __future__ import annotations

import dis
import os
import sysconfig

__all__ = ["UNSUPPORTED", "is_unsupported", "name_of", "raised_on_purpose", "text_of"]

UNSUPPORTED = "NotSupported"
"""The name of the exception by which a client says that it has no way to express an input."""
_RAISES = frozenset({"RAISE_VARARGS", "RERAISE"})
_OF_OTHERS = tuple(
    os.path.join(path, "")
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
    if (path := sysconfig.get_path(name))
)
"""Folders of the standard library and of installed packages."""


def name_of(error: BaseException) -> str:
    """The class of an exception, with its module where that says something."""
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def text_of(error: BaseException) -> str:
    """Everything that an exception says: its message, its values, its notes, and those of its causes."""
    parts: list[str] = []
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        parts += [str(one), *(str(argument) for argument in one.args), *getattr(one, "__notes__", ())]
        # What an error of decoding keeps as its `doc` is shown to nobody.
        parts += [value for name, value in vars(one).items() if isinstance(value, str) and name != "doc"]
        pending += [one.__cause__, one.__context__ if not one.__suppress_context__ else None]
        pending += list(getattr(one, "exceptions", ()))
    return "\n".join(dict.fromkeys(part for part in parts if part))


def is_unsupported(error: BaseException) -> bool:
    """True for an exception called `NotSupported`, whichever module it is of."""
    return any(kind.__name__ == UNSUPPORTED for kind in type(error).__mro__)


def raised_on_purpose(error: BaseException, package: str) -> bool:
    """True where a `raise` of the client's own code made this error, with a text for people.

    `package` is the client's own, wherever it is installed. An `assert` is no such thing.
    """
    if isinstance(error, AssertionError) or " " not in str(error).strip():
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code
    own = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == package
    if not own and code.co_filename.startswith(_OF_OTHERS):
        return False
    return dis.opname[code.co_code[trace.tb_lasti]] in _RAISES
