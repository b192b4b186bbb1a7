"""The variants and their contracts, read from the vendored documents."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..errors import SpecError, UnknownModel
from .documents import check_document, followed, resolve, resolve_schema
from .model_facts import Facts, facts_from
from .schema import check_schema

__all__ = ["CREATE_PATH", "LEGACY_PATH", "Catalog", "Facts", "Variant", "load_catalog"]

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

    def __init__(
        self, documents: Mapping[str, dict[str, Any]], facts: Mapping[str, Any], *, vendored: bool = False
    ) -> None:
        """Take documents by file name, the shared components among them, and the facts by model.

        Raises SpecError where a document lacks what every variant has, or where one of its schemas has a
        keyword that is not understood. `vendored` documents are known to have none.
        """
        for file, document in () if vendored else documents.items():
            check_document(document, file)
        self._documents = documents
        self._facts = facts
        self._known: dict[str, Facts] = {}
        self._merged: dict[str, Any] | None = None
        self._resolved: dict[str, dict[str, Any]] = {}
        self._schemas: dict[tuple[str, str, str, str], dict[str, Any]] = {}
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

    def document(self, model: str, *, server_url: str | None = None) -> dict[str, Any]:
        """The whole OpenAPI 3.1 document of one variant, with every reference resolved.

        `server_url` is an address that is named first among its servers.
        """
        file = self.find(model).file
        document = self._resolved.get(file)
        if document is None:
            document = resolve(self._documents[file], file, self._documents)
            # Each of them stands where it is used by now.
            document["components"].pop("schemas", None)
            self._resolved[file] = document
        return _served(document, server_url)

    def create_schema(self, model: str, *, legacy: bool = False) -> dict[str, Any]:
        """The resolved JSON Schema of a create body, with its `x-rules`.

        Raises SpecError where the older contract is asked for and there is none.
        """
        variant = self.find(model)
        if legacy and not variant.legacy:
            raise SpecError(f"{variant.model} has no contract on {LEGACY_PATH}: create it on {CREATE_PATH}.")
        return self._schema(variant.file, LEGACY_PATH if legacy else CREATE_PATH, "post", "")

    def poll_schema(self, model: str) -> dict[str, Any]:
        """The resolved JSON Schema of what a poll answers with status 200."""
        return self._schema(self.find(model).file, CREATE_PATH, "get", "200")

    def answer_schema(self, model: str, *, legacy: bool = False) -> dict[str, Any]:
        """The resolved JSON Schema of what a successful create answers."""
        path, status = (LEGACY_PATH, "201") if legacy else (CREATE_PATH, "200")
        return self._schema(self.find(model).file, path, "post", status)

    def _schema(self, file: str, path: str, method: str, status: str) -> dict[str, Any]:
        """The resolved schema of one body: of the request, or of the answer of this status.

        It is resolved alone: the whole document holds the error body dozens of times.
        """
        key = (file, path, method, status)
        schema = self._schemas.get(key)
        if schema is None:
            node: Any = self._documents[file]
            body = ("responses", status) if status else ("requestBody",)
            at = file
            for step in ("paths", path, method, *body, "content", "application/json", "schema"):
                node, at = followed(node[step], at, self._documents)
            schema = resolve_schema(node, at, self._documents)
            check_schema(schema, f"{file}#{path} {method}")
            self._schemas[key] = schema
        return schema

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

    def merged(self, *, server_url: str | None = None) -> dict[str, Any]:
        """One OpenAPI 3.1 document for all variants, in which `model` tells the bodies apart.

        `server_url` is an address that is named first among its servers.
        """
        if self._merged is None:
            from .openapi_bundle import merge

            shared = self._documents[_COMPONENTS]
            self._merged = merge(shared, [(v, self._documents[v.file]) for v in self.variants])
        return _served(self._merged, server_url)


@functools.cache
def load_catalog() -> Catalog:
    """The catalogue of the vendored documents, read once per process."""
    root = resources.files(_PACKAGE)
    documents = {_COMPONENTS: _read(root.joinpath(_COMPONENTS))}
    # A folder per vendor.
    for folder in root.iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.endswith(".json"):
                documents[f"{folder.name}/{entry.name}"] = _read(entry)
    return Catalog(documents, _read(root.joinpath("facts.json"))["models"], vendored=True)


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


def _served(document: dict[str, Any], server_url: str | None) -> dict[str, Any]:
    """The document with a server before the others, so that a page's "try it" does not reach the paid API."""
    if server_url is None:
        return document
    own = {"url": server_url, "description": "This mock."}
    return {**document, "servers": [own, *document.get("servers", ())]}
