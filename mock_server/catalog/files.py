"""OpenAPI documents of the user: read from disk with what they refer to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import SpecError
from .documents import resolve

__all__ = ["METHODS", "Folder", "create_schemas", "parse_document", "read_document", "resolved_file"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Folder(Mapping[str, dict[str, Any]]):
    """The JSON documents of a folder by their path within it, read when they are asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self._read:
            if "://" in name or not (self._root / name).is_file():
                raise KeyError(name)
            self._read[name] = read_document(self._root / name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds; raises SpecError where it cannot be read as one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.") from None
    return parse_document(raw, str(path))


def parse_document(raw: bytes, path: str) -> dict[str, Any]:
    """The JSON object that some bytes hold; `path` says where they are from, for errors."""
    try:
        document = json.loads(raw)
    except UnicodeDecodeError:
        raise SpecError(f"{path} is not UTF-8 text. Expected an OpenAPI document as JSON.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise SpecError(f"{path} is not JSON at {where}. Expected an OpenAPI document as JSON.") from None
    except RecursionError:
        raise SpecError(f"{path} is nested too deeply. Expected an OpenAPI document as JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("paths", {}), dict):
        raise SpecError(f"{path} is not an OpenAPI document: expected an object with `openapi` and `paths`.")
    return document


def resolved_file(path: Path) -> dict[str, Any]:
    """The document of a file with every reference resolved; raises SpecError where that fails."""
    document = read_document(path)
    resolved: dict[str, Any] = resolve(document, path.name, Folder(path.parent))
    return resolved


def create_schemas(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every create of a resolved document: its path and the schema of its body."""
    for path, item in document.get("paths", {}).items():
        operation: Any = item.get("post") if isinstance(item, dict) else None
        try:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
        except (KeyError, TypeError):
            continue
        if isinstance(schema, dict):
            yield path, schema
