"""Virtual time in this process: what waits jumps, what measures follows, and everything is put back."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import queue
import select
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from time import monotonic as named_monotonic
from time import sleep as named_sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.clock import Clock
from kling_mock.virtual_time import fast_forward, keep_real_time

DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=1_800_000_000.0)


def _thread_wait() -> None:
    threading.Event().wait(DAY)


def _queue_wait() -> None:
    with pytest.raises(queue.Empty):
        queue.Queue[int]().get(timeout=DAY)


def _future_wait() -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        concurrent.futures.Future[int]().result(timeout=DAY)


def _asyncio_wait() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), DAY)

    asyncio.run(main())


SLEEPS: dict[str, Callable[[], object]] = {
    "time.sleep": lambda: time.sleep(DAY),
    "sleep imported by name": lambda: named_sleep(DAY),
    "asyncio.sleep": lambda: asyncio.run(asyncio.sleep(DAY)),
    "asyncio.wait_for": _asyncio_wait,
    "Event.wait": _thread_wait,
    "Queue.get": _queue_wait,
    "Future.result": _future_wait,
    "select.select": lambda: select.select([], [], [], DAY),
    "select.poll": lambda: select.poll().poll(int(DAY * 1000)),
}


@pytest.mark.parametrize("name", SLEEPS)
def test_a_wait_of_a_day_moves_the_clock_by_a_day(name: str, clock: Clock) -> None:
    before = clock.now()
    with fast_forward(clock):
        SLEEPS[name]()
    assert DAY - 0.001 <= clock.now() - before < DAY + 1


KEPT = """
import functools, time
from dataclasses import dataclass
from typing import Any

def by_default(seconds, sleep=time.sleep): sleep(seconds)
def by_keyword(seconds, *, sleep=time.sleep): sleep(seconds)
@functools.lru_cache
def decorated(seconds, sleep=time.sleep): sleep(seconds)
class InClass:
    sleep = time.sleep
    still = staticmethod(time.sleep)
    def wait(self, seconds): self.sleep(seconds - 1); self.still(1)
@dataclass
class Field:
    sleep: Any = time.sleep
    def wait(self, seconds): self.sleep(seconds)
made = Field()
WAYS = [by_default, by_keyword, decorated, InClass().wait, lambda seconds: Field().wait(seconds), made.wait]
"""


class LooksLikeAModule:
    """As cffi makes them: no module, and no weak reference to it."""

    __slots__ = ("__dict__",)
    __class__ = types.ModuleType  # type: ignore[assignment]
    __name__ = "looks_like_a_module"


def _kept() -> list[object]:
    module = sys.modules["keeps_functions"]
    return [
        module.by_default.__defaults__,
        module.by_keyword.__kwdefaults__,
        *(vars(kind)[name] for kind, name in ((module.InClass, "sleep"), (module.Field, "sleep"))),
        vars(module.made),
    ]


@pytest.mark.parametrize("imported", ["before", "meanwhile"])
def test_a_function_that_was_kept_as_a_default_or_in_a_class_is_replaced_too(
    imported: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("keeps_functions")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, LooksLikeAModule.__name__, LooksLikeAModule())

    def load() -> None:
        exec(KEPT, vars(module))

    if imported == "before":
        load()
    before = clock.now()
    with fast_forward(clock):
        if imported == "meanwhile":
            load()
        for way in module.WAYS:
            way(DAY)
    assert clock.now() - before >= len(module.WAYS) * DAY - 1
    left = [value.__func__ if isinstance(value, staticmethod) else value for value in _kept()]
    assert left == [(time.sleep,), {"sleep": time.sleep}, time.sleep, time.sleep, {"sleep": time.sleep}]


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(seconds=st.lists(st.floats(min_value=0.001, max_value=1e6), max_size=20))
def test_a_sleep_never_ends_early_and_hardly_late(seconds: list[float]) -> None:
    clock = Clock(speed=0, start=1_800_000_000.0)
    with fast_forward(clock):
        for some in seconds:
            before = clock.now()
            named_sleep(some)
            assert clock.now() >= before + some
    assert clock.now() - 1_800_000_000.0 == pytest.approx(sum(seconds), abs=1e-3)


def test_readings_follow_the_clock(clock: Clock) -> None:
    with fast_forward(clock):
        start = time.monotonic(), time.perf_counter(), named_monotonic(), time.monotonic_ns()
        assert time.time() == clock.now()
        assert time.time_ns() == int(clock.now() * 1e9)
        time.sleep(600)
        end = time.monotonic(), time.perf_counter(), named_monotonic(), time.monotonic_ns()
        gained = [after - before for before, after in zip(start, end, strict=True)]
        assert gained[:3] == pytest.approx([600] * 3, abs=0.01)
        assert gained[3] == pytest.approx(600e9, abs=1e7)
        now = datetime.datetime.fromtimestamp(clock.now())
        assert datetime.datetime.now() == datetime.datetime.today() == now
        assert datetime.datetime.now(datetime.UTC) == now.astimezone(datetime.UTC)
        assert datetime.date.today() == now.date()
        assert time.localtime()[:6] == now.timetuple()[:6]
        assert time.strftime("%Y-%m-%d %H:%M:%S") == now.strftime("%Y-%m-%d %H:%M:%S")


def test_everything_is_put_back(clock: Clock) -> None:
    import ssl
    from selectors import DefaultSelector

    def seen() -> list[object]:
        kinds = (threading.Condition, threading.Thread, socket.socket, ssl.SSLSocket, DefaultSelector)
        modules = (time, select, asyncio)
        return [dict(vars(owner)) for owner in (*kinds, *modules)] + [named_sleep, named_monotonic]

    def dates() -> list[str]:
        return [repr(getattr(datetime.datetime, name)) for name in ("now", "today", "utcnow")]

    before, dates_before = seen(), dates()
    with pytest.raises(ZeroDivisionError), fast_forward(clock):
        assert time.sleep is not before[5]["sleep"]  # type: ignore[index]
        assert named_sleep is time.sleep
        raise ZeroDivisionError
    assert seen() == before
    assert dates() == dates_before


def test_a_name_imported_meanwhile_is_put_back_and_a_hidden_one_is_harmless(clock: Clock) -> None:
    with fast_forward(clock):
        module = sys.modules[__name__]
        module.later = time.sleep  # type: ignore[attr-defined]
        hidden = [time.time]
    assert module.later is time.sleep is named_sleep
    assert abs(hidden[0]() - time.time()) < 60


def test_timers_left_in_a_loop_fire_as_if_time_had_never_run_ahead(clock: Clock) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        with fast_forward(clock):
            await asyncio.sleep(1000)
            handle = loop.call_later(30, lambda: None)
        left = handle.when() - loop.time()
        handle.cancel()
        return left

    assert 25 < asyncio.run(main()) < 31


def test_subprocesses_keep_real_time(clock: Clock) -> None:
    before = clock.now()
    command = [sys.executable, "-c", "import time; time.sleep(0.05); print('done')"]
    with fast_forward(clock):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert process.wait(timeout=60) == 0
        assert subprocess.run(command, capture_output=True, timeout=60, text=True).stdout == "done\n"
    assert clock.now() == before


def test_a_thread_of_the_mock_keeps_real_time(clock: Clock) -> None:
    taken = []

    def own() -> None:
        with keep_real_time():
            taken.append((time.time(), time.monotonic()))

    real = time.time()
    with fast_forward(clock):
        time.sleep(DAY)
        thread = threading.Thread(target=own)
        thread.start()
        thread.join()
    assert abs(taken[0][0] - real) < 60


def test_wrong_arguments_are_refused_as_ever(clock: Clock) -> None:
    with fast_forward(clock):
        with pytest.raises(ValueError):
            time.sleep(-1)
        with pytest.raises(TypeError):
            time.sleep("1")  # type: ignore[arg-type]
        time.sleep(0)


def test_one_clock_at_a_time(clock: Clock) -> None:
    with fast_forward(clock):
        with fast_forward(clock):
            time.sleep(5)
        time.sleep(5)
        with pytest.raises(RuntimeError, match="another clock"), fast_forward(Clock()):
            pass
    assert clock.now() == pytest.approx(1_800_000_010, abs=0.01)


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("read", ["recv", "makefile"])
def test_a_timeout_of_a_blocked_socket_expires_in_virtual_time(
    read: str, clock: Clock, silent_server: int
) -> None:
    before = clock.now()
    with (
        fast_forward(clock, quiet=lambda: True),
        socket.create_connection(("127.0.0.1", silent_server), 300) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(1) if read == "recv" else connection.makefile("rb").readline()
    assert clock.now() - before == pytest.approx(300, abs=1)


def test_an_answer_that_is_on_its_way_is_waited_for(clock: Clock) -> None:
    """The server works for a while in real time: no timeout may expire meanwhile."""
    working = threading.Event()
    working.set()

    def serve() -> None:
        with keep_real_time(), listener.accept()[0] as connection:
            connection.recv(100)
            threading.Event().wait(0.05)
            connection.sendall(b"answer")
            working.clear()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with (
            fast_forward(clock, quiet=lambda: not working.is_set()),
            socket.create_connection(listener.getsockname(), 5) as connection,
        ):
            connection.sendall(b"question")
            assert connection.recv(100) == b"answer"
        thread.join()


def test_asyncio_streams_time_out_in_virtual_time(clock: Clock, silent_server: int) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", silent_server)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 300)
        writer.close()

    before = clock.now()
    with fast_forward(clock, quiet=lambda: True):
        asyncio.run(main())
    assert clock.now() - before == pytest.approx(300, abs=1)


def test_a_program_that_waits_by_reading_a_frozen_clock_is_not_stuck(clock: Clock) -> None:
    with fast_forward(clock):
        end = time.time() + 0.05
        while time.time() < end:
            pass
        measured = time.monotonic()
        while time.monotonic() < measured + 0.05:
            pass
    assert clock.now() >= 1_800_000_000.1


def test_pipes_between_processes_keep_real_time(clock: Clock) -> None:
    import multiprocessing

    before = clock.now()
    with fast_forward(clock):
        one, other = multiprocessing.Pipe()
        assert not one.poll(0.05)
        other.send("x")
        assert one.poll(60) and one.recv() == "x"
        one.close()
        other.close()
    assert clock.now() == before


def test_uvloop_is_helped_over_its_sleeps(clock: Clock) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        await asyncio.gather(asyncio.sleep(100), asyncio.sleep(250))

    before = clock.now()
    with fast_forward(clock):
        uvloop.run(main())
    assert clock.now() - before == pytest.approx(250, abs=5)


def test_uvloop_gives_way_to_a_loop_whose_timers_follow(clock: Clock) -> None:
    uvloop = pytest.importorskip("uvloop")
    originals = uvloop.run, uvloop.new_event_loop, uvloop.EventLoopPolicy, uvloop.Loop
    by_name = sys.modules["tests.test_fastforward"]
    by_name.run_by_name = uvloop.run  # type: ignore[attr-defined]

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 500)

    before = clock.now()
    try:
        with fast_forward(clock):
            uvloop.run(main())
            by_name.run_by_name(main())
            loop = uvloop.new_event_loop()
            assert isinstance(loop, asyncio.SelectorEventLoop)
            loop.close()
        assert clock.now() - before == pytest.approx(1000, abs=5)
        assert (uvloop.run, uvloop.new_event_loop, uvloop.EventLoopPolicy, uvloop.Loop) == originals
        assert by_name.run_by_name is originals[0]
    finally:
        del by_name.run_by_name


def test_an_installed_uvloop_is_installed_again_afterwards(clock: Clock) -> None:
    uvloop = pytest.importorskip("uvloop")
    policy = uvloop.EventLoopPolicy()
    asyncio.set_event_loop_policy(policy)

    async def main() -> float:
        assert isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
        return await asyncio.wait_for(asyncio.sleep(600, clock.now()), 1_000)

    try:
        with fast_forward(clock):
            started = asyncio.run(main())
        assert 600 <= clock.now() - started < 700
        assert asyncio.get_event_loop_policy() is policy
    finally:
        asyncio.set_event_loop_policy(None)


def test_other_local_servers_keep_real_time(clock: Clock, silent_server: int) -> None:
    """Where the mock's ports are known, a socket to another one times out in real time."""

    class Server:
        ports = staticmethod(lambda: frozenset({1}))
        quiet = staticmethod(lambda: True)

    server = Server()
    server.clock = clock  # type: ignore[attr-defined]
    before = clock.now()
    with (
        fast_forward(server),
        socket.create_connection(("127.0.0.1", silent_server), 0.05) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(1)
    assert clock.now() == before


def test_clocks_that_measure_never_go_back_from_one_session_to_the_next() -> None:
    """A circuit that was opened in one test closes in a later one, as it does in a process that lives on."""

    def readings() -> tuple[float, ...]:
        return time.monotonic(), time.perf_counter(), named_monotonic(), time.monotonic_ns() / 1e9

    with fast_forward(Clock(speed=0, start=1_800_000_000.0)):
        time.sleep(7200)
        before = readings()
    with fast_forward(Clock(speed=0, start=1_700_000_000.0)):
        after = readings()
        assert time.time() < 1_700_000_100
    assert all(earlier <= later for earlier, later in zip(before, after, strict=True))
    assert time.monotonic() < before[0] - 7000


@pytest.mark.parametrize("running", [True, False])
def test_timers_set_before_a_session_wait_as_long_in_it_as_ever(clock: Clock, running: bool) -> None:
    """However far earlier sessions of this process were ahead."""
    with fast_forward(clock):
        time.sleep(7200)
    loop = asyncio.new_event_loop()

    async def main() -> float:
        started = clock.now()
        handle = loop.call_later(500, lambda: None) if running else set_before
        with fast_forward(clock) if running else contextlib.nullcontext():
            await asyncio.sleep(0)
            assert 490 < handle.when() - loop.time() < 501
            await asyncio.sleep(20)
        return clock.now() - started

    with contextlib.closing(loop):
        set_before = loop.call_later(500, lambda: None)
        with contextlib.nullcontext() if running else fast_forward(clock):
            assert 20 <= loop.run_until_complete(main()) < 21
        assert 470 < set_before.when() - loop.time() < 501


def test_clocks_that_measure_never_run_backwards(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long this thread is kept waiting between the parts of one reading."""
    pauses = iter([0.0, 0.0, 7.0, 0.0, 3.0, 0.0, 0.0] * 50)
    real, ahead = time.monotonic, [0.0]

    def paused() -> float:
        ahead[0] += next(pauses)
        return real() + ahead[0]

    with fast_forward(clock):
        monkeypatch.setattr("kling_mock.virtual_time.session.monotonic", paused)
        for reading in (time.monotonic, time.perf_counter, time.monotonic_ns):
            readings = [reading() for _ in range(20)]
            assert readings == sorted(readings)
