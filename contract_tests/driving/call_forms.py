"""How a function takes its input: as one payload, or a keyword for each field; and which fields."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from kling_mock.catalog import Catalog

from ..generation.contract_view import current_catalog

__all__ = ["fields_taken", "takes_fields_by_name"]

OPTIONS = frozenset({"base_url", "api_key", "generation_id"})
"""Arguments that are no fields."""


def takes_fields_by_name(function: Callable[..., Any]) -> bool:
    """True for `generate(prompt, image_url=None, *, base_url, api_key)`, whose first argument is a field."""
    names = [name for name in _parameters(function) if name not in OPTIONS]
    return bool(names) and names[0] in _known(current_catalog())


def fields_taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """The fields that a signature names: its arguments, or the keys of a typed dict; None without any."""
    parameters = _parameters(function)
    names = [name for name in parameters if name not in OPTIONS]
    if takes_fields_by_name(function):
        open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
        return None if open_ended else frozenset(names) & _known(current_catalog())
    first = _hints(function).get(names[0]) if names else None
    if first is None or not typing.is_typeddict(first):
        return None
    return frozenset(_hints(first)) & _known(current_catalog())


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _hints(value: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(value)
    except Exception:  # an annotation may be anything at all
        return {}


@functools.lru_cache(maxsize=8)
def _known(catalog: Catalog) -> frozenset[str]:
    """The names of all fields of all models, on the older path too."""
    names: set[str] = set()
    for variant in catalog.variants:
        for legacy in {False, variant.legacy}:
            names |= set(catalog.create_schema(variant.model, legacy=legacy)["properties"])
    return frozenset(names)
