"""OpenAPI documents: where their schemas stand, and what their references point at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from ..errors import SpecError
from .schema import ANNOTATIONS, Inner, check_schema, rewritten

__all__ = [
    "Documents",
    "check_document",
    "followed",
    "outermost_schemas",
    "relinked",
    "resolve",
    "resolve_schema",
    "rewritten_schemas",
]

Documents: TypeAlias = Mapping[str, dict[str, Any]]
"""Documents by their file's name, which is relative to the folder of all of them."""

_DATA = ("example", "value")
"""Keys of an OpenAPI document that hold what anybody wrote, which is not looked into."""

_Path = tuple[str, ...]
AtSchema = Callable[[Any, str], Any]
AtNode = Callable[[dict[str, Any]], Any]


def outermost_schemas(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """The schemas of a document, or of a part of it, with their places; those within them are not listed."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from outermost_schemas(item, f"{at}/{number}")
        return
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "schema":
            yield f"{at}/{key}", value
        elif key == "schemas" and at.endswith("/components") and isinstance(value, dict):
            yield from ((f"{at}/{key}/{name}", schema) for name, schema in value.items())
        elif isinstance(value, dict | list) and not _is_link(value) and not _is_data(key, at):
            yield from outermost_schemas(value, f"{at}/{key}")


def _is_link(value: Any) -> bool:
    """Whether there is nothing but a reference, as most of a document is."""
    return len(value) == 1 and "$ref" in value


def _is_data(key: str, at: str) -> bool:
    """Whether a key holds what is not looked into: an example, or an extension that is no header's name."""
    return key in _DATA or (key.startswith("x-") and not at.endswith("/headers"))


def check_document(document: Any, file: str) -> None:
    """Raise SpecError for the first keyword in a document that is unknown, or holds what it cannot."""
    for place, schema in outermost_schemas(document):
        check_schema(schema, f"{file}#{place}")


def rewritten_schemas(document: Any, change: Callable[[Any, str], Any]) -> Any:
    """A copy of a document in which each outermost schema is what `change` makes of it and its place."""
    return _rewritten(document, change, lambda _: None)


def _rewritten(node: Any, at_schema: AtSchema, at_node: AtNode, at: str = "") -> Any:
    """A copy of a part of a document: its outermost schemas as `at_schema` makes them, and the other objects
    as `at_node` does; where that gives None, what is within them is gone through."""
    if isinstance(node, list):
        return [_rewritten(item, at_schema, at_node, f"{at}/{number}") for number, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    changed = at_node(node)
    if changed is not None:
        return changed
    copied = dict(node)
    for key, value in node.items():
        here = f"{at}/{key}"
        if key == "schema":
            copied[key] = at_schema(value, here)
        elif key == "schemas" and at.endswith("/components") and isinstance(value, dict):
            copied[key] = {name: at_schema(schema, f"{here}/{name}") for name, schema in value.items()}
        elif isinstance(value, dict | list) and not _is_data(key, at):
            copied[key] = _rewritten(value, at_schema, at_node, here)
    return copied


def resolve(document: Any, file: str, documents: Documents) -> Any:
    """A copy of a document, which stands in `file`, with what each `$ref` points at in its place.

    Annotations beside a `$ref` win over those of its target; constraints beside it hold as well as those of
    the target. Raises SpecError where a reference leads nowhere, or back to itself.
    """
    return _Resolver(documents).node(document, file, ())


def resolve_schema(schema: Any, file: str, documents: Documents) -> Any:
    """The same for a schema that stands in `file`."""
    return _Resolver(documents).schema(schema, file, ())


class _Resolver:
    """Puts the targets of references in their places; `within` holds the references being followed."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def node(self, node: Any, file: str, within: _Path) -> Any:
        """A part of a document that is no schema."""

        def at_node(one: dict[str, Any]) -> Any:
            if not isinstance(one.get("$ref"), str):
                return None
            target, other, way = self._target(one["$ref"], file, within)
            found = self.node(target, other, way)
            rest = {key: self.node(value, file, within) for key, value in one.items() if key != "$ref"}
            return {**found, **rest} if rest else found

        return _rewritten(node, lambda schema, _: self.schema(schema, file, within), at_node)

    def schema(self, schema: Any, file: str, within: _Path) -> Any:
        """A schema."""
        if not isinstance(schema, dict):
            return schema

        def inner(one: Inner) -> Any:
            return self.schema(one.schema, file, within)

        if not isinstance(schema.get("$ref"), str):
            return rewritten(schema, inner)
        target, other, way = self._target(schema["$ref"], file, within)
        found = self.schema(target, other, way)
        rest = rewritten({key: value for key, value in schema.items() if key != "$ref"}, inner)
        return _joined(found, rest)

    def _target(self, reference: str, file: str, within: _Path) -> tuple[Any, str, _Path]:
        target, pointer = _locate(reference, file)
        place = f"{target}#{pointer}"
        if place in within:
            raise SpecError(f"The reference {reference!r} in {file} leads back to itself.", place=place)
        return _at(target, pointer, self._documents, reference), target, (*within, place)


def _joined(found: Any, beside: dict[str, Any]) -> Any:
    """A reference's target and what stands beside the reference, as one schema."""
    if not beside:
        return found
    shared = found.keys() & beside.keys() if isinstance(found, dict) else {"true or false"}
    if all(key in ANNOTATIONS or key.startswith("x-") for key in shared):
        return {**found, **beside}
    return {**beside, "allOf": [found, *beside.get("allOf", ())]}


def followed(node: Any, file: str, documents: Documents) -> tuple[Any, str]:
    """What a node is, or what its `$ref` points at in the end, and the file in which that stands."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        reference = node["$ref"]
        target, pointer = _locate(reference, file)
        if f"{target}#{pointer}" in seen:
            raise SpecError(f"The reference {reference!r} in {file} leads back to itself.")
        seen.add(f"{target}#{pointer}")
        node, file = _at(target, pointer, documents, reference), target
    return node, file


def relinked(node: Any, link: Callable[[str], str], *, schema: bool = False) -> Any:
    """A copy of a part of a document in which `link` gives each reference its new text."""

    def at_schema(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        copied = rewritten(one, lambda inner: at_schema(inner.schema))
        return at_reference(copied) or copied

    def at_reference(one: dict[str, Any]) -> Any:
        reference = one.get("$ref")
        return {**one, "$ref": link(reference)} if isinstance(reference, str) else None

    return at_schema(node) if schema else _rewritten(node, lambda one, _: at_schema(one), at_reference)


def _locate(reference: str, file: str) -> tuple[str, str]:
    """The file and the pointer of a reference, which is relative to the file that it stands in."""
    path, _, pointer = reference.partition("#")
    if not path:
        return file, pointer
    folders = file.split("/")[:-1]
    for step in path.split("/"):
        if step == ".." and folders:
            folders.pop()
        elif step != ".":
            folders.append(step)
    return "/".join(folders), pointer


def _at(file: str, pointer: str, documents: Documents, reference: str) -> Any:
    if "://" in reference:
        raise SpecError(f"The reference {reference!r} leads to another host, and nothing is fetched for it.")
    if file not in documents:
        raise SpecError(f"The reference {reference!r} leads nowhere: there is no file {file}.")
    node: Any = documents[file]
    for step in _steps(pointer):
        if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
            continue
        if not isinstance(node, dict) or step not in node:
            raise SpecError(f"The reference {reference!r} leads nowhere: there is no {pointer} in {file}.")
        node = node[step]
    return node


def _steps(pointer: str) -> Iterable[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
