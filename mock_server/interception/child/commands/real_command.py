"""The command of the system that a stand-in takes the place of."""

from __future__ import annotations

import os
from typing import NoReturn

__all__ = ["become"]


def become(name: str, words: list[str]) -> NoReturn:
    """Go on as the system's own command, found behind the folder that the stand-in was found in.

    Its script says in `_KLING_TOOL` where it is.
    """
    here = os.path.dirname(os.environ.pop("_KLING_TOOL"))
    path = [one for one in os.get_exec_path() if not (os.path.isdir(one) and os.path.samefile(one, here))]
    found = (file for one in path if os.access(file := os.path.join(one, name), os.X_OK))
    os.execv(next(found, f"/bin/{name}"), [name, *words])
