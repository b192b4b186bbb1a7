"""Seeded changes to OpenAPI documents, each with what it means to clients."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from kling_mock.catalog import CREATE_PATH, load_catalog
from kling_mock.specs.severity import Severity

__all__ = ["ANSWER_CHANGES", "CHANGES", "mutations"]

Schema = dict[str, Any]
Mutation = tuple[str, str, Severity, Schema, Schema]
"""A model, what was done, what it means, the document before and after it."""
Change = Callable[[random.Random, Schema, str], "Severity | None"]
"""Changes one field of a body in place and says what that means; None for a field that it does not fit."""


def mutations(count: int, seed: int = 0) -> Iterator[Mutation]:
    """So many changes, of every kind that fits some field, spread over the models."""
    chance = random.Random(seed)
    catalog = load_catalog()
    models = [variant.model for variant in catalog.variants]
    made = 0
    while made < count:
        model = chance.choice(models)
        before = catalog.document(model)
        after = copy.deepcopy(before)
        change = chance.choice(CHANGES if chance.random() < 0.7 else ANSWER_CHANGES)
        body = _answer(chance, after) if change in ANSWER_CHANGES else _body(after)
        fields = [name for name in body.get("properties", {}) if name != "model"]
        if not fields:
            continue
        name = chance.choice(fields)
        severity = change(chance, body, name)
        if severity is not None:
            made += 1
            yield model, f"{change.__name__} {name}", severity, before, after


def _body(document: Schema) -> Schema:
    operation = document["paths"][CREATE_PATH]["post"]
    found: Schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def _answer(chance: random.Random, document: Schema) -> Schema:
    """The job that a create, or a poll, answers."""
    response = document["paths"][CREATE_PATH][chance.choice(["post", "get"])]["responses"]["200"]
    found: Schema = response["content"]["application/json"]["schema"]
    return found


def _types(field: Schema) -> set[str]:
    kind = field.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def _is_number(field: Schema) -> bool:
    return bool({"integer", "number"} & _types(field)) and "enum" not in field


def raised_minimum(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not _is_number(field):
        return None
    field["minimum"] = field.get("minimum", -1000) + chance.randint(1, 5)
    return "breaking"


def lowered_minimum(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not _is_number(field) or "minimum" not in field:
        return None
    if chance.random() < 0.5:
        field["minimum"] -= chance.randint(1, 5)
    else:
        del field["minimum"]
    return "widening"


def exclusive_minimum(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not _is_number(field) or "minimum" not in field:
        return None
    bound = field.pop("minimum")
    tighter = chance.random() < 0.5
    field["exclusiveMinimum"] = bound if tighter else bound - 1
    return "breaking" if tighter else "widening"


def moved_maximum(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not _is_number(field) or "maximum" not in field:
        return None
    by = chance.choice([-0.5, 0.5, 3, -3])
    field["maximum"] += by
    return "breaking" if by < 0 else "widening"


def dropped_maximum(chance: random.Random, body: Schema, name: str) -> Severity | None:
    return None if body["properties"][name].pop("maximum", None) is None else "widening"


def other_steps(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not _is_number(field):
        return None
    field["multipleOf"] = field.get("multipleOf", 1) * 7
    return "breaking"


def longest_text(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if _types(field) - {"null"} != {"string"} or "enum" in field:
        return None
    known = field.get("maxLength")
    if known is not None and chance.random() < 0.5:
        field["maxLength"] = known + 100
        return "widening"
    field["maxLength"] = (known or 1000) - 1
    return "breaking"


def shortest_text(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "string" not in _types(field) or "enum" in field:
        return None
    field["minLength"] = field.get("minLength", 0) + 2
    return "breaking"


def items_bound(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "array" not in _types(field):
        return None
    keyword, by = chance.choice([("minItems", 1), ("minItems", -1), ("maxItems", 1), ("maxItems", -1)])
    if by == -1 and keyword == "minItems" and not field.get("minItems"):
        return None
    if keyword == "maxItems" and "maxItems" not in field:
        return None
    field[keyword] = field.get(keyword, 0) + by
    return "breaking" if (by > 0) == (keyword == "minItems") else "widening"


def a_value_gone(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if len(field.get("enum", ())) < 2:
        return None
    field["enum"].pop(chance.randrange(len(field["enum"])))
    return "breaking"


def a_value_more(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if not field.get("enum"):
        return None
    field["enum"].insert(chance.randrange(len(field["enum"])), "another" if "string" in _types(field) else 99)
    return "widening"


def values_in_another_order(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if len(field.get("enum", ())) < 2:
        return None
    field["enum"].reverse()
    field["description"] = "In another order."
    return "wording"


def any_value(chance: random.Random, body: Schema, name: str) -> Severity | None:
    return None if body["properties"][name].pop("enum", None) is None else "widening"


def newly_listed(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "enum" in field or "string" not in _types(field):
        return None
    field["enum"] = ["one", "two"]
    return "breaking"


def newly_required(chance: random.Random, body: Schema, name: str) -> Severity | None:
    if name in body.get("required", ()):
        return None
    body["required"] = [*body.get("required", ()), name]
    return "breaking"


def no_longer_required(chance: random.Random, body: Schema, name: str) -> Severity | None:
    if name not in body.get("required", ()):
        return None
    body["required"] = [one for one in body["required"] if one != name]
    return "widening"


def a_field_gone(chance: random.Random, body: Schema, name: str) -> Severity | None:
    del body["properties"][name]
    body["required"] = [one for one in body.get("required", ()) if one != name]
    return "breaking"


def a_field_more(chance: random.Random, body: Schema, name: str) -> Severity | None:
    body["properties"]["a_new_field"] = copy.deepcopy(body["properties"][name])
    if chance.random() < 0.5:
        body["required"] = [*body.get("required", ()), "a_new_field"]
        return "breaking"
    return "widening"


def a_field_renamed(chance: random.Random, body: Schema, name: str) -> Severity | None:
    body["properties"][f"new_{name}"] = body["properties"].pop(name)
    body["required"] = [f"new_{one}" if one == name else one for one in body.get("required", ())]
    return "breaking"


def null_too(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    types = _types(field)
    if not types or "null" in types or "enum" in field:
        return None
    field["type"] = [*sorted(types), "null"]
    return "widening"


def null_no_more(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    types = _types(field)
    if "null" not in types or "enum" in field:
        return None
    field["type"] = sorted(types - {"null"})[0]
    return "breaking"


def another_type(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if field.get("type") == "integer":
        field["type"] = "number"
        return "widening"
    if field.get("type") == "number":
        field["type"] = "integer"
        return "breaking"
    if field.get("type") == "string":
        field["type"] = "integer"
        return "breaking"
    return None


def a_pattern(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "string" not in _types(field):
        return None
    field["pattern"] = "^[a-z]+$"
    return "breaking"


def a_format(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "string" not in _types(field):
        return None
    if field.pop("format", None) is not None:
        return "widening"
    field["format"] = "uri"
    return "breaking"


def another_default(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    if "default" not in field:
        return None
    old = field["default"]
    if isinstance(old, bool):
        field["default"] = not old
    else:
        field["default"] = old + 1 if isinstance(old, int | float) else "new"
    return "breaking"


def other_words(chance: random.Random, body: Schema, name: str) -> Severity | None:
    keyword = chance.choice(["title", "description", "example"])
    body["properties"][name][keyword] = "Said otherwise."
    return "wording"


def unused_any_more(chance: random.Random, body: Schema, name: str) -> Severity | None:
    body["properties"][name]["deprecated"] = True
    return "wording"


def words_of_the_whole(chance: random.Random, body: Schema, name: str) -> Severity | None:
    body["description"] = f"Makes a video of {name}."
    return "wording"


def items_of_another_kind(chance: random.Random, body: Schema, name: str) -> Severity | None:
    field = body["properties"][name]
    items = field.get("items")
    if not isinstance(items, dict) or "string" not in _types(items):
        return None
    items["maxLength"] = 5
    return "breaking"


CHANGES: list[Change] = [
    raised_minimum,
    lowered_minimum,
    exclusive_minimum,
    moved_maximum,
    dropped_maximum,
    other_steps,
    longest_text,
    shortest_text,
    items_bound,
    a_value_gone,
    a_value_more,
    values_in_another_order,
    any_value,
    newly_listed,
    newly_required,
    no_longer_required,
    a_field_gone,
    a_field_more,
    a_field_renamed,
    null_too,
    null_no_more,
    another_type,
    a_pattern,
    a_format,
    another_default,
    other_words,
    unused_any_more,
    words_of_the_whole,
    items_of_another_kind,
]


def an_answer_less(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    if answer["properties"][name].get("x-seen"):
        return None
    del answer["properties"][name]
    answer["required"] = [field for field in answer["required"] if field != name]
    return "breaking"


def an_answer_more(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    answer["properties"]["progress"] = {"type": "number", "minimum": 0}
    return "widening"


def an_answer_promised(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    if name in answer["required"]:
        return None
    answer["required"] = [*answer["required"], name]
    return "widening"


def an_answer_not_promised(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    answer["required"] = answer["required"][1:]
    return "breaking"


def a_status_more(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    status = answer["properties"]["status"]
    status["enum"] = [*status["enum"], "processing"]
    return "breaking"


def a_status_less(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    status = answer["properties"]["status"]
    status["enum"] = [word for word in status["enum"] if word != "generating"]
    return "widening"


def an_id_that_may_be_a_number(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    answer["properties"]["id"]["type"] = ["string", "integer"]
    return "breaking"


def a_result_without_null(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    field = answer["properties"][name]
    if "null" not in _types(field):
        return None
    field["type"] = [kind for kind in field["type"] if kind != "null"]
    return "widening"


def another_form_of_the_video(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    answer["properties"]["video"] = {"anyOf": [answer["properties"]["video"], {"type": "string"}]}
    return "breaking"


def links_elsewhere(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    video = answer["properties"]["video"]
    if "properties" not in video:
        return None
    video["properties"]["link"] = video["properties"].pop("url")
    video["required"] = ["link"]
    return "breaking"


def an_answer_in_other_words(chance: random.Random, answer: Schema, name: str) -> Severity | None:
    answer["properties"][name]["description"] = "Said otherwise."
    return "wording"


ANSWER_CHANGES: list[Change] = [
    an_answer_less,
    an_answer_more,
    an_answer_promised,
    an_answer_not_promised,
    a_status_more,
    a_status_less,
    an_id_that_may_be_a_number,
    a_result_without_null,
    another_form_of_the_video,
    links_elsewhere,
    an_answer_in_other_words,
]
