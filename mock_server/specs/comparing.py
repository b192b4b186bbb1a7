"""The contract of one model as two sources have it: what of it changed, and what that means to clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ..catalog import CREATE_PATH, CURRENT_PATHS, Catalog, Variant
from ..catalog.files import create_schemas, resolved_file
from ..catalog.upgrade import upgraded
from ..errors import SpecError
from .answers import answers_of, comparable
from .diff import Difference, answer_differences, differences, wording_differences

__all__ = ["Change", "Create", "Source", "changes", "creates_of", "models_in", "narrowed", "source_of"]

NAMES = {"post": "the create's answer", "get": "the poll's answer"}


class Create(NamedTuple):
    """What makes a job on a path, and what is answered there."""

    path: str
    body: dict[str, Any]
    """The resolved schema of the body."""
    answers: Mapping[str, dict[str, Any]] = {}
    """The resolved schemas of what the create (`post`) and the poll (`get`) answer, where they are told."""
    among: bool = False
    """Whether the body is one of several on its path: the answers may be those of all of them then."""


Creates: TypeAlias = Sequence[Create]


class Change(NamedTuple):
    """One difference on one path."""

    path: str
    difference: Difference
    of: str = ""
    """The answer that it is in, by its method; empty for the body."""

    @property
    def part(self) -> str:
        """`body`, or the answer that it is in."""
        return NAMES[self.of] if self.of else "body"

    def line(self, there: str = "in the file") -> str:
        """The change as one line; `there` says where the second contract is."""
        if self.difference.constraint == "path":
            return "the vendored contract does not have this path"
        said = self.difference.line(there)
        return f"{NAMES[self.of]}: {said.replace('body:', 'the whole:', 1)}" if self.of else said

    def row(self) -> dict[str, str]:
        """The change as plain data."""
        one = self.difference
        row = {"path": self.path, "severity": one.severity, "line": self.line(), "part": self.part}
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
    paths = catalog.document(variant.model)["paths"]
    return [
        Create(path, catalog.create_schema(variant.model, legacy=legacy), answers_of(paths[path]))
        for path, legacy in ((CREATE_PATH, False), *older)
    ]


def models_in(document: Mapping[str, Any]) -> list[str]:
    """The models that the creates of a document name."""
    return list(dict.fromkeys(name for _, option, _ in _options(document) for name in _named(option)))


def creates_of(document: Mapping[str, Any], names: set[str], where: str) -> Creates:
    """The creates of one model, by any of its names; raises SpecError where there is none."""
    found = [
        Create(path, option, answers_of(document["paths"][path]), among=among)
        for path, option, among in _options(document)
        if names & set(_named(option))
    ]
    if not found:
        known = ", ".join(sorted(models_in(document))) or "no model"
        raise SpecError(f"{where} has no create of {sorted(names)[0]}: it documents {known}.")
    return found


def _options(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every create body, and the alternatives of those that have some; whether it is one of several."""
    for path, schema in create_schemas(document):
        yield path, schema, False
        for option in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            yield path, option, True


def _named(option: Mapping[str, Any]) -> list[str]:
    model = option.get("properties", {}).get("model", {})
    listed = [model["const"]] if "const" in model else model.get("enum", [])
    return [name for name in listed if isinstance(name, str)]


def narrowed(document: Mapping[str, Any], model: str, names: set[str], where: str) -> dict[str, Any]:
    """A document with the creates of one model alone, whatever else it describes; its own id comes first."""
    found = {one.path: one.body for one in creates_of(document, names, where)}
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

    A path or an answer that the second one lacks is no change: the provider documents one at a time.
    """
    found: list[Change] = []
    for create in theirs:
        path = create.path
        mine = next((one for one in ours if one.path == path), None)
        if mine is None and path in CURRENT_PATHS:
            mine = next((one for one in ours if one.path in CURRENT_PATHS), None)
        if mine is None:
            found.append(Change(path, Difference("", "path", "absent", "present", "widening")))
            continue
        here, there = _nameless(mine.body), _nameless(create.body)
        found += [Change(path, one) for one in differences(here, there)]
        if wording:
            found += [Change(path, one) for one in wording_differences(here, there)]
        found += _of_answers(mine, create, wording=wording)
    return found


def _of_answers(ours: Create, theirs: Create, *, wording: bool) -> Iterator[Change]:
    """What the answers have otherwise that both sides tell of: the provider tells of polls once for all."""
    for method in [method for method in ours.answers if method in theirs.answers]:
        pairs = product(_forms(ours, method), _forms(theirs, method))
        nearest = min((_answers_differ(here, there, wording=wording) for here, there in pairs), key=len)
        yield from (Change(theirs.path, one, method) for one in nearest)


def _forms(create: Create, method: str) -> list[dict[str, Any]]:
    """The answers that may be a model's own."""
    answer = create.answers[method]
    alternatives: list[dict[str, Any]] = answer.get("oneOf") or answer.get("anyOf") or [answer]
    return alternatives if create.among else [answer]


def _answers_differ(ours: dict[str, Any], theirs: dict[str, Any], *, wording: bool) -> list[Difference]:
    if ours == theirs:
        return []
    found = answer_differences(ours, theirs)
    if wording:
        found += wording_differences(comparable(ours, theirs), comparable(theirs, ours))
    return found


def _nameless(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with any text as model: a document may list several models beside the one compared."""
    properties = {**schema.get("properties", {}), "model": {"type": "string"}}
    return {**schema, "properties": properties}
