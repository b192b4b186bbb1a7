"""A whole verification: which properties on which models, a rehearsal first, events all the way."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kling_mock.catalog import load_catalog
from kling_mock.command_options import LEVELS
from kling_mock.errors import KlingMockError, SettingsError, TargetError, did_you_mean, nearest
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.trace_rules.register import Level

from ..driving.clients import Client
from ..driving.commands import CommandClient
from ..driving.egress_guard import sentence
from ..driving.engine import Engine
from ..generation.payloads import smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..properties import PROPERTIES, Context, Profile, Property
from ..properties.b_create import made_again
from ..properties.retry_after import ASKING, own_cap
from ..properties.trials import stuck_trial
from .coverage import Coverage
from .events import Checked, Checking, Counterexample, Event, Example, Finished, Result, Started, Summary
from .falsifier import Limits, check
from .models import Run, Trial
from .xfails import Xfails, load_xfails

__all__ = [
    "DEFAULT_MODEL",
    "OF_BUDGET",
    "Plan",
    "SecondCreate",
    "Session",
    "Work",
    "check_property",
    "engine_for",
    "in_turn",
    "measure_budget",
    "plan_of",
    "reason_to_skip",
    "rehearse",
    "select_models",
    "select_properties",
    "verify",
]

DEFAULT_MODEL = "kling-video/v1/standard/image-to-video"
"""The default model: the variant with the most constraints to keep."""


ONE_CREATE = "B1"
_SPEAKS = re.compile(
    r"connect|refused|resolv|getaddrinfo|unreachable|time.?out|timed out|fetch|network", re.I
)
"""Words of a program that has tried to reach another host than the mock: F1 is about it."""
_OF_MAIN_THREADS = re.compile(r"only works? in (the )?main thread")

OF_BUDGET = ("C5", "C8", "C14")
"""Properties that need to know when the client gives up a job, or how long it waits when asked to."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The properties and models to check, and how thoroughly; both are ids or globs, none for the default."""

    models: Sequence[str] = ()
    properties: Sequence[str] = ()
    level: str = "required"
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    xfails: Xfails = field(default_factory=Xfails)
    redact: Sequence[str] = ()
    """Names whose values are hidden in reports as well."""
    strength: int = 2
    """How many behaviours come together in all ways."""
    part: tuple[int, int] = (0, 1)
    """Which of how many parts of the covering behaviours is tried here."""

    @property
    def strict(self) -> bool:
        """True where the strict rules are checked as well."""
        return self.level == "strict"


def plan_of(options: Mapping[str, Any], folder: Path = Path()) -> Plan:
    """The plan that the options of `ContractOptions` make, read ones; `folder` is where their files are."""
    return Plan(
        models=options["models"],
        properties=options["properties"],
        level=options["level"],
        limits=Limits(options["max_examples"], options["time_limit"]),
        seed=options["seed"],
        xfails=load_xfails(folder / options["xfails"]) if options["xfails"] else Xfails(),
        redact=options["redact"],
        strength=options["strength"],
    )


def select_models(patterns: Sequence[str]) -> list[str]:
    """The models that some ids or globs name, in order; `UnknownModel` for a pattern that names none."""
    catalog = load_catalog()
    known = [variant.model for variant in catalog.variants]
    if not patterns:
        return [DEFAULT_MODEL]
    chosen: list[str] = []
    for pattern in patterns:
        found = [model for model in known if fnmatch.fnmatchcase(model, pattern)]
        chosen += found or [catalog.find(pattern).model]
    return list(dict.fromkeys(chosen))


def select_properties(patterns: Sequence[str], level: str) -> list[Property]:
    """The properties that some ids, names or globs mean; without any, those of the level.

    Raises `SettingsError` for a pattern that means none.
    """
    if level not in LEVELS:
        raise SettingsError(f"level: expected one of {', '.join(LEVELS)}, received {level!r}.")
    everything = list(PROPERTIES.values())
    if not patterns:
        return [one for one in everything if one.level is not Level.STRICT or level == "strict"]
    chosen: list[str] = []
    for pattern in patterns:
        found = [one.id for one in everything if fnmatch.fnmatchcase(one.id, pattern.upper())]
        found = found or [one.id for one in everything if fnmatch.fnmatchcase(one.name, pattern.lower())]
        if not found:
            hint = did_you_mean(nearest(pattern, [*PROPERTIES, *(one.name for one in everything)]))
            raise SettingsError(f"There is no property {pattern!r}.{hint or ' They are A1 to G1.'}")
        chosen += found
    return [one for one in everything if one.id in chosen]


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
    with engine_for(work.client, work.plan.seed, work.models[0], work.plan.redact) as engine:
        yield from Session(engine, work.plan, work.coverage, work.report).results(
            work.models, work.properties
        )
        work.summary.runs = engine.runs
        work.summary.problem = sentence(engine.others)


def verify(
    client: Client,
    plan: Plan,
    report: Report = lambda event: None,
    runner: Callable[[Work], Iterator[Result]] = in_turn,
) -> Finished:
    """Check a client against the contract, tell `report` of every step, and return the last event.

    The status in its summary is 0 where every property that counts is kept, 1 where one is broken (or a
    known failure passed), 2 where the client could not be run or nothing could be tried. Raises
    `SettingsError` and `UnknownModel` before anything starts.
    """
    models, properties = select_models(plan.models), select_properties(plan.properties, plan.level)
    started = time.perf_counter()
    results: list[Result] = []
    work = Work(client, plan, models, properties, report, Coverage(models))
    summary = work.summary
    report(
        Started(
            client.name,
            tuple(models),
            tuple(one.id for one in properties),
            plan.seed,
            plan.level,
            client.target,
        )
    )
    try:
        for result in runner(work):
            results.append(result)
    except KlingMockError as error:
        summary.problem = str(error)
    summary.problem = Redactor(environment_keys())(summary.problem)
    places = {
        pair: place for place, pair in enumerate((model, one.id) for model in models for one in properties)
    }
    results.sort(key=lambda result: places[result.model, result.id])
    summary.seconds = time.perf_counter() - started
    summary.counts = dict(Counter(result.result for result in results))
    if results and not summary.problem and not any(map(_tried, results)):
        summary.problem = "None of the properties could be tried; the table says why."
    summary.status = 2 if summary.problem else int(any(result.counts for result in results))
    finished = Finished(tuple(results), summary, work.coverage.as_dict())
    report(finished)
    return finished


def _tried(result: Result) -> bool:
    return result.result != "skipped" and (result.examples > 0 or result.result != "passed")


def engine_for(client: Client, seed: int, model: str, redact: Sequence[str] = ()) -> Engine:
    """An engine for the client: with hooks for virtual time where they reach it."""
    if isinstance(client, CommandClient):
        with Engine(client, seed=seed, redact=redact) as engine:
            engine.run(Trial(model, smallest_payload(model), PLAIN))
            if not engine.environment.followed():
                return Engine(client, seed=seed, hooks=False, redact=redact)
    return Engine(client, seed=seed, redact=redact)


@dataclass(frozen=True)
class SecondCreate:
    """A trial of the property `by` in which a job was made although one was known to be there."""

    by: str
    trial: Trial


class Session:
    """The steps of one verification."""

    def __init__(
        self, engine: Engine, plan: Plan, coverage: Coverage, report: Callable[[Event], None]
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._coverage = coverage
        self._report = report
        self.second_create: SecondCreate | None = None
        """The smallest trial of the last model so far in which a job was made again."""

    def results(
        self, models: Sequence[str], properties: Sequence[Property], second_create: SecondCreate | None = None
    ) -> Iterator[Result]:
        """One result per property and model, as they come: B1 last, for it is judged by every run.

        `second_create` is one that was found elsewhere.
        """
        properties = sorted(properties, key=lambda one: one.id == ONE_CREATE)
        profile = Profile()
        plain = rehearse(self._engine, models[0], profile)
        total, number = len(models) * len(properties), 0
        for model in models:
            plan = self._plan
            context = Context(model, self._engine.client, profile, plan.strict, plan.strength, plan.part)
            if any(one.id in OF_BUDGET for one in properties):
                measure_budget(self._engine, context)
            self.second_create = second_create
            for one in properties:
                number += 1
                self._report(Checking(one.id, one.name, model, number, total))
                result = self._check(one, context, plain)
                self._report(Checked(result, number, total))
                yield result

    def _check(self, one: Property, context: Context, plain: Run) -> Result:
        def watch(run: Run) -> None:
            self._coverage.see(run)
            self._report(Example(one.id, run))
            if one.id != ONE_CREATE and made_again(run) is not None:
                before = self.second_create
                if before is None or run.trial.weight < before.trial.weight:
                    self.second_create = SecondCreate(one.id, run.trial)

        return check_property(self._engine, one, context, plain, self._plan, watch, self.second_create)


def check_property(
    engine: Engine,
    one: Property,
    context: Context,
    plain: Run,
    plan: Plan,
    watch: Callable[[Run], None] = lambda run: None,
    second_create: SecondCreate | None = None,
) -> Result:
    """Try one property on one model, given how a plain job went, and hold it against the known failures.

    `second_create` is a trial of another property in which a job was made twice: it breaks B1 as well.
    """
    reason = reason_to_skip(one, plain)
    if reason is not None:
        result = Result(one.rule, context.model, "skipped", reason)
    else:
        result = check(engine, one, context, seed=plan.seed, limits=plan.limits, watch=watch)
    if one.id == ONE_CREATE and second_create is not None and result.result == "passed":
        _fail_one_create(engine, result, second_create, plan.seed)
    if result.counterexample is not None:
        example = result.counterexample
        says = example.run.redactor.text(example.says)
        result.counterexample = dataclasses.replace(example, says=says)
    known = plan.xfails.reason(one.id, context.model)
    if known is not None and result.result in ("passed", "failed"):
        result.result = "xpassed" if result.result == "passed" else "xfailed"
        result.reason = known
    return result


def _fail_one_create(engine: Engine, result: Result, second_create: SecondCreate, seed: int) -> None:
    """Break B1 with the trial of another property, where it shows again that a job was made twice."""
    run = engine.run(second_create.trial, fresh=True)
    failure = made_again(run)
    if failure is None:
        return
    result.result, result.found_by = "failed", second_create.by
    says = f"{failure.says}, as {second_create.by} was tried"
    result.counterexample = Counterexample(second_create.trial, run, says, failure.exchange, seed)


def reason_to_skip(one: Property, plain: Run) -> str | None:
    """The reason to skip a property for a client whose plain job went like this; None to check it."""
    if not plain.received and one.id != "F1":
        return "nothing arrives at the mock (see F1)"
    if one.plain and not plain.delivered:
        return f"already a plain job fails: the client {plain.brief()}"
    return None


def rehearse(engine: Engine, model: str, profile: Profile) -> Run:
    """Run the client on the simplest trial, to see whether it can be run at all.

    Raises `TargetError` where it cannot: it hangs, exits, returns no string, never calls the mock.
    """
    client = engine.client
    payload = smallest_payload(model)
    run = engine.run(Trial(model, payload, PLAIN, note="a plain job"))
    profile.downloads = any(exchange.kind == "video" for exchange in run.trace)
    profile.seconds = run.seconds
    outcome = run.outcome
    if outcome.kind == "stopped" or run.received > run.trial.requests:
        why = f"{run.received} requests came and no end" if run.cut == "requests" else "it did not come back"
        raise TargetError(f"{client.name} cannot be checked: on a plain job {why}, and it was stopped.")
    if outcome.status in (126, 127) and not run.received:
        raise TargetError(f"{client.name} cannot be run: it {run.brief(outcome)}.")
    if outcome.kind == "exited":
        raise TargetError(
            f"{client.name} cannot be checked: it called {run.redactor(outcome.text)}; expected an exception."
        )
    if client.kind == "command":
        if not (run.received or engine.others or _SPEAKS.search(outcome.everything)):
            raise TargetError(
                f"{client.name} cannot be checked: it {run.brief(outcome)}, and no request came to "
                f"{run.base_url}. Does it read KLING_BASE_URL, and the payload from stdin?"
            )
        if engine.environment.partly():
            client.virtual_time = False
        return run
    if outcome.kind == "returned" and not isinstance(outcome.value, str):
        received = type(outcome.value).__name__
        raise TargetError(
            f"{client.name} cannot be checked: expected the video's URL as a string, received {received}."
        )
    if _OF_MAIN_THREADS.search(outcome.text):
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief()}. A callable runs in a thread of its own, "
            "where signals cannot be handled: hand it in as a command, kling-mock verify -- python client.py."
        )
    if not run.received:
        asked = outcome.kind == "returned" or _SPEAKS.search(outcome.text)
        hint = sentence(engine.others) or ("Does it use base_url?" if asked else "")
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief()}, and no request came to {run.base_url}. "
            f"{hint}".strip()
        )
    return run


def measure_budget(engine: Engine, context: Context) -> None:
    """Note when the client polls a job that never ends, whether it gives up, and how long it can wait."""
    if not engine.client.virtual_time:
        return
    payload = smallest_payload(context.model)
    run = engine.run(stuck_trial(context, payload))
    start = run.creates[0].at if run.creates else run.started
    profile = context.profile
    profile.gave_up = run.outcome.failed and not run.cut
    profile.last_polls = tuple(exchange.at - start for exchange in run.polls[-2:])
    profile.patience = own_cap(engine.run(Trial(context.model, payload, ASKING)))
