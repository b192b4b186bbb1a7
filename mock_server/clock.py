"""The only place that reads time: one virtual clock for progress, latency, windows and expiry."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable

from .errors import ClockError, SettingsError
from .events import EventBus, EventKind
from .real_time import real_time
from .units import FASTEST, parse_duration

__all__ = ["LATEST", "Clock"]


LATEST = 253_402_300_799.0 - 86_400
"""A day before the end of the year 9999, after which there are no dates: every time zone has one for it."""


_CHANGING = (math.inf, 0.0, 0.0)
"""Stands for the anchor of a clock that is being changed."""


class Clock:
    """Virtual time in seconds since the epoch: real, sped up, frozen, or advanced by hand.

    `speed` is how many virtual seconds pass in a real one; 0 freezes the clock. Safe to use from any
    thread; `sleep` belongs to the event loop that awaits it and wakes at once when time jumps past it.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        start: float | None = None,
        moment_of: Callable[[str, str | None], float] | None = None,
    ) -> None:
        """`moment_of` gives the virtual moment at which a job (or all jobs) reaches a status."""
        # A signal's handler may ask for the time in the middle of a change: it must not wait for itself.
        self._lock = threading.RLock()
        # (virtual, real, speed) at the last change: one tuple, so that `now` reads it whole without a lock.
        # While it is changed it is one that gives no time: `now` waits for the lock then.
        self._anchor: tuple[float, float, float] = (
            real_time.time() if start is None else float(start),
            real_time.monotonic(),
            _checked_speed(speed),
        )
        self._settled = self._anchor
        """The same, but for the moment of a change: what it was before."""
        self._sleepers: dict[asyncio.Future[None], float] = {}
        """Who sleeps on this clock, and until when."""
        self.bus = EventBus(self.now)
        """Tells when the clock was moved or has another speed, in the thread that did it."""
        self._moment_of = moment_of
        self.share: Callable[[Callable[[], None]], None] | None = None
        """Does something to this clock that others have to learn of; None where it is the only one."""
        self.followed = False
        """Whether programs live by it: what they wait with moves it."""

    def now(self) -> float:
        """Virtual seconds since the epoch; never less than an earlier answer, and never after `LATEST`."""
        anchor = self._anchor
        virtual, real, speed = anchor
        now = virtual + (real_time.monotonic() - real) * speed
        # Where it was changed meanwhile, the old speed may have gone too far.
        if now < LATEST and self._anchor is anchor:
            return now
        with self._lock:
            return self._at(real_time.monotonic())

    @property
    def anchor(self) -> tuple[float, float, float]:
        """A virtual moment, the system's monotonic seconds at which it was, and the speed since then."""
        with self._lock:
            return self._settled

    @property
    def speed(self) -> float:
        """Virtual seconds per real second; 0 while frozen."""
        return self.anchor[2]

    @speed.setter
    def speed(self, value: float) -> None:
        self._change(0.0, _checked_speed(value))
        self._wake()

    @property
    def frozen(self) -> bool:
        """Whether time stands still between calls of `advance`."""
        return self.speed == 0

    def freeze(self) -> None:
        """Stand still until time is advanced by hand or a speed is set."""
        self.speed = 0

    def resume(self, speed: float = 1.0) -> None:
        """Run again, `speed` virtual seconds to a real one."""
        self.speed = speed

    def advance(
        self, seconds: float | str | None = None, *, until: str | None = None, job_id: str | None = None
    ) -> float:
        """Jump forward by a time, or `until` a status is reached, and return the new now.

        `seconds` is a number of seconds, or a text with a unit such as `"500ms"`, `"60s"` or `"2m"`.
        `until` names a job status, or is `finished` for completed or error, whichever comes; it is reached
        when it next shows, or shows already. `job_id` is the id of the job it is about, all unfinished jobs
        without it.
        Raises `ClockError` for a negative or non-finite time and for a status that is never reached.
        """
        if (seconds is None) == (until is None):
            raise ClockError("advance() takes either seconds or until=STATUS, for example advance(60).")
        if until is not None:
            if self._moment_of is None:
                raise ClockError("advance(until=…) needs the clock of a running server.")
            # A little beyond the moment: sums of floats must not land just before it.
            moment = self._moment_of(until, job_id)
            seconds = max(0.0, moment - self.now() + max(1e-6, 4 * math.ulp(moment)))
        assert seconds is not None
        if isinstance(seconds, str):
            seconds = _parsed(seconds)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise ClockError(f"advance() takes a number of seconds, received {seconds!r}.")
        if not math.isfinite(seconds) or seconds < 0:
            raise ClockError(
                f"The clock only moves forward by a finite time: expected 0 or more, got {seconds}."
            )
        if self.now() + seconds > LATEST:
            raise ClockError(f"The clock ends with the year 9999: expected less than {seconds} seconds.")
        self._change(seconds, None)
        self._wake()
        return self.now()

    def next_wake(self) -> float | None:
        """The virtual moment at which the next sleeper wakes, None where nothing sleeps on this clock."""
        with self._lock:
            return min(self._sleepers.values(), default=None)

    async def sleep(self, seconds: float) -> None:
        """Wait for virtual `seconds`; for ever (until cancelled) where they are infinite."""
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        deadline = self.now() + seconds
        while (remaining := deadline - self.now()) > 0:
            future: asyncio.Future[None] = loop.create_future()
            with self._lock:
                self._sleepers[future] = deadline
            if self.now() >= deadline:
                # Moved by another thread, which knew of no sleeper yet.
                future.set_result(None)
            timer = None
            speed = self.speed
            if speed > 0 and deadline <= LATEST:
                timer = loop.call_later(remaining / speed, _resolve, future)
            try:
                await future
            finally:
                with self._lock:
                    del self._sleepers[future]
                if timer is not None:
                    timer.cancel()
                future.cancel()

    def follow(self, moment: float, real: float, speed: float) -> None:
        """Go as another clock goes: it showed `moment` at the system's monotonic seconds `real`."""
        with self._lock:
            self._anchor = self._settled = (moment, real, speed)
        self._wake()

    def _change(self, seconds: float, speed: float | None) -> None:
        """Jump forward, and go on at a speed, or at the same one; clocks that are one with it do so too."""
        if self.share is None:
            self._change_here(seconds, speed)
        else:
            self.share(lambda: self._change_here(seconds, speed))

    def _change_here(self, seconds: float, speed: float | None) -> None:
        with self._lock:
            # From here on nobody reads the time without the lock: what was read before it came earlier.
            self._anchor = _CHANGING
            real = real_time.monotonic()
            moment = min(self._at(real) + seconds, LATEST)
            self._anchor = self._settled = (moment, real, self._settled[2] if speed is None else speed)

    def _at(self, real: float) -> float:
        virtual, since, speed = self._settled
        return min(virtual + (real - since) * speed, LATEST)

    def _wake(self) -> None:
        """Let sleepers look at the clock again, each in its own event loop; who is not due sleeps on.

        While time goes on by itself everybody looks: each has to know anew how long to wait.
        """
        self.bus.publish(EventKind.CLOCK, {"now": self.now(), "speed": self.speed})
        with self._lock:
            now, _, speed = self._settled
            due = [future for future, deadline in self._sleepers.items() if speed or deadline <= now]
        for future in due:
            loop = future.get_loop()
            if not future.done() and not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _parsed(text: str) -> float:
    try:
        return parse_duration(text)
    except SettingsError as error:
        raise ClockError(f"The clock was not moved: {error}") from None


def _checked_speed(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= FASTEST:
        raise ClockError(f"A clock's speed is a number from 0 to {FASTEST:.0f}, got {value!r}.")
    return float(value)
