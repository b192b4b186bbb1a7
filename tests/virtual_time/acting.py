"""Lets programs happen, one after another, in threads, tasks and processes of Python.

    python -m tests.virtual_time.acting PROGRAMS.jsonl BASE_URL PORT

reads a program per line, and prints a line for each: how its steps ended, and when. BASE_URL is the mock's
and PORT that of a server of the real world. The standard library only.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import multiprocessing
import queue
import sys
import threading
import time
from typing import Any

from . import waits

__all__ = ["act_all"]

HANGS = 120
"""Real seconds after which a program that has not ended says where its threads are, and is given up."""
Steps = list[list[Any]]
_fork = multiprocessing.get_context("fork")


class _Stage:
    """One program's queues, events and locks; those that a process touches are between processes."""

    def __init__(self, program: dict[str, Any], mock: waits.Mock, port: int) -> None:
        self.mock, self.port = mock, port
        self.kinds = [actor["kind"] for actor in program["actors"]]
        self.processes = "process" in self.kinds
        self.children = program["suite"] == "processes"
        self.loop = asyncio.new_event_loop()
        makers: Any = _fork if self.processes else threading
        self.events = [makers.Event() for _ in range(2)]
        self.locks = [makers.Lock() for _ in range(2)]
        self.task_locks = {number: asyncio.Lock() for number in (10, 11)}
        self.task_events = [asyncio.Event() for _ in range(2)]
        self.queues = [self._queue(index, kind) for index, kind in enumerate(self.kinds)]
        self.start = time.time(), time.monotonic()

    def _queue(self, index: int, kind: str) -> Any:
        if self.processes:
            return _fork.Queue()
        if kind == "task":
            return asyncio.Queue()
        return queue.SimpleQueue() if index % 2 else queue.Queue()

    def gone(self) -> tuple[float, float]:
        """Seconds since the start, by both kinds of clocks."""
        return time.time() - self.start[0], time.monotonic() - self.start[1]

    # Steps of a thread, also of the main one of a process.

    def step(self, kind: str, way: int, *rest: Any) -> str:
        """Do a step and say how it ended."""
        return getattr(self, "_" + kind)(way, *rest) or "done"

    def _sleep(self, way: int, seconds: float) -> None:
        waits.sleep(way, seconds, processes=self.children)

    def _outside(self, way: int, milliseconds: int) -> None:
        waits.outside(self.port, way, milliseconds)

    def _ask(self, way: int, job: int, limit: float) -> str:
        return waits.ask(self.mock, way, job, limit)

    def _put(self, way: int, number: int) -> None:
        kept = self.queues[number]
        if isinstance(kept, asyncio.Queue):
            self.loop.call_soon_threadsafe(kept.put_nowait, 1)
        else:
            kept.put(1)

    def _get(self, way: int, number: int, limit: float | None) -> str:
        try:
            self.queues[number].get(timeout=limit)
        except queue.Empty:
            return "late"
        return "done"

    def _set(self, way: int, number: int) -> None:
        self.events[number].set()
        if not self.processes:
            self.loop.call_soon_threadsafe(self.task_events[number].set)

    def _wait(self, way: int, number: int, limit: float | None) -> str:
        return "done" if self.events[number].wait(limit) else "late"

    def _lock(self, way: int, number: int, limit: float | None) -> str:
        lock = self.locks[number]
        got = lock.acquire() if limit is None else lock.acquire(timeout=limit)
        self.held = got
        return "done" if got else "late"

    def _unlock(self, way: int, number: int) -> None:
        self.locks[number].release()

    # Steps of a task.

    async def step_in_task(self, kind: str, way: int, *rest: Any) -> str:
        """Do a step and say how it ended."""
        return await getattr(self, "_task_" + kind)(way, *rest) or "done"

    async def _in_thread(self, kind: str, way: int, *rest: Any) -> str:
        return await self.loop.run_in_executor(None, lambda: self.step(kind, way, *rest))

    async def _task_sleep(self, way: int, seconds: float) -> None:
        await waits.sleep_in_task(way, seconds, processes=self.children)

    async def _task_outside(self, way: int, milliseconds: int) -> None:
        await self._in_thread("outside", way, milliseconds)

    async def _task_ask(self, way: int, job: int, limit: float) -> str:
        return await waits.ask_in_task(self.mock, way, job, limit)

    async def _task_put(self, way: int, number: int) -> None:
        if isinstance(self.queues[number], asyncio.Queue):
            self.queues[number].put_nowait(1)
        else:
            self._put(way, number)

    async def _task_get(self, way: int, number: int, limit: float | None) -> str:
        if self.processes:
            return await self._in_thread("get", way, number, limit)
        return await self._limited(self.queues[number].get(), limit)

    async def _task_set(self, way: int, number: int) -> None:
        self.events[number].set()
        self.task_events[number].set()

    async def _task_wait(self, way: int, number: int, limit: float | None) -> str:
        if self.processes:
            return await self._in_thread("wait", way, number, limit)
        return await self._limited(self.task_events[number].wait(), limit)

    async def _task_lock(self, way: int, number: int, limit: float | None) -> str:
        return await self._limited(self.task_locks[number].acquire(), limit)

    async def _task_unlock(self, way: int, number: int) -> None:
        self.task_locks[number].release()

    async def _limited(self, waiting: Any, limit: float | None) -> str:
        try:
            await asyncio.wait_for(waiting, limit)
        except asyncio.TimeoutError:  # noqa: UP041 - older than 3.11
            return "late"
        return "done"


def _skipped(step: list[Any], ends: list[Any], steps: Steps) -> bool:
    """Tell whether a step gives back a lock that was not had."""
    if step[0] != "unlock":
        return False
    taken = max(at for at, other in enumerate(steps[: len(ends)]) if other[0] == "lock")
    return bool(ends[taken][0] == "late")


def _act(stage: _Stage, steps: Steps) -> list[Any]:
    ends: list[Any] = []
    for step in steps:
        kind, way, *rest = step
        how = "done" if _skipped(step, ends, steps) else stage.step(kind, int(way), *rest)
        ends.append((how, *stage.gone()))
    return ends


async def _act_in_task(stage: _Stage, steps: Steps) -> list[Any]:
    ends: list[Any] = []
    for step in steps:
        kind, way, *rest = step
        how = "done" if _skipped(step, ends, steps) else await stage.step_in_task(kind, int(way), *rest)
        ends.append((how, *stage.gone()))
    return ends


def _act_in_process(stage: _Stage, steps: Steps, told: Any) -> None:
    with told:
        told.send(_act(stage, steps))


def _act_one(program: dict[str, Any], mock: waits.Mock, port: int) -> list[Any]:
    stage = _Stage(program, mock, port)
    steps = [actor["steps"] for actor in program["actors"]]
    ends: list[Any] = [None] * len(steps)
    threads, processes = [], []
    for index, kind in enumerate(stage.kinds):
        if kind == "process":
            ours, theirs = _fork.Pipe(duplex=False)
            process = _fork.Process(target=_act_in_process, args=(stage, steps[index], theirs))
            process.start()
            theirs.close()
            processes.append((index, process, ours))

    def thread(index: int) -> None:
        ends[index] = _act(stage, steps[index])

    async def task(index: int) -> None:
        ends[index] = await _act_in_task(stage, steps[index])

    async def tasks() -> None:
        await asyncio.gather(*(task(index) for index, kind in enumerate(stage.kinds) if kind == "task"))

    def run_loop() -> None:
        asyncio.set_event_loop(stage.loop)
        stage.loop.run_until_complete(tasks())
        stage.loop.run_until_complete(stage.loop.shutdown_default_executor())

    if "task" in stage.kinds:
        threads.append(threading.Thread(target=run_loop))
    threads += [
        threading.Thread(target=thread, args=(index,))
        for index, kind in enumerate(stage.kinds)
        if kind == "thread"
    ]
    for one in threads:
        one.start()
    for index, process, ours in processes:
        ends[index] = ours.recv()
        process.join()
    for one in threads:
        one.join()
    stage.loop.close()
    return ends


def act_all(programs: list[dict[str, Any]], base: str, port: int) -> None:
    """Let the programs happen, and print what came of each."""
    mock = waits.Mock(base, programs[0]["lengths"])
    for program in programs:
        faulthandler.dump_traceback_later(HANGS, exit=True)
        ends = _act_one(program, mock, port)
        print(json.dumps({"seed": program["seed"], "ends": ends}), flush=True)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        act_all([json.loads(line) for line in file], sys.argv[2], int(sys.argv[3]))
