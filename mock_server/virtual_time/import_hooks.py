"""Running an action once a module has been imported, at once where it has been already."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any

__all__ = ["ImportHooks"]


class ImportHooks(MetaPathFinder):
    """Actions that wait for modules to be imported, so that nothing is imported just to be changed."""

    def __init__(self) -> None:
        self._actions: dict[str, list[Callable[[], None]]] = {}

    def when(self, name: str, action: Callable[[], None]) -> None:
        """Call `action` once the module `name` has been imported."""
        if name in sys.modules:
            action()
            return
        self._actions.setdefault(name, []).append(action)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def forget(self) -> None:
        """Drop every action that still waits."""
        self._actions.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find an awaited module through the other finders, and have the actions run once it was executed."""
        actions = self._actions.pop(fullname, None)
        if actions is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _ActingLoader(spec.loader, actions)
                return spec
        return None


class _ActingLoader(Loader):
    """A loader that runs actions after it has executed its module; otherwise the one that it wraps."""

    def __init__(self, loader: Any, actions: list[Callable[[], None]]) -> None:
        self._loader = loader
        self._actions = actions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for action in self._actions:
            action()
