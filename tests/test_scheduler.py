"""Who may let time jump among the threads of one process, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from kling_mock.virtual_time.originals import monotonic
from kling_mock.virtual_time.reasons import Reason
from kling_mock.virtual_time.scheduler import Scheduler, Wait


class _Elsewhere:
    """Time that others move as well; each horizon calls `meanwhile` before it is answered."""

    def __init__(self) -> None:
        self.moment = 0.0
        self.count = 0
        self.asked: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.moment

    def horizon(self, dues: Sequence[float]) -> float | Reason:
        self.asked.append(dues[0])
        self.meanwhile()
        return math.inf

    def seen(self) -> int:
        return self.count

    def busy(self, due: float, why: Reason) -> None:
        pass

    def advance_to(self, moment: float) -> None:
        self.moment = moment

    def begins(self, deadline: float) -> None:
        pass

    def awake(self) -> None:
        pass

    def local(self, host: str, port: int) -> bool:
        return False


@pytest.fixture
def source() -> _Elsewhere:
    return _Elsewhere()


@pytest.fixture
def scheduler(source: _Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    scheduler = Scheduler(source, ())
    monkeypatch.setattr(scheduler, "_work_beside", lambda waits: None)
    return scheduler


def _other(scheduler: Scheduler, deadline: float) -> Wait:
    """A wait of another thread."""
    wait = scheduler.join(object(), deadline)
    wait.thread = -1
    return wait


def test_who_looked_before_another_process_moved_time_has_to_look_once_more(
    source: _Elsewhere, scheduler: Scheduler
) -> None:
    scheduler.join("own", 10.0)
    other = _other(scheduler, 20.0)
    scheduler.step("own", monotonic())
    assert scheduler.why is Reason.LOOKING
    other.looked = scheduler.round
    # Another process lets time jump to where it is due, sends something to the other thread, and rests again.
    source.moment, source.count = 5.0, 1
    scheduler.step("own", monotonic())
    assert (source.moment, scheduler.why) == (5.0, Reason.LOOKING)
    other.looked = scheduler.round
    scheduler.step("own", monotonic())
    assert source.moment == 10.0


def test_an_earlier_wait_that_begins_while_a_question_is_open_is_told_at_once(
    source: _Elsewhere, scheduler: Scheduler
) -> None:
    scheduler.join("own", 10.0)

    def begin() -> None:
        if len(source.asked) == 1:
            _other(scheduler, 8.0)
            assert scheduler.step("other", monotonic()) > 0, "another thread asks"

    source.meanwhile = begin
    scheduler.step("own", monotonic())
    assert source.asked == [10.0, 8.0]
    assert source.moment == 0.0


def test_a_thread_that_is_woken_before_others_rest_is_seen_after_it(
    source: _Elsewhere, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.join("own", 10.0)
    work = iter([None, Reason.WORK, None, None])
    monkeypatch.setattr(scheduler, "_work_beside", lambda waits: next(work))
    scheduler.step("own", monotonic())
    assert (source.moment, scheduler.why) == (0.0, Reason.WORK)
    scheduler.step("own", monotonic())
    assert source.moment == 10.0


def test_one_to_whom_something_has_come_lets_nobody_jump_while_it_says_so(
    source: _Elsewhere, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To say it takes a turn at the connection, which the thread that asks may have."""
    came = iter([False, False, True])
    seen: list[float] = []
    monkeypatch.setattr(scheduler, "step", lambda token, started, ready: 0.0)
    change = scheduler.join("asking", 10.0) and scheduler._change

    def awake() -> None:
        nonlocal change
        seen.append(source.moment)
        assert scheduler._change is not change

    def ready(pause: float) -> bool:
        nonlocal change
        change = scheduler._change
        return next(came)

    monkeypatch.setattr(source, "awake", awake)
    assert scheduler.until(20.0, ready)
    assert seen == [0.0]
