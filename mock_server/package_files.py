"""Files that stand in a package beside its modules."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

__all__ = ["package_file"]


def package_file(package: str, name: str) -> bytes:
    """The bytes of a file in an importable package; `name` is relative, with `/`. Raises OSError without one.

    Through the package's loader, which reads inside an archive too. `importlib.resources` does as much, but
    every start of a server would wait for `tempfile` and `zipfile`, which it imports.
    """
    spec: Any = import_module(package).__spec__
    folder = os.path.dirname(spec.origin) if spec.origin else spec.submodule_search_locations[0]
    data: bytes = spec.loader.get_data(os.path.join(folder, *name.split("/")))
    return data
