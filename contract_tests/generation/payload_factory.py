"""Bodies: one create schema compiled into everything that is made from it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_mock.catalog.upgrade import upgraded_schema
from kling_mock.errors import SpecError
from kling_mock.validation.problems import path_of

from . import schema_rewriting
from .boundary_values import Path, boundaries, largest, smallest, weight
from .negative_values import Missing, NegativeValue, negative_values
from .rules import Rules
from .schema_model import Object, fits, read_shape

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Bodies", "Case", "InvalidCase"]


@dataclass(frozen=True, slots=True)
class Case:
    """A valid body that reaches a boundary; `label` says which, such as `dynamic_masks: 6 items`."""

    label: str
    payload: dict[str, Any]
    also: tuple[str, ...] = ()
    """The labels of further boundaries that the same body reaches."""

    @property
    def id(self) -> str:
        """The label in the signs that a pytest id may have."""
        return _identifier(self.label)


@dataclass(frozen=True, slots=True)
class InvalidCase:
    """A body in which exactly one constraint is broken.

    `field` is a path such as `dynamic_masks[0].mask`, empty for the whole body; `constraint` the keyword of
    JSON Schema, or `rule:ID` for a prose rule; `value` what stands there, `MISSING` where nothing does.
    """

    field: str
    constraint: str
    value: Any
    payload: Any

    @property
    def id(self) -> str:
        """Field, constraint and the value in brief, in the signs that a pytest id may have."""
        shown = "" if isinstance(self.value, Missing) else "-" + _brief(self.value)
        return _identifier(f"{self.field or 'body'}-{self.constraint}{shown}")


class Bodies:
    """A create schema (resolved, with or without `x-rules`) and the bodies that it accepts and refuses.

    Raises `SpecError` for what cannot be turned into data, naming the keyword and where it stands.
    """

    def __init__(self, schema: Mapping[str, Any], *, where: str = "the create body") -> None:
        self.shape = _object_shape(schema, where)
        self.rules = Rules(schema.get("x-rules", ()))
        plain = upgraded_schema({key: value for key, value in schema.items() if key != "x-rules"})
        ways = schema_rewriting.worlds(plain, self.rules.schemas) or [plain]
        self.worlds = sorted((_object_shape(way, where) for way in ways), key=_least_weight)
        self._plain = plain
        self._where = where

    @functools.cached_property
    def valid(self) -> SearchStrategy[dict[str, Any]]:
        """A strategy of all valid bodies that keep the rules."""
        from hypothesis import strategies as st

        from .strategies import strategy_of

        values = st.one_of(*(strategy_of(world) for world in self.worlds))
        return values.filter(self.rules.kept) if self.rules.ids else values

    def accepts(self, body: Any) -> bool:
        """Return True if a body satisfies the schema, rules aside."""
        return fits(self.shape, body)

    def smallest(self) -> dict[str, Any]:
        """The smallest valid body: required fields only, each as simple as can be."""
        return next(body for body in map(smallest, [*self.worlds, self.shape]) if self._good(body))

    def _good(self, body: Any) -> bool:
        return self.accepts(body) and self.rules.kept(body)

    def boundary_cases(self) -> Iterator[Case]:
        """The smallest body, every boundary once, and the largest body, in the order of the schema.

        A body that reaches several boundaries is one case, named by the first.
        """
        cases: dict[str, Case] = {}
        for case in self._each_boundary():
            key = json.dumps(case.payload, sort_keys=True)
            before = cases.get(key)
            cases[key] = (
                case if before is None else dataclasses.replace(before, also=(*before.also, case.label))
            )
        yield from cases.values()

    def _each_boundary(self) -> Iterator[Case]:
        yield Case("smallest body", self.smallest())
        found: dict[str, dict[str, Any]] = {}
        for world in self.worlds:
            for spot in boundaries(world):
                label = f"{path_of(spot.path) or 'body'}: {spot.label}"
                if label not in found and self._good(spot.whole):
                    found[label] = spot.whole
        order = {name: place for place, name in enumerate(self.shape.fields)}
        for label in sorted(found, key=lambda label: order.get(_root(label), -1)):
            yield Case(label, copy.deepcopy(found[label]))
        most = max((body for body in map(largest, self.worlds) if self._good(body)), key=weight)
        yield Case("largest body", most)

    def invalid_cases(self) -> Iterator[InvalidCase]:
        """Every constraint of the schema broken alone, just outside and by values of other types.

        The rest of the body is the smallest that is valid and, wherever it can, keeps the rules.
        """
        for negative, _ in self._negatives:
            field = path_of(negative.path)
            yield InvalidCase(field, negative.constraint, negative.value, copy.deepcopy(negative.whole))

    @functools.cached_property
    def _negatives(self) -> list[tuple[NegativeValue, Object]]:
        """Each negative value of the schema once, with the world around it: one that keeps the rules."""
        plain = {
            _key(negative): negative
            for negative in negative_values(self.shape)
            if not self.accepts(negative.whole)
        }
        found = {key: (negative, self.shape) for key, negative in plain.items()}
        open_keys = set(plain)
        for world in self.worlds:
            for negative in negative_values(world):
                key = _key(negative)
                if (
                    key in open_keys
                    and self._keeps_rules(negative.whole)
                    and not self.accepts(negative.whole)
                ):
                    found[key] = (negative, world)
                    open_keys.remove(key)
        return list(found.values())

    def _keeps_rules(self, body: Any) -> bool:
        return not isinstance(body, dict) or self.rules.kept(body)

    def rule_cases(self) -> Iterator[InvalidCase]:
        """For each prose rule a body that breaks it alone, which only a strict server refuses."""
        for place, name in enumerate(self.rules.ids):
            others = self.rules.schemas[:place] + self.rules.schemas[place + 1 :]
            try:
                broken = schema_rewriting.deny(self.rules.schemas[place])
            except NotImplementedError:
                continue
            for way in schema_rewriting.worlds(self._plain, [{"anyOf": broken}, *others]):
                body = smallest(_object_shape(way, self._where))
                if self.accepts(body) and self.rules.broken(body) == [name]:
                    yield InvalidCase("", f"rule:{name}", body, copy.deepcopy(body))
                    break

    @functools.cached_property
    def invalid(self) -> SearchStrategy[InvalidCase]:
        """A strategy of the invalid cases, in valid bodies of all sorts."""
        from hypothesis import strategies as st

        places = st.sampled_from(range(len(self._negatives)))
        return places.flatmap(functools.cache(self._around))

    def _around(self, place: int) -> SearchStrategy[InvalidCase]:
        """One negative value in all sorts of bodies that have its field and are valid but for it."""
        from hypothesis import strategies as st

        from .strategies import strategy_of

        negative, world = self._negatives[place]
        if not negative.path:
            return st.builds(_case, st.just(negative), st.just({}))
        root = str(negative.path[0])
        fields = {name: field for name, field in world.fields.items() if name != root}
        others = strategy_of(Object(fields, world.required - {root}))
        allowed = set(self.rules.broken(negative.whole))
        cases = st.builds(_case, st.just(negative), others)
        if not self.rules.ids:
            return cases
        return cases.filter(lambda case: allowed.issuperset(self.rules.broken(case.payload)))


def _key(negative: NegativeValue) -> tuple[Path, str, str]:
    return negative.path, negative.constraint, repr(negative.value)[:200]


def _case(negative: NegativeValue, others: dict[str, Any]) -> InvalidCase:
    """A negative value in a body with these other fields."""
    whole = copy.deepcopy(negative.whole)
    if negative.path:
        root = negative.path[0]
        whole = others | ({root: whole[root]} if root in whole else {})
    return InvalidCase(path_of(negative.path), negative.constraint, negative.value, whole)


def _object_shape(schema: Mapping[str, Any], where: str) -> Object:
    shape = read_shape(schema, where=where)
    if not isinstance(shape, Object):
        raise SpecError(f"{where} is expected to be an object, got {type(shape).__name__.lower()}.")
    return shape


def _least_weight(world: Object) -> int:
    return weight(smallest(world))


def _root(field: str) -> str:
    return field.split(":")[0].split(".")[0].split("[")[0]


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= 24:
        return text
    return f"{len(value)} items" if isinstance(value, list) else f"{text[:16]}...{len(text)}"


def _identifier(text: str) -> str:
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
