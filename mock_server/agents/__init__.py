"""`kling-mock mcp`: what a coding agent can do with a mock, as tools of the Model Context Protocol."""

from .tools import Tools
from .verifying import verify_client

__all__ = ["Tools", "verify_client"]
