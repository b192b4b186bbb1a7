"""jsonschema-rs with this API's formats: it decides, and explains nothing."""

from __future__ import annotations

import contextlib
from typing import Any

import jsonschema_rs

from ..catalog.schema import rewritten
from .formats import FORMATS
from .long_texts import LongText

__all__ = ["accepts", "fast_judge"]


def fast_judge(schema: dict[str, Any] | bool) -> jsonschema_rs.Draft202012Validator:
    """The jsonschema-rs validator of a resolved schema, with the same formats and no other."""
    judged = _without_other_formats(schema)
    return jsonschema_rs.Draft202012Validator(judged, formats=dict(FORMATS), validate_formats=True)


def _without_other_formats(schema: Any) -> Any:
    """The schema without the formats that jsonschema-rs knows by itself, and would judge."""
    plain = rewritten(schema, lambda inner: _without_other_formats(inner.schema))
    if isinstance(plain, dict) and plain.get("format", "uri") not in FORMATS:
        del plain["format"]
    return plain


def accepts(validator: jsonschema_rs.Draft202012Validator, body: Any) -> bool:
    """Whether it takes a body, whose long texts may be read in pieces."""
    try:
        return validator.is_valid(body)
    except ValueError:
        # The beginning of a longer text, which it takes for no text; or half a surrogate pair or absurd
        # nesting, which parse_json never returns: jsonschema decides over those.
        with contextlib.suppress(ValueError, RecursionError):
            return validator.is_valid(_with_plain_texts(body))
        return False


def _with_plain_texts(value: Any) -> Any:
    if isinstance(value, LongText):
        return str(value)
    if isinstance(value, dict):
        return {name: _with_plain_texts(part) for name, part in value.items()}
    return [_with_plain_texts(part) for part in value] if isinstance(value, list) else value
