"""The contract of one model as two sources have it: what of it changed, and what that means to clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ..catalog import CREATE_PATH, CURRENT_PATHS, Catalog, Variant
from ..catalog.files import create_schemas, resolved_file
from ..catalog.upgrade import upgraded
from ..errors import SpecError
from .diff import Difference, differences, wording_differences

__all__ = ["Change", "Creates", "Source", "changes", "creates_of", "models_in", "narrowed", "source_of"]

Creates: TypeAlias = Sequence[tuple[str, dict[str, Any]]]
"""Paths, each with the resolved schema of the body that makes a job there."""


class Change(NamedTuple):
    """One difference on one path."""

    path: str
    difference: Difference

    def line(self, there: str = "in the file") -> str:
        """The change as one line; `there` says where the second contract is."""
        if self.difference.constraint == "path":
            return "the vendored contract does not have this path"
        return self.difference.line(there)

    def row(self) -> dict[str, str]:
        """The change as plain data."""
        one = self.difference
        row = {"path": self.path, "severity": one.severity, "line": self.line()}
        fields = {"field": one.field, "constraint": one.constraint}
        return row | fields | {"vendored": one.ours, "file": one.theirs}


class Source(NamedTuple):
    """Where contracts are looked up: a document, or the catalogue."""

    name: str
    document: Mapping[str, Any] | None
    """Resolved and up to date; None for the catalogue, whose model `name` is."""

    def models(self, catalog: Catalog) -> list[str]:
        """The models that it has contracts of, as the catalogue calls them where it knows them."""
        if self.document is None:
            return [catalog.find(self.name).model]
        known = ((catalog.get(model), model) for model in models_in(self.document))
        return list(dict.fromkeys(model if found is None else found.model for found, model in known))

    def creates(self, model: str, catalog: Catalog) -> Creates:
        """The creates of one model; raises SpecError where it has none."""
        variant = catalog.get(model)
        if self.document is None:
            return _catalogued(catalog.find(model), catalog)
        names = {model} if variant is None else {variant.model, *variant.aliases}
        return creates_of(self.document, names, self.name)

    def creates_by(self, names: set[str]) -> Creates:
        """The creates of one model of a document, by any of its names."""
        assert self.document is not None
        return creates_of(self.document, names, self.name)


def source_of(word: str, catalog: Catalog) -> Source:
    """What a word of the command line means: a file, or the id of a model.

    Raises SpecError for a file that cannot be read, UnknownModel for neither.
    """
    if catalog.get(word) is None and ("." in Path(word).name or Path(word).exists()):
        document, _ = upgraded(resolved_file(Path(word)))
        return Source(word, document)
    return Source(catalog.find(word).model, None)


def _catalogued(variant: Variant, catalog: Catalog) -> Creates:
    older = [(variant.older_path, True)] if variant.legacy else []
    return [
        (path, catalog.create_schema(variant.model, legacy=legacy))
        for path, legacy in ((CREATE_PATH, False), *older)
    ]


def models_in(document: Mapping[str, Any]) -> list[str]:
    """The models that the creates of a document name."""
    return list(dict.fromkeys(name for _, option in _options(document) for name in _named(option)))


def creates_of(document: Mapping[str, Any], names: set[str], where: str) -> Creates:
    """The creates of one model, by any of its names; raises SpecError where there is none."""
    found = [(path, option) for path, option in _options(document) if names & set(_named(option))]
    if not found:
        known = ", ".join(sorted(models_in(document))) or "no model"
        raise SpecError(f"{where} has no create of {sorted(names)[0]}: it documents {known}.")
    return found


def _options(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every create body, and the alternatives of those that have some."""
    for path, schema in create_schemas(document):
        for option in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
            yield path, option


def _named(option: Mapping[str, Any]) -> list[str]:
    model = option.get("properties", {}).get("model", {})
    listed = [model["const"]] if "const" in model else model.get("enum", [])
    return [name for name in listed if isinstance(name, str)]


def narrowed(document: Mapping[str, Any], model: str, names: set[str], where: str) -> dict[str, Any]:
    """A document with the creates of one model alone, whatever else it describes; its own id comes first."""
    found: dict[str, dict[str, Any]] = dict(creates_of(document, names, where))
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        schema = found.get(path)
        if schema is None:
            if "post" not in item:
                paths[path] = item
            continue
        fields = schema["properties"]
        named = [model, *(name for name in _named(schema) if name in names and name != model)]
        about = {key: value for key, value in fields["model"].items() if key not in ("const", "enum")}
        body = {**schema, "properties": {**fields, "model": {**about, "enum": named}}}
        request = item["post"]["requestBody"]
        media = {**request["content"]["application/json"], "schema": body}
        content = {**request["content"], "application/json": media}
        paths[path] = {**item, "post": {**item["post"], "requestBody": {**request, "content": content}}}
    return {**document, "paths": paths}


def changes(ours: Creates, theirs: Creates, *, wording: bool = False) -> list[Change]:
    """What the second contract has otherwise than the first one; with `wording` also what it says otherwise.

    A path that the second one lacks is no change: the provider documents one path at a time.
    """
    found: list[Change] = []
    for path, schema in theirs:
        mine = next((one for at, one in ours if at == path), None)
        if mine is None and path in CURRENT_PATHS:
            mine = next((one for at, one in ours if at in CURRENT_PATHS), None)
        if mine is None:
            found.append(Change(path, Difference("", "path", "absent", "present", "widening")))
            continue
        here, there = _nameless(mine), _nameless(schema)
        found += [Change(path, one) for one in differences(here, there)]
        if wording:
            found += [Change(path, one) for one in wording_differences(here, there)]
    return found


def _nameless(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with any text as model: a document may list several models beside the one compared."""
    properties = {**schema.get("properties", {}), "model": {"type": "string"}}
    return {**schema, "properties": properties}
