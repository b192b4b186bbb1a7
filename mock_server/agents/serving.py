"""The server of the Model Context Protocol, by the official SDK (extra `mcp`)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import KlingMockError, ServerError
from ..server import MockServer
from ..version import __version__
from .tools import Tools
from .verifying import verify_client

if TYPE_CHECKING:
    from mcp.server import MCPServer

__all__ = ["made_server", "serve_stdio"]

INSTRUCTIONS = (
    "A mock of AI/ML API's Kling video generation, offline and free. Never call api.aimlapi.com in a test: "
    "it is paid. start_workspace gives a client its base URL and key; choose_scenario makes things go wrong; "
    "read_exchanges, read_jobs and read_verdict say what the client did; verify_client looks for the "
    "smallest case that breaks it."
)


def serve_stdio() -> None:
    """Serve on standard input and output until the input ends."""
    with MockServer(polls=(1, 1)) as mock:
        made_server(mock).run("stdio")


def made_server(mock: MockServer) -> MCPServer[Any]:
    """The server with its tools, whose workspaces are those of a mock; `ServerError` without the extra."""
    try:
        from mcp.server import MCPServer
    except ImportError:
        raise ServerError("mcp needs the official SDK: python -m pip install 'kling-mock[mcp]'.") from None
    server: MCPServer[Any] = MCPServer(
        "kling-mock", version=__version__, instructions=INSTRUCTIONS, log_level="CRITICAL"
    )
    tools = Tools(mock)
    for tool in (
        tools.start_workspace,
        tools.choose_scenario,
        tools.read_jobs,
        tools.read_exchanges,
        tools.read_verdict,
        tools.move_clock,
        verify_client,
        tools.explain,
    ):
        server.add_tool(_answering(tool), structured_output=False)
    return server


def _answering(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The tool, whose refusals are told to the agent in their own words."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    async def answer(*arguments: Any, **named: Any) -> str:
        try:
            said = tool(*arguments, **named)
            text: str = await said if inspect.isawaitable(said) else said
        except KlingMockError as error:
            raise ToolError(str(error)) from None
        return text

    return answer
