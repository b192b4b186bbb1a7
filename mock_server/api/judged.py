"""What a body that is taken asks for, and the last such bodies: clients send the same one again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from ..media import clip_for

if TYPE_CHECKING:
    from ..catalog import Variant
    from ..catalog.model_facts import Facts
    from ..validation import Problem

__all__ = ["Judged", "KeptJudged"]

MOST_KEPT = 64
"""How many bodies are kept with what they ask for."""
LARGEST_KEPT = 2 * 1024
"""Bytes of a body that may be kept."""

Key = tuple[bytes, bytes, str, bool, int]
"""A body, its media type, its path, and the options that it is judged by."""


class Judged:
    """What a body asks for: the same for all requests that have it, so nothing of it changes."""

    __slots__ = ("clip", "facts", "findings", "legacy", "model", "payload", "success", "variant")

    def __init__(
        self,
        payload: dict[str, Any],
        variant: Variant,
        facts: Facts,
        success: int,
        *,
        legacy: bool,
        model: str,
        findings: tuple[Problem, ...],
    ) -> None:
        self.payload = payload
        self.variant = variant
        self.facts = facts
        self.success = success
        """The status of an answer that says yes."""
        self.legacy = legacy
        """Whether it is judged by the older contract."""
        self.model = model
        """The model's id as the body has it."""
        self.findings = findings
        """What was tolerated in it."""
        self.clip = clip_for(variant, facts, payload)


class KeptJudged:
    """The last bodies that were taken, with what they ask for; the oldest goes where there are many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Judged] = OrderedDict()
        self.find = self._kept.get

    def keep(self, key: Key, judged: Judged) -> None:
        """Keep what a small body asks for."""
        if len(key[0]) > LARGEST_KEPT:
            return
        self._kept[key] = judged
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
