"""One OpenAPI document out of the documents of all variants."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .documents import relinked

__all__ = ["merge"]

_SHARED = "#/components/"
_HEADERS = {
    "x-inference-id": "InferenceId",
    "x-client-request-id": "ClientRequestId",
    "x-aimlapi-credits-used": "CreditsUsed",
    "x-aimlapi-usd-spent": "UsdSpent",
}


class _Named(Protocol):
    @property
    def model(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...
    @property
    def file(self) -> str: ...


def merge(shared: Mapping[str, Any], documents: Sequence[tuple[_Named, Mapping[str, Any]]]) -> dict[str, Any]:
    """An OpenAPI 3.1 document with the paths of all variants.

    A create body is one of the bodies of all variants, told apart by `model`. References point into the
    document itself: the shared components are in it, and what is a variant's own under the name of its model.
    """
    first = documents[0][1]
    components = copy.deepcopy(dict(shared["components"]))
    paths: dict[str, Any] = {}
    for variant, document in documents:
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", variant.model)
        names = {name: _body_name(slug, name) for name in document["components"]["schemas"]}
        link = functools.partial(_link, names)
        for name, schema in document["components"]["schemas"].items():
            components["schemas"][names[name]] = relinked(schema, link, schema=True)
        for path, item in document["paths"].items():
            _add(paths, path, relinked(item, link), (variant.model, *variant.aliases))
    return {
        "openapi": first["openapi"],
        "info": {
            "title": "Video generation",
            "version": shared["info"]["version"],
            "description": "The contracts of all models in one document.",
        },
        "jsonSchemaDialect": first["jsonSchemaDialect"],
        "servers": copy.deepcopy(first["servers"]),
        "security": copy.deepcopy(first["security"]),
        "paths": paths,
        "components": components,
    }


def _body_name(slug: str, name: str) -> str:
    return slug + {"Create": "", "LegacyCreate": "-older"}.get(name, f"-{name}")


def _link(names: Mapping[str, str], reference: str) -> str:
    """A reference of one variant's document as the merged document has it, within itself."""
    _, _, pointer = reference.partition(_SHARED)
    kind, _, name = pointer.partition("/")
    own = not reference.split("#")[0] and kind == "schemas"
    return f"{_SHARED}{kind}/{names[name] if own else name}"


def _add(paths: dict[str, Any], path: str, item: dict[str, Any], models: Sequence[str]) -> None:
    """Put one variant's path item into the merged paths."""
    body = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    merged = paths.setdefault(path, item)
    post = merged["post"]
    content = post["requestBody"]["content"]["application/json"]
    if merged is item:
        content["schema"] = {"oneOf": [], "discriminator": {"propertyName": "model", "mapping": {}}}
    else:
        _widen(post["responses"], item["post"]["responses"])
        _widen(merged["get"]["responses"], item["get"]["responses"])
    content["schema"]["oneOf"].append(body)
    content["schema"]["discriminator"]["mapping"].update({model: body["$ref"] for model in models})


def _widen(responses: dict[str, Any], further: Mapping[str, Any]) -> None:
    """Let the successful answer be that of either variant; the others are the same for all."""
    status = next(code for code in further if code.startswith("2"))
    schema = _schema_of(further[status])
    here = responses.setdefault(status, further[status])
    if "anyOf" not in here.get("content", {}).get("application/json", {}).get("schema", {}):
        if _schema_of(here) == schema:
            return
        here = responses[status] = {
            "description": "The job as it stands.",
            "headers": {name: {"$ref": f"{_SHARED}headers/{target}"} for name, target in _HEADERS.items()},
            "content": {"application/json": {"schema": {"anyOf": [_schema_of(here)]}}},
            "links": {"poll": {"$ref": f"{_SHARED}links/Poll"}},
        }
    alternatives = here["content"]["application/json"]["schema"]["anyOf"]
    if schema not in alternatives:
        alternatives.append(schema)


def _schema_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """The schema of an answer; that of a shared one has the same name."""
    if "$ref" in answer:
        return {"$ref": answer["$ref"].replace("/responses/", "/schemas/")}
    found: dict[str, str] = answer["content"]["application/json"]["schema"]
    return found
