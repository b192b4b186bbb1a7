"""The processes of a run: who waits, who is due next, and who still has something to do."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, timing
from kling_mock.clock import Clock
from kling_mock.interception.parent.clock_server import ClockServer, HookConnection
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.process_tracker import ProcessTracker
from kling_mock.interception.parent.summary import summary_lines, summary_of
from kling_mock.virtual_time import proc
from kling_mock.virtual_time.proc import children
from kling_mock.virtual_time.reasons import SAYS, Reason
from tests.running import needs_linux

START = 1_800_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=START)


@contextmanager
def _child(source: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs some code after it has said that it is there."""
    command = [sys.executable, "-Ic", f"print(flush=True)\n{source}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _comes_to_rest(tracker: ProcessTracker) -> bool:
    return any(not tracker.busy() for _ in range(100_000))


@given(st.lists(st.one_of(st.none(), st.floats(-100, 100)), max_size=5))
def test_the_next_that_is_due_is_the_earliest_of_the_others(waits: list[float | None]) -> None:
    tracker = ProcessTracker(Clock(speed=0, start=START))
    asking = tracker.add(1)
    tracker.note_wait(asking, START + 1)
    for pid, wait in enumerate(waits, start=2):
        tracker.note_wait(tracker.add(pid), None if wait is None else START + wait)
    ahead = [START + wait for wait in waits if wait is not None and START + wait > START]
    assert tracker.next_due(asking) == min(ahead, default=math.inf)
    assert tracker.next_due() == min([*ahead, START + 1])


def test_who_has_left_is_no_longer_waited_for(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    other = tracker.add(2)
    tracker.note_wait(other, START + 5)
    assert tracker.next_due() == START + 5
    tracker.remove(other)
    assert tracker.next_due() == math.inf
    assert not tracker.busy()


@needs_linux
def test_a_process_that_works_is_busy_and_one_that_waits_for_input_is_not(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    with _child("while True: pass"):
        assert tracker.busy()
        assert tracker.busy()
    with _child("input()"):
        assert _comes_to_rest(tracker)


@needs_linux
def test_a_process_that_works_for_ever_does_not_hold_up_the_others_for_ever(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "ENDLESS_WORK", 0.5)
    tracker = ProcessTracker(clock, unrelated=children())
    with _child("while True: pass"):
        assert _comes_to_rest(tracker)


@needs_linux
def test_a_process_that_was_there_before_does_not_count(clock: Clock) -> None:
    with _child("while True: pass"):
        assert not ProcessTracker(clock, unrelated=children()).busy()


@needs_linux
def test_a_process_that_says_that_it_waits_and_runs_was_woken_unless_it_runs_on_and_on(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _child("while True: pass") as process:
        tracker = ProcessTracker(clock, unrelated=set(children()) - {process.pid})
        hooked = tracker.add(process.pid)
        tracker.note_wait(hooked, START + 10)
        assert tracker.busy()
        with monkeypatch.context() as patched:
            patched.setattr(timing, "ENDLESS_WORK", 0.0)
            assert not tracker.busy()
        clock.advance(10)
        assert tracker.busy()


@needs_linux
def test_a_process_that_says_that_it_waits_and_does_is_believed(clock: Clock) -> None:
    with _child("import time; time.sleep(100)") as process:
        tracker = ProcessTracker(clock, unrelated=set(children()) - {process.pid})
        hooked = tracker.add(process.pid)
        tracker.note_wait(hooked, START + 10)
        assert _comes_to_rest(tracker)


def test_a_thread_that_has_begun_and_says_nothing_is_given_a_moment(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first it may stand still for a child process, which it cannot say."""
    tracker = ProcessTracker(clock, unrelated=children())
    main = tracker.add(2)
    tracker.note_wait(main, math.inf)
    tracker.expect(main, 1)
    assert tracker.busy() == Reason.STARTING
    monkeypatch.setattr(timing, "HOOK_SPEAKS", 0.0)
    assert tracker.busy() == Reason.STARTING
    tracker.expect(main, 1, online=True)
    assert tracker.busy() is None


@pytest.mark.parametrize("how", ["it says so", "it stands still", "it has ended"])
def test_a_thread_that_ends_is_awaited_until_the_one_that_started_it_knows(clock: Clock, how: str) -> None:
    """Node tells of a thread's end only once all that it had is given back, which takes a while."""
    tracker = ProcessTracker(clock, unrelated=children())
    main, other = tracker.add(7, speaks=True), tracker.add(8)
    tracker.expect(main, 1)
    thread = tracker.add(7, 1, speaks=True)
    tracker.expect(main, 1, online=True)
    for process in (main, other, thread):
        tracker.note_wait(process, math.inf)
    assert tracker.busy(other) is None
    tracker.remove(thread)
    assert tracker.busy(main) is tracker.busy(other) is Reason.WORK
    if how == "it says so":
        tracker.expect(main, 1, gone=True)
    elif how == "it stands still":
        main.stands = True
    else:
        tracker.remove(main)
    assert tracker.busy(other) is None


def test_a_thread_that_starts_is_not_awaited_where_its_process_has_ended(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    main = tracker.add(7)
    tracker.expect(main, 1)
    assert tracker.busy() is Reason.STARTING
    tracker.remove(main)
    assert tracker.busy() is None


@needs_linux
def test_something_may_come_for_the_one_that_asks_before_time_moves(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event loop goes on while it is answered, and so do other threads."""
    tracker = ProcessTracker(clock, unrelated=children())
    asking = tracker.add(7)
    tracker.note_wait(asking, START + 10)
    monkeypatch.setattr(proc, "work_of_process", lambda pid: (proc.RUNNABLE,))
    assert tracker.busy(asking) is None
    assert tracker.busy(asking, lambda: False) is Reason.WOKEN
    looks = iter(range(2))
    monkeypatch.setattr(proc, "work_of_process", lambda pid: (next(looks),))
    assert tracker.busy(asking, lambda: False) is Reason.WOKEN


def test_another_thread_of_the_same_process_is_given_a_moment(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    asking, other = tracker.add(7), tracker.add(7)
    tracker.note_wait(asking, START + 10)
    assert tracker.busy(asking)
    tracker.note_wait(other, START + 20)
    assert not tracker.busy(asking)


def test_a_process_that_has_no_answer_yet_may_not_have_seen_what_came_for_it(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    asking, other = tracker.add(7), tracker.add(8)
    tracker.note_wait(asking, START + 10)
    tracker.note_wait(other, START + 20)
    other.asking = 1
    assert tracker.busy(asking)
    other.asking = 0
    assert not tracker.busy(asking)


@needs_linux
@pytest.mark.parametrize("said", [False, True], ids=["in silence", "and says so"])
def test_one_that_is_woken_by_another_while_both_are_looked_at_is_not_missed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, said: bool
) -> None:
    """The first seems to rest, and does until the second sends it something; then the second rests."""
    tracker = ProcessTracker(clock, unrelated=children())
    tracker.note_wait(tracker.add(8), START + 20)
    tracker.note_wait(tracker.add(9), START + 20)
    looked: list[int] = []

    def look(pid: int) -> tuple[object, ...]:
        looked.append(pid)
        return (pid, len(set(looked)) if pid == looked[0] and not said else 0)

    monkeypatch.setattr(proc, "work_of_process", look)
    assert tracker.busy(unread=lambda: said) is (Reason.ASKING if said else Reason.WOKEN)
    monkeypatch.setattr(proc, "work_of_process", lambda pid: (pid,))
    assert tracker.busy(unread=lambda: False) is None


def test_a_process_is_due_at_each_of_its_waits_also_while_it_works(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    asking, other = tracker.add(7), tracker.add(8)
    tracker.note_wait(asking, START + 100)
    tracker.note_wait(other, START + 8, dues=[START + 10, START + 30])
    clock.advance(8)
    tracker.moved()
    assert tracker.next_due(asking) == START + 10
    tracker.note_wait(other, None)
    assert tracker.next_due(asking) == START + 10
    tracker.note_wait(other, START + 50, dues=[])
    assert tracker.next_due(asking) == START + 50


@needs_linux
def test_one_whose_wait_is_over_is_awaited_until_it_has_run(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks at the clock now and then, and a machine may be late to wake it for that."""
    tracker = ProcessTracker(clock, unrelated=children())
    tracker.note_wait(tracker.add(8), START + 5)
    monkeypatch.setattr(timing, "PROCESS_UNSEEN", 1e9)
    monkeypatch.setattr(proc, "work_of_process", lambda pid: ("as before",))
    clock.advance(5)
    tracker.moved()
    assert tracker.busy() is Reason.WOKEN
    monkeypatch.setattr(proc, "work_of_process", lambda pid: ("it ran",))
    assert tracker.busy() is None
    monkeypatch.setattr(proc, "work_of_process", lambda pid: ("as before",))
    assert tracker.busy() is None


@needs_linux
def test_one_that_speaks_after_its_waits_is_awaited_until_it_does(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it ran says little: it may have been woken for something else, and the machine be late."""
    rest = SimpleNamespace(
        look=lambda answer: answer(True), watch=lambda *args: None, received=3, unread=lambda: False
    )
    server = ClockServer(clock, cast(Any, rest), lambda host, port: None, unrelated=frozenset(children()))
    work = 0
    monkeypatch.setattr(proc, "work_of_process", lambda pid: (work,))
    monkeypatch.setattr(timing, "HOOK_SPEAKS", 1e9)
    one, other = _Line(server, 8, speaks=True), _Line(server, 9)
    one.say(ask="horizon", due=START + 5)
    asked = other.say(ask="horizon", due=None)
    assert asked is not None and asked["horizon"] == START + 5
    assert (other.say(ask="jump", to=START + 5, seen=asked["seen"]) or {})["done"]
    work = 1
    for _ in range(2):
        denied = other.say(ask="horizon", due=None)
        assert denied is not None and denied["why"] == Reason.PROCESS
    one.say(ask="horizon", due=START + 9)
    again = other.say(ask="horizon", due=None)
    assert again is not None and again["horizon"] == START + 9
    # It stands still for a child process, and cannot say more.
    one.say(ask="awake", stands=True)
    last = other.say(ask="horizon", due=None)
    assert last is not None and last["horizon"] == "inf"


def test_whatever_is_said_or_moved_is_a_change_and_a_repeated_word_is_none(clock: Clock) -> None:
    tracker = ProcessTracker(clock, unrelated=children())
    seen = [tracker.changes]

    def changed() -> bool:
        seen.append(tracker.changes)
        return seen[-1] != seen[-2]

    one = tracker.add(8)
    assert changed()
    for words in ({"until": START + 5}, {"until": START + 5, "did": 1}, {"until": None}, {"until": 1.0}):
        tracker.note_wait(one, **words)
        assert changed(), words
        tracker.note_wait(one, **words)
        assert not changed(), words
    clock.advance(1)
    assert changed()
    assert not changed()
    tracker.expect(one, 1)
    assert changed()
    tracker.remove(one)
    assert changed()


class _Line:
    """A hook's connection to a clock server, without a socket; what is answered to it."""

    def __init__(self, server: ClockServer, pid: int, **more: Any) -> None:
        self.answers: list[dict[str, Any]] = []
        self._connection = HookConnection(server)
        self._connection.connection_made(cast(Any, self))
        self.say(token=server.token, pid=pid, **more)

    def say(self, **message: Any) -> dict[str, Any] | None:
        before = len(self.answers)
        self._connection.data_received(json.dumps(message).encode() + b"\n")
        return self.answers[before] if len(self.answers) > before else None

    def get_extra_info(self, name: str) -> object:
        return self

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        raise AssertionError("the connection is ended")

    def write(self, data: bytes) -> None:
        self.answers.append(json.loads(data))


@pytest.mark.parametrize("word", [{"ask": "awake"}, {"ask": "horizon", "due": START + 50, "did": 1}])
def test_a_jump_is_made_only_where_nothing_was_said_since_it_was_found_possible(
    clock: Clock, word: dict[str, Any]
) -> None:
    rest = SimpleNamespace(
        look=lambda answer: answer(True), watch=lambda *args: None, received=3, unread=lambda: False
    )
    server = ClockServer(clock, cast(Any, rest), lambda host, port: None, unrelated=frozenset(children()))
    one, other = _Line(server, 8), _Line(server, 9)
    other.say(ask="horizon", due=START + 50)
    asked = one.say(ask="horizon", due=START + 20)
    assert asked is not None and asked["horizon"] == START + 50
    # The other one has sent something to the first, which has looked before that, and waits as ever.
    other.say(**word)
    other.say(ask="horizon", due=START + 50)
    denied = one.say(ask="jump", to=START + 20, seen=asked["seen"])
    assert denied is not None and (denied["done"], denied["now"]) == (False, START)
    again = one.say(ask="horizon", due=START + 20)
    assert again is not None
    made = one.say(ask="jump", to=START + 20, seen=again["seen"])
    assert made is not None and made["done"] and made["now"] == pytest.approx(START + 20)


def test_who_is_denied_a_jump_is_due_all_the_same(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asked for the next jump at once, without a horizon, and looks again in a moment."""
    ran = 0
    monkeypatch.setattr(proc, "work_of_process", lambda pid: (ran,))
    rest = SimpleNamespace(
        look=lambda answer: answer(True), watch=lambda *args: None, received=3, unread=lambda: False
    )
    server = ClockServer(clock, cast(Any, rest), lambda host, port: None, unrelated=frozenset(children()))
    one, other = _Line(server, 8), _Line(server, 9)
    other.say(ask="horizon", due=None)
    asked = one.say(ask="horizon", due=START + 20)
    assert asked is not None
    first = one.say(ask="jump", to=START + 20, seen=asked["seen"])
    assert first is not None and first["done"]
    # It runs, and sets the next timer; somebody has something to do just then.
    ran = 1
    server.tracker.note_wait(next(each for each in server.tracker._hooked if each.pid == 9), math.inf, did=1)
    denied = one.say(ask="jump", to=START + 30, seen=first["seen"])
    assert denied is not None and not denied["done"]
    far = other.say(ask="horizon", due=None)
    assert far is not None and far["horizon"] == START + 30


@needs_linux
def test_it_is_known_which_program_held_time_up_and_for_how_long(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 100.2, 100.3, 200.0])
    watch = SimpleNamespace(monotonic=lambda: next(moments))
    monkeypatch.setattr("kling_mock.interception.parent.process_tracker.time", watch)
    tracker = ProcessTracker(clock, unrelated=children())
    with _child("while True: pass") as process:
        for _ in range(4):
            assert tracker.busy()
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
    # Between the last two looks nobody asked: what happened then is not known.
    assert tracker.held == {(name, Reason.PROCESS): pytest.approx(0.3)}


@pytest.mark.parametrize(("seconds", "said"), [(4.0, False), (238.0, True)])
def test_the_summary_says_what_kept_time_real_for_long(seconds: float, said: bool) -> None:
    with MockServer() as server:
        began = server.clock.now()
        held = {("cat", Reason.OUTSIDE): seconds}
        report = summary_of(server, command=["x"], status=0, began=began, real=1, hosts=Hosts(), held=held)
    line = "  slow      time was kept real for 3 min 58 s while `cat` was at work: "
    line += SAYS[Reason.OUTSIDE]
    assert (line in summary_lines(report)) is said
