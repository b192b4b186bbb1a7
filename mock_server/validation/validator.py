"""The verdict on a request body: violations that the API refuses, findings that it overlooks."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from ..catalog import Catalog, Variant
from ..catalog.readings import closed
from ..catalog.schema import rewritten
from .coercion import FAR_BEYOND, Coercer, Findings, Fits
from .formats import FORMATS
from .long_texts import LongText
from .problems import MOST_PROBLEMS, Problem, message, noted, problems_of, shorten
from .strict_json import parse_json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator as JsonschemaValidator

__all__ = [
    "FORMATS",
    "Problem",
    "Unprepared",
    "Validator",
    "Verdict",
    "closed",
    "fast_judge",
    "judge",
    "message",
    "noted",
    "parse_json",
    "undocumented_fields",
]

_MANY = 100
"""From how many items on those of an array that fit are passed over without asking jsonschema."""
_LONG = 10_000
"""From how many characters on a text is not written into jsonschema's messages, which nobody reads."""
_BRIEF = frozenset(
    {
        "type",
        "enum",
        "const",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
    }
)
"""Keywords whose messages hold the whole value."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a body."""

    violations: tuple[Problem, ...]
    """Constraints that it breaks: the API answers 400."""
    findings: tuple[Problem, ...]
    """What the API tolerates: numeric strings, undocumented fields, broken rules of the prose."""
    taken: Any = field(default=None, compare=False, repr=False)
    """The body as the API takes it, without undocumented fields; None where that is the body as it came."""

    @property
    def valid(self) -> bool:
        """Whether the API takes the body."""
        return not self.violations


_CLEAN = Verdict((), ())


class Unprepared(Exception):
    """Judging would first load what explains a body's problems, which takes a tenth of a second."""


class Validator:
    """Judges bodies against the variants of a catalogue; what it builds for a variant it keeps."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._contracts: dict[tuple[str, bool], _Contract] = {}

    def check(
        self, variant: Variant, body: Any, *, legacy: bool = False, strict: bool = False, hasty: bool = False
    ) -> Verdict:
        """The verdict on a body, given as `parse_json` returns it.

        `legacy` asks for the contract of the older path, where the variant has one. With `strict`, whatever
        would be a finding is a violation. With `hasty`, raises `Unprepared` where that saves a long wait.
        """
        contract = self._contracts.get((variant.model, legacy))
        if contract is None:
            contract = self._build(variant, legacy)
        if _accepts(contract.exact, body):
            return _CLEAN
        if hasty and not _explaining_class.cache_info().currsize:
            raise Unprepared
        verdict = contract.verdict(body)
        if strict and verdict.findings:
            return Verdict(verdict.violations + verdict.findings, (), verdict.taken)
        return verdict

    def warm(self, variants: Iterable[Variant]) -> None:
        """Build what judging these variants takes, so that the first requests do not wait for it."""
        for variant in variants:
            for legacy in {False, variant.legacy}:
                self._build(variant, legacy)

    def _build(self, variant: Variant, legacy: bool) -> _Contract:
        schema = self._catalog.create_schema(variant.model, legacy=legacy and variant.legacy)
        contract = self._contracts[variant.model, legacy] = _Contract(schema)
        return contract


class _Contract:
    """One create schema with everything that judges by it.

    jsonschema decides and explains. jsonschema-rs, which is held to the same verdicts by a test, accepts what
    is valid without asking it.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        rules = [rule for rule in schema.get("x-rules", ()) if rule.get("judged", True)]
        # Takes a body that leaves nothing to say: no field beyond the contract, every rule of the prose kept.
        self.exact = fast_judge({"allOf": [closed(schema), *(rule["schema"] for rule in rules)]})
        self._rules = rules

    def verdict(self, body: Any) -> Verdict:
        """Violations and findings of a body that `exact` does not take."""
        tolerated = Findings()
        coerced = self._coercer.coerce(body, tolerated)
        findings = tolerated.kept
        violations: list[Problem] = []
        if not _accepts(self._documented, coerced):
            errors = itertools.islice(self._judge.iter_errors(coerced), MOST_PROBLEMS)
            sent = {found.path: found.received for found in findings if found.constraint == "numeric-string"}
            violations += [
                dataclasses.replace(problem, received=sent.get(problem.path, problem.received))
                for problem in itertools.islice(problems_of(errors), MOST_PROBLEMS)
            ]
        wrong = {problem.path.partition("[")[0].partition(".")[0] for problem in violations}
        findings += [problem for problem in self._broken_rules(coerced) if problem.path not in wrong]
        return Verdict(tuple(violations), tuple(findings[:MOST_PROBLEMS]), coerced)

    @cached_property
    def _documented(self) -> jsonschema_rs.Draft202012Validator:
        return fast_judge(self._schema)

    @cached_property
    def _coercer(self) -> Coercer:
        return Coercer([self._schema], _fits)

    @cached_property
    def _judge(self) -> JsonschemaValidator:
        return judge(self._schema)

    @cached_property
    def _rule_judges(self) -> list[tuple[Mapping[str, Any], jsonschema_rs.Draft202012Validator]]:
        return [(rule, fast_judge(rule["schema"])) for rule in self._rules]

    def _broken_rules(self, body: Any) -> Iterable[Problem]:
        for rule, keeps in self._rule_judges:
            if isinstance(body, dict) and not _accepts(keeps, body):
                received = shorten(body[rule["path"]]) if rule["path"] in body else "nothing"
                yield Problem(rule["path"], rule["says"].rstrip("."), received, f"rule:{rule['id']}")


def _fits(option: dict[str, Any]) -> Fits:
    accepts = fast_judge(option)
    return lambda value: _accepts(accepts, value)


def undocumented_fields(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """The paths of the fields of a value that a resolved schema does not document, the first 1,000 of them.

    Of alternatives the one counts that the value fits with the fewest of them.
    """
    findings = Findings()
    Coercer([schema], _fits).coerce(value, findings)
    return [problem.path for problem in findings.kept if problem.constraint == "undocumented"]


def judge(schema: Mapping[str, Any] | bool) -> JsonschemaValidator:
    """The jsonschema validator of a resolved schema, with the formats of this API."""
    # Imported here because a server that sees only valid bodies never needs it.
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, check in FORMATS.items():
        checker.checks(name)(check)
    return _explaining_class()(schema, format_checker=checker)


@functools.cache
def _explaining_class() -> type[JsonschemaValidator]:
    """Draft 2020-12 for bodies of any size: it explains as much as is told, and no more than that.

    Of an array far beyond its limit it says only that; in a long one it looks at the items that do not fit;
    of an alternative it gathers as many errors as are told.
    """
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    each_item = Draft202012Validator.VALIDATORS["items"]
    fast: dict[int, tuple[Any, jsonschema_rs.Draft202012Validator]] = {}

    def briefly(keyword: str) -> Any:
        """The keyword, without the whole value in its message where that is large."""
        told = Draft202012Validator.VALIDATORS[keyword]

        def judged(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            if not _is_large(instance):
                yield from told(validator, value, instance, schema) or ()
            elif not _accepts(fast_judge({keyword: value}), instance):
                yield ValidationError(f"{keyword} does not fit")

        return judged

    def items(validator: Any, items: Any, instance: Any, schema: Any) -> Any:
        if not isinstance(instance, list) or len(instance) > schema.get("maxItems", math.inf) + FAR_BEYOND:
            return
        if len(instance) < _MANY:
            yield from each_item(validator, items, instance, schema) or ()
            return
        # The schema is kept beside its judge, so that its id stays its own.
        if id(items) not in fast:
            fast[id(items)] = items, fast_judge(items)
        judge = fast[id(items)][1]
        for index, item in enumerate(instance):
            if not _accepts(judge, item):
                yield from validator.descend(item, items, path=index)

    def any_of(validator: Any, options: Any, instance: Any, schema: Any) -> Any:
        context: list[Any] = []
        for index, option in enumerate(options):
            errors = validator.descend(instance, option, schema_path=index)
            found = list(itertools.islice(errors, MOST_PROBLEMS))
            if not found:
                return
            context += found
        yield ValidationError("none of the alternatives fits", context=context)

    def one_of(validator: Any, options: Any, instance: Any, schema: Any) -> Any:
        fitting = sum(validator.evolve(schema=option).is_valid(instance) for option in options)
        if fitting > 1:
            yield ValidationError(f"{fitting} alternatives fit")
        elif not fitting:
            yield from any_of(validator, options, instance, schema)

    changed = {"items": items, "anyOf": any_of, "oneOf": one_of}
    changed |= {keyword: briefly(keyword) for keyword in _BRIEF}
    extended: type[JsonschemaValidator] = extend(Draft202012Validator, changed)  # type: ignore[no-untyped-call]
    return extended


def _is_large(value: Any) -> bool:
    return isinstance(value, str | list | dict) and len(value) > (_LONG if isinstance(value, str) else _MANY)


def fast_judge(schema: dict[str, Any] | bool) -> jsonschema_rs.Draft202012Validator:
    """The jsonschema-rs validator of a resolved schema, with the same formats and no other."""
    judged = _without_other_formats(schema)
    return jsonschema_rs.Draft202012Validator(judged, formats=dict(FORMATS), validate_formats=True)


def _without_other_formats(schema: Any) -> Any:
    """The schema without the formats that jsonschema-rs knows by itself, and would judge."""
    plain = rewritten(schema, lambda inner: _without_other_formats(inner.schema))
    if isinstance(plain, dict) and plain.get("format", "uri") not in FORMATS:
        del plain["format"]
    return plain


def _accepts(validator: jsonschema_rs.Draft202012Validator, body: Any) -> bool:
    try:
        return validator.is_valid(body)
    except ValueError:
        # The beginning of a longer text, which it takes for no text; or half a surrogate pair or absurd
        # nesting, which parse_json never returns: jsonschema decides over those.
        with contextlib.suppress(ValueError, RecursionError):
            return validator.is_valid(_with_plain_texts(body))
        return False


def _with_plain_texts(value: Any) -> Any:
    if isinstance(value, LongText):
        return str(value)
    if isinstance(value, dict):
        return {name: _with_plain_texts(part) for name, part in value.items()}
    return [_with_plain_texts(part) for part in value] if isinstance(value, list) else value
