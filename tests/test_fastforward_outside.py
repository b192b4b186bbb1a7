"""Virtual time beside the real world: what is at work there holds time up, what is idle does not."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from kling_mock.clock import Clock
from kling_mock.virtual_time import fast_forward, originals
from tests.running import needs_linux

COMPUTES = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=1_800_000_000.0)


class Elsewhere:
    """A mock at rest; nothing on this machine is its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def quiet(self) -> bool:
        return True

    def ports(self) -> frozenset[int]:
        return frozenset()


def _sleeps_until(work: Callable[[], object]) -> int:
    """How often this thread sleeps while another one works."""
    worker = threading.Thread(target=work)
    worker.start()
    count = 0
    while worker.is_alive() and count < 1000:
        time.sleep(15)
        count += 1
    worker.join()
    return count


@pytest.mark.slow
@needs_linux
def test_a_thread_that_waits_for_a_computing_process_holds_time_up(clock: Clock) -> None:
    with fast_forward(clock):
        assert _sleeps_until(lambda: subprocess.run([sys.executable, "-Ic", COMPUTES])) <= 3


def test_a_thread_that_waits_for_an_answer_of_another_service_holds_time_up(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:

        def serve() -> None:
            connection, _ = service.accept()
            with connection:
                connection.recv(10)
                originals.sleep(0.3)
                connection.sendall(b"answer")

        def ask() -> None:
            with socket.create_connection(service.getsockname()) as connection:
                connection.sendall(b"question")
                assert connection.recv(10) == b"answer"

        server = threading.Thread(target=serve)
        server.start()
        with fast_forward(Elsewhere(clock)):
            assert _sleeps_until(ask) <= 3
        server.join()


def _real(work: Callable[[], object]) -> float:
    began = originals.monotonic()
    work()
    return originals.monotonic() - began


@needs_linux
def test_an_idle_process_and_an_idle_connection_do_not_hold_an_event_loop_up(clock: Clock) -> None:
    async def main() -> None:
        helper = await asyncio.create_subprocess_exec(
            sys.executable, "-Ic", "input()", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with socket.create_server(("127.0.0.1", 0)) as service:
            _, writer = await asyncio.open_connection(*service.getsockname())
            await asyncio.sleep(300)
            writer.close()
        assert helper.stdin is not None
        helper.stdin.close()
        await helper.wait()

    with fast_forward(Elsewhere(clock)):
        assert _real(lambda: asyncio.run(main())) < 60
