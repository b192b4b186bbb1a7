"""Variables of the environment that stand for options, and a word on those that look like one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ..errors import did_you_mean, nearest
from ..settings import ENV_PREFIX, option_fields

__all__ = ["warn_of_mistyped"]

OTHERS = (
    "CHECK",
    "CONFIG",
    "FAST_FORWARD",
    "HTML",
    "IMPORT_SECONDS",
    "JSON",
    "JUNIT",
    "LEGACY",
    "LEVEL",
    "MAX_EXAMPLES",
    "MODEL",
    "NO_MAGIC",
    "OFFLINE",
    "PROPERTY",
    "REPORT",
    "RUN",
    "SAVE",
    "SLOWNESS",
    "TIMEOUT",
    "TIME_LIMIT",
    "UPSTREAM",
    "XFAILS",
)
"""Variables besides those of the server's options."""
MISTYPED = 0.75
"""How much a name must look like a variable's to count as a mistyped one: projects have their own."""


def warn_of_mistyped(environ: Mapping[str, str] = os.environ) -> None:
    """Say on standard error which variables were probably meant to be another one."""
    known = [*(option.name.upper() for option in option_fields()), *OTHERS]
    for variable in environ:
        name = variable.removeprefix(ENV_PREFIX)
        if name == variable or name in known:
            continue
        near = nearest(name, known, most=1, likeness=MISTYPED)
        if near:
            hint = did_you_mean([ENV_PREFIX + word for word in near])
            print(f"kling-mock: the variable {variable} is not read.{hint}", file=sys.stderr)
