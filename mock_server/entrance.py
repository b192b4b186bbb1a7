"""What a request is for: its path, the workspace by that or by its key, a client or a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .api.outcome import Refusal
from .api.request_context import key_of
from .common import Common
from .errors import NoWorkspace
from .exchanges.exchange import Headers
from .store.records import StoreError
from .workspace import Workspace
from .workspaces import NAME, name_of_key

__all__ = ["PREFIX", "SPACE_PATH", "Entered", "Entrance", "below", "for_browsers", "route_path"]

PREFIX = "/@"
"""Begins the path of a request to a workspace: `/@NAME/…`."""
SPACE_PATH = re.compile(rb"/@%b(/[^%%]*)" % NAME.encode(), re.ASCII)
"""Such a path, with what stands behind the name."""

RETRY = [(b"retry-after", b"1")]

Entered = tuple[Workspace, str, str, Refusal | None]
"""A workspace, a path there, the prefix of that; and why a request is refused, where it has no workspace."""


class Entrance:
    """Finds the workspaces of one server."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self.per_key = common.settings.workspace_per_key

    def enter(self, path: str, headers: Headers, root: str) -> Entered:
        """The workspace that a request is for; the one without a name where it cannot be had."""
        spaces = self._common.workspaces
        try:
            if path.startswith(PREFIX):
                name, slash, rest = path[2:].partition("/")
                return spaces.find(name), slash + rest or "/", f"{root}{PREFIX}{name}", None
            space = self._of_key(headers) if self.per_key else spaces.default
            # A video is asked for without a key: its URL says whose it is.
            return space, path, f"{root}{PREFIX}{space.name}" if space.name else root, None
        except NoWorkspace as error:
            text = str(error) if error.status == 400 else f"Service Unavailable: {error}"
            retry = [(b"retry-after", b"30")] if error.status == 503 else []
            return spaces.default, path, root, Refusal(error.status, text, headers=retry)
        except StoreError as error:
            return spaces.default, path, root, Refusal(503, f"Service Unavailable: {error}.", headers=RETRY)

    def _of_key(self, headers: Headers) -> Workspace:
        """The workspace of a request's key; the one without a name where it shows none that is accepted."""
        key, accepted = key_of(headers), self._common.settings.api_key
        if not key or (accepted and key not in accepted):
            return self._common.default
        return self._common.workspaces.find(name_of_key(key))


def below(path: str) -> str:
    """A path without the prefix of a workspace."""
    end = path.find("/", len(PREFIX)) if path.startswith(PREFIX) else 0
    return path[end:] if end > 0 else path


def route_path(scope: Mapping[str, Any]) -> str:
    """The path of a request without that below which the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :]
    return path


def for_browsers(method: str, path: str, headers: Headers) -> bool:
    """Whether a request for the root or `/docs` is a browser's: clients are told that nothing is there."""
    if path not in ("/", "/docs") or method != "GET":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in headers)
