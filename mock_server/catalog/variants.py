"""The variants and their contracts, read from the vendored documents."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..errors import SpecError, UnknownModel
from .model_facts import Facts, facts_from

__all__ = ["CREATE_PATH", "LEGACY_PATH", "Catalog", "Facts", "Variant", "load_catalog", "resolve"]

CREATE_PATH = "/v2/video/generations"
"""Where every variant is created and polled."""

LEGACY_PATH = "/v2/generate/video/kling/generation"
"""Where the variants that have an older contract are created and polled too."""

_PACKAGE = "kling_mock.schemas"
_COMPONENTS = "components.json"


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of the API: a row of `kling-mock specs list`."""

    model: str
    """The id that a body names."""
    aliases: tuple[str, ...]
    """Further ids that mean the same model."""
    vendor: str
    file: str
    """The vendored document, relative to the folder of all documents."""
    updated: str
    """Date of the facts, `YYYY-MM-DD`."""
    paths: tuple[str, ...]
    required: tuple[str, ...]
    """The fields that a create must have."""
    legacy: bool
    """Whether an older path has a contract of its own."""
    sound: str
    """What decides on sound: `always`, `never`, or the field `generate_audio` or `keep_audio`."""
    sound_default: bool
    """Whether there is sound where that field is left out."""

    def row(self) -> dict[str, Any]:
        """The row that `specs list --json` prints."""
        return {
            "model": self.model,
            "vendor": self.vendor,
            "file": self.file,
            "paths": list(self.paths),
            "required": list(self.required),
            "updated": self.updated,
        }


class Catalog:
    """Every vendored variant; references are resolved when a document is first asked for, then kept.

    What the methods hand out is shared: copy it before changing it.
    """

    def __init__(self, documents: Mapping[str, dict[str, Any]], facts: Mapping[str, Any]) -> None:
        """Take documents by file name, the shared components among them, and the facts by model.

        Raises SpecError where a document lacks what every variant has.
        """
        self._documents = documents
        self._facts = facts
        self._known: dict[str, Facts] = {}
        self._merged: dict[str, Any] | None = None
        self._resolved: dict[str, dict[str, Any]] = {}
        variants = [_variant(file, document) for file, document in documents.items() if file != _COMPONENTS]
        self.variants: tuple[Variant, ...] = tuple(sorted(variants, key=lambda variant: variant.model))
        self._by_id = {name: variant for variant in variants for name in (variant.model, *variant.aliases)}

    def get(self, model: str) -> Variant | None:
        """The variant of this id or alias, or None."""
        return self._by_id.get(model)

    def find(self, model: str) -> Variant:
        """The variant of this id or alias; raises UnknownModel, which names the nearest ids."""
        variant = self._by_id.get(model)
        if variant is None:
            raise UnknownModel(model, self._by_id)
        return variant

    def document(self, model: str) -> dict[str, Any]:
        """The whole OpenAPI 3.1 document of one variant, with every reference resolved."""
        file = self.find(model).file
        document = self._resolved.get(file)
        if document is None:
            document = resolve(self._documents[file], file, self._documents)
            # Each of them stands where it is used by now.
            document["components"].pop("schemas", None)
            self._resolved[file] = document
        return document

    def create_schema(self, model: str, *, legacy: bool = False) -> dict[str, Any]:
        """The resolved JSON Schema of a create body, with its `x-rules`.

        Raises SpecError where the older contract is asked for and there is none.
        """
        variant = self.find(model)
        if legacy and not variant.legacy:
            raise SpecError(f"{variant.model} has no contract on {LEGACY_PATH}: create it on {CREATE_PATH}.")
        operation = self.document(variant.model)["paths"][LEGACY_PATH if legacy else CREATE_PATH]["post"]
        schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
        return schema

    def poll_schema(self, model: str) -> dict[str, Any]:
        """The resolved JSON Schema of what a poll answers with status 200."""
        return _answer(self.document(self.find(model).model)["paths"][CREATE_PATH]["get"], "200")

    def answer_schema(self, model: str, *, legacy: bool = False) -> dict[str, Any]:
        """The resolved JSON Schema of what a successful create answers."""
        path, status = (LEGACY_PATH, "201") if legacy else (CREATE_PATH, "200")
        return _answer(self.document(self.find(model).model)["paths"][path]["post"], status)

    def facts(self, model: str) -> Facts:
        """Times, prices and output of one variant."""
        facts = self._known.get(model)
        if facts is None:
            variant = self.find(model)
            row = self._facts[variant.model]
            facts = facts_from(variant.model, variant.sound, variant.sound_default, row)
            self._known[variant.model] = facts
        return facts

    def rows(self) -> list[dict[str, Any]]:
        """A row per variant, in the order of their ids."""
        return [variant.row() for variant in self.variants]

    def merged(self) -> dict[str, Any]:
        """One OpenAPI 3.1 document for all variants, in which `model` tells the bodies apart."""
        if self._merged is None:
            from .openapi_bundle import merge

            shared = self._documents[_COMPONENTS]
            self._merged = merge(shared, [(v, self._documents[v.file]) for v in self.variants])
        return self._merged


def resolve(
    node: Any, file: str, documents: Mapping[str, dict[str, Any]], within: tuple[str, ...] = ()
) -> Any:
    """A copy of `node`, which stands in `file`, with what each `$ref` points at in its place.

    Keys beside a `$ref` win over those of its target. Raises SpecError where a reference leads nowhere, or
    back to itself (`within` holds those that are being followed).
    """
    if isinstance(node, list):
        return [resolve(item, file, documents, within) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return {key: resolve(value, file, documents, within) for key, value in node.items()}
    target, pointer = _locate(reference, file)
    place = f"{target}#{pointer}"
    if place in within:
        raise SpecError(f"The reference {reference!r} in {file} leads back to itself.")
    found = resolve(_at(target, pointer, documents, reference), target, documents, (*within, place))
    siblings = {key: resolve(value, file, documents, within) for key, value in node.items() if key != "$ref"}
    return {**found, **siblings} if siblings else found


@functools.cache
def load_catalog() -> Catalog:
    """The catalogue of the vendored documents, read once per process."""
    root = resources.files(_PACKAGE)
    documents = {_COMPONENTS: _read(root.joinpath(_COMPONENTS))}
    for entry in root.joinpath("kling").iterdir():
        if entry.name.endswith(".json"):
            documents[f"kling/{entry.name}"] = _read(entry)
    return Catalog(documents, _read(root.joinpath("facts.json"))["models"])


def _read(entry: Any) -> dict[str, Any]:
    try:
        document = json.loads(entry.read_bytes())
    except (OSError, ValueError) as error:
        message = f"The vendored document {entry} cannot be read: {error}. Install kling-mock anew."
        raise SpecError(message) from error
    if not isinstance(document, dict):
        raise SpecError(f"The vendored document {entry} is not a JSON object. Install kling-mock anew.")
    return document


def _variant(file: str, document: dict[str, Any]) -> Variant:
    try:
        about = document["x-variant"]
        return Variant(
            model=about["model"],
            aliases=tuple(about["aliases"]),
            vendor=about["vendor"],
            file=file,
            updated=about["updated"],
            paths=tuple(document["paths"]),
            required=tuple(document["components"]["schemas"]["Create"]["required"]),
            legacy=LEGACY_PATH in document["paths"],
            sound=about["sound"],
            sound_default=about["sound_default"],
        )
    except KeyError as error:
        raise SpecError(f"{file} lacks {error}, which every vendored document has.") from error


def _answer(operation: dict[str, Any], status: str) -> dict[str, Any]:
    schema: dict[str, Any] = operation["responses"][status]["content"]["application/json"]["schema"]
    return schema


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


def _at(file: str, pointer: str, documents: Mapping[str, dict[str, Any]], reference: str) -> Any:
    if file not in documents:
        raise SpecError(f"The reference {reference!r} leads nowhere: there is no file {file}.")
    node: Any = documents[file]
    for step in _steps(pointer):
        if not isinstance(node, dict) or step not in node:
            raise SpecError(f"The reference {reference!r} leads nowhere: there is no {pointer} in {file}.")
        node = node[step]
    return node


def _steps(pointer: str) -> Iterable[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
