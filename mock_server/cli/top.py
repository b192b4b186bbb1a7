"""The help of `kling-mock` itself, of nothing but words: who asks for it waits for no other module."""

from __future__ import annotations

import os
from collections.abc import Iterator

__all__ = ["COMMANDS", "DESCRIPTION", "EPILOG", "top_help"]

COMMANDS = {
    "init": "write first tests, the contract test and a workflow into a client's project",
    "serve": "run the mock server",
    "health": "say whether a server answers",
    "run": "run an unmodified program with api.aimlapi.com answered by a mock",
    "report": "print the verdict of a running server",
    "check": "judge recordings (HAR) of a client and of the real API",
    "verify": "check a client against the contract",
    "validate": "check request bodies, offline",
    "specs": "list, show and check the vendored contracts",
    "scenarios": "list what the server can be told to do, or show one with its TOML",
    "config": "print the JSON Schema of a configuration file",
    "explain": "say what a rule, a scenario or a word means",
    "mcp": "serve an agent's tools on standard input and output",
    "docs": "say where the documentation is, or print a page of it",
}
DESCRIPTION = "A mock of AI/ML API's Kling video generation, and a kit that tests clients against it."
EPILOG = """\
examples:
  kling-mock init --dry-run
  kling-mock serve
  kling-mock run --fast-forward -- python my_program.py
  kling-mock verify my_package.client:generate
  kling-mock COMMAND --help

documentation, installed with it: kling-mock docs
what a rule, a scenario or a word means: kling-mock explain C9

completion in a shell (zsh and fish likewise):
  eval "$(_KLING_MOCK_COMPLETE=bash_source kling-mock)"
"""
OPTIONS = {
    "-V, --version": "Show the version and exit.",
    "-h, --help": "Show this message and exit.",
}
WIDEST = 100


def top_help() -> str:
    """The help, as wide as the terminal is."""
    width = max(50, min(_columns(), WIDEST) - 2)
    lines = ["Usage: kling-mock [OPTIONS] [COMMAND] [ARGS]...", ""]
    lines += [f"  {line}" for line in _wrapped(DESCRIPTION, width - 2)]
    for title, rows in (("commands", COMMANDS), ("options", OPTIONS)):
        wide = max(map(len, rows)) + 2
        lines += ["", f"{title}:"]
        for name, says in rows.items():
            first, *others = _wrapped(says, width - wide - 2)
            lines += [f"  {name:<{wide}}{first}", *(f"  {'':<{wide}}{line}" for line in others)]
    return "\n".join(lines) + f"\n\n{EPILOG}"


def _columns() -> int:
    written = os.environ.get("COLUMNS", "")
    if written.isascii() and written.isdigit() and int(written) > 0:
        return int(written)
    try:
        return os.get_terminal_size(1).columns or 80
    except (OSError, ValueError):
        return 80


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines that break at spaces."""
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
