"""`serve --workers N`: several processes on one socket and one store, kept by uvicorn's own supervisor."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.supervisors import multiprocess

from ..errors import ServerError, SettingsError
from ..serving.asgi_server import new_event_loop
from ..settings import Settings
from ..store.address import MEMORY
from ..store.opening import open_backend
from ..timing import SERVER_STARTS
from .health import problem_of
from .listening import serve_until_signal, warn_of

__all__ = ["check_workers", "serve_by_workers"]


def check_workers(workers: int, settings: Settings) -> None:
    """Refuse several workers whose jobs would be in the memory of one of them."""
    if workers > 1 and settings.store == MEMORY:
        raise SettingsError(
            f"expected 1 with a store in memory, received {workers}: each worker would have its own jobs, "
            "and polls would miss theirs. --store sqlite:FILE or redis://HOST:PORT/DB is one for all.",
            option="--workers",
        )


class WorkerConfig(uvicorn.Config):
    """What uvicorn hands to each worker: the settings of the mock beside its own."""

    def __init__(self, settings: Settings, workers: int) -> None:
        super().__init__("kling_mock:create_app", workers=workers, log_config=None)
        self.mock_settings = settings


class Worker(multiprocess.Process):
    """One worker: uvicorn's process, in which the mock listens."""

    config: WorkerConfig

    def target(self, sockets: list[socket.socket] | None = None) -> Any:
        """Serve until a signal, or until nobody is left to whom this worker belongs."""
        threading.Thread(target=self._answer_pings, daemon=True).start()
        (listening,) = sockets or []
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(
                serve_until_signal(self.config.mock_settings, listening, alone=False, begun=_follow_parent)
            )

    def _answer_pings(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                self.child_conn.recv()
                # uvicorn before 0.54 takes any answer.
                self.child_conn.send(True)


def _follow_parent(stop: Callable[[], None]) -> None:
    """End with the process that has started this one, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, stop)


def serve_by_workers(
    settings: Settings, listening: socket.socket, url: str, workers: int, ready: Callable[[], None]
) -> None:
    """Serve by so many workers until a signal; a dead one is replaced."""
    backend = open_backend(settings.store)
    if backend is not None:
        # It is there, and is one of this version.
        warn_of(backend)
        backend.close()
    multiprocess.Process = Worker  # type: ignore[misc]
    config = WorkerConfig(settings, workers)
    kept: Any = multiprocess.Multiprocess
    told = {"target": None} if "target" in kept.__init__.__code__.co_varnames else {}
    supervisor = kept(config, sockets=[listening], **told)
    begin = supervisor.init_processes

    def init_processes() -> None:
        begin()
        problem = problem_of(url, SERVER_STARTS)
        if problem is not None:
            supervisor.should_exit.set()
            raise ServerError(f"The workers do not answer: {problem}.")
        ready()

    supervisor.init_processes = init_processes
    try:
        supervisor.run()
    except ServerError:
        supervisor.terminate_all()
        supervisor.join_all()
        raise
