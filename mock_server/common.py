"""What all workspaces of one server share: the models, the validators, the address, the traffic."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from .catalog import Catalog, load_catalog
from .contracts import Contracts
from .limits import Limits
from .off_loop import OffLoop
from .settings import Settings
from .store.opening import open_backend
from .traffic import Traffic
from .workspace import Workspace
from .workspaces import Workspaces

__all__ = ["Common"]


class Common:
    """One server's common parts and its workspaces; the one without a name is made at once."""

    def __init__(self, settings: Settings, *, catalog: Catalog | None = None) -> None:
        self.settings = settings
        """What the server was started with; each workspace may lay its own options over it."""
        self.catalog = catalog or load_catalog(settings.specs)
        self.contracts = Contracts(self.catalog)
        self._others: WeakKeyDictionary[Catalog, Contracts] = WeakKeyDictionary()
        self.traffic = Traffic()
        self.limits = Limits.of(settings)
        self.off_loop = OffLoop()
        """Where bodies are judged that are too large to do so between two requests."""
        self.address = f"{settings.host}:{settings.port}"
        """Where clients reach it that do not say how they did; the listener knows its real port."""
        self.backend = open_backend(settings.store)
        """The store of all workspaces, where they are not kept in this process."""
        self.workspaces = Workspaces(settings, self.traffic, self.catalog, self.backend)

    @property
    def default(self) -> Workspace:
        """The workspace of clients that name none."""
        return self.workspaces.default

    def contracts_of(self, space: Workspace) -> Contracts:
        """What the requests of a workspace are judged by: its own where it has documents of its own."""
        catalog = space.catalog
        if catalog is self.catalog:
            return self.contracts
        found = self._others.get(catalog)
        if found is None:
            found = self._others[catalog] = Contracts(catalog)
        return found
