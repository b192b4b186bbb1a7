"""The public names of a package, imported when they are first asked for.

A package lists its public names once, in its stub `__init__.pyi`: a line `from .module import Name as Name`
for each. Type checkers and editors read that file; `attach` reads it at run time, when the first name is
asked for. So a session of pytest that uses nothing of kling-mock waits for none of its modules.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["attach"]

# Compiled by its first reader: every session of pytest imports this module.
_LINE = r"(?m)^from (\.[\w.]+) import (\w+) as \2$"


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and the `__dir__` of a package from its stub.

    `package` is the package's `__name__`. A name that was asked for is kept in the package.
    """
    homes: dict[str, str] = {}

    def read() -> dict[str, str]:
        if not homes:
            import re

            homes.update((name, home) for home, name in re.findall(_LINE, _stub(package)))
        return homes

    def get(name: str) -> Any:
        if name == "__all__":
            return sorted(read())
        # Importers and inspectors ask for names such as `__wrapped__`: those are not worth reading the stub.
        if (name.startswith("__") and name != "__version__") or name not in read():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(homes[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted(read())

    return get, names


def _stub(package: str) -> str:
    spec = sys.modules[package].__spec__
    assert spec is not None and spec.origin is not None
    # Through the loader, which knows how a file is read inside an archive too.
    data: bytes = spec.loader.get_data(spec.origin + "i")  # type: ignore[union-attr]
    return data.decode()
