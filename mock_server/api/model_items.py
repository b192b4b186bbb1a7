"""Models as the provider's catalogue shows them: items, the sections that are asked for, the filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..catalog import MODEL_TYPE

if TYPE_CHECKING:
    from ..billing.prices import Prices
    from ..catalog import Catalog, Variant

__all__ = ["Query", "fits", "item_of", "items_of", "query_of", "shown_item"]

SECTIONS = ("pricing", "modalities", "capabilities")
FILTERS = ("id", "type", "tags", "modalities", "input_modalities", "output_modalities", "capabilities")
MEDIA = ("image", "video", "audio")
"""What a field of a body hands in beside text, by the words in its name."""

Item = dict[str, Any]
Query = Mapping[str, Sequence[str]]
"""The values of each parameter, in lower case: those of one parameter are alternatives."""


def query_of(pairs: Iterable[tuple[str, str]]) -> Query:
    """The parameters of a request; several values stand between commas, or the parameter comes again."""
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        words = (word.strip().lower() for word in value.split(","))
        query.setdefault(name, []).extend(word for word in words if word)
    return query


def items_of(catalog: Catalog) -> list[Item]:
    """The item of each model, with every section that its document tells of."""
    return [item_of(catalog, variant) for variant in catalog.variants]


def item_of(catalog: Catalog, variant: Variant) -> Item:
    """The item of one model; `docsJson` and the prices are those of a server, and not in it."""
    document = catalog.source(variant.model)
    inputs = _inputs(document)
    outputs = ["video"] if variant.sound == "never" else ["video", "audio"]
    return {
        "id": variant.model,
        "type": MODEL_TYPE,
        "aliases": list(variant.aliases),
        "tags": ["video", "mock"],
        "info": {
            "name": (variant.model.partition("/")[2] or variant.model).replace("/", " ").replace("-", " "),
            "developer": catalog.vendor(variant).name,
            "description": document["info"]["description"],
            "releasedAt": variant.updated,
            "url": f"https://aimlapi.com/app/{variant.model}",
            "docsUrl": f"/openapi/{variant.model}.json",
        },
        "modalities": {"input": inputs, "output": outputs},
        "capabilities": [f"{kind}-to-video" for kind in inputs],
    }


def _inputs(document: Mapping[str, Any]) -> list[str]:
    """What a model takes beside its parameters: text, pictures, videos, sound."""
    fields = set(_fields(document["components"]["schemas"]["Create"]))
    found = [kind for kind in MEDIA if any(kind in name and not _is_switch(name) for name in fields)]
    return [*(["text"] if "prompt" in fields or not found else []), *found]


def _is_switch(name: str) -> bool:
    return name.startswith(("generate_", "keep_", "enable_", "with_"))


def _fields(schema: Any) -> Iterator[str]:
    yield from schema.get("properties", ())
    for keyword in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(keyword, ()):
            yield from _fields(option)


def shown_item(item: Item, origin: str, prices: Prices, query: Query) -> Item:
    """An item as one server shows it, with the sections that a query asks for."""
    model = quote(item["id"], safe="")
    link = f"{origin}/docs-json?model={model}&endpoint={quote(MODEL_TYPE, safe='')}"
    shown = {name: value for name, value in item.items() if name not in SECTIONS}
    shown["info"] = {**item["info"], "docsJson": link}
    asked = set(query.get("include", ()))
    if "all" in asked or {"true", "1"} & set(query.get("details", ())):
        asked |= set(SECTIONS)
    pricing = prices.find(item["id"], *item["aliases"]) if "pricing" in asked else None
    if pricing is not None:
        shown["pricing"] = pricing.data
    return shown | {name: item[name] for name in SECTIONS if name in asked and name in item}


def fits(item: Item, query: Query) -> bool:
    """Whether an item is one of those that a query asks for: one value of every filter is its own."""
    return all(not query.get(name) or set(query[name]) & _words(item, name) for name in FILTERS)


def _words(item: Item, name: str) -> set[str]:
    modalities = item["modalities"]
    words: dict[str, list[str]] = {
        "id": [item["id"], *item["aliases"]],
        "type": [item["type"]],
        "modalities": [*modalities["input"], *modalities["output"]],
        "input_modalities": modalities["input"],
        "output_modalities": modalities["output"],
    }
    found = words[name] if name in words else item[name]
    return {word.lower() for word in found}
