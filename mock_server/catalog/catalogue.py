"""The catalogue: every variant with its contract, its facts and its vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SpecError, UnknownModel
from .documents import Documents, check_document, followed, resolve, resolve_schema
from .model_facts import Facts, facts_from
from .schema import check_schema
from .variants import CREATE_PATH, Variant, variant_of
from .vendors import Vendor, Vendors

__all__ = ["COMPONENTS", "Catalog"]

COMPONENTS = "components.json"
"""What the documents have in common."""


class Catalog:
    """Variants; their documents are read and their references resolved when first asked for, then kept.

    What the methods hand out is shared: copy it before changing it.
    """

    def __init__(
        self,
        documents: Documents,
        facts: Mapping[str, Any],
        *,
        variants: Sequence[Variant] | None = None,
        vendors: Vendors | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Take documents by file name, the shared components among them, and the facts by model.

        Raises SpecError where a document lacks what every variant has, or where one of its schemas has a
        keyword that is not understood. With `variants` nothing is read: the documents are known to be sound.
        """
        if variants is None:
            for file, document in documents.items():
                check_document(document, file)
            variants = [variant_of(file, one) for file, one in documents.items() if file != COMPONENTS]
        self.vendors = Vendors(()) if vendors is None else vendors
        self.notes = tuple(notes)
        """A sentence for each document that another one stands in for."""
        self._documents = documents
        self._facts = facts
        self._known: dict[str, Facts] = {}
        self._merged: dict[str, Any] | None = None
        self._resolved: dict[str, dict[str, Any]] = {}
        self._schemas: dict[tuple[str, str, str, bool], dict[str, Any]] = {}
        place = self.vendors.place
        self.variants: tuple[Variant, ...] = tuple(
            sorted(variants, key=lambda variant: (place(variant.vendor), variant.model))
        )
        """All of them, vendor by vendor."""
        self._by_id = {name: variant for variant in self.variants for name in variant.aliases}
        self._by_id |= {variant.model: variant for variant in self.variants}

    def get(self, model: str) -> Variant | None:
        """The variant of this id or alias, or None."""
        return self._by_id.get(model)

    def find(self, model: str) -> Variant:
        """The variant of this id or alias; raises UnknownModel, which names the nearest ids."""
        variant = self._by_id.get(model)
        if variant is None:
            raise UnknownModel(model, self._by_id)
        return variant

    def find_any_case(self, name: str) -> Variant:
        """The same whatever the case of the letters, as the provider's catalogue finds models."""
        found = self._by_id.get(name)
        if found is None:
            wanted = name.lower()
            found = next((one for known, one in self._by_id.items() if known.lower() == wanted), None)
        return self.find(name) if found is None else found

    def source(self, model: str) -> dict[str, Any]:
        """The document of one variant as it stands, with its references."""
        found: dict[str, Any] = self._documents[self.find(model).file]
        return found

    def vendor(self, variant: Variant) -> Vendor:
        """Who makes it; for a vendor that no row tells of, what its id tells."""
        return self.vendors.get(variant.vendor) or Vendor(variant.vendor, variant.vendor, ())

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
        return self._schema(self.find(model), "post", legacy=legacy, answer=False)

    def poll_schema(self, model: str) -> dict[str, Any]:
        """The resolved JSON Schema of what a poll answers with status 200."""
        return self._schema(self.find(model), "get", legacy=False, answer=True)

    def answer_schema(self, model: str, *, legacy: bool = False) -> dict[str, Any]:
        """The resolved JSON Schema of what a successful create answers."""
        return self._schema(self.find(model), "post", legacy=legacy, answer=True)

    def created_status(self, model: str, *, legacy: bool = False) -> int:
        """The documented status of a create that is accepted."""
        variant = self.find(model)
        operation = self._documents[variant.file]["paths"][_path(variant, legacy=legacy)]["post"]
        return int(_success(operation["responses"]))

    def _schema(self, variant: Variant, method: str, *, legacy: bool, answer: bool) -> dict[str, Any]:
        """The resolved schema of one body: of the request, or of the answer that says success.

        It is resolved alone: the whole document holds the error body dozens of times.
        """
        path = _path(variant, legacy=legacy)
        key = (variant.file, path, method, answer)
        schema = self._schemas.get(key)
        if schema is None:
            at = variant.file
            node: Any = self._documents[at]["paths"][path][method]
            body = ("responses", _success(node["responses"])) if answer else ("requestBody",)
            for step in (*body, "content", "application/json", "schema"):
                node, at = followed(node[step], at, self._documents)
            schema = resolve_schema(node, at, self._documents)
            check_schema(schema, f"{variant.file}#{path} {method}")
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
        """A row per variant, in the order of their vendors and ids."""
        return [variant.row() for variant in self.variants]

    def merged(self, *, server_url: str | None = None) -> dict[str, Any]:
        """One OpenAPI 3.1 document for all variants, in which `model` tells the bodies apart.

        `server_url` is an address that is named first among its servers.
        """
        if self._merged is None:
            from .openapi_bundle import merge

            shared = self._documents[COMPONENTS]
            self._merged = merge(shared, [(v, self._documents[v.file]) for v in self.variants])
        return _served(self._merged, server_url)

    def with_own(
        self,
        documents: Documents,
        facts: Mapping[str, Any],
        variants: Sequence[Variant],
        notes: Sequence[str],
    ) -> Catalog:
        """This catalogue with a user's own variants, which stand in for those of the same id."""
        replaced = {variant.model for variant in variants}
        return Catalog(
            _Beside(documents, self._documents),
            _Beside(facts, self._facts),
            variants=[*(one for one in self.variants if one.model not in replaced), *variants],
            vendors=self.vendors,
            notes=notes,
        )


class _Beside(Mapping[str, Any]):
    """Two mappings as one, without reading either; the first one wins."""

    def __init__(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
        self._both = first, second

    def __getitem__(self, name: str) -> Any:
        first, second = self._both
        return first[name] if name in first else second[name]

    def __contains__(self, name: object) -> bool:
        return any(name in one for one in self._both)

    def __iter__(self) -> Any:
        return iter(dict.fromkeys(name for one in self._both for name in one))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _path(variant: Variant, *, legacy: bool) -> str:
    if legacy and not variant.older_path:
        raise SpecError(f"{variant.model} has no contract on an older path: create it on {CREATE_PATH}.")
    return variant.older_path if legacy else CREATE_PATH


def _success(responses: Mapping[str, Any]) -> str:
    return next(status for status in responses if status.startswith("2"))


def _served(document: dict[str, Any], server_url: str | None) -> dict[str, Any]:
    """The document with a server before the others, so that a page's "try it" does not reach the paid API."""
    if server_url is None:
        return document
    own = {"url": server_url, "description": "This mock."}
    return {**document, "servers": [own, *document.get("servers", ())]}
