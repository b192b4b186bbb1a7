"""The prose rules of a variant, as predicates over bodies: what no single field's schema can say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator

__all__ = ["Rules"]


class Rules:
    """The `x-rules` of a create schema: each has an `id` and a schema of bodies that keep it."""

    def __init__(self, rules: Sequence[dict[str, Any]]) -> None:
        self.schemas: list[dict[str, Any]] = [rule["schema"] for rule in rules]
        self.ids: list[str] = [rule["id"] for rule in rules]
        self._judges = [Draft202012Validator(schema) for schema in self.schemas]

    def broken(self, body: Any) -> list[str]:
        """The ids of the rules that a body breaks."""
        return [name for name, judge in zip(self.ids, self._judges, strict=True) if not judge.is_valid(body)]

    def kept(self, body: Any) -> bool:
        """Return True if a body keeps every rule."""
        return all(judge.is_valid(body) for judge in self._judges)
