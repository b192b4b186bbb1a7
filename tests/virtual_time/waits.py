"""The ways in which a thread or a task of Python sleeps, asks and takes: each step has several.

The standard library only: this runs in programs of `kling-mock run` as well.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import http.client
import json
import queue
import select
import selectors
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Mock", "ask", "ask_in_task", "outside", "sleep", "sleep_in_task"]

HEADERS = {"Authorization": "Bearer stress", "Content-Type": "application/json"}
MODEL = "klingai/v2.5-turbo/pro/text-to-video"


class Mock:
    """The mock at a base URL, with a job for each length that a poll is to have."""

    def __init__(self, base: str, lengths: list[float]) -> None:
        self.base = base
        self.host = urllib.parse.urlsplit(base).hostname or ""
        self.port = urllib.parse.urlsplit(base).port or 80
        self.paths = []
        for length in lengths:
            prompt = f"[mock:poll-slow;seconds={length};times=forever] A fox" if length else "A fox"
            body = json.dumps({"model": MODEL, "prompt": prompt}).encode()
            asked = urllib.request.Request(base + "/v2/video/generations", body, HEADERS)
            with urllib.request.urlopen(asked, timeout=600) as answer:
                made = json.load(answer)
            self.paths.append("/v2/video/generations?generation_id=" + made["id"])


def _select(seconds: float) -> None:
    select.select([], [], [], seconds)


def _selector(seconds: float) -> None:
    one, other = socket.socketpair()
    with one, other, selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ)
        selector.select(seconds)


def _receive(seconds: float) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(seconds)
        try:
            one.recv(1)
        except TimeoutError:
            pass


def _poll(seconds: float) -> None:
    select.poll().poll(seconds * 1000)


def _queue(kind: Callable[[], Any]) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        try:
            kind().get(timeout=seconds)
        except queue.Empty:
            pass

    return wait


def _full(seconds: float) -> None:
    waiting: queue.Queue[int] = queue.Queue(1)
    waiting.put(1)
    try:
        waiting.put(2, timeout=seconds)
    except queue.Full:
        pass


def _lock(seconds: float) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


def _condition(seconds: float) -> None:
    condition = threading.Condition()
    with condition:
        condition.wait_for(lambda: False, seconds)


def _join(seconds: float) -> None:
    thread = threading.Thread(target=time.sleep, args=(seconds,))
    thread.start()
    thread.join()


def _join_in_time(seconds: float) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, args=(seconds + 1000,), daemon=True)
    thread.start()
    thread.join(seconds)
    end.set()
    thread.join()


def _future(seconds: float) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, seconds).result()


def _barrier(seconds: float) -> None:
    try:
        threading.Barrier(2).wait(seconds)
    except threading.BrokenBarrierError:
        pass


def _timer(seconds: float) -> None:
    rung = threading.Event()
    threading.Timer(seconds, rung.set).start()
    rung.wait()


def _child(seconds: float) -> None:
    subprocess.run(["sleep", str(seconds)])


def _child_in_time(seconds: float) -> None:
    try:
        subprocess.run(["sleep", str(seconds + 1000)], timeout=seconds)
    except subprocess.TimeoutExpired:
        pass


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


SLEEPS = [
    _sleep,
    _sleep,
    lambda seconds: threading.Event().wait(seconds),
    lambda seconds: threading.Semaphore(0).acquire(timeout=seconds),
    _select,
    _selector,
    _receive,
    _poll,
    _queue(queue.Queue),
    _queue(queue.SimpleQueue),
    _full,
    _lock,
    _condition,
    _join,
    _join_in_time,
    _future,
    _barrier,
    _timer,
]
OF_PROCESSES = [_child, _child_in_time]
"""These need processes that live by the same time."""


def sleep(way: int, seconds: float, *, processes: bool) -> None:
    """Wait for so long in one of the ways."""
    ways: list[Any] = SLEEPS + (OF_PROCESSES if processes else [])
    ways[way % len(ways)](seconds)


async def _sleep_in_task(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


async def _wait_for(seconds: float) -> None:
    try:
        await asyncio.wait_for(_never(), seconds)
    except asyncio.TimeoutError:  # noqa: UP041 - older than 3.11
        pass


async def _wait(seconds: float) -> None:
    task = asyncio.ensure_future(_never())
    await asyncio.wait([task], timeout=seconds)
    task.cancel()


async def _call_later(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, future.set_result, None)
    await future


async def _executor(seconds: float) -> None:
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, seconds)


async def _stream(seconds: float) -> None:
    one, other = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=one)
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except asyncio.TimeoutError:  # noqa: UP041 - older than 3.11
        pass
    finally:
        writer.close()
        other.close()


async def _child_task(seconds: float) -> None:
    process = await asyncio.create_subprocess_exec("sleep", str(seconds))
    await process.wait()


SLEEPS_OF_TASKS: list[Callable[[float], Awaitable[Any]]] = [
    _sleep_in_task,
    _sleep_in_task,
    _wait_for,
    _wait,
    _call_later,
    _executor,
    _stream,
]


async def sleep_in_task(way: int, seconds: float, *, processes: bool) -> None:
    """Wait for so long in one of the ways."""
    ways = SLEEPS_OF_TASKS + ([_child_task] if processes else [])
    await ways[way % len(ways)](seconds)


def _by_client(mock: Mock, path: str, limit: float) -> None:
    connection = http.client.HTTPConnection(mock.host, mock.port, timeout=limit)
    try:
        connection.request("GET", path, headers=HEADERS)
        connection.getresponse().read()
    finally:
        connection.close()


def _by_urllib(mock: Mock, path: str, limit: float) -> None:
    asked = urllib.request.Request(mock.base + path, headers=HEADERS)
    try:
        with urllib.request.urlopen(asked, timeout=limit) as answer:
            answer.read()
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise error.reason from None
        raise


def _request(mock: Mock, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {mock.host}\r\nAuthorization: Bearer stress\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def _by_socket(mock: Mock, path: str, limit: float) -> None:
    with socket.create_connection((mock.host, mock.port), limit) as connection:
        connection.sendall(_request(mock, path))
        while connection.recv(65536):
            pass


def _by_select(mock: Mock, path: str, limit: float) -> None:
    with socket.create_connection((mock.host, mock.port)) as connection:
        connection.sendall(_request(mock, path))
        while select.select([connection], [], [], limit)[0]:
            if not connection.recv(65536):
                return
    raise TimeoutError


ASKS = [_by_client, _by_urllib, _by_socket, _by_select]


def ask(mock: Mock, way: int, job: int, limit: float) -> str:
    """Poll a job with a time limit, and say whether the answer came in time."""
    try:
        ASKS[way % len(ASKS)](mock, mock.paths[job], limit)
    except TimeoutError:
        return "late"
    return "done"


async def ask_in_task(mock: Mock, way: int, job: int, limit: float) -> str:
    """Poll a job with a time limit, and say whether the answer came in time."""

    async def asking() -> None:
        reader, writer = await asyncio.open_connection(mock.host, mock.port)
        try:
            writer.write(_request(mock, mock.paths[job]))
            await reader.read()
        finally:
            writer.close()

    if way % 3 == 0:
        return await asyncio.get_running_loop().run_in_executor(None, ask, mock, way // 3, job, limit)
    try:
        await asyncio.wait_for(asking(), limit)
    except asyncio.TimeoutError:  # noqa: UP041 - older than 3.11
        return "late"
    return "done"


def outside(port: int, way: int, milliseconds: int) -> None:
    """Ask a server of the real world, which takes so long."""
    with socket.create_connection(("127.0.0.1", port), 600 if way % 2 else None) as connection:
        connection.sendall(b"%d\n" % milliseconds)
        if way % 3 == 0:
            select.select([connection], [], [], 600)
        answer = connection.recv(10)
    assert answer == b"answer\n", answer
