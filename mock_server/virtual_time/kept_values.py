"""Where a program keeps a function beside the names of its modules: as a default, in a class, in an object.

`def wait(job, sleep=time.sleep)` and `class Client: clock = staticmethod(time.monotonic)` took the function
when their module was imported: to replace the name changes nothing for them.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["swap_kept_values"]

_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
"""Modules of Python itself, which keep nothing so (known from Python 3.10 on)."""
_CALLABLES = (FunctionType, staticmethod, classmethod, type(functools.lru_cache(lambda: None)))
_MOST_DECORATORS = 10
_holders: weakref.WeakKeyDictionary[ModuleType, tuple[int, list[Any]]] = weakref.WeakKeyDictionary()
"""How many names each module had, and which of its objects were seen to keep one: looked for once."""


def swap_kept_values(module: ModuleType, by_id: Mapping[int, Any]) -> None:
    """Put other values in the place of those with these ids, wherever the module's own objects keep them."""
    # What only says that it is a module (cffi has such objects) has no objects of its own.
    if not issubclass(type(module), ModuleType) or module.__name__.partition(".")[0] in _STANDARD:
        return
    names = len(vars(module))
    known, holders = _holders.get(module, (-1, []))
    if known == names:
        for holder in holders:
            _swap(holder, by_id)
    else:
        _holders[module] = names, [holder for holder in _objects_of(module) if _swap(holder, by_id)]


def _objects_of(module: ModuleType) -> Iterator[Any]:
    """The module's own functions and classes, the methods of these, and the objects among its names."""
    name = module.__name__
    for value in list(vars(module).values()):
        kind = type(value)
        if issubclass(kind, type):
            if vars(value).get("__module__") == name:
                yield value
                for attribute in list(vars(value).values()):
                    yield from _functions_of(attribute)
        elif kind in _CALLABLES:
            yield from _functions_of(value)
        elif kind.__module__ == name and not issubclass(kind, ModuleType):
            yield value


def _functions_of(value: Any) -> Iterator[FunctionType]:
    """A function below its decorators. Other objects are not asked: some import a module when they are."""
    for _ in range(_MOST_DECORATORS):
        if type(value) not in _CALLABLES:
            return
        if isinstance(value, FunctionType):
            yield value
            value = vars(value).get("__wrapped__")
        else:
            value = getattr(value, "__wrapped__", None) or getattr(value, "__func__", None)


def _swap(holder: Any, by_id: Mapping[int, Any]) -> bool:
    """Swap what one of them keeps; True where that was something."""
    if isinstance(holder, FunctionType):
        return _swap_defaults(holder, by_id)
    try:
        kept = dict(vars(holder) if isinstance(holder, type) else object.__getattribute__(holder, "__dict__"))
    except (AttributeError, TypeError):
        return False
    found = False
    for name, value in kept.items():
        plain = value.__func__ if isinstance(value, staticmethod) else value
        if id(plain) in by_id:
            new = by_id[id(plain)]
            try:
                setattr(holder, name, new if plain is value else staticmethod(new))
            except (AttributeError, TypeError):
                continue
            found = True
    return found


def _swap_defaults(function: FunctionType, by_id: Mapping[int, Any]) -> bool:
    found = False
    if any(id(value) in by_id for value in function.__defaults__ or ()):
        function.__defaults__ = tuple(by_id.get(id(value), value) for value in function.__defaults__ or ())
        found = True
    named = function.__kwdefaults__ or {}
    for name, value in named.items():
        if id(value) in by_id:
            named[name] = by_id[id(value)]
            found = True
    return found
