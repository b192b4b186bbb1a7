"""Plain data written as TOML, which the standard library only reads."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["toml_document"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_document(document: Mapping[str, Any]) -> str:
    """TOML text that reads back as equal data; None is left out.

    Takes strings, numbers, booleans, lists and string-keyed mappings of these.
    """
    lines: list[str] = []
    _table(document, (), lines)
    return "\n".join(lines).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    below: list[tuple[str, Any]] = []
    for key, value in table.items():
        if value is None:
            continue
        if _is_below(value):
            below.append((key, value))
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in below:
        inner = (*path, key)
        name = ".".join(map(_key, inner))
        if isinstance(value, Mapping):
            # A table that only leads to others needs no line of its own.
            if not all(map(_is_below, value.values())):
                lines += ["", f"[{name}]"]
            _table(value, inner, lines)
        else:
            for item in value:
                lines += ["", f"[[{name}]]"]
                _table(item, inner, lines)


def _is_below(value: Any) -> bool:
    """Whether a value gets headers of its own: a table, or a list of nothing but tables."""
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return f"{{{inner}}}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"Expected strings, numbers, booleans, lists or mappings, received {value!r}.")


def _string(text: str) -> str:
    # A JSON string is a TOML one but for the delete character, which TOML wants escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
