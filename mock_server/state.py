"""What one running server knows: its settings and the parts that answer, each once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, Unpack

from .catalog import Catalog, load_catalog
from .clock import Clock
from .errors import ClockError, SettingsError
from .exchanges.journal import Journal
from .jobs.ids import IdSource
from .jobs.store import Charge, Job, JobStore
from .jobs.timeline import FINAL_STATUSES, FINISHED, STATUSES
from .scenarios.selection import Chooser
from .settings import ServerOptions, Settings
from .validation import Validator

__all__ = ["State", "Traffic"]

BOUND_OPTIONS = ("host", "port")
CHOICE_OPTIONS = ("scenario", "scenarios", "magic")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Traffic:
    """How many requests are being answered, and how many of those are asleep on the clock."""

    __slots__ = ("held", "open", "received")

    def __init__(self) -> None:
        self.open = 0
        self.held = 0
        self.received = 0

    def quiet(self) -> bool:
        """Whether nothing is being worked on: each open exchange waits for the clock."""
        return self.open == self.held


class State:
    """The parts of one server, wired; `reset` puts them back to how they were at the start."""

    def __init__(
        self, settings: Settings, *, catalog: Catalog | None = None, clock: Clock | None = None
    ) -> None:
        self._initial = settings
        self.settings = settings
        self.catalog = catalog or load_catalog()
        self.validator = Validator(self.catalog)
        self.clock = clock or Clock(speed=settings.speed)
        self.address = f"{settings.host}:{settings.port}"
        """Where clients reach it that do not say how they did; the listener knows its real port."""
        self.clock.moment_of = self.moment_of
        self._speed = self.clock.speed
        self.ids = IdSource(settings.seed)
        self.jobs = JobStore(settings.max_jobs)
        self.journal = Journal(settings.max_exchanges)
        self.chooser = Chooser(settings.scenario, settings.scenarios, magic=settings.magic)
        self.traffic = Traffic()
        self.started_at = self.clock.now()
        self.resets = 0
        """How often it was reset: what began before a reset is of no interest after it."""
        self._holds: dict[asyncio.Future[Any], asyncio.AbstractEventLoop] = {}
        self._date = (0, b"")

    def reset(self) -> None:
        """Forget jobs, exchanges and queued scenarios, undo `configure`, and end every held answer.

        The clock gets its speed back; it never runs backwards.
        """
        self.resets += 1
        self.end_holds()
        self.jobs.clear()
        self.journal.clear()
        if self.settings is not self._initial:
            self._adopt(self._initial, scenario_said=True)
        self.chooser.reset()
        if self.clock.speed != self._speed:
            self.clock.speed = self._speed
        self.ids = IdSource(self.settings.seed if self.settings.seed is not None else self.ids.seed + 1)
        self.started_at = self.clock.now()

    def configure(self, **options: Unpack[ServerOptions]) -> None:
        """Change options while the server runs, until the next reset.

        Raises `SettingsError` for an option that is none, that has a value it cannot have, or that is about
        the socket, which is bound already; nothing is changed then.
        """
        settings = self.settings.replace(**options)
        for name in BOUND_OPTIONS:
            if getattr(settings, name) != getattr(self.settings, name):
                raise SettingsError(f"{name}: expected before the server starts, received while it runs.")
        self._adopt(settings, scenario_said="scenario" in options)
        if "speed" in options:
            self.clock.speed = settings.speed
        if "seed" in options and settings.seed is not None:
            self.ids = IdSource(settings.seed)

    def _adopt(self, settings: Settings, *, scenario_said: bool) -> None:
        changed = any(getattr(settings, name) != getattr(self.settings, name) for name in CHOICE_OPTIONS)
        if changed or scenario_said:
            chooser = Chooser(settings.scenario, settings.scenarios, magic=settings.magic)
            chooser.go_on(self.chooser, default=not scenario_said)
            self.chooser = chooser
        self.settings = settings
        self.jobs.limit = settings.max_jobs
        self.journal.limit = settings.max_exchanges

    def charges(self) -> list[Charge]:
        """One charge per job that was made, also of those that made room for others."""
        return [*self.jobs.past_charges, *[job.charge for job in self.jobs]]

    def date(self, moment: float | None = None) -> bytes:
        """The HTTP date of a virtual moment, now unless it is given."""
        second = int(self.clock.now() if moment is None else moment)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

    async def hold(self, seconds: float, receive: Receive) -> bool:
        """Wait for virtual seconds; False where the client left or the server ended the wait."""
        if seconds <= 0:
            return True
        sleeper = asyncio.ensure_future(self.clock.sleep(seconds))
        leaver = asyncio.ensure_future(_left(receive))
        self._holds[sleeper] = asyncio.get_running_loop()
        self.traffic.held += 1
        try:
            await asyncio.wait({sleeper, leaver}, return_when=asyncio.FIRST_COMPLETED)
            return sleeper.done() and not sleeper.cancelled() and sleeper.exception() is None
        finally:
            self.traffic.held -= 1
            del self._holds[sleeper]
            sleeper.cancel()
            leaver.cancel()

    def end_holds(self) -> None:
        """End every answer that is being held back, from any thread."""
        for sleeper, loop in list(self._holds.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(sleeper.cancel)

    def moment_of(self, status: str, job_id: str | None) -> float:
        """The virtual moment at which one job, or the last of all unfinished ones, next shows a status.

        A job that shows it right now need not wait; `finished` is completed or error, whichever comes.
        Jobs that go by polls are moved there at once. Raises `ClockError` where it never comes.
        """
        wanted = FINAL_STATUSES if status == FINISHED else (status,)
        if any(one not in STATUSES for one in wanted):
            known = ", ".join((*STATUSES, FINISHED))
            raise ClockError(f"until: expected one of {known}, received {status!r}.")
        now = self.clock.now()
        jobs = [
            job for job in self.jobs if (job.id == job_id if job_id is not None else not job.finished(now))
        ]
        if job_id is not None and not jobs:
            raise ClockError(f"There is no job {job_id!r} to wait for.")
        moment = now
        behind: list[tuple[Job, float]] = []
        for job in jobs:
            progress = job.progress(now)
            start = min(job.timeline.start_of(one, progress) for one in wanted)
            if math.isinf(start):
                raise ClockError(
                    f"The job {job.id} ({job.scenario.name}) never shows {status!r} from now on; "
                    "its timeline is "
                    + " → ".join([*(name for name, _ in job.timeline.steps), job.timeline.last])
                    + "."
                )
            if job.timeline.by == "polls":
                behind.append((job, start - progress))
            else:
                moment = max(moment, job.made_at + start)
        # Only now, when none of them stands in the way: either all jobs move or none does.
        for job, polls in behind:
            job.skipped += max(0.0, polls)
            if job.status(now) == "completed":
                job.set_expiry(moment, self.settings.video_lifetime)
        return moment


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
