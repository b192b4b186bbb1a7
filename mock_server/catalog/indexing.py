"""Makes the index of the vendored documents anew: `python -m kling_mock.catalog.indexing`."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from .variants import variant_of
from .vendored import INDEX, PACKAGE

__all__ = ["index_text"]


def index_text(root: Path) -> str:
    """The index of all documents in the folders of the vendors, a row on a line of its own."""
    files = sorted(root.glob("*/*.json"))
    variants = [
        variant_of(path.relative_to(root).as_posix(), json.loads(path.read_bytes())) for path in files
    ]
    rows = ",\n".join(json.dumps(variant.as_dict(), ensure_ascii=False) for variant in variants)
    return f'{{"variants": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    folder = Path(str(resources.files(PACKAGE)))
    folder.joinpath(INDEX).write_text(index_text(folder), encoding="utf-8")
