"""What is wrong with a body, as data and in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .formats import EXPECTED
from .long_texts import text_size

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = [
    "MOST_PROBLEMS",
    "UNKNOWN_MODEL",
    "Problem",
    "message",
    "noted",
    "path_of",
    "problems_of",
    "shorten",
]

UNKNOWN_MODEL = "unknown-model"
"""The constraint that a body breaks which names a model without a document: nothing is known against it."""
MOST_PROBLEMS = 1000
"""How many problems of one body are told apart; a body of a million wrong points is not worth more."""
_MOST_NOTED = 50
"""How many of them the journal keeps for each exchange."""
_SHOWN = 80
_LONGEST_STEP = 64
"""Characters of one key in a path; no field of a contract has a longer name."""
_COUNTED = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_TYPES = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_PHRASES = {
    "minimum": "a number of at least {}",
    "maximum": "a number of at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "exclusiveMinimum": "a number above {}",
    "exclusiveMaximum": "a number below {}",
    "multipleOf": "a multiple of {}",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "minContains": "at least {} items of the kind that the contract names",
    "maxContains": "at most {} items of the kind that the contract names",
    "pattern": "a string that matches {}",
    "const": "{}",
}
_SENTENCES = {
    "additionalProperties": "no fields beyond the documented ones",
    "unevaluatedProperties": "no fields beyond the documented ones",
    "contains": "at least one item of the kind that the contract names",
    "not": "a value other than those that the contract excludes",
    "oneOf": "exactly one of the alternatives to fit",
    "uniqueItems": "items that differ from each other",
}


class Problem(NamedTuple):
    """One constraint that a body does not keep."""

    path: str
    """The field, such as `dynamic_masks[0].trajectories`; empty for the whole body."""
    expected: str
    received: str
    """What was there, shortened."""
    constraint: str
    """A keyword of JSON Schema, `undocumented`, `numeric-string`, or `rule:` and a rule's id."""

    def sentence(self) -> str:
        """The problem in words, as the API puts it."""
        where = f"{self.path}: " if self.path else ""
        if self.constraint.startswith("rule:"):
            return f"{where}{self.expected}, received {self.received}"
        if self.constraint == "enum":
            return f"{where}Invalid enum value. Expected {self.expected}, received {self.received}"
        return f"{where}Expected {self.expected}, received {self.received}"

    def as_dict(self) -> dict[str, str]:
        """The problem for a JSON answer: `path`, `expected`, `received`, `constraint`."""
        return {
            "path": self.path,
            "expected": self.expected,
            "received": self.received,
            "constraint": self.constraint,
        }


def message(problems: Sequence[Problem]) -> str:
    """All problems in one message, without the words that the server puts before it."""
    said = "; ".join(problem.sentence() for problem in problems)
    return said if len(problems) < MOST_PROBLEMS else f"{said}; no more than {MOST_PROBLEMS} are named"


def noted(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The problems as the journal keeps them: the first ones, and how many more there were."""
    if len(problems) <= _MOST_NOTED:
        return problems
    more = Problem("", "nothing else to say", f"{len(problems) - _MOST_NOTED} more of them", "more")
    return (*problems[:_MOST_NOTED], more)


def shorten(value: Any) -> str:
    """A value in a few characters: strings and numbers as they are, containers by their size."""
    if isinstance(value, str):
        text = json.dumps(value[: _SHOWN + 1], ensure_ascii=False)[1:-1]
        shown = text if len(value) <= _SHOWN and len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]}…"
        suffix = "" if len(value) <= _SHOWN else f" ({text_size(value)} characters)"
        return f"'{shown}'{suffix}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys" if value else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)} items" if value else "an empty array"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def path_of(steps: Iterable[str | int]) -> str:
    """`dynamic_masks[0].mask` for the steps `dynamic_masks`, 0, `mask`."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            name = step if len(step) <= _LONGEST_STEP else f"{step[:_LONGEST_STEP]}…"
            path += f".{name}" if path else name
    return path


def problems_of(errors: Iterable[ValidationError]) -> Iterator[Problem]:
    """The problems behind the errors of jsonschema, each once and the best-fitting of alternatives only."""
    found = list(errors)
    # A value of a wrong type breaks the enum too: naming the type says it all.
    mistyped = {tuple(error.absolute_path) for error in found if error.validator == "type"}
    for error in found:
        if error.validator == "enum" and tuple(error.absolute_path) in mistyped:
            continue
        if error.validator in ("anyOf", "oneOf") and error.context:
            yield from _best(error)
        else:
            yield _problem(error)


def _problem(error: ValidationError) -> Problem:
    steps = list(error.absolute_path)
    keyword = str(error.validator)
    if keyword == "required":
        # The text of jsonschema starts with the missing name; the schema tells which ones there are.
        names: Any = error.validator_value
        missing = [name for name in names if error.message.startswith(f"{name!r} is a required")]
        path = path_of([*steps, *missing[:1]])
        return Problem(path, "a value (the field is required)", "nothing", keyword)
    instance: Any = error.instance
    received = str(text_size(instance)) if keyword in _COUNTED else shorten(instance)
    return Problem(path_of(steps), _expected(keyword, error.validator_value), received, keyword)


def _expected(keyword: str, value: Any) -> str:
    if keyword == "type":
        names = [value] if isinstance(value, str) else value
        return " or ".join(_TYPES.get(name, name) for name in names)
    if keyword == "enum":
        return " | ".join(f"'{item}'" if isinstance(item, str) else json.dumps(item) for item in value)
    if keyword == "format":
        return EXPECTED.get(value, f"the format {value}")
    if keyword in _SENTENCES:
        return _SENTENCES[keyword]
    return _PHRASES.get(keyword, f"what {keyword} allows: {{}}").format(json.dumps(value))


def _best(error: ValidationError) -> Iterator[Problem]:
    """The problems of the alternative that fits best, or one problem where none fits in type."""
    alternatives: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    fitting = [inner for inner in alternatives.values() if not _wrong_type(inner)]
    if fitting:
        # Missing fields and wrong tags say most of how badly an alternative fits, then the number of errors.
        ranked = [(sum(map(_tells_apart, errors)), len(errors)) for errors in fitting]
        yield from problems_of(fitting[ranked.index(min(ranked))])
        return
    types = [name for inner in alternatives.values() for name in _expected_types(inner)]
    expected = " or ".join(dict.fromkeys(types))
    yield Problem(path_of(error.absolute_path), expected, shorten(error.instance), "type")


def _tells_apart(error: ValidationError) -> bool:
    """Whether an error speaks against its alternative: a field is missing, or has another's only value."""
    if error.validator == "enum":
        values: Any = error.validator_value
        return len(values) == 1
    return error.validator in ("required", "const")


def _wrong_type(errors: Sequence[ValidationError]) -> bool:
    return any(inner.validator == "type" and len(inner.relative_path) == 0 for inner in errors)


def _expected_types(errors: Sequence[ValidationError]) -> list[str]:
    return [_expected("type", inner.validator_value) for inner in errors if inner.validator == "type"]
