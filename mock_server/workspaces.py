"""The workspaces of one server: found by name, made on first use, dropped where nobody uses them."""

from __future__ import annotations

import re
from _thread import allocate_lock
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

from .catalog import Catalog
from .errors import NoWorkspace, shortened
from .exchanges.budget import Budget
from .real_time import real_time
from .settings import Settings
from .store.records import Backend, StoreError
from .traffic import Traffic
from .workspace import Workspace

__all__ = ["NAME", "Workspaces", "name_of_key"]

NAME = r"[A-Za-z0-9._-]{1,64}"
"""How a workspace may be called."""
LOOKS = 16
"""How many times it is looked for idle workspaces while one could become idle."""

_NAME = re.compile(NAME, re.ASCII)


class Workspaces:
    """All workspaces of a server; the one without a name is there from the beginning to the end."""

    def __init__(
        self,
        settings: Settings,
        traffic: Traffic,
        catalog: Catalog | None = None,
        backend: Backend | None = None,
    ) -> None:
        self._settings = settings
        self._traffic = traffic
        self._catalog = catalog
        self._backend = backend
        self._budget = Budget(settings.max_memory_journals)
        self.default = Workspace(settings, traffic, catalog=catalog, backend=backend, budget=self._budget)
        self._named: dict[str, Workspace] = {}
        self._used: dict[str, float] = {}
        """When each was last seen to be used, in real time."""
        self._next_look = 0.0
        # Tests find them from threads of their own. A plain lock: the others may go by virtual time.
        self._lock = allocate_lock()
        self._on_made: list[Callable[[Workspace], Any]] = []
        self.on_end: list[Callable[[Workspace], Any]] = []
        """Called with each workspace that was ended."""

    def find(self, name: str) -> Workspace:
        """The workspace of a name, made where there is none yet; `NoWorkspace` where it cannot be."""
        self.look()
        space = self._named.get(name)
        if space is None:
            space = self._made(name)
        space.used = True
        return space

    def _made(self, name: str) -> Workspace:
        if not _NAME.fullmatch(name):
            said = f"a workspace of 1 to 64 letters, digits, '.', '_' and '-', received {shortened(name)!r}"
            raise NoWorkspace(400, f"Expected {said}.")
        with self._lock:
            return self._named.get(name) or self._kept(name)

    def _kept(self, name: str) -> Workspace:
        most = self._settings.max_workspaces
        there = self._named if self._backend is None else self._backend.workspaces()
        if name not in there and len(there) >= most and not self._make_room():
            text = (
                f"this mock has {most} workspaces (--max-workspaces); "
                "DELETE /_mock/workspaces/NAME ends one, and so does --workspace-idle."
            )
            raise NoWorkspace(503, text)
        space = self._named[name] = Workspace(
            self._settings,
            self._traffic,
            name=name,
            catalog=self._catalog,
            backend=self._backend,
            budget=self._budget,
        )
        self._used[name] = real_time.monotonic()
        for told in self._on_made:
            told(space)
        return space

    def each(self, told: Callable[[Workspace], Any]) -> None:
        """Call `told` with each workspace there is, and with each one that is made."""
        self._on_made.append(told)
        for space in self.values():
            told(space)

    def values(self) -> list[Workspace]:
        """All workspaces that this server has, the one without a name first."""
        return [self.default, *self._named.values()]

    def named(self) -> list[Workspace]:
        """Those that have a name, the oldest first; where servers share a store, those of the others too."""
        if self._backend is not None:
            return [self._named.get(name) or self._made(name) for name in self._backend.workspaces()]
        return list(self._named.values())

    def _make_room(self) -> bool:
        """End the workspace that was made first of those that nobody has claimed; False where there is none.

        Whoever reaches the server can name workspaces; only who shows a key that is accepted, or controls the
        server, keeps others out with them.
        """
        for space in self._named.values():
            if space.claimed or space.holds.any() or space.bus.watched:
                continue
            # Another server of the store may have accepted what this one has not seen.
            if self._backend is None or space.untouched:
                self._end(space.name, self._taken_out(space.name))
                return True
        return False

    def end(self, name: str) -> bool:
        """Forget a workspace with all that it has; False where there is none of this name."""
        if not name:
            return False
        with self._lock:
            space = self._taken_out(name)
        return self._end(name, space)

    def _taken_out(self, name: str) -> Workspace | None:
        self._used.pop(name, None)
        return self._named.pop(name, None)

    def _end(self, name: str, space: Workspace | None) -> bool:
        known = space is not None
        if self._backend is not None:
            known = self._backend.drop(name)
        elif space is not None:
            space.reset()
        if space is None:
            return known
        space.holds.end()
        for told in self.on_end:
            told(space)
        return known

    def idle_for(self, space: Workspace) -> float:
        """Real seconds since a workspace was last seen to be used."""
        now = real_time.monotonic()
        self._note(space, now)
        return now - self._used.get(space.name, now)

    def look(self) -> None:
        """End the workspaces that nobody has used for long; looks a few times in that time only."""
        idle = self._settings.workspace_idle
        now = real_time.monotonic()
        if not idle or now < self._next_look:
            return
        self._next_look = now + idle / LOOKS
        for space in self.named() if self._backend is None else list(self._named.values()):
            self._note(space, now)
            if now - self._used.get(space.name, now) >= idle:
                self._leave(space)
        if self._backend is not None:
            self._look_in_store(self._backend, now, idle)

    def _leave(self, space: Workspace) -> None:
        """Let go of an idle workspace; what a store has of it others may use."""
        if self._backend is None:
            self.end(space.name)
        else:
            with self._lock:
                self._named.pop(space.name, None)
                self._used.pop(space.name, None)
            for told in self.on_end:
                told(space)

    def _look_in_store(self, backend: Backend, now: float, idle: float) -> None:
        """Say which workspaces are used here, and end those that no server uses."""
        real = real_time.time()
        try:
            backend.touch([name for name, used in self._used.items() if now - used < idle / LOOKS], real)
            for name, used in backend.workspaces().items():
                if used < real - idle:
                    backend.drop(name, unused_since=real - idle)
        except StoreError:
            # It is looked at again; requests say that it is away.
            return

    def _note(self, space: Workspace, now: float) -> None:
        if space.used or space.holds.any() or space.bus.watched:
            space.used = False
            if space.name in self._used:
                self._used[space.name] = now


@lru_cache(maxsize=1024)
def name_of_key(key: str) -> str:
    """The name of the workspace that an API key has, from which the key cannot be told."""
    return f"key-{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
