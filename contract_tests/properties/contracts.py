"""The contract that a create is held to: that of the path it went to, with its values by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kling_mock.exchanges.exchange import Exchange

from ..generation.contract_view import current_catalog

__all__ = ["OLDER", "goes_without_saying", "on_older_path", "schema_for"]

OLDER = "/generate/video/"
"""What the older paths have in common; each model's document has such a path or none."""


def on_older_path(exchange: Exchange) -> bool:
    """True for a request to one of the older paths."""
    return OLDER in exchange.path


def schema_for(exchange: Exchange, model: str) -> dict[str, Any]:
    """The create schema by which the server judged this request."""
    catalog = current_catalog()
    return catalog.create_schema(model, legacy=on_older_path(exchange) and catalog.find(model).legacy)


def goes_without_saying(value: Any, schema: Mapping[str, Any] | None) -> bool:
    """True for a value that a field has where nothing is said: its default, or the only one there is."""
    if not schema:
        return False
    if "default" in schema:
        return _is(value, schema["default"])
    only = [schema["const"]] if "const" in schema else schema.get("enum", ())
    return len(only) == 1 and _is(value, only[0])


def _is(value: Any, other: Any) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)
