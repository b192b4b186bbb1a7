"""The catalogue that somebody asked for: the vendored documents, and folders of their own beside them."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from pathlib import Path

from ..errors import SpecError
from .catalogue import Catalog
from .vendored import vendored_catalog

__all__ = ["load_catalog"]

logger = logging.getLogger("kling_mock")


def load_catalog(specs: Sequence[str] = ()) -> Catalog:
    """The vendored catalogue, with the documents in these folders beside it; the last one of an id wins.

    Made once per process, and again where the files of a folder have changed. Raises SpecError, with the
    file and the place, for what cannot be used: then nothing of it is.
    """
    if not specs:
        return vendored_catalog()
    return _with_folders(tuple((folder, _stamp(folder)) for folder in specs))


def _stamp(folder: str) -> tuple[tuple[str, int, int], ...]:
    """What tells whether the files of a folder are those that were read."""
    from .own_documents import document_files

    try:
        files = document_files(Path(folder))
    except SpecError as error:
        raise error.blaming("specs") from None
    stats = [(path.as_posix(), path.stat()) for path in files]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


@functools.lru_cache(maxsize=8)
def _with_folders(folders: tuple[tuple[str, object], ...]) -> Catalog:
    from .own_documents import read_folder

    catalog = vendored_catalog()
    for folder, _ in folders:
        own = read_folder(Path(folder), catalog)
        notes = [
            f"{one.variant.file} stands in for {catalog.find(one.variant.model).file}, "
            f"the other document of {one.variant.model}."
            for one in own
            if (known := catalog.get(one.variant.model)) is not None and known.model == one.variant.model
        ]
        for note in notes:
            logger.warning("%s", note)
        catalog = catalog.with_own(
            {one.variant.file: one.document for one in own},
            {one.variant.model: one.facts for one in own if one.facts is not None},
            [one.variant for one in own],
            (*catalog.notes, *notes),
        )
    return catalog
