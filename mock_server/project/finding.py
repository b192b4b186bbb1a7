"""Which functions and programs of a folder look like a client; files are read, and nothing of them is run."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from .arguments import ADDRESSES
from .scripts import SUFFIXES, exported

__all__ = ["candidates"]

ROUTE = "video/generations"
"""What a client has in its text."""
LEFT_OUT = frozenset(
    {"tests", "test", "node_modules", "venv", "env", "build", "dist", "docs", "site-packages", "__pycache__"}
)
OWN = ("test_", "kling_adapter", "kling_driver")
"""How files begin that are tests, or were written here."""
MOST_FILES = 5000
MOST_BYTES = 1_000_000
USUAL = "generate"


def candidates(folder: Path) -> list[str]:
    """Clients, each as `MODULE:FUNCTION`, in JavaScript `FILE:FUNCTION`, or as a command.

    The likely ones alone, where some are.
    """
    functions: list[tuple[str, bool]] = []
    programs: list[str] = []
    for path in _files(folder):
        text = _text(path)
        if ROUTE not in text:
            continue
        if path.suffix == ".py":
            functions += _functions(path.relative_to(folder), text)
        elif "process.stdin" in text:
            programs.append(f"node {path.relative_to(folder).as_posix()}")
        else:
            scripts = exported(path.relative_to(folder), text)
            functions += [(f"{one.file.as_posix()}:{one.name}", one.takes_address) for one in scripts]
    likely = [name for name, takes_address in functions if takes_address]
    found = likely or [name for name, _ in functions]
    usual = [name for name in found if name.endswith(f":{USUAL}")]
    return [*(usual if len(usual) == 1 else found), *programs]


def _files(folder: Path) -> Iterator[Path]:
    """Programs in Python and JavaScript, in order of their names; no tests, nothing that was installed."""
    seen = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in LEFT_OUT
            and not name.startswith(".")
            and not (Path(here, name) / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                return
            path = Path(here, name)
            if path.suffix in {".py", *SUFFIXES} and not name.startswith(OWN):
                yield path


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _functions(path: Path, text: str) -> Iterator[tuple[str, bool]]:
    """Public functions with arguments, and whether one of these is the base URL."""
    parts = path.with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not parts or not all(part.isidentifier() for part in parts):
        return
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            names = {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
            if names:
                yield f"{'.'.join(parts)}:{node.name}", bool(names & ADDRESSES)
