"""`kling-mock mcp`: the tools of a coding agent, by the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .commands import Command

__all__ = ["command"]

EPILOG = """\
examples (the second is for an agent that reads .mcp.json):
  kling-mock mcp
  {"mcpServers": {"kling-mock": {"command": "kling-mock", "args": ["mcp"]}}}

Tools: start_workspace, choose_scenario, read_jobs, read_exchanges, read_verdict, move_clock, verify_client,
explain. verify_client runs code of the folder in which the agent started this. The extra: kling-mock[mcp].
"""


def mcp(_given: Mapping[str, Any]) -> int:
    """Serve until standard input ends; exit status 0."""
    from ..agents.serving import serve_stdio

    serve_stdio()
    return 0


command = Command(
    "mcp",
    mcp,
    [],
    help="Serve an agent's tools on standard input and output (Model Context Protocol).",
    epilog=EPILOG,
)
