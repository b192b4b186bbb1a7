"""Checking one property on one model: trials from Hypothesis, run by the engine, the smallest breach kept."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
import hypothesis.errors
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from kling_mock.timing import LATE_RUN

from ..driving.engine import Engine
from ..properties import Context, Property
from .events import Counterexample, Result
from .models import Run, Trial

__all__ = ["Limits", "check"]


class _Broken(AssertionError):
    """A property does not hold; always raised at one place, so that all breaches are one to Hypothesis."""


class _TimeUp(BaseException):
    """The time of a property is over; no Exception, so that Hypothesis lets it through."""


MANY = 100
"""Requests after which a run need not be repeated to be believed."""


@dataclass(frozen=True)
class Limits:
    """The limits of a check: examples, and real seconds with shrinking included."""

    max_examples: int = 20
    seconds: float = 20.0


def check(
    engine: Engine,
    wanted: Property,
    context: Context,
    *,
    seed: int = 0,
    limits: Limits = Limits(),
    watch: Callable[[Run], None] = lambda run: None,
) -> Result:
    """Try a property of the engine's client on a model, and say how it went.

    `watch` sees every run. Raises `TargetError` where the client cannot be run on.
    """
    result = Result(wanted.rule, context.model, "skipped")
    reason = _reason(wanted, context)
    if reason is not None:
        result.reason = reason
        return result
    search = _Search(engine, wanted, context, seed, limits, watch)
    started = time.perf_counter()
    search.go()
    result.seconds = time.perf_counter() - started
    result.examples = search.examples
    result.counterexample = search.best
    result.result = "failed" if search.best is not None else "passed"
    if search.unsure and search.best is None:
        result.reason = f"seemed broken {search.unsure} times, but not again with the same case"
    if search.late:
        result.late = True
        result.reason = f"stopped by the time limit of {limits.seconds:g} s after {search.examples} examples"
    return result


def _reason(wanted: Property, context: Context) -> str | None:
    """The reason why a property cannot be tried, None where it can."""
    if wanted.virtual and not context.client.virtual_time:
        return "needs virtual time, and no hook reaches this program"
    return wanted.applies(context)


class _Search:
    """One search for a breach."""

    def __init__(
        self,
        engine: Engine,
        wanted: Property,
        context: Context,
        seed: int,
        limits: Limits,
        watch: Callable[[Run], None],
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._context = context
        self._seed = seed
        self._limits = limits
        self._watch = watch
        self._deadline = 0.0
        self.examples = 0
        self.late = False
        self.unsure = 0
        """Breaches that the same trial did not show again."""
        self.best: Counterexample | None = None

    def go(self) -> None:
        """Search until a breach is smallest, the examples are used up, or time is."""
        wanted = self._wanted
        most = min(self._limits.max_examples, wanted.examples or self._limits.max_examples)
        self._deadline = time.monotonic() + self._limits.seconds
        first = self._first_trials()
        if wanted.whole:
            # All of them are tried: the time limit is one for so many trials as are drawn otherwise.
            self._deadline += self._limits.seconds * len(first) / self._limits.max_examples

        @hypothesis.seed(self._seed)
        @settings(
            max_examples=most,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        @given(wanted.trials(self._context))
        def holds(trial: Trial) -> None:
            self._try(trial)

        self._engine.deadline = self._deadline + LATE_RUN
        try:
            for trial in first:
                with contextlib.suppress(_Broken):
                    self._try(trial)
            holds()
        except _TimeUp:
            self.late = True
        except _Broken:
            pass
        except hypothesis.errors.Flaky:
            self.unsure += 1
        finally:
            self._engine.deadline = math.inf

    def _first_trials(self) -> list[Trial]:
        """The trials that are always tried: the smallest breach is kept.

        A program takes its time to start, so it gets as many of them as it gets examples, from all over.
        """
        trials = list(self._wanted.first(self._context))
        client, most = self._context.client, self._limits.max_examples
        if client.kind != "command" or len(trials) <= most or (self._wanted.whole and client.virtual_time):
            return trials
        return [trials[place * len(trials) // most] for place in range(most)]

    def _conclusive(self, run: Run) -> bool:
        """True for a run that ended at a limit by many requests or by all its time: that is no accident."""
        return (
            run.past_deadline
            or run.cut == "requests"
            or (run.cut_after >= run.trial.seconds and len(run.trace) > MANY)
        )

    def _again(self, trial: Trial) -> bool:
        """Return True if a breach shows again: a machine under load must not accuse a client."""
        return any(self._wanted.holds(self._engine.run(trial, fresh=True)) for _ in range(2))

    def _look(self, trial: Trial) -> Run:
        """Run a trial, as one of those that were tried."""
        run = self._engine.run(trial)
        self._watch(run)
        return run

    def _try(self, trial: Trial) -> None:
        if time.monotonic() > self._deadline:
            raise _TimeUp
        if self._context.strict:
            trial = trial.replace(strict=True)
        run = self._engine.run(trial)
        if run.past_deadline and run.real_seconds < self._limits.seconds / 2:
            # It might have ended by itself: nothing is known of it.
            raise _TimeUp
        self.examples += 1
        self._watch(run)
        failure = self._wanted.holds(run)
        if failure is None:
            return
        narrow = self._wanted.narrow
        if narrow is not None:
            if self.best is not None:
                raise _Broken  # one breach is shown, and it is narrow already
            smaller = narrow(trial, self._look)
            if smaller is None:
                return
            trial, run = smaller, self._look(smaller)
            failure = self._wanted.holds(run) or failure
        if self.best is None and not self._conclusive(run) and not self._again(trial):
            self.unsure += 1
            return
        if self.best is None or trial.weight <= self.best.trial.weight:
            self.best = Counterexample(trial, run, failure.says, failure.exchange, self._seed)
        raise _Broken
