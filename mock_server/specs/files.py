"""OpenAPI documents of the user: read from disk with what they refer to, brought up to version 3.1."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ..catalog import resolve
from ..errors import SpecError

__all__ = ["METHODS", "Folder", "create_schemas", "modernise", "read_document", "resolved_file"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.") from None
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


def modernise(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document as OpenAPI 3.1, and a sentence for each thing that had to change.

    `nullable` becomes a null type, a default that is a numeric string becomes a number, boolean exclusive
    bounds become numbers, a field's own `required` joins the list of its object, and an answer without a
    description gets the name of its status.
    """
    changed: list[str] = []
    modern = copy.deepcopy(dict(document))
    if not str(modern.get("openapi", "")).startswith("3.1"):
        changed.append(f"openapi: {modern.get('openapi', 'missing')!r} is now '3.1.0'")
        modern["openapi"] = "3.1.0"
    modern.setdefault("jsonSchemaDialect", _DIALECT)
    _modernise(modern, "", changed)
    return modern, changed


def _modernise(node: Any, at: str, changed: list[str]) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            _modernise(item, f"{at}/{index}", changed)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "responses" and isinstance(value, dict):
                _describe(value, f"{at}/responses", changed)
            _modernise(value, f"{at}/{key}", changed)
        _list_required(node, at, changed)
        _denull(node, at, changed)
        _number_default(node, at, changed)
        _exclusive(node, at, changed)


def _list_required(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    """Move a field's own `required: true`, as the oldest drafts had it, to the list of its object."""
    properties = schema.get("properties")
    for name, field in properties.items() if isinstance(properties, dict) else ():
        if isinstance(field, dict) and isinstance(field.get("required"), bool):
            if field.pop("required") and name not in schema.setdefault("required", []):
                schema["required"].append(name)
            changed.append(f"{at}: `required` of {name} is now in the list of its object")


def _denull(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    if not isinstance(schema.get("nullable"), bool):
        return
    if schema.pop("nullable"):
        kinds = schema.get("type")
        if isinstance(kinds, str):
            schema["type"] = [kinds, "null"]
        elif kinds is None and "anyOf" in schema:
            schema["anyOf"].append({"type": "null"})
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"].append(None)
    changed.append(f"{at}: `nullable` is now a null type")


def _number_default(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    default, kind = schema.get("default"), schema.get("type")
    if not isinstance(default, str) or kind not in ("integer", "number"):
        return
    try:
        schema["default"] = int(default) if kind == "integer" else float(default)
    except ValueError:
        return
    changed.append(f"{at}: the default {default!r} is now {schema['default']}")


def _exclusive(schema: dict[str, Any], at: str, changed: list[str]) -> None:
    for bound, keyword in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(keyword), bool):
            if schema.pop(keyword) and bound in schema:
                schema[keyword] = schema.pop(bound)
            changed.append(f"{at}: `{keyword}` is now a number")


def _describe(responses: dict[str, Any], at: str, changed: list[str]) -> None:
    for status, answer in responses.items():
        if isinstance(answer, dict) and "$ref" not in answer and not answer.get("description"):
            name = HTTPStatus(int(status)).phrase if status.isdigit() and _known(int(status)) else "Answer"
            answer["description"] = f"{name}."
            changed.append(f"{at}/{status}: has a description now")


def _known(status: int) -> bool:
    return status in HTTPStatus._value2member_map_
