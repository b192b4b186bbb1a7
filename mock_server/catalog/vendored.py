"""The vendored documents: an index of them is read at once, each of them when it is first needed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import SpecError
from ..package_files import package_file
from .catalogue import COMPONENTS, Catalog
from .variants import Variant
from .vendors import vendors_from

__all__ = ["INDEX", "PACKAGE", "vendored_catalog"]

PACKAGE = "kling_mock.schemas"
INDEX, VENDORS, FACTS = "index.json", "vendors.json", "facts.json"


class _ReadLater(Mapping[str, Any]):
    """Values that are read when they are first asked for, then kept."""

    def __init__(self, names: Callable[[], tuple[str, ...]], read: Callable[[str], Any]) -> None:
        self._names = functools.cache(names)
        self._read = functools.cache(read)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


@functools.cache
def vendored_catalog() -> Catalog:
    """The catalogue of the vendored documents, made once per process."""
    variants = [Variant.from_dict(row) for row in _read(INDEX)["variants"]]
    files = (COMPONENTS, *(variant.file for variant in variants))
    documents = _ReadLater(lambda: files, _read)
    rows = functools.cache(lambda: _read(FACTS)["models"])
    facts = _ReadLater(lambda: tuple(rows()), lambda model: rows()[model])
    vendors = vendors_from(_read(VENDORS)["vendors"])
    return Catalog(documents, facts, variants=variants, vendors=vendors)


def _read(name: str) -> dict[str, Any]:
    try:
        document = json.loads(package_file(PACKAGE, name))
    except (OSError, ValueError) as error:
        message = f"The vendored document {name} cannot be read: {error}. Install kling-mock anew."
        raise SpecError(message) from error
    if not isinstance(document, dict):
        raise SpecError(f"The vendored document {name} is not a JSON object. Install kling-mock anew.")
    return document
