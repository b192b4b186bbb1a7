"""The command line: `kling-mock COMMAND`, a module per command."""

from .main import main

__all__ = ["main"]
