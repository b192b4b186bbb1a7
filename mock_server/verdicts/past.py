"""What was before the last reset: a verdict forgets nothing that a test suite has its server forget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

from ..exchanges.exchange import Exchange
from ..store import at_once
from ..trace_rules import Breach, Trace, check_trace
from ..trace_rules.reposts import wishes
from ..workspace import Workspace
from .beside import waits
from .evidence import trace_of
from .verdict import MOST_JOBS, JobRow, Open, Seen, Totals, Verdict, merged

__all__ = ["judged_later", "keep_past", "past_of", "verdict_of"]

MOST_SEEN = 1_000
"""Breaches that are kept of what was before a reset."""
OF_ONE_WISH = ("B1", "B2", "B4", "B6")
"""Rules about the same create twice: certain where both serve one wish, and advice elsewhere."""


class _Part:
    """A part of a trace, from one reset to the next one."""

    def __init__(
        self,
        space: Workspace,
        *,
        over: bool,
        called: str,
        of_program: bool = False,
        uncalled: Collection[str] = (),
    ) -> None:
        """`of_program` says that all of it is one program's: the same create twice is the same wish."""
        # That of one who goes on is judged as it is, and as it would be if all ended now.
        trace = trace_of(space, one=of_program, over=True, called=called, uncalled=uncalled)
        # It is judged in another thread, which does not ask the store.
        known = {create.job_id: seconds for create, seconds in waits(trace)}
        trace = replace(trace, patience=known.get)
        totals = at_once(space.store.totals())
        self.totals = Totals(
            exchanges=space.journal.count,
            tests=1,
            jobs=totals.made,
            billed=totals.billed,
            credits=totals.credits,
            priced=totals.priced,
            usd=totals.usd,
        )
        self.stepped = bool(trace.steps)
        """Whether somebody chose a scenario or looked: a test suite, whose tests are told apart by resets."""
        self.one_wish = len(wishes(trace)) <= 1
        self.jobs = _jobs(space, trace.exchanges)
        self._over = over
        self._trace: Trace | None = trace
        self._breaches: list[Breach] = []
        self._still_open: list[Open] = []

    @property
    def breaches(self) -> list[Breach]:
        """What it breaks; judged when it is first asked for."""
        self._judge()
        return self._breaches

    @property
    def still_open(self) -> list[Open]:
        """What it would break if all ended now; nothing, where it has ended."""
        self._judge()
        return self._still_open

    def _judge(self) -> None:
        trace = self._trace
        if trace is None:
            return
        told = check_trace(trace)
        self._breaches = told if self._over else check_trace(trace.unfinished())
        early = {(breach.id, breach.says) for breach in self._breaches}
        late = [breach for breach in told if (breach.id, breach.says) not in early]
        self._still_open = [Open(breach, _jobs_of(breach, trace)) for breach in late]
        # What was judged is not needed any more.
        self._trace = None

    def seen(self, test: int, *, apart: bool) -> list[Seen]:
        """The breaches of this part; `apart` says that resets part the tests."""
        certain = self.one_wish and (apart or not self.stepped)
        return [Seen(_certain(one) if certain else one, test=test) for one in self.breaches]


def _jobs(space: Workspace, exchanges: Sequence[Exchange]) -> list[JobRow]:
    now, jobs = space.clock.now(), at_once(space.store.jobs())[:MOST_JOBS]
    words = dict.fromkeys((job.plan.id for job in jobs), "")
    for exchange in exchanges:
        if exchange.word is not None and exchange.job_id in words:
            words[exchange.job_id] = exchange.word
    rows = []
    for job in jobs:
        plan = job.plan
        told = words[plan.id] or None
        rows.append(
            JobRow(plan.id, plan.model, job.status(now), job.counters.polls, plan.scenario.name, told)
        )
    return rows


def _jobs_of(breach: Breach, trace: Trace) -> list[str]:
    """The jobs that a breach is about."""
    numbers = set(breach.exchanges)
    found = [one.shown(one.job_id) for one in trace.exchanges if one.number in numbers and one.job_id]
    return list(dict.fromkeys(found))


def _certain(breach: Breach) -> Breach:
    return replace(breach, certain=True) if breach.id in OF_ONE_WISH else breach


class Past:
    """The parts that were reset, judged; those without a breach are sums alone."""

    def __init__(self, *, of_program: bool = False) -> None:
        self.of_program = of_program
        self.parts: list[tuple[int, _Part]] = []
        self.totals = Totals(tests=0)
        self.jobs: list[JobRow] = []
        self._seen = 0

    def fold(self, space: Workspace) -> None:
        """Judge what is about to be forgotten."""
        if not space.journal.count and not space.queue:
            return
        part = _Part(space, over=True, called="test", of_program=self.of_program)
        self.totals += part.totals
        self.jobs = [*self.jobs, *part.jobs][:MOST_JOBS]
        self._seen += len(part.breaches)
        if part.breaches and self._seen <= MOST_SEEN:
            self.parts.append((self.totals.tests, part))


_PASTS: WeakKeyDictionary[Workspace, Past] = WeakKeyDictionary()


def keep_past(space: Workspace, *, of_program: bool = False) -> None:
    """From now on, judge what a reset makes this workspace forget before it is forgotten.

    `of_program` says that one program alone asks it.
    """
    if space not in _PASTS:
        space.before_reset.append(past_of(space, of_program=of_program).fold)


def past_of(space: Workspace, *, of_program: bool = False) -> Past:
    """What is kept of this workspace, made where there is nothing yet."""
    if space not in _PASTS:
        _PASTS[space] = Past(of_program=of_program)
    return _PASTS[space]


def verdict_of(
    space: Workspace, *, over: bool = False, uncalled: Collection[str] = (), ignore: Collection[str] = ()
) -> Verdict:
    """The verdict on a workspace as it is now, and on what was before its resets where that is kept.

    `over` says that nobody will ask any more: what is under way was given up. `uncalled` are hosts that count
    as such where nobody asked anything.
    """
    return judged_later(space, over=over, uncalled=uncalled, ignore=ignore)()


def judged_later(
    space: Workspace, *, over: bool = False, uncalled: Collection[str] = (), ignore: Collection[str] = ()
) -> Callable[[], Verdict]:
    """What gives the verdict on a workspace as it is now, also from another thread, while it goes on."""
    past = _PASTS.get(space) or Past()
    called = bool(past.totals.exchanges or space.journal.count)
    parts = list(past.parts)
    totals, jobs = past.totals, past.jobs
    if space.journal.count or space.queue or not totals.tests:
        hosts = () if called else uncalled
        called_by = "run" if past.of_program else "test" if past.totals.tests else "suite"
        part = _Part(space, over=over, called=called_by, of_program=past.of_program, uncalled=hosts)
        totals += part.totals
        parts.append((totals.tests, part))
        jobs = [*jobs, *part.jobs][:MOST_JOBS]
    return partial(_judged, parts, totals, jobs, ignore, over=over)


def _judged(
    parts: list[tuple[int, _Part]],
    totals: Totals,
    jobs: list[JobRow],
    ignore: Collection[str],
    *,
    over: bool,
) -> Verdict:
    seen = [one for test, part in parts for one in part.seen(test, apart=totals.tests > 1)]
    kept = [one for one in merged(seen) if one.breach.id not in ignore]
    late = [one for _, part in parts for one in part.still_open if one.breach.id not in ignore]
    verdict = Verdict(kept, totals, jobs, still_open=late, over=over)
    return replace(verdict, checked=[id for id in verdict.checked if id not in ignore])
