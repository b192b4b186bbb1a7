"""A. What is sent: the create body, its route, its headers."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.errors import PayloadError
from kling_mock.exchanges.exchange import Exchange
from kling_mock.validation import parse_json
from kling_mock.verdicts.shown import many
from kling_mock.wording import quoted

from ..driving.run_limiter import FORWARDED_PREFIX
from ..generation.payloads import (
    fields_left_out,
    fields_of,
    invalid_cases,
    invalid_payloads,
    smallest_payload,
    valid_payloads,
)
from ..generation.scenario_strategies import PLAIN
from ..running.met import always_met
from ..running.models import Run, Trial
from ..running.wording import compared, has_controls
from .base import Context, Failure, Section
from .contracts import schema_for
from .inputs import LONGEST, MEGABYTES, TEXTS, image_of
from .oracles import accepted, difference, documented, nulls, undocumented
from .silent_fixes import mended, negative_trial
from .trials import any_payload, boundaries, brief_bodies, delicate

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule


@rule(
    "A1",
    trials=any_payload,
    first=boundaries,
    after=("A4",),
)
def payload_valid(run: Run) -> Failure | None:
    for exchange in run.creates:
        if exchange.violations:
            problem = exchange.violations[0]
            says = f"{problem.path}: expected {problem.expected}, received {problem.received}"
            return Failure(f"the create body is not valid: {says}", exchange.number)
    return None


@rule(
    "A2",
    trials=any_payload,
    first=lambda context: itertools.chain(boundaries(context), delicate(context)),
    after=("A3", "A4", "A12"),
)
def payload_faithful(run: Run) -> Failure | None:
    for exchange in _of_json(run):
        schema = schema_for(exchange, run.trial.model)
        found = difference(exchange.payload, run.trial.payload, schema=schema)
        if found is not None:
            return Failure(f"the create body is not the input: {found}", exchange.number)
    if not run.creates and not _refused_controls(run):
        return Failure(f"a valid input never became a create: the client {run.brief()}")
    return None


@rule(
    "A3",
    trials=any_payload,
    first=boundaries,
)
def no_undocumented_fields(run: Run) -> Failure | None:
    for exchange in _of_json(run):
        unknown = next(undocumented(exchange.payload, schema_for(exchange, run.trial.model)), None)
        if unknown is not None:
            return Failure(f"the field {quoted(unknown)} is none of {run.trial.model}", exchange.number)
    return None


@rule(
    "A4",
    trials=any_payload,
    first=boundaries,
)
def omit_not_null(run: Run) -> Failure | None:
    given = set(nulls(run.trial.payload))
    for exchange in _of_json(run):
        added = next((path for path in nulls(exchange.payload) if path not in given), None)
        if added is not None:
            what = f"the field {quoted(added)}" if added else "the body"
            return Failure(f"{what} was not given and sent as null", exchange.number)
    return None


def _has(name: str, context: Context) -> str | None:
    if name in fields_of(context.model):
        return None
    left_out = name in fields_left_out(context.model)
    return f"the client takes no {name}" if left_out else f"{context.model} has no {name}"


def _with_duration(context: Context) -> st.SearchStrategy[Trial]:
    values = fields_of(context.model)["duration"].get("enum", [5])
    durations = st.sampled_from([value for value in values if isinstance(value, int)] or [5])
    return st.builds(
        lambda payload, value: Trial(context.model, {**payload, "duration": value}, PLAIN),
        brief_bodies(context.model),
        durations,
    )


@rule(
    "A5",
    trials=_with_duration,
    applies=functools.partial(_has, "duration"),
    examples=10,
)
def integer_duration(run: Run) -> Failure | None:
    for exchange in run.creates:
        sent = exchange.payload.get("duration") if isinstance(exchange.payload, dict) else None
        if isinstance(sent, str):
            return Failure(f"the duration was sent as the string {quoted(sent)}", exchange.number)
    return None


def _base_urls(context: Context) -> st.SearchStrategy[Trial]:
    return st.builds(
        lambda payload, base: Trial(context.model, payload, PLAIN, base=base),
        brief_bodies(context.model),
        st.sampled_from(["plain", "slash", "prefix"]),
    )


def _each_base_url(context: Context) -> Iterator[Trial]:
    body = smallest_payload(context.model)
    return (Trial(context.model, body, PLAIN, base=base) for base in ("plain", "slash", "prefix"))


@rule(
    "A6",
    trials=_base_urls,
    first=_each_base_url,
)
def exact_route(run: Run) -> Failure | None:
    for exchange in run.trace:
        if not documented(exchange):
            return Failure(
                f"the base URL is {run.base_url}, and {exchange.method} went to {exchange.path}, "
                "which is no path of the API",
                exchange.number,
            )
        kept = exchange.header_values(FORWARDED_PREFIX)
        if run.trial.base == "prefix" and exchange.kind in ("create", "poll") and not kept:
            return Failure(
                f"the base URL is {run.base_url}, and {exchange.method} went to {exchange.path}",
                exchange.number,
            )
    if not run.trace:
        return Failure(f"nothing was sent to {run.base_url}: the client {run.brief()}")
    return None


@rule(
    "A7",
    trials=lambda context: brief_bodies(context.model).map(lambda body: Trial(context.model, body, PLAIN)),
)
def bearer_everywhere(run: Run) -> Failure | None:
    if run.stale and not run.received:
        return Failure(
            "each call is given a key of its own, and this one sent that of an earlier call "
            f"({many(run.stale, 'time')}) and not its own"
        )
    for exchange in run.trace:
        if run.key in exchange.path or run.key.encode() in exchange.query_string:
            return Failure(f"the key is in the URL of {exchange.method} {exchange.path}", exchange.number)
        if exchange.kind in ("create", "poll"):
            sent = exchange.header_values(b"authorization")
            if sent != [f"Bearer {run.key}"]:
                shown = " and ".join(quoted(value.replace(run.key, "KEY")) for value in sent)
                says = f"says Authorization: {shown}" if sent else "has no Authorization header"
                return Failure(f'the {exchange.kind} {says}; expected "Bearer KEY", once', exchange.number)
    return None


def _maybe_odd_numbers(context: Context) -> st.SearchStrategy[Trial]:
    """Any payload, and for callables one whose number is none: JSON has no way to say it."""
    plain = any_payload(context)
    properties = fields_of(context.model)
    names = [name for name, field in properties.items() if field.get("type") == "number"]
    if not names or context.client.kind != "python":
        return plain
    odd = st.builds(
        lambda body, name, value: Trial(
            context.model, {**body, name: value}, PLAIN, note=f"{name} is {value}"
        ),
        brief_bodies(context.model),
        st.sampled_from(names),
        st.sampled_from([math.nan, math.inf, -math.inf]),
    )
    return st.one_of(plain, odd)


@rule(
    "A8",
    trials=_maybe_odd_numbers,
)
def strict_json(run: Run) -> Failure | None:
    for exchange in run.creates:
        found = _not_json(exchange.header_values(b"content-type"), exchange.body)
        lengths = exchange.header_values(b"content-length")
        if found is None and lengths and lengths != [str(exchange.body_size)]:
            found = f"Content-Length is {_all(lengths)}, the body has {exchange.body_size} bytes"
        if found is not None:
            return Failure(found, exchange.number)
    return None


def _not_json(types: list[str], body: bytes) -> str | None:
    media_type, _, options = (types[0] if types else "").partition(";")
    if len(types) != 1 or media_type.strip().lower() != "application/json":
        return f'Content-Type is {_all(types) or "missing"}; expected "application/json"'
    charset = options.lower().replace(" ", "").replace('"', "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        return f"Content-Type says {quoted(options.strip())}; JSON is UTF-8"
    try:
        parse_json(body)
    except PayloadError as error:
        return f"the body is no strict JSON: expected {error.expected}, received {error.received}"
    return None


def _all(values: list[str]) -> str:
    return " and ".join(map(quoted, values))


def _texts(context: Context) -> st.SearchStrategy[Trial]:
    field = fields_of(context.model)["prompt"]
    most = min(field.get("maxLength", LONGEST), LONGEST)
    texts = st.one_of(
        st.sampled_from(TEXTS),
        st.sampled_from(TEXTS).map(lambda text: (text * (most // len(text) + 1))[:most]),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    ).map(lambda text: text[:most])
    return st.builds(
        lambda payload, text: Trial(context.model, {**payload, "prompt": text}, PLAIN),
        brief_bodies(context.model),
        texts,
    )


def _each_text(context: Context) -> Iterator[Trial]:
    body = smallest_payload(context.model)
    most = fields_of(context.model)["prompt"].get("maxLength", LONGEST)
    return (Trial(context.model, {**body, "prompt": text[:most]}, PLAIN) for text in TEXTS)


@rule(
    "A9",
    trials=_texts,
    first=_each_text,
    applies=functools.partial(_has, "prompt"),
)
def unicode_exact(run: Run) -> Failure | None:
    given = run.trial.payload["prompt"]
    for exchange in _of_json(run):
        sent = exchange.payload.get("prompt") if isinstance(exchange.payload, dict) else None
        if sent != given:
            before, after = compared(given, sent)
            return Failure(f"the prompt {before} arrived as {after}", exchange.number)
    if not run.creates and not _refused_controls(run):
        return Failure(f"the prompt {quoted(given)} was never sent: the client {run.brief()}")
    return None


def _of_json(run: Run) -> list[Exchange]:
    """The creates whose bodies are JSON: what else there is, A1 and A8 speak of."""
    return [exchange for exchange in run.creates if exchange.payload is not None]


def _refused_controls(run: Run) -> bool:
    """True where a client said clearly that it takes no control characters, which no prompt needs."""
    refused = run.outcome.failed and not run.outcome.crashed
    return refused and has_controls(run.trial.payload)


def _images(context: Context) -> st.SearchStrategy[Trial]:
    body = smallest_payload(context.model)
    return st.sampled_from(MEGABYTES).map(
        lambda size: Trial(
            context.model,
            {**body, "image_url": image_of(size)},
            PLAIN,
            note=f"an image of {size} MB",
            expect=size,
        )
    )


@rule(
    "A10",
    trials=_images,
    applies=functools.partial(_has, "image_url"),
    examples=3,
)
def big_inline_image(run: Run) -> Failure | None:
    creates = run.creates
    if len(creates) != 1:
        return Failure(
            f"an image of {run.trial.expect} MB made {many(len(creates), 'create')}: "
            f"the client {run.brief()}",
            creates[-1].number if creates else None,
        )
    given, body = run.trial.payload["image_url"], creates[0].payload
    sent = body.get("image_url") if isinstance(body, dict) else None
    if sent != given:
        before, after = compared(given, sent)
        return Failure(
            f"an image of {run.trial.expect} MB did not arrive as it was: {before} became {after}",
            creates[0].number,
        )
    return None


def _broken(context: Context) -> st.SearchStrategy[Trial]:
    cases = invalid_payloads(context.model).filter(lambda case: isinstance(case.payload, dict))
    return cases.map(functools.partial(negative_trial, context.model))


def _each_broken(context: Context) -> Iterator[Trial]:
    """Every constraint broken once: a mistake in one of them is found whatever is drawn."""
    for case in invalid_cases(context.model, rules=True):
        if isinstance(case.payload, dict):
            yield negative_trial(context.model, case)


@rule(
    "A11",
    trials=_broken,
    first=_each_broken,
    missed=always_met,
)
def invalid_refused(run: Run) -> Failure | None:
    # What else was changed is the business of A2; a change that was refused all the same hid nothing.
    for exchange in accepted(run):
        schema = schema_for(exchange, run.trial.model)
        found = mended(exchange.payload, run.trial.payload, run.trial.expect, schema)
        if found is not None:
            return Failure(f"{run.trial.note}, and the client changed it: {found}", exchange.number)
    if run.outcome.kind == "returned" and not accepted(run):
        return Failure(f"{run.trial.note}, and the client {run.brief()} as if all were well")
    if run.outcome.kind == "stopped":
        return Failure(f"{run.trial.note}, and the client did not end: {many(run.received, 'request')} came")
    return None


@rule(
    "A12",
    trials=lambda context: valid_payloads(context.model).map(lambda body: Trial(context.model, body, PLAIN)),
    first=boundaries,
    after=("A3",),
)
def variant_fit(run: Run) -> Failure | None:
    for exchange in run.creates:
        known = schema_for(exchange, run.trial.model)["properties"]
        sent = exchange.payload
        if not isinstance(sent, dict):
            continue
        if sent.get("model") != run.trial.payload["model"]:
            wanted, named = quoted(run.trial.payload["model"]), quoted(sent.get("model"))
            return Failure(f"the model is {wanted}, and {named} was sent", exchange.number)
        foreign = next((name for name in sent if name not in known), None)
        if foreign is not None:
            return Failure(f"the field {quoted(foreign)} is none of {run.trial.model}", exchange.number)
    return None
