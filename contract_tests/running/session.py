"""A whole verification: which properties on which models, a rehearsal first, events all the way."""

from __future__ import annotations

import contextlib
import fnmatch
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kling_mock.billing.costs import prices_named
from kling_mock.command_options import LEVELS
from kling_mock.errors import KlingMockError, SettingsError, UnknownModel, did_you_mean, nearest
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.trace_rules.register import Level

from ..driving.clients import Client
from ..driving.commands import CommandClient
from ..driving.egress_guard import sentence
from ..driving.engine import Engine
from ..driving.far_engine import FarEngine
from ..generation.contract_view import ContractView, current_catalog, current_view, viewed
from ..generation.payloads import fields_left_out, fields_of, smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..properties import PROPERTIES, Property
from .checks import Checks, Plan, in_order
from .coverage import Coverage
from .events import Checked, Checking, Event, Example, Finished, Result, Started, Summary, status_of
from .falsifier import Limits
from .models import Run, Trial
from .xfails import Xfails, load_xfails

__all__ = [
    "DEFAULT_MODEL",
    "Plan",
    "Work",
    "check_fields",
    "engine_for",
    "in_turn",
    "plan_of",
    "ready_engine",
    "select_models",
    "select_properties",
    "stray",
    "verify",
    "view_of",
]

DEFAULT_MODEL = "kling-video/v1/standard/image-to-video"
"""The default model: the variant with the most constraints to keep."""


def plan_of(options: Mapping[str, Any], folder: Path = Path()) -> Plan:
    """The plan that the options of `ContractOptions` make, read ones; `folder` is where their files are."""
    prices = str(folder / options["prices"]) if options["prices"] else None
    if prices is not None:
        prices_named(prices)
    with viewed(Plan(specs=options["specs"]).view):
        known = load_xfails(folder / options["xfails"]) if options["xfails"] else Xfails()
    return Plan(
        models=options["models"],
        properties=options["properties"],
        ignore=options["ignore"],
        level=options["level"],
        limits=Limits(options["max_examples"], options["timeout"]),
        seed=options["seed"],
        xfails=known,
        redact=options["redact"],
        fields=[name for word in options["fields"] for name in word.replace(",", " ").split()],
        strength=options["strength"],
        specs=options["specs"],
        server=options.get("server"),
        prices=prices,
        budget=options["budget"],
    )


def select_models(patterns: Sequence[str]) -> list[str]:
    """The models that some ids or globs name, in order; `UnknownModel` for a pattern that names none."""
    catalog = current_catalog()
    known = [variant.model for variant in catalog.variants]
    if not patterns:
        return [DEFAULT_MODEL]
    chosen: list[str] = []
    for pattern in patterns:
        found = [model for model in known if fnmatch.fnmatchcase(model, pattern)]
        try:
            chosen += found or [catalog.find(pattern).model]
        except UnknownModel as error:
            raise error.blaming("models") from None
    return list(dict.fromkeys(chosen))


def select_properties(patterns: Sequence[str], level: str, ignore: Sequence[str] = ()) -> list[Property]:
    """The properties that some ids, names or globs mean, without those to ignore; else those of the level.

    Raises `SettingsError` for a pattern that means none, and where none is left.
    """
    if level not in LEVELS:
        raise SettingsError(f"expected one of {', '.join(LEVELS)}, received {level!r}.", option="level")
    everything = list(PROPERTIES.values())
    chosen = {one.id for one in everything if one.level is not Level.STRICT or level == "strict"}
    chosen = (_meant(patterns, "properties") if patterns else chosen) - _meant(ignore, "ignore")
    if not chosen:
        raise SettingsError(
            f"expected to leave some property, received {', '.join(ignore)}.", option="ignore"
        )
    return [one for one in everything if one.id in chosen]


def _meant(patterns: Sequence[str], option: str) -> set[str]:
    everything = list(PROPERTIES.values())
    chosen: set[str] = set()
    for pattern in patterns:
        found = [one.id for one in everything if fnmatch.fnmatchcase(one.id, pattern.upper())]
        found = found or [one.id for one in everything if fnmatch.fnmatchcase(one.name, pattern.lower())]
        if not found:
            hint = did_you_mean(nearest(pattern, [*PROPERTIES, *(one.name for one in everything)]))
            says = f"there is no property {pattern!r}.{hint or ' They are A1 to G1.'}"
            raise SettingsError(says, option=option)
        chosen.update(found)
    return chosen


Report = Callable[[Event], None]


@dataclass
class Work:
    """What is to be done in a verification, and what is noted of it meanwhile."""

    client: Client
    plan: Plan
    models: Sequence[str]
    properties: Sequence[Property]
    report: Report
    coverage: Coverage
    summary: Summary = field(default_factory=Summary)


def in_turn(work: Work) -> Iterator[Result]:
    """Check everything with one engine, one property after the other."""
    summary = work.summary
    with ready_engine(work.client, work.plan, work.models[0]) as engine:
        checks = Checks(engine, work.plan, work.properties, work.models[0])
        for result in _results(work, checks):
            summary.runs = engine.runs
            yield result
        summary.problem = sentence(engine.others) or checks.unnamed
        summary.note = stray(engine.stray_requests)


def verify(
    client: Client,
    plan: Plan,
    report: Report = lambda event: None,
    runner: Callable[[Work], Iterator[Result]] = in_turn,
) -> Finished:
    """Check a client against the contract, tell `report` of every step, and return the last event.

    The status in its summary is 0 where every property that counts is kept, 1 where one is broken (or a
    known failure passed), 2 where the client could not be run or nothing could be tried, 3 where less was
    tried than was asked for. Results that are there when something ends it are in the last event all the
    same. Raises `SettingsError` and `UnknownModel` before anything starts.
    """
    with viewed(plan.view):
        return _verify(client, plan, report, runner)


def _verify(
    client: Client, plan: Plan, report: Report, runner: Callable[[Work], Iterator[Result]]
) -> Finished:
    models, properties = (
        select_models(plan.models),
        select_properties(plan.properties, plan.level, plan.ignore),
    )
    view = view_of(client, plan, models)
    started = time.perf_counter()
    results: list[Result] = []
    work = Work(client, plan, models, properties, report, Coverage(models))
    summary = work.summary
    ids = tuple(one.id for one in properties)
    report(Started(client.name, tuple(models), ids, plan.seed, plan.level, client.target, plan.server))
    try:
        with viewed(view):
            for result in runner(work):
                results.append(result)
            summary.not_asked = _not_asked(models, results)
    except KlingMockError as error:
        summary.problem = str(error)
    except KeyboardInterrupt:
        summary.problem, summary.interrupted = "It was interrupted.", True
    summary.problem = Redactor(environment_keys())(summary.problem)
    places = {
        pair: place for place, pair in enumerate((model, one.id) for model in models for one in properties)
    }
    results.sort(key=lambda result: places[result.model, result.id])
    summary.seconds = time.perf_counter() - started
    summary.counts = dict(Counter(result.result for result in results))
    if results and not summary.problem and not any(map(_tried, results)):
        summary.problem = "None of the properties could be tried; the table says why."
    spending = work.coverage.spending
    summary.over_budget = spending.beyond(plan.budget)
    summary.note = " ".join(filter(None, [summary.note, spending.unpriced(plan.budget)]))
    summary.status = status_of(results, summary)
    finished = Finished(tuple(results), summary, work.coverage.as_dict())
    report(finished)
    return finished


def view_of(client: Client, plan: Plan, models: Sequence[str]) -> ContractView:
    """What the client can express; raises `SettingsError` for a field that none of the models has."""
    check_fields(plan, models)
    fields = frozenset(plan.fields) if plan.fields else client.fields
    return ContractView(fields, catalog=current_view().catalog)


def check_fields(plan: Plan, models: Sequence[str]) -> None:
    """Raise a `SettingsError` for a field that is asked for and that none of the models has."""
    known = list(dict.fromkeys(name for model in models for name in fields_of(model)))
    for name in plan.fields:
        if name not in known:
            hint = did_you_mean(nearest(name, known))
            raise SettingsError(f"none of the models has a field {name!r}.{hint}", option="fields")


def _not_asked(models: Sequence[str], results: Sequence[Result]) -> list[str]:
    """The fields that were left out, and what the client said of inputs that it cannot express."""
    fields = dict.fromkeys(name for model in models for name in fields_left_out(model))
    said = dict.fromkeys(text for result in results for text in result.not_asked)
    return [*fields, *said]


def _results(work: Work, checks: Checks) -> Iterator[Result]:
    """One result per property and model, as they come."""
    total, number = len(work.models) * len(work.properties), 0
    for model in work.models:
        checks.begin(model)
        for one in in_order(work.properties, checks.cause):
            number += 1
            work.report(Checking(one.id, one.name, model, number, total))

            def watch(run: Run, id: str = one.id) -> None:
                work.coverage.see(run)
                work.report(Example(id, run))

            result = checks.check(one, watch)
            work.report(Checked(result, number, total))
            yield result


def _tried(result: Result) -> bool:
    return result.result not in ("skipped", "error") and (result.examples > 0 or result.result != "passed")


def stray(requests: int) -> str:
    """What is to be said of so many requests that came after their run had ended."""
    if not requests:
        return ""
    many = "1 request" if requests == 1 else f"{requests} requests"
    return (
        f"{many} came with the key of an earlier run: a part of the client went on after its end, or it kept "
        "a key that it had been given before."
    )


def _maker(client: Client, plan: Plan) -> Callable[..., Engine]:
    engine = partial(Engine, client) if plan.server is None else partial(FarEngine, client, plan.server)
    return partial(engine, seed=plan.seed, redact=plan.redact, specs=plan.specs, prices=plan.prices)


def engine_for(client: Client, plan: Plan, model: str) -> Engine:
    """An engine for the client: with hooks for virtual time where they reach it."""
    make = _maker(client, plan)
    if plan.server is not None:
        return make()
    if isinstance(client, CommandClient):
        with make() as engine:
            run = engine.run(Trial(model, smallest_payload(model), PLAIN))
            environment = engine.environment
            # A job takes as long as it says for who waits in real time by programs that no hook reaches.
            waits = environment.partly() and run.outcome.kind == "stopped" and run.cut != "requests"
            if waits or not environment.followed():
                return make(hooks=False)
    return make()


@contextlib.contextmanager
def ready_engine(client: Client, plan: Plan, model: str) -> Iterator[Engine]:
    """An engine that runs; for a client that refuses a video by http, one that serves it by https."""
    with engine_for(client, plan, model) as engine:
        if not (engine.virtual and _insists_on_https(engine, model)):
            yield engine
            return
    client.secure = True
    with _maker(client, plan)() as engine:
        yield engine


def _insists_on_https(engine: Engine, model: str) -> bool:
    """True where a plain job fails and the client says that it is for want of https."""
    run = engine.run(Trial(model, smallest_payload(model), PLAIN, note="a plain job"))
    refused = run.outcome.failed and not run.outcome.crashed and run.url is not None
    return refused and "https" in run.outcome.everything.lower()
