"""The OpenAPI document of the control API."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from ...version import __version__
from .operations import OPERATIONS, Operation
from .shapes import reference, shapes

__all__ = ["control_document"]

ABOUT = """\
What a test does with a kling-mock server: choose what goes wrong, move the clock, read what was said. \
Each path is also there below `/@NAME`, for the workspace of that name. It answers this machine only, or \
whoever has the control token."""
ERRORS = {
    400: "What was sent cannot be taken; nothing was changed.",
    403: "Not from here, or not without the control token.",
    404: "There is nothing of this name.",
    503: "The store is away.",
}
FOR_ALL = (400, 403, 503)


def control_document(*, server_url: str) -> dict[str, Any]:
    """The document for a server at this address."""
    return {**copy.deepcopy(_document()), "servers": [{"url": server_url}]}


@cache
def _document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    groups = dict.fromkeys(operation.group for operation in OPERATIONS)
    return {
        "openapi": "3.1.0",
        "info": {"title": "kling-mock's control API", "version": __version__, "description": ABOUT},
        "servers": [],
        "security": [{}, {"controlToken": []}],
        "tags": [{"name": group} for group in groups],
        "paths": paths,
        "components": {
            "schemas": shapes(),
            "securitySchemes": {"controlToken": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    content = {form: {"schema": schema} for form, schema in operation.answers.items()}
    failed = {"application/json": {"schema": reference("Error")}}
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": content}}
    for status in sorted({*FOR_ALL, *operation.errors}):
        responses[str(status)] = {"description": ERRORS[status], "content": failed}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "tags": [operation.group],
        "responses": responses,
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        }
    return described
