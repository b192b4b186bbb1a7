"""Inputs with one constraint broken, and clients that mend one in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kling_mock.wording import quoted

from ..generation.negative_values import MISSING
from ..generation.payload_factory import InvalidCase
from ..generation.scenario_strategies import PLAIN
from ..running.models import Trial
from .oracles import difference

__all__ = ["mended", "negative_trial"]


def negative_trial(model: str, case: InvalidCase) -> Trial:
    """An invalid body as a trial: its note says what is broken, `expect` where."""
    where = case.field or "the body"
    if case.constraint.startswith("rule:"):
        # A rule is broken by the body as a whole: to show it all would say less than the payload does.
        note = f"the body breaks a rule of the prose: {case.constraint.removeprefix('rule:')}"
    elif case.value is MISSING:
        note = f"{where} is required and missing"
    else:
        note = f"{where} is {quoted(case.value, 60)}, which is not valid ({case.constraint})"
    return Trial(model, case.payload, PLAIN, note=note, expect=case.field)


def mended(sent: Any, given: Any, field: str, schema: Mapping[str, Any] | None = None) -> str | None:
    """The way in which a broken value was changed before it was sent, None where it was not.

    A null that is left out is as it was given: in many clients null stands for what is not set.
    """
    before, after = _at(given, field), _at(sent, field)
    if before is MISSING:
        return None if after is MISSING else f"{field} was sent as {quoted(after)}"
    if after is MISSING:
        return None if before is None else f"{field} was given as {quoted(before)} and left out"
    return difference(after, before, field, None if field else schema)


def _at(value: Any, field: str) -> Any:
    """The value at a path such as `dynamic_masks[0].mask`, `MISSING` where there is none."""
    for step in re.findall(r"[^.\[\]]+", field):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value
