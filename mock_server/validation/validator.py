"""The verdict on a request body: violations that the API refuses, findings that it overlooks."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs

from ..catalog import Catalog, Variant
from ..catalog.readings import closed
from .coercion import Coercer, Findings, Fits
from .fast_judge import accepts, fast_judge
from .formats import FORMATS
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


class Verdict(NamedTuple):
    """What became of a body."""

    violations: tuple[Problem, ...]
    """Constraints that it breaks: the API answers 400."""
    findings: tuple[Problem, ...]
    """What the API tolerates: numeric strings, undocumented fields, broken rules of the prose."""
    taken: Any = None
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
        if accepts(contract.exact, body):
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
        if not accepts(self._documented, coerced):
            errors = itertools.islice(self._judge.iter_errors(coerced), MOST_PROBLEMS)
            sent = {found.path: found.received for found in findings if found.constraint == "numeric-string"}
            violations += [
                problem._replace(received=sent.get(problem.path, problem.received))
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
            if isinstance(body, dict) and not accepts(keeps, body):
                received = shorten(body[rule["path"]]) if rule["path"] in body else "nothing"
                yield Problem(rule["path"], rule["says"].rstrip("."), received, f"rule:{rule['id']}")


def _fits(option: dict[str, Any]) -> Fits:
    judged = fast_judge(option)
    return lambda value: accepts(judged, value)


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
    from .explaining import EXPLAINING

    return EXPLAINING
