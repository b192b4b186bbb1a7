"""`kling-mock docs`: the documentation, which is installed with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import SettingsError, did_you_mean, nearest
from .commands import Command, argument

__all__ = ["command", "pages"]

PACKAGE = "kling_mock.docs"
EPILOG = """\
examples:
  kling-mock docs
  kling-mock docs verify | less
"""


def docs(given: Mapping[str, Any]) -> int:
    """Print where each page is, or one page; exit status 0."""
    found = pages()
    name = given["page"]
    if name is None:
        wide = max(map(len, found))
        for page, path in found.items():
            print(f"{page:<{wide}}  {_title(path)}\n{'':<{wide}}  {path}")
        return 0
    name = name.removesuffix(".md")
    if name not in found:
        hint = did_you_mean(nearest(name, found)) or f" There are {', '.join(found)}."
        raise SettingsError(f"there is no page {name!r}.{hint}")
    print(found[name].read_text(encoding="utf-8").rstrip("\n"))
    return 0


def pages() -> dict[str, Path]:
    """The pages by name, each with its file."""
    if find_spec(PACKAGE) is not None:
        folder = Path(str(resources.files(PACKAGE)))
    else:
        # A checkout that was installed before the pages were a part of the package.
        folder = Path(__file__).parents[2] / "docs"
    return {path.stem: path for path in sorted(folder.glob("*.md"))}


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").rstrip()


command = Command(
    "docs",
    docs,
    [argument("page", "PAGE", required=False)],
    help="List the pages of the documentation and where they are, or print one.",
    epilog=EPILOG,
)
