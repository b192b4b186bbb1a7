"""The vendors of the models: a row of data each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Vendor", "Vendors", "vendors_from"]


class Vendor(NamedTuple):
    """Who makes some of the models; the rows of `vendors.json` stand in the order of every listing."""

    id: str
    """The name of its folder of documents."""
    name: str
    """How it is called."""
    prefixes: tuple[str, ...]
    """What the ids of its models begin with, up to the first slash."""
    older_path: str = ""
    """The older path of its family, empty where it has none."""


class Vendors(Mapping[str, Vendor]):
    """The vendors by id, in the order of every listing."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._vendors = {vendor.id: vendor for vendor in vendors}
        self._places = {name: place for place, name in enumerate(self._vendors)}

    def __getitem__(self, name: str) -> Vendor:
        return self._vendors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._vendors)

    def __len__(self) -> int:
        return len(self._vendors)

    def place(self, name: str) -> int:
        """Where a vendor stands in listings; those that are not known stand at the end."""
        return self._places.get(name, len(self._places))

    def of_model(self, model: str) -> str:
        """The id of the vendor that a model's id points at; else what the id begins with."""
        prefix = model.partition("/")[0]
        known = (vendor.id for vendor in self._vendors.values() if prefix in (vendor.id, *vendor.prefixes))
        return next(known, prefix)


def vendors_from(rows: Mapping[str, Mapping[str, Any]]) -> Vendors:
    """The vendors of a vendored file's rows."""
    return Vendors(
        Vendor(name, row["name"], tuple(row["prefixes"]), row.get("older_path", ""))
        for name, row in rows.items()
    )
