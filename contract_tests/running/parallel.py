"""Checking in several processes at once: each has an engine of its own and takes the next properties.

Processes are forked, so that a function that was handed in is the same in each of them.
"""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from kling_mock.errors import KlingMockError, TargetError
from kling_mock.timing import PROCESS_ENDS

from ..driving.egress_guard import sentence
from ..driving.environments import no_process_left
from ..properties import PROPERTIES, Property
from .causes import EVERYWHERE
from .checks import ONE_CREATE, Checks, SecondCreate, in_order
from .coverage import Coverage
from .events import Checked, Checking, Result, ResultKey
from .interruption import Interruption, hear, unheard
from .models import Run
from .session import Work, in_turn, ready_engine, stray

__all__ = ["in_parallel", "processors"]

COVERING = ("C1", "G1")
"""Properties that try the covering behaviours, all of them: they are shared out in parts."""
PARTS = 6
SHARED = (("A1", "A2", "A3", "A4", "A8", "A12"), ("C4", "C5"), ("B4", "B5"), ("D1", "D4", "D5"))
"""Properties that try the same: a process that has one of them has the others' runs already."""
HEAVY = ("A11", "B1")
"""Properties that take long: they begin early, so that nobody waits for them at the end."""


@dataclass(frozen=True)
class _Unit:
    """Properties of one model that one process checks."""

    model: str
    ids: tuple[str, ...]
    part: tuple[int, int] = (0, 1)


@dataclass
class _Worker:
    """One process, and what it is doing."""

    process: Any
    pipe: Connection
    busy: _Unit | None = None


@dataclass
class _Found:
    """What a process has come to: a result, the end of its unit, or its own end."""

    results: list[Result] = field(default_factory=list)
    checking: tuple[str, str] | None = None
    second_create: SecondCreate | None = None
    over: bool = False
    coverage: Coverage | None = None
    runs: int = 0
    others: tuple[str, ...] = ()
    stray_requests: int = 0
    unnamed: str = ""
    """That already a plain job fails, where nothing that this process checked is broken by it."""
    problem: str = ""


def in_parallel(jobs: int) -> Callable[[Work], Iterator[Result]]:
    """A runner for `verify` that checks in so many processes at once; one where there is nothing to share."""
    if jobs == 1 or "fork" not in multiprocessing.get_all_start_methods():
        return in_turn

    def run(work: Work) -> Iterator[Result]:
        units = _units(work.models, work.properties)
        if len(units) < 2:
            yield from in_turn(work)
            return
        count = min(jobs, len(units))
        # Processes that share a processor take longer for the same.
        limits = work.plan.limits
        limits = dataclasses.replace(limits, seconds=limits.seconds * math.ceil(count / processors()))
        work = dataclasses.replace(work, plan=dataclasses.replace(work.plan, limits=limits))
        yield from _Pool(work, units).results(count)

    return run


def processors() -> int:
    """The processors that this process may use."""
    usable: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def _units(models: Sequence[str], properties: Sequence[Property]) -> list[_Unit]:
    """The work in pieces, what takes long first."""
    ids = [one.id for one in properties if one.id not in COVERING]
    covering = tuple(one.id for one in properties if one.id in COVERING)
    groups = [found for group in SHARED if (found := tuple(id for id in group if id in ids))]
    grouped = {id for group in groups for id in group}
    singles = sorted((id for id in ids if id not in grouped), key=lambda id: id not in HEAVY)
    parts = [(place, PARTS) for place in range(PARTS)] if covering else []
    return [
        unit
        for model in models
        for unit in (
            *(_Unit(model, covering, part) for part in parts),
            *(_Unit(model, unit) for unit in (*groups, *((id,) for id in singles))),
        )
    ]


class _Pool:
    """The processes of one verification."""

    def __init__(self, work: Work, units: Sequence[_Unit]) -> None:
        self._work = work
        self._waiting = list(units)
        self._second: dict[str, SecondCreate | None] = {}
        self._known: dict[str, set[str]] = {model: set() for model in work.models}
        """By model the properties that are broken as far as is known: what they cause is theirs alone."""
        self._others: list[str] = []
        self._stray = 0
        self._unnamed: list[str] = []
        self._parts: dict[ResultKey, list[Result]] = {}
        self._number = 0
        self._total = len(work.models) * len(work.properties)

    def results(self, count: int) -> Iterator[Result]:
        """The results of all units as they come; raises `TargetError` where a process could not go on."""
        workers: list[_Worker] = []
        # What a process had started that did not come to its end in time, ends here.
        with no_process_left():
            try:
                with unheard():
                    for _ in range(count):
                        workers.append(self._start(workers))
                yield from self._gather(workers)
            except BaseException:
                for worker in workers:
                    _interrupt(worker)
                raise
            finally:
                for worker in workers:
                    worker.pipe.close()
                    worker.process.join(PROCESS_ENDS)
                    worker.process.kill()
                    worker.process.join()
        unnamed = "" if any(self._known.values()) or not all(self._unnamed) else next(iter(self._unnamed), "")
        self._work.summary.problem = sentence(self._others) or unnamed
        self._work.summary.note = stray(self._stray)

    def _start(self, others: Sequence[_Worker]) -> _Worker:
        fork = multiprocessing.get_context("fork")
        mine, theirs = fork.Pipe()
        # A process that held these ends would keep others, and itself, from seeing them closed.
        ends = [*(worker.pipe for worker in others), mine]
        process = fork.Process(target=_serve, args=(theirs, ends, self._work), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, mine)

    def _gather(self, workers: Sequence[_Worker]) -> Iterator[Result]:
        running = list(workers)
        while running:
            for worker in running:
                if worker.busy is None:
                    self._give(worker, running)
            for pipe in wait([worker.pipe for worker in running]):
                worker = next(one for one in running if one.pipe is pipe)
                found = _received(worker)
                for result in self._whole(found.results):
                    self._number += 1
                    if result.result in ("failed", "xfailed"):
                        self._known[result.model].add(result.id)
                    self._work.report(Checked(result, self._number, self._total))
                    yield result
                if self._note(worker, found):
                    running.remove(worker)

    def _whole(self, results: Sequence[Result]) -> Iterator[Result]:
        """The results, those of parts once all of them are there."""
        for result in results:
            if result.id not in COVERING:
                yield result
                continue
            parts = self._parts.setdefault(result.key, [])
            parts.append(result)
            if len(parts) == PARTS:
                yield _joined(parts)

    def _give(self, worker: _Worker, running: Sequence[_Worker]) -> None:
        """Hand a process its next unit, or let it end; nothing where the units left wait for others."""
        busy = [one.busy for one in running if one.busy is not None]
        ready = (unit for unit in self._waiting if not self._waits(unit, busy))
        # Where nobody is at work, nothing is worth waiting for.
        unit = next(ready, None if busy or not self._waiting else self._waiting[0])
        if unit is not None:
            self._waiting.remove(unit)
            worker.busy = unit
            known = tuple(sorted(self._known[unit.model]))
            worker.pipe.send((unit, self._second.get(unit.model), known))
        elif not self._waiting:
            worker.busy = _Unit("", ())
            worker.pipe.send(None)

    def _waits(self, unit: _Unit, busy: Sequence[_Unit]) -> bool:
        """Whether what may be to blame for its breaches is not known yet: B1 waits for all of its model."""
        others = [one for one in (*self._waiting, *busy) if one != unit and one.model == unit.model]
        if ONE_CREATE in unit.ids:
            return bool(others)
        causes = {EVERYWHERE, *(cause for id in unit.ids for cause in PROPERTIES[id].after)}
        causes -= {ONE_CREATE, *unit.ids}
        return any(not causes.isdisjoint(one.ids) for one in others)

    def _note(self, worker: _Worker, found: _Found) -> bool:
        """Take in what a process says beside its results; returns True where it has ended."""
        if found.problem:
            raise TargetError(found.problem)
        if found.checking is not None:
            id, model = found.checking
            event = Checking(id, PROPERTIES[id].name, model, self._number + 1, self._total)
            self._work.report(event)
        if found.over and worker.busy is not None:
            before, after = self._second.get(worker.busy.model), found.second_create
            if before is None or (after is not None and after.trial.weight < before.trial.weight):
                self._second[worker.busy.model] = after
            worker.busy = None
        if found.coverage is None:
            return False
        self._work.coverage.add(found.coverage)
        self._work.summary.runs += found.runs
        self._stray += found.stray_requests
        self._unnamed.append(found.unnamed)
        self._others += [place for place in found.others if place not in self._others]
        return True


def _joined(parts: Sequence[Result]) -> Result:
    """One result of the parts of a property: broken where one of them is, by the smallest counterexample."""
    broken = [part for part in parts if part.counterexample is not None]
    tried = [part for part in parts if part.result != "skipped"] or parts
    chosen = (
        min(broken, key=lambda part: _weight(part))
        if broken
        else next((part for part in tried if part.late), tried[0])
    )
    return dataclasses.replace(
        chosen,
        examples=sum(part.examples for part in parts),
        seconds=sum(part.seconds for part in parts),
        late=any(part.late for part in parts),
    )


def _weight(part: Result) -> int:
    assert part.counterexample is not None
    return part.counterexample.trial.weight


def _received(worker: _Worker) -> _Found:
    try:
        found: _Found = worker.pipe.recv()
    except (EOFError, OSError):
        # Reset, rather than closed, where it had not read all that it was sent.
        worker.process.join()
        status = worker.process.exitcode
        return _Found(problem=f"A process that checked the client ended by itself, with status {status}.")
    return found


def _interrupt(worker: _Worker) -> None:
    """Let a process end as by Ctrl-C: it ends what its client has started."""
    if worker.process.is_alive():
        os.kill(worker.process.pid, signal.SIGINT)


def _serve(pipe: Connection, others: Sequence[Connection], work: Work) -> None:
    """The life of a process: units come, results go, and at last what all runs showed."""
    for end in others:
        end.close()
    interruption = Interruption(enough=math.inf)
    try:
        with interruption.heard():
            hear()
            for found in interruption.ends(_work_on)(pipe, work, interruption.step):
                pipe.send(found)
    except KlingMockError as error:
        pipe.send(_Found(problem=str(error)))
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        pass  # the verification is over


def _work_on(pipe: Connection, work: Work, step: Callable[[], None]) -> Iterator[_Found]:
    """What comes of the units that the parent sends, one by one; `step` is called in between."""
    coverage = Coverage(work.models)

    def watch(run: Run) -> None:
        step()
        coverage.see(run)

    with ready_engine(work.client, work.plan, work.models[0]) as engine:
        checks = Checks(engine, work.plan, work.properties, work.models[0])
        while (message := pipe.recv()) is not None:
            unit, second_create, known = message
            checks.begin(unit.model, unit.part, known)
            checks.second_create = second_create
            for one in in_order([PROPERTIES[id] for id in unit.ids], checks.cause):
                yield _Found(checking=(one.id, unit.model))
                yield _Found(results=[checks.check(one, watch)])
            yield _Found(over=True, second_create=checks.second_create)
        last = _Found(coverage=coverage, runs=engine.runs, others=tuple(engine.others))
        last.stray_requests, last.unnamed = engine.stray_requests, checks.unnamed
        yield last
