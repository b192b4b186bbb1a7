"""The engine: run a client against one behaviour of the server, and collect the exchanges and its end."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import json
import math
import re
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from kling_mock import MockServer
from kling_mock.errors import TargetError
from kling_mock.exchanges.video_urls import video_urls
from kling_mock.scenarios import Scenario
from kling_mock.settings import ServerOptions, Settings
from kling_mock.timeline import PendingStatus
from kling_mock.timing import RUN_ENDS
from kling_mock.virtual_time.originals import sleep as real_sleep

from ..running.models import PREFIX, Run, Trial
from ..running.rhythm import UNKNOWN, Rhythm
from .base_urls import Place, place_of
from .call_driver import CallDriver
from .client_output import Sink, quietly
from .client_time import VirtualTime
from .clients import CallArguments, Client, ClientCall
from .commands import CommandClient
from .egress_guard import unprompted
from .environments import (
    Environment,
    in_real_time,
    in_this_process,
    interruptible,
    no_process_left,
    shortened,
    with_hooks,
)
from .forgetting import COOLED_DOWN, begin_after, note_end
from .left_files import half_files, written_files
from .run_limiter import RunLimiter, RunLimits
from .time_zones import abroad
from .turns import turn

__all__ = ["API_KEY", "SPANS", "Engine", "StrayRequests"]

API_KEY = "sk-contract-4f9b2c71e8d05a36"
"""The beginning of every run's key: easy to find wherever it should not be. A number of six digits follows,
by which requests that threads of earlier runs still send are told apart."""
START = 1_800_000_000.0
"""The start of a session's virtual clock, so that the same seed gives the same run on any day."""

QUEUED = 2.0
GENERATING = 20.0
"""Virtual seconds that a job takes where a trial does not say."""
SPANS: Mapping[PendingStatus, float] = {"queued": QUEUED, "generating": GENERATING}
KEPT_RUNS = 1_000
_POLLS_BEFORE = 2
"""Polls that are answered before the time of day is set back."""


class StrayRequests(TargetError):
    """Threads of earlier runs send so many requests that this run says nothing."""


class Engine:
    """One server and one client for many runs, as a context manager.

    A callable's process lives in virtual time between `__enter__` and `__exit__`, a command's does with
    `hooks`. Runs of equal trials are made once. Raises `TargetError` where a client cannot be stopped.
    """

    def __init__(
        self,
        client: Client,
        *,
        seed: int = 0,
        hooks: bool = True,
        far: bool = False,
        redact: Sequence[str] = (),
        specs: Sequence[str] = (),
        prices: str | None = None,
    ) -> None:
        """`far` says that the client is to meet another server than this one, in real time."""
        self.client = client
        self.virtual = virtual = not far and (hooks or not isinstance(client, CommandClient))
        settings = Settings(
            port=0,
            speed=0 if virtual else 1,
            seed=seed,
            magic=False,
            max_recorded_body=64 * 1024**2,
            max_exchanges=10_000,
            log_format="none",
            redact=list(redact),
            specs=list(specs),
            prices=prices,
        )
        keys = re.compile(API_KEY.encode() + rb"[0-9]{6}")
        self.server = MockServer(settings, make_app=partial(RunLimiter, key_pattern=keys), **_pace(virtual))
        assert isinstance(self.server.app, RunLimiter)
        self.limiter = self.server.app
        self._key = f"{API_KEY}000000"
        self.runs = 0
        self._rhythm = UNKNOWN
        self._cool = True
        """True where nothing that the client remembers is younger than `COOLED_DOWN`."""
        self.stray_requests = 0
        """Requests that came after their run had ended."""
        self.others: list[str] = []
        """Other hosts that the client tried to reach by itself, as `host:port`."""
        self._known: dict[str, int] = {}
        self._lingers = False
        self.driver = CallDriver(
            self.server,
            self.limiter,
            name=client.name,
            real_limit=RUN_ENDS if virtual else 2 * RUN_ENDS,
            python=client.kind == "python",
        )
        self._kept: OrderedDict[str, Run] = OrderedDict()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Engine:
        with contextlib.ExitStack() as stack:
            stack.enter_context(interruptible())
            stack.enter_context(no_process_left())
            stack.enter_context(self.server)
            if self.virtual:
                clock = self.server.clock
                clock.advance(max(0.0, max(START, begin_after(self.client.name)) - clock.now()))
                stack.callback(lambda: note_end(self.client.name, clock.now()))
            self.environment = stack.enter_context(self._enter_environment())
            stack.callback(self.client.close)
            self._stack = stack.pop_all()
        return self

    def _enter_environment(self) -> contextlib.AbstractContextManager[Environment]:
        if not isinstance(self.client, CommandClient):
            return in_this_process(self.server, self._running, secure=self.client.secure)
        if not self.virtual:
            return in_real_time(self.server, self.client)
        return with_hooks(self.server, self.client, self.limiter, self._running)

    def follow(self, rhythm: Rhythm) -> None:
        """Stretch behaviour to this rhythm of the client from now on, where it would miss some of it."""
        if rhythm != self._rhythm:
            self._rhythm = rhythm
            self._kept.clear()

    def forget(self) -> None:
        """Make every run anew, as for another client."""
        self._rhythm = UNKNOWN
        self._kept.clear()

    def _running(self) -> int:
        """The number of the run whose calls are not over, 0 between runs: threads may be left then."""
        going = self._lingers or self.driver.going
        return self.runs if going else 0

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def refuses(self, trial: Trial) -> str | None:
        """The reason why a trial cannot be made here; None where it can."""
        return None

    def cannot_judge(self, id: str, *, virtual: bool) -> str | None:
        """The reason why no run of this engine says anything of a property; None where it does."""
        return None

    def run(self, trial: Trial, *, fresh: bool = False) -> Run:
        """Run the client on one trial; the result of an equal trial before is used again, unless `fresh`."""
        if trial.bulky:
            return self._run_anew(trial)
        key = trial.key
        kept = None if fresh else self._kept.get(key)
        if kept is None:
            kept = self._run_anew(trial)
            if trial.twice:
                kept.again = self._run(trial)
            if not kept.past_deadline:
                self._kept[key] = kept
            if len(self._kept) > KEPT_RUNS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return _with_trial(kept, trial)

    def _run_anew(self, trial: Trial) -> Run:
        """Run it when it is its turn; what is looked for in files needs the folders for itself."""
        with turn(alone=trial.watch_files):
            return self._run_now(trial)

    def _run_now(self, trial: Trial) -> Run:
        """Run it with a key that no other run has; a second run to compare has the same."""
        cool = self._cool
        run = self._with_own_key(trial)
        if self.virtual and run.held_back and not cool and trial.base in ("plain", "slash", "prefix"):
            # What earlier runs left it with, as a circuit breaker does, may pass.
            self._cool_down()
            run = self._with_own_key(trial)
        if any(outcome.kind != "returned" for outcome in run.outcomes):
            self._cool_down()
        return run

    def _cool_down(self) -> None:
        """Let time pass until the client has no reason left to hold back."""
        if self.virtual:
            self.server.reset()
            self.server.clock.advance(COOLED_DOWN)
        self._cool = True

    def _with_own_key(self, trial: Trial) -> Run:
        self._key = f"{API_KEY}{(self.runs + 1) % 1_000_000:06}"
        self._cool = False
        return self._run(trial)

    def _run(self, trial: Trial) -> Run:
        self.runs += 1
        if not self.virtual:
            trial = trial.replace(scenario=shortened(trial.scenario))
        served = self._rhythm.fitted(trial.scenario)
        self._prepare(trial, served)
        with place_of(trial.base, self.environment.url, self.server) as place:
            return self._run_at(place, trial, served)

    def _prepare(self, trial: Trial, served: Scenario) -> None:
        """Let the server begin anew, and behave as the trial wants it."""
        server = self.server
        prefix = PREFIX if trial.base == "prefix" else ""
        self.limiter.begin(RunLimits(trial.requests, self._key.encode(), prefix, self.client.secure))
        server.reset()
        server.use(served)
        if trial.first is not None:
            server.next(self._rhythm.fitted(trial.first))
        clock = server.clock
        if clock.frozen:
            # From a whole second on, so that the dates in headers are the same in every run.
            clock.advance(math.ceil(clock.now()) - clock.now())

    def _run_at(self, place: Place, trial: Trial, served: Scenario) -> Run:
        server, limiter, python = self.server, self.limiter, self.client.kind == "python"
        started = server.clock.now()
        calls = self._calls(trial, place.url, self._job(trial.payload) if trial.resume else None)
        run = Run(trial, [], [], started=started, key=self._key, base_url=place.url)
        run.served = None if served is trial.scenario else served
        with (
            quietly(python) as sink,
            limiter.watched(self._on_request(trial, calls[0], run)),
            abroad(served),
            written_files(trial.watch_files, python) as written,
        ):
            self.driver.drive(trial, calls, run, self._virtual_limit)
            run.seconds = server.clock.now() - started
            before = limiter.received
            self._linger(trial.linger)
        run.told_untrusted = tuple(place.told)
        if limiter.received > before:
            run.late = tuple(each.number for each in server.exchanges[before - limiter.received :])
        run.half_files = half_files(written(), server.exchanges) if trial.watch_files else ()
        self._refuse_strays(run)
        return self._collect(run, calls, sink)

    def _refuse_strays(self, run: Run) -> None:
        """Note requests of earlier runs; raises `StrayRequests` where they are too many."""
        run.stale = self.limiter.stale_requests
        self.stray_requests += run.stale
        if self.limiter.overrun:
            raise StrayRequests(
                f"The client {self.client.name} goes on after it has ended: "
                f"{run.stale} requests came with the key of an earlier run. "
                "Expected threads to end with a call, and calls to use their key."
            )

    def _calls(self, trial: Trial, base_url: str, job: str | None = None) -> list[ClientCall]:
        """The calls of a trial, not yet begun; `job` is one to go on with."""
        return [
            self.client.call(CallArguments(copy.deepcopy(payload), base_url, self._key, job))
            for payload in trial.payloads
        ]

    def _job(self, payload: Any) -> str:
        """Make a job beforehand, for a client that is to go on with it; leaves no exchange behind."""
        request = urllib.request.Request(
            f"{self.server.base_url}/video/generations",
            json.dumps(payload).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            job: str = json.load(answer)["id"]
        self.server.space.journal.clear()
        self.limiter.forget_requests()
        return job

    def _on_request(self, trial: Trial, call: ClientCall, run: Run) -> Callable[[int], None] | None:
        """A function to call after each request: it reads the client's arguments or interrupts it."""
        wanted = trial.interrupt_after
        journal = self.server.space.journal
        if self.environment.session is not None:
            self.environment.session.wall_offset = trial.ahead
        if wanted is None and not trial.inspect and not trial.set_back:
            return None

        def look(received: int) -> None:
            if trial.inspect and not run.arguments:
                run.arguments = call.process_arguments()
            if wanted is None and not trial.set_back:
                return
            polls = sum(exchange.kind == "poll" for exchange in journal)
            if wanted is None:
                if polls >= _POLLS_BEFORE and self.environment.session is not None:
                    self.environment.session.wall_offset = -trial.set_back
                return
            if polls >= wanted and run.interrupted_at is None and call.interrupt():
                run.interrupted_at = received

        return look

    def _linger(self, seconds: float) -> None:
        """Let virtual time go on after the calls have ended: what they left running shows itself."""
        session = self.environment.session
        if session is None or not seconds or self.limiter.cut:
            return
        self._lingers = True
        try:
            session.scheduler.until(session.now() + seconds, _pause)
        finally:
            self._lingers = False

    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self.server.loop
        assert loop is not None
        return loop

    def _virtual_limit(self, seconds: float) -> Callable[[], object]:
        """Close the limiter after so much virtual time; returns a function that calls it off."""

        async def close_later() -> None:
            await self.server.clock.sleep(seconds)
            self.limiter.close("time")

        loop = self._loop()
        future = asyncio.run_coroutine_threadsafe(close_later(), loop)
        self.limiter.settle(loop)
        return future.cancel

    def _collect(self, run: Run, calls: list[ClientCall], sink: Sink) -> Run:
        self.limiter.settle(self._loop())
        server = self.server
        run.trace, run.received = server.exchanges, self.limiter.received
        run.jobs = [job.id for job in server.jobs]
        run.charges = tuple(charge for charge in server.charges if charge.billed)
        if self.client.kind == "python":
            run.open_connections = self.limiter.most_open
        return self._completed(run, calls, sink)

    def _completed(self, run: Run, calls: list[ClientCall], sink: Sink) -> Run:
        """A run with what is known of its calls, once its trace is there."""
        run.cut = self.limiter.cut
        run.half_followed = self.client.virtual_time is VirtualTime.SLEEPS
        run.longest_pause = self.limiter.longest_pause()
        run.cut_after = self.limiter.cut_at - run.started if run.cut else 0.0
        run.outcomes = [call.outcome for call in calls]
        if self.client.kind == "python":
            run.kept_payloads = [call.arguments.payload for call in calls]
        for outcome in run.outcomes:
            outcome.output = outcome.output or sink.text()
        self._note_others(run)
        for exchange in run.trace:
            answer = (
                exchange.answer
                if exchange.kind in ("create", "poll") and exchange.state == "completed"
                else None
            )
            if exchange.job_id is not None and (urls := video_urls(answer)):
                run.urls[exchange.job_id] = urls[0]
        return run

    def _note_others(self, run: Run) -> None:
        """Note the other hosts that were tried in this run, unless the client was led to them."""
        now = dict(self.environment.others())
        tried = [place for place, times in now.items() if times != self._known.get(place)]
        self._known = now
        if tried:
            bodies = [exchange.answer_body for exchange in run.trace]
            bodies += [line for exchange in run.trace for _, line in exchange.answer_headers]
            found = unprompted(tried, run.trial.payloads, bodies)
            self.others += [place for place in found if place not in self.others]


def _pause(pause: float) -> bool:
    """Pause in real time, and say that nothing has come."""
    if pause > 0:
        real_sleep(pause)
    return False


def _with_trial(run: Run, trial: Trial) -> Run:
    """A run as that of an equal trial, which may hold other notes."""
    if run.trial is trial:
        return run
    return dataclasses.replace(run, trial=trial.replace(scenario=run.trial.scenario))


def _pace(virtual: bool) -> ServerOptions:
    """How jobs go on: by times where time is free, else every poll finds them finished."""
    return {"queued": QUEUED, "generating": GENERATING} if virtual else {"polls": (0, 0)}
