"""Import a module that may exit or hang: try it in a child process first."""

from __future__ import annotations

import sys

from kling_mock.child_import import told_by_import

__all__ = ["try_import"]

_TRIAL = """
import importlib, json, os, sys
file, module, sys.path[:] = json.loads(sys.argv[1])
try:
    importlib.import_module(module)
except BaseException:
    pass  # said by the import that counts
with open(file, "w") as done:
    done.write("back")
os._exit(0)
"""


def try_import(target: str, name: str, seconds: float | None = None) -> None:
    """Import a module in a child process; raises `TargetError` where it does not come back from that.

    An exception is no reason: the import that counts raises it again. A module that is there is not tried.
    """
    if name not in sys.modules:
        told_by_import(_TRIAL, target, name, seconds=seconds)
