"""What is wrong with an OpenAPI document, before anybody relies on it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..catalog import Variant
from ..catalog.files import METHODS, create_schemas
from ..catalog.schema import Inner, inner_schemas, schema_faults
from ..validation import judge

__all__ = ["faults_of", "variant_faults"]


def faults_of(document: Mapping[str, Any]) -> list[str]:
    """The faults of a resolved document, a sentence each; an empty list where there are none."""
    return list(dict.fromkeys(_faults(document)))


def variant_faults(document: Mapping[str, Any], variant: Variant) -> list[str]:
    """The faults of a vendored variant's resolved document: those of any document, and what it must name."""
    faults = faults_of(document)
    for path, schema in create_schemas(document):
        named = schema.get("properties", {}).get("model", {}).get("enum")
        if named != [variant.model, *variant.aliases]:
            faults.append(f"{path}: the model enum is {named}, expected {variant.model} and its aliases")
        for rule in schema.get("x-rules", ()):
            missing = {"id", "says", "path", "schema"} - set(rule)
            if missing:
                faults.append(f"{path}: the rule {rule.get('id')} lacks {', '.join(sorted(missing))}")
    return faults


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3.1"):
        yield f"openapi: expected 3.1.x, received {version!r}; `kling-mock specs add` converts older ones"
    for key in ("title", "version"):
        if not isinstance(document.get("info", {}).get(key), str):
            yield f"info: `{key}` is missing"
    if not document.get("paths"):
        yield "paths: there are none"
    for path, item in document.get("paths", {}).items():
        for method, operation in (item if isinstance(item, dict) else {}).items():
            if method in METHODS and isinstance(operation, dict):
                yield from _operation_faults(f"{method.upper()} {path}", operation)
    creates = list(create_schemas(document))
    if not creates:
        yield "paths: no POST takes a JSON body, so there is nothing to create"
    for path, schema in creates:
        yield from _model_faults(path, schema)


def _operation_faults(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    responses = operation.get("responses")
    if not isinstance(responses, dict) or not responses:
        yield f"{name}: there are no responses"
        responses = {}
    for status, answer in responses.items():
        if not isinstance(answer, dict) or not answer.get("description"):
            yield f"{name} {status}: the response has no description"
        yield from _content_faults(f"{name} {status}", answer)
    for parameter in operation.get("parameters", ()):
        if isinstance(parameter, dict) and "schema" in parameter:
            yield from _schema_faults(f"{name} parameter {parameter.get('name')}", parameter["schema"])
    yield from _content_faults(f"{name} body", operation.get("requestBody"))


def _content_faults(name: str, holder: Any) -> Iterator[str]:
    content = holder.get("content") if isinstance(holder, dict) else None
    for media in (content or {}).values():
        if isinstance(media, dict) and "schema" in media:
            yield from _schema_faults(name, media["schema"])


def _schema_faults(name: str, schema: Any) -> Iterator[str]:
    for fault in _faults_within(json.dumps(schema, sort_keys=True)):
        yield f"{name}{fault}"


@functools.lru_cache(maxsize=512)
def _faults_within(text: str) -> tuple[str, ...]:
    """The faults of a schema given as text: the error body alone stands a thousand times in the documents."""
    return tuple(_root_faults(json.loads(text)))


def _root_faults(schema: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(step) for step in error.absolute_path)
        yield f": not a JSON Schema at {where or 'its root'}: {error.message[:200]}"
        return
    yield from (f" at {place or 'its root'}: {says}" for place, _, says in schema_faults(schema))
    yield from _inner_faults("", schema)


def _inner_faults(name: str, schema: Any) -> Iterator[str]:
    """Faults that a valid JSON Schema can still have."""
    if not isinstance(schema, dict):
        return
    if "nullable" in schema:
        yield f"{name}: `nullable` is OpenAPI 3.0, JSON Schema ignores it"
    if "default" in schema and not judge({k: v for k, v in schema.items() if k != "default"}).is_valid(
        schema["default"]
    ):
        yield f"{name}: the default {schema['default']!r} does not keep its own schema"
    properties = schema.get("properties", {})
    for missing in [field for field in schema.get("required", ()) if properties and field not in properties]:
        yield f"{name}: `{missing}` is required but not among the properties"
    for inner in inner_schemas(schema):
        yield from _inner_faults(f"{name}{_step(inner)}", inner.schema)


def _step(inner: Inner) -> str:
    """How a schema within another is called: a field by its name, an item by brackets."""
    match inner.keyword:
        case "properties":
            return f" {inner.step}"
        case "items" | "prefixItems":
            return " []"
        case "x-rules":
            return f" rule {inner.step}"
    return ""


def _model_faults(path: str, schema: Mapping[str, Any]) -> Iterator[str]:
    model = schema.get("properties", {}).get("model")
    if not isinstance(model, dict):
        yield f"POST {path}: the body has no `model`"
    elif not all(isinstance(name, str) for name in model.get("enum", [None])):
        yield f"POST {path}: `model` does not name its models in an enum"
