"""jsonschema as it explains bodies of any size: as much as is told, and no more than that.

Imported when the first body is wrong: a server that sees only valid ones never needs it.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from .coercion import FAR_BEYOND
from .fast_judge import accepts, fast_judge
from .problems import MOST_PROBLEMS

if TYPE_CHECKING:
    from jsonschema.protocols import Validator as JsonschemaValidator

__all__ = ["EXPLAINING"]

_MANY = 100
"""From how many items on those of an array that fit are passed over without asking jsonschema."""
_LONG = 10_000
"""From how many characters on a text is not written into jsonschema's messages, which nobody reads."""
_BRIEF = frozenset(
    {
        "type",
        "enum",
        "const",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
    }
)
"""Keywords whose messages hold the whole value."""

_each_item = Draft202012Validator.VALIDATORS["items"]
_fast: dict[int, tuple[Any, jsonschema_rs.Draft202012Validator]] = {}


def _is_large(value: Any) -> bool:
    return isinstance(value, str | list | dict) and len(value) > (_LONG if isinstance(value, str) else _MANY)


def _briefly(keyword: str) -> Any:
    """The keyword, without the whole value in its message where that is large."""
    told = Draft202012Validator.VALIDATORS[keyword]

    def judged(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if not _is_large(instance):
            yield from told(validator, value, instance, schema) or ()
        elif not accepts(fast_judge({keyword: value}), instance):
            yield ValidationError(f"{keyword} does not fit")

    return judged


def _items(validator: Any, items: Any, instance: Any, schema: Any) -> Any:
    """Of an array far beyond its limit nothing more; of a long one the items that do not fit."""
    if not isinstance(instance, list) or len(instance) > schema.get("maxItems", math.inf) + FAR_BEYOND:
        return
    if len(instance) < _MANY:
        yield from _each_item(validator, items, instance, schema) or ()
        return
    # The schema is kept beside its judge, so that its id stays its own.
    if id(items) not in _fast:
        _fast[id(items)] = items, fast_judge(items)
    judge = _fast[id(items)][1]
    for index, item in enumerate(instance):
        if not accepts(judge, item):
            yield from validator.descend(item, items, path=index)


def _any_of(validator: Any, options: Any, instance: Any, schema: Any) -> Any:
    """As many errors of the alternatives as are told."""
    context: list[Any] = []
    for index, option in enumerate(options):
        errors = validator.descend(instance, option, schema_path=index)
        found = list(itertools.islice(errors, MOST_PROBLEMS))
        if not found:
            return
        context += found
    yield ValidationError("none of the alternatives fits", context=context)


def _one_of(validator: Any, options: Any, instance: Any, schema: Any) -> Any:
    fitting = sum(validator.evolve(schema=option).is_valid(instance) for option in options)
    if fitting > 1:
        yield ValidationError(f"{fitting} alternatives fit")
    elif not fitting:
        yield from _any_of(validator, options, instance, schema)


_CHANGED = {"items": _items, "anyOf": _any_of, "oneOf": _one_of}
EXPLAINING: type[JsonschemaValidator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, _CHANGED | {keyword: _briefly(keyword) for keyword in _BRIEF}
)
"""Draft 2020-12 with these changes."""
