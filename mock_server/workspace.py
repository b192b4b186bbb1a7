"""One suite's own part of a server: its jobs, journal, scenarios, clock, options and ids."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Unpack

from .awaited import moment_of
from .billing.costs import prices_of
from .catalog import Catalog, load_catalog
from .clock import Clock
from .directed import directed
from .errors import SettingsError
from .events import EventKind
from .exchanges.budget import Budget
from .exchanges.journal import Journal
from .jobs.ids import IdSource
from .jobs.plan import Job
from .kept_options import plain_options, read_options, shown_options
from .real_time import real_time
from .scenarios import Scenario
from .scenarios.arming import Arming
from .scenarios.selection import ScenarioNames
from .settings import ServerOptions, Settings, layered
from .store import MemoryStore, Store, at_once
from .store.records import ATTEMPTS, Backend, Conflict, Control, Outdated
from .timeline import ProgressBy
from .traffic import Holds, Traffic

if TYPE_CHECKING:
    from .exchanges.stored_journal import StoredJournal
    from .following import Following
    from .store.shared import SharedStore

__all__ = ["KEPT_ANSWERS", "KeptAnswer", "Workspace"]

BOUND_OPTIONS = (
    "host",
    "port",
    "max_memory_bodies",
    "max_memory_journals",
    "max_connections",
    "head_timeout",
    "body_timeout",
    "idle_timeout",
    "workspace_per_key",
    "workspace_idle",
    "max_workspaces",
    "store",
)
"""Options of the server itself, in force from its start to its end."""
KEPT_ANSWERS = 1_024
"""Jobs whose last plain answer is kept, so that a poll need not build it again."""


KeptAnswer = tuple[tuple[str, bytes, bool, str], bytes, bytes, str | None, Any]
"""(Status, host, whether by https, prefix) of a plain answer; its body, header lines and status word.

These depend on the first ones alone. The last part is for its writer (`Made`).
"""


class Workspace:
    """The parts of one workspace, wired; `reset` puts them back to how they were at the start."""

    store: Store
    journal: Journal | StoredJournal
    arming: Arming
    """What a test did beside its client, for the checks of a trace."""

    def __init__(
        self,
        settings: Settings,
        traffic: Traffic,
        *,
        name: str = "",
        catalog: Catalog | None = None,
        backend: Backend | None = None,
        budget: Budget | None = None,
    ) -> None:
        """With a `backend` all of it is kept there, where other servers have it too.

        `budget` is the memory that exchanges of all workspaces may hold.
        """
        self.name = name
        self.catalog = self._initial_catalog = catalog or load_catalog(settings.specs)
        """The models that its clients can ask for."""
        self.prices = prices_of(settings)
        self._initial = settings
        self.settings = settings
        """The options in force: the server's, and what `configure` laid over them."""
        self.clock = Clock(speed=settings.speed, moment_of=self._moment_of)
        self._speed = self.clock.speed
        self.bus = self.clock.bus
        self.holds = Holds(self.clock, traffic)
        self._life = "" if settings.repeat_ids else os.urandom(8).hex()
        """What tells the ids of this server from those of others that have the same seed."""
        self._alone = backend is None
        self.ids = self._source(settings.seed, name + self._life)
        self.names = _names(settings)
        default = self.names.resolve(settings.scenario)
        self.shared: SharedStore | None = None
        """The store, where it is one that other servers share."""
        self._keep_in(backend, budget, default)
        self._overlay: dict[str, Any] = {}
        self.following: Following | None = None
        """What other servers of the store do, where there may be some."""
        self._sharing = False
        if "scenario" in settings.given:
            self.arming.arm(default, "start")
        self.kept_answers: OrderedDict[str, KeptAnswer] = OrderedDict()
        self.before_reset: list[Callable[[Workspace], None]] = []
        """Called with the workspace when it is about to forget everything."""
        self.started_at = self.clock.now()
        self._date = (-1, b"")
        self.claimed = not name
        """Whether a request was accepted here, or somebody has controlled it: others make room first."""
        self.used = True
        """Whether somebody asked for it since that was last looked at."""
        self._join_others()

    def _join_others(self) -> None:
        """Go on from where the other servers of the store are, where there may be some."""
        if self.shared is not None:
            from .following import Following

            self.clock.share = self._share
            self.following = Following(self, self.shared)
            self.refresh()

    def _keep_in(self, backend: Backend | None, budget: Budget | None, default: Scenario) -> None:
        """Have a store, a journal and what is armed, in this process's memory where there is no backend."""
        jobs, exchanges = self.settings.max_jobs, self.settings.max_exchanges
        if backend is None:
            self.store, self.journal = MemoryStore(jobs, default), Journal(exchanges, budget)
            self.arming = Arming()
        else:
            # A server whose state is its own does not wait for what others need.
            from .exchanges.stored_journal import StoredJournal
            from .store.shared import SharedStore
            from .store.stored_arming import StoredArming

            records = backend.records(self.name)
            self.store = self.shared = SharedStore(records, jobs, default, self.name)
            self.journal = StoredJournal(records, exchanges, budget)
            self.arming = StoredArming(self.shared)
        self.journal.on_forgotten = self.bus.forget_exchanges
        self.bus.subscribe(self.journal.keep, (EventKind.EXCHANGE_OPENED, EventKind.EXCHANGE))

    # What other servers of the store have to learn of, and this one of theirs

    def _source(self, seed: int | None, of: str) -> IdSource:
        """Issues ids; the ids of requests are those of no other server of the store."""
        return IdSource(seed, workspace=of, server="" if self._alone else os.urandom(8).hex())

    def refresh(self) -> Workspace:
        """Learn what other servers of the store have changed."""
        if self.shared is not None and not self._sharing:
            control = self.shared.control()
            if control is not None:
                self._adopt_control(control)
            elif self.shared.version is None:
                # Nobody has used it before, or it was dropped.
                self._share(self._begin)
        return self

    def follow(self) -> None:
        """Learn what other servers do, and tell those who read along."""
        if self.following is not None:
            self.following.look()

    def _begin(self) -> None:
        if self.shared is None or self.shared.version is not None:
            return
        default = self.names.resolve(self._initial.scenario)
        at_once(self.store.begin_with(default, said=False, renamed=False))
        self.store.resets += 1

    def _share(self, change: Callable[[], None]) -> None:
        """Do something that other servers have to learn of, on top of all that they have done."""
        shared = self.shared
        if shared is None or self._sharing:
            change()
            return
        for _ in range(ATTEMPTS):
            control = shared.control()
            if control is not None:
                self._adopt_control(control)
            self._sharing = True
            try:
                with shared.together(checked=True):
                    change()
                    shared.set_control(self._control())
                return
            except (Conflict, Outdated):
                continue
            finally:
                self._sharing = False
        raise Conflict

    def _control(self) -> Control:
        virtual, since, speed = self.clock.anchor
        real = real_time.time() - (real_time.monotonic() - since)
        seed, of = self.ids.seed, self.ids.workspace
        options = plain_options(self._overlay)
        return Control(self.store.resets, options, virtual, real, speed, seed, of, self.started_at)

    def _adopt_control(self, control: Control) -> None:
        """Take over what other servers have changed."""
        if control.resets != self.store.resets:
            self.store.resets = control.resets
            self.holds.end()
            self.journal.clear()
            self.bus.publish(EventKind.RESET, {})
        self.kept_answers.clear()
        if self.shared is not None:
            self.shared.forget_plans()
        overlay = read_options(control.options)
        if overlay != self._overlay:
            self._overlay = overlay
            self._use_settings(self._initial.replace(**overlay) if overlay else self._initial)
        if (self.ids.seed, self.ids.workspace) != (control.seed, control.of):
            self.ids = self._source(control.seed, control.of)
        self.started_at = control.started_at
        self.clock.follow(
            control.moment, real_time.monotonic() - (real_time.time() - control.real), control.speed
        )

    def reset(self) -> None:
        """Forget jobs, exchanges and queued scenarios, undo `configure`, and end every held answer.

        The clock gets its speed back; it never runs backwards.
        """
        for told in self.before_reset:
            told(self)
        self._share(self._reset)

    def _reset(self) -> None:
        self.holds.end()
        at_once(self.store.reset())
        self.kept_answers.clear()
        self.journal.clear()
        self._overlay = {}
        self.arming.clear()
        if self.settings is not self._initial:
            self._adopt(self._initial, scenario_said=True)
        if self.clock.speed != self._speed:
            self.clock.speed = self._speed
        seed = self.settings.seed
        self.issue_ids(self.ids.seed + 1 if seed is None else seed)
        self.started_at = self.clock.now()
        self.bus.publish(EventKind.RESET, {})

    def issue_ids(self, seed: int, *, of: str = "") -> None:
        """Issue the ids of a seed from the first one on; `of` makes them those of one test alone."""
        self._share(lambda: self._issue_ids(seed, of))

    def _issue_ids(self, seed: int, of: str) -> None:
        self.ids = self._source(seed, self.name + self._life + of)
        at_once(self.store.restart_numbers())
        # An id may come back for another job.
        self.kept_answers.clear()

    def configure(self, **options: Unpack[ServerOptions]) -> None:
        """Change options while the server runs, until the next reset.

        Raises `SettingsError` for an option that is none, that has a value it cannot have, or that is
        one of the server itself; nothing is changed then.
        """
        self._share(lambda: self._configure(options))

    def _configure(self, options: ServerOptions) -> None:
        settings = self.settings.replace(**options)
        for name in BOUND_OPTIONS:
            if getattr(settings, name) != getattr(self.settings, name):
                raise SettingsError("expected before the server starts, received while it runs.", option=name)
        self._adopt(settings, scenario_said="scenario" in options)
        self._overlay = dict(layered(self._overlay, {name: settings.given[name] for name in options}))
        if "speed" in options:
            self.clock.speed = settings.speed
        if "seed" in options and settings.seed is not None:
            self.issue_ids(settings.seed)
        self.bus.publish(EventKind.SETTINGS, shown_options(options))
        if "scenario" in options:
            self.arming.arm(self.scenario, "configure", self.journal.count)
            self.tell_scenario()
        else:
            self.step()

    def _adopt(self, settings: Settings, *, scenario_said: bool) -> None:
        names = _names(settings)
        self._check_fit(names, settings, scenario_said=scenario_said)
        renamed = (names.own, names.by) != (self.names.own, self.names.by)
        default = names.resolve(settings.scenario)
        at_once(self.store.begin_with(default, said=scenario_said, renamed=renamed))
        self._use_settings(settings)

    def _use_settings(self, settings: Settings) -> None:
        catalog, prices = self._initial_catalog, self.prices
        if settings.specs != self._initial.specs:
            catalog = load_catalog(settings.specs)
        if (settings.specs, settings.prices) != (self.settings.specs, self.settings.prices):
            prices = prices_of(settings)
        self.names = _names(settings)
        self.catalog, self.prices = catalog, prices
        self.settings = settings
        self.store.limit = settings.max_jobs
        self.journal.limit = settings.max_exchanges

    def _check_fit(self, names: ScenarioNames, settings: Settings, *, scenario_said: bool) -> None:
        """Refuse options under which the queue or the default could not go on."""
        stays = not scenario_said and self.scenario != names.resolve(settings.scenario)
        for scenario in [*self.queue, *([self.scenario] if stays else [])]:
            scenario.check_progress(names.by)

    @property
    def untouched(self) -> bool:
        """Whether it is as it was made: without jobs, and with the options and the scenarios of the start."""
        self.refresh()
        counts, chosen = at_once(self.store.counts()), at_once(self.store.scenarios())
        default = self.names.resolve(self._initial.scenario)
        return not (counts.made or self._overlay or chosen.queue or chosen.default != default)

    @property
    def scenario(self) -> Scenario:
        """What happens to a create that asks for nothing else."""
        return at_once(self.store.scenarios()).default

    @property
    def queue(self) -> list[Scenario]:
        """What happens to the next creates, first one first."""
        return at_once(self.store.scenarios()).queue

    def use(self, scenario: Scenario | str) -> None:
        """Make it the default scenario from now on."""
        chosen = self.names.resolve(scenario)
        at_once(self.store.use_scenario(chosen))
        self.arming.arm(chosen, "use", self.journal.count)
        self.tell_scenario()

    def next(self, scenario: Scenario | str) -> None:
        """Put it in the queue of the next creates."""
        chosen = self.names.resolve(scenario)
        at_once(self.store.queue_scenario(chosen))
        self.arming.arm(chosen, "next", self.journal.count)
        self.tell_scenario()

    def step(self) -> None:
        """Note that a test did something of its own: what its client asks for now may be another wish."""
        self.arming.step(self.journal.count)

    def tell_scenario(self) -> None:
        """Tell who listens of the default scenario and of the queue, one of which has changed."""
        queued = [scenario.name for scenario in self.queue]
        self.tell(EventKind.SCENARIO, {"scenario": self.scenario.name, "next": queued})

    def tell(self, kind: EventKind, data: Any, at: float | None = None) -> None:
        """Publish an event, once what it tells of is kept."""
        if self.shared is None:
            self.bus.publish(kind, data, at)
        else:
            self.shared.afterwards(lambda: self.bus.publish(kind, data, at))

    def direct(self, job_id: str, word: str) -> Job:
        """`complete`, `fail`, `hold` or `release` one job, and give it as it is then.

        Raises `JobError` for a job that there is not, or that has come to its end.
        """
        found: list[Job] = []
        self._share(lambda: found.append(directed(self.store, job_id, word, self.clock.now())))
        self.kept_answers.pop(job_id, None)
        self.step()
        self.tell(EventKind.JOB_CHANGED, {"job_id": job_id})
        return found[-1]

    def keep_answer(self, job_id: str, kept: KeptAnswer) -> None:
        """Keep a job's last plain answer; the oldest goes where there are many."""
        answers = self.kept_answers
        answers[job_id] = kept
        if len(answers) > KEPT_ANSWERS:
            answers.popitem(last=False)

    def date(self, moment: float | None = None) -> bytes:
        """The HTTP date of a virtual moment, now unless it is given."""
        second = int(self.clock.now() if moment is None else moment)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

    def _moment_of(self, status: str, job_id: str | None) -> float:
        lifetime = self.settings.video_lifetime
        moment, moved = moment_of(self.store, self.clock.now(), status, job_id, lifetime)
        for job in moved:
            self.bus.publish(EventKind.JOB_CHANGED, {"job_id": job})
        return moment


def _names(settings: Settings) -> ScenarioNames:
    by: ProgressBy = "time" if settings.polls is None else "polls"
    return ScenarioNames(settings.scenarios, magic=settings.magic, by=by)
