"""Answering an unmodified program in place of the provider.

    from kling_mock.interception import intercept
    with intercept(server):
        requests.get("https://api.aimlapi.com/v1/models")    # answered by the server

Nothing is imported before it is asked for: the hooks in child processes load this package as well.
"""

from __future__ import annotations

from typing import Any

__all__ = ["intercept"]


def __getattr__(name: str) -> Any:
    if name == "intercept":
        from importlib import import_module

        return import_module(".parent.in_process", __name__).intercept
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
