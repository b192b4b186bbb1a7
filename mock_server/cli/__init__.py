"""The command line: `kling-mock COMMAND`, a module per command."""

from mock_server.cli.main import main

__all__ = ["main"]
