"""Replacing attributes, also where modules keep them by name or otherwise, and putting every one back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from .kept_values import swap_kept_values

__all__ = ["Patches"]

_ABSENT = object()


def _without_self(function: FunctionType, module: str, name: str) -> Any:
    """The function as one written in C: in a class (`clock = time.monotonic`) it does not become a method."""
    called = {"__call__": staticmethod(function), "__reduce__": lambda self: name}
    made: Any = type(name, (), {**called, "__doc__": function.__doc__, "__module__": module})()
    made.__name__ = made.__qualname__ = name
    return made


class Patches:
    """A stack of replacements; `undo` takes all of them back, the last first."""

    def __init__(self, kept: Iterable[str] = ()) -> None:
        self._undo: list[Callable[[], None]] = []
        self._renamed: dict[int, tuple[Any, Any]] = {}
        self._kept = frozenset(kept)

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace the attribute `name` of a module or class until `undo`."""
        before = vars(owner).get(name, _ABSENT)

        def back() -> None:
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(back)
        setattr(owner, name, value)

    def replace(self, module: ModuleType, name: str, value: Any) -> None:
        """Replace a module's function, and later (`rename`) every module's own name for it."""
        original = getattr(module, name, None)
        if original is None:
            return
        if isinstance(value, FunctionType) and not hasattr(type(original), "__get__"):
            value = _without_self(value, module.__name__, name)
        self._renamed[id(original)] = (original, value)
        self.set(module, name, value)

    def set_in_c(self, kind: type, name: str, value: Any) -> None:
        """Replace an attribute of a type written in C, where this Python can be changed so.

        Its own dictionary is what the read-only view of its attributes refers to.
        """
        try:
            import ctypes

            (names,) = gc.get_referents(vars(kind))
            modified = ctypes.pythonapi.PyType_Modified
        except (ImportError, AttributeError, ValueError):
            return
        before = names.get(name, _ABSENT)

        def back() -> None:
            if before is _ABSENT:
                names.pop(name, None)
            else:
                names[name] = before
            modified(ctypes.py_object(kind))

        names[name] = value
        modified(ctypes.py_object(kind))
        self._undo.append(back)

    def later(self, back: Callable[[], None]) -> None:
        """Call `back` when everything is undone."""
        self._undo.append(back)

    def rename(self) -> None:
        """Let modules that imported a replaced function by name use the replacement."""
        self._swap({key: new for key, (_, new) in self._renamed.items()})

    def undo(self) -> None:
        """Put everything back, also the names that were imported in the meantime."""
        while self._undo:
            self._undo.pop()()
        self._swap({id(new): old for old, new in self._renamed.values()})
        self._renamed.clear()

    def _swap(self, by_id: dict[int, Any]) -> None:
        for module_name, module in list(sys.modules.items()):
            if module_name.partition(".")[0] in self._kept or not isinstance(module, ModuleType):
                continue
            swap_kept_values(module, by_id)
            names = vars(module)
            # Most modules have none of them: told at the speed of C.
            if by_id.keys().isdisjoint(map(id, list(names.values()))):
                continue
            for name, value in list(names.items()):
                if id(value) in by_id:
                    names[name] = by_id[id(value)]
