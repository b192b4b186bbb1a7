"""The paths on which jobs are made and polled: the current ones, and the older one of each family."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ..catalog import CURRENT_PATHS, Catalog, load_catalog

__all__ = ["CreatePath", "generation_paths", "vendored_paths"]


class CreatePath(NamedTuple):
    """A path that makes jobs: the vendor of an older path, None for those of all vendors."""

    vendor: str | None = None

    @property
    def success(self) -> int:
        """The usual status of a create that is accepted."""
        return 200 if self.vendor is None else 201


def generation_paths(catalog: Catalog) -> dict[str, CreatePath]:
    """Every path of creates and polls, with the vendor of the older ones."""
    older = {vendor.older_path: CreatePath(vendor.id) for vendor in catalog.vendors.values()}
    documented = {
        path: CreatePath(variant.vendor)
        for variant in catalog.variants
        for path in variant.paths
        if path not in CURRENT_PATHS
    }
    current = {path: CreatePath() for path in CURRENT_PATHS}
    return {path: of for path, of in (documented | older | current).items() if path}


@cache
def vendored_paths() -> dict[str, CreatePath]:
    """The same for the vendored documents alone: what a trace of anybody's is held against."""
    return generation_paths(load_catalog())
