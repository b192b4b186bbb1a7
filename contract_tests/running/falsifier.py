"""Checking one property on one model: trials from Hypothesis, run by the engine, the smallest breach kept."""

from __future__ import annotations

import contextlib
import math
import operator
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import hypothesis
import hypothesis.errors
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from kling_mock.timing import LATE_RUN, UNSEEN_WAIT
from kling_mock.trace_rules.register import Section
from kling_mock.verdicts.shown import many
from kling_mock.wording import one_line

from ..driving.client_time import VirtualTime
from ..driving.engine import Engine
from ..properties import Context, Failure, Property
from .causes import EVERYWHERE
from .events import Counterexample, Result, ResultKind
from .met import NEVER_POLLS
from .models import Run, Trial

__all__ = ["SLOW_PROGRAM", "Limits", "check"]


class _Broken(AssertionError):
    """A property does not hold; always raised at one place, so that all breaches are one to Hypothesis."""


class _TimeUp(BaseException):
    """The time of a property is over; no Exception, so that Hypothesis lets it through."""


class _SmallEnough(BaseException):
    """Enough work has gone into making a breach smaller."""


OF_POLLS = (Section.POLL, Section.RESULT)
"""Sections whose rules are about the answers of polls."""
SLOW_PROGRAM = "a program that the client starts takes more real time than a run has"
"""Why such a run says nothing."""
UNSEEN = "it waits in a way that no hook of this program sees"
"""Why a breach in virtual time may be none."""
_SETTLING = 2
"""Times that such a run is made again: on a busy machine every program is late."""
MANY = 100
"""Requests after which a run need not be repeated to be believed."""


@dataclass(frozen=True)
class Limits:
    """The limits of a check: examples; and real seconds, after which it is cut short."""

    max_examples: int = 20
    seconds: float = 300.0
    shrinking: tuple[int, int] = 500, 60_000
    """Runs, and requests in them, by which a breach is made smaller: a busy machine finds the same one."""


def check(
    engine: Engine,
    wanted: Property,
    context: Context,
    *,
    seed: int = 0,
    limits: Limits = Limits(),
    watch: Callable[[Run], None] = lambda run: None,
    broken: Mapping[str, Property] = MappingProxyType({}),
) -> Result:
    """Try a property of the engine's client on a model, and say how it went.

    `watch` sees every run. `broken` are properties that the client is known to break: a run that breaks one
    of those that stand before this one says nothing of this one. Raises `TargetError` where the client
    cannot be run on.
    """
    result = Result(wanted.rule, context.model, "skipped")
    reason = engine.cannot_judge(wanted.id, virtual=wanted.virtual) or _reason(wanted, context)
    if reason is not None:
        result.reason = reason
        return result
    causes = [broken[id] for id in (EVERYWHERE, *wanted.after) if id in broken and id != wanted.id]
    search = _Search(engine, wanted, context, seed, limits, watch, causes)
    started = time.perf_counter()
    search.go()
    result.seconds = time.perf_counter() - started
    result.examples, result.met = search.examples, search.met
    result.counterexample = search.best
    result.result, result.reason = search.verdict()
    result.not_asked = tuple(search.unsupported)
    if not search.examples and result.not_asked:
        result.result = "skipped"
        result.reason = f"the client supports none of its cases: {result.not_asked[0]}"
    if search.late:
        result.late = True
        result.reason = (
            f"stopped by the time limit of {limits.seconds:g} s after {many(search.examples, 'example')}"
        )
    return result


def _reason(wanted: Property, context: Context) -> str | None:
    """The reason why a property cannot be tried, None where it can."""
    if wanted.virtual and not context.client.virtual_time:
        return "needs virtual time, and no hook reaches this program"
    return wanted.applies(context)


def _beyond_sleeps(trial: Trial) -> str | None:
    """The reason why a trial in virtual time says nothing of a client of which only the sleeps follow."""
    faults = [*trial.scenario.faults, *(trial.first.faults if trial.first else ())]
    if any(fault.kind == "hang" for fault in faults):
        return "needs the time limits of requests in virtual time, and no hook reaches those of this program"
    if any(fault.retry_date for fault in faults):
        return "a date is compared with a clock, and this program's may not be the mock's"
    return None


def _words(run: Run) -> str:
    """What the client said of an input that it cannot express."""
    outcome = next(one for one in run.outcomes if one.unsupported)
    lines = run.redactor.text(outcome.text).strip().splitlines()
    return one_line(lines[0]) if lines else run.brief(outcome)


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
        causes: Sequence[Property],
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._context = context
        self._seed = seed
        self._limits = limits
        self._watch = watch
        self._causes = causes
        self._deadline = 0.0
        self._work = 0, 0
        """Runs and requests since the first breach."""
        self._always = False
        """True while the trials are made that are always tried."""
        self.examples = 0
        self.met = 0
        """Examples in which the client met what the property is about."""
        self._missed: list[str] = []
        """Why the others said nothing."""
        self._unseen: list[str] = []
        """The same for trials that are always tried."""
        self.late = False
        self.unsure = 0
        """Breaches that the same trial did not show again."""
        self.unsupported: dict[str, None] = {}
        """What the client said of the inputs that it cannot express, each once."""
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

        self._engine.driver.deadline = self._deadline + LATE_RUN
        try:
            self._always = True
            for trial in first:
                with contextlib.suppress(_Broken):
                    self._try(trial)
            self._always = False
            holds()
        except _TimeUp:
            self.late = True
        except (_Broken, _SmallEnough):
            pass
        except hypothesis.errors.Flaky:
            self.unsure += 1
        finally:
            self._engine.driver.deadline = math.inf

    def verdict(self) -> tuple[ResultKind, str]:
        """Broken where a breach was found, kept where the client met what it is about, and the reason."""
        if self.best is not None:
            return "failed", ""
        if self.unsure:
            return (
                "passed",
                f"seemed broken in {many(self.unsure, 'case')}, and not when the same was tried again",
            )
        if not self.met and self._missed:
            return "skipped", Counter(self._missed).most_common(1)[0][0]
        missed = sorted(set(self._unseen))
        return "passed", f"not met: {'; '.join(missed)}" if missed else ""

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
            run.blocked
            or run.past_deadline
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
        if self.best and any(map(operator.ge, self._work, self._limits.shrinking)):
            raise _SmallEnough
        if self._context.strict:
            trial = trial.replace(strict=True)
        refused = self._engine.refuses(trial)
        if refused is None and self._wanted.virtual and self._half_followed:
            refused = _beyond_sleeps(trial)
        if refused is not None:
            (self._unseen if self._always else self._missed).append(refused)
            return
        before = self._engine.runs
        run = self._engine.run(trial)
        if self.best is not None and self._engine.runs > before:
            self._work = self._work[0] + 1, self._work[1] + run.received
        if run.past_deadline and run.real_seconds < self._limits.seconds / 2:
            # It might have ended by itself: nothing is known of it.
            raise _TimeUp
        if run.unsupported:
            self.unsupported[_words(run)] = None
            return
        self.examples += 1
        self._watch(run)
        if run.jammed:
            raise _SmallEnough  # it says nothing of this trial: whatever is asked for now waits for ever
        run, failure = self._settled(run)
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
        raise _SmallEnough if run.blocked else _Broken

    def _cause(self, run: Run) -> str | None:
        """The property that a run breaks as well, and that is to blame."""
        # Another base URL may be what leads astray: that tells nothing of the usual one.
        usual = run.trial.base == "plain"
        causes = (cause for cause in self._causes if usual or cause.id != EVERYWHERE)
        return next((cause.id for cause in causes if cause.holds(run) is not None), None)

    @property
    def _half_followed(self) -> bool:
        return self._context.client.virtual_time is VirtualTime.SLEEPS

    def _settled(self, run: Run) -> tuple[Run, Failure | None]:
        """The judgement of a run, of another one where a busy machine has left this one in doubt."""
        for _ in range(_SETTLING):
            if self._doubt(run) != UNSEEN or self._wanted.holds(run) is None:
                break
            run = self._engine.run(run.trial, fresh=True)
        return run, self._judge(run)

    def _doubt(self, run: Run) -> str | None:
        """The reason why a breach may be none: of this client only the sleeps follow the mock's clock."""
        if not run.half_followed:
            return None
        if run.longest_pause > UNSEEN_WAIT and (self._wanted.virtual or run.out_of_time):
            return UNSEEN
        if self._wanted.by_clock and (run.cut or run.outcome.kind == "stopped"):
            return "it did not end by itself, and it may go by another clock than the mock's"
        return None

    def _judge(self, run: Run) -> Failure | None:
        """The failure of a run; None where it keeps the property, and where it says nothing of it."""
        if run.awaits_program:
            self._missed.append(SLOW_PROGRAM)
            return None
        cause = self._cause(run)
        failure = None if cause else self._wanted.holds(run)
        missed = f"see {cause}: every case breaks that" if cause else self._wanted.missed(run)
        if missed == NEVER_POLLS and not self._context.profile.polls:
            # It does so in any case: it had no chance to break this one.
            failure = None if self._wanted.rule.section in OF_POLLS else failure
        elif missed == NEVER_POLLS:
            missed = "no poll came"
        if failure is not None and (doubt := self._doubt(run)):
            failure, missed = None, doubt
        if failure is None and missed is not None:
            self._missed.append(missed)
            if self._always:
                self._unseen.append(missed)
        else:
            self.met += 1
        return failure
