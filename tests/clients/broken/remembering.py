"""Clients that keep something from call to call: a key, a video, a job, the work of another one."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from typing import Any, ClassVar

from ..reference import Client
from ..zoo import breaks

__all__ = ["HoldsItsLock"]

Payload = dict[str, Any]


@breaks("A7")
class SharesItsHeaders(Client):
    """Keeps its headers in a dictionary of the class, with the key of whoever called first."""

    shared: ClassVar[dict[str, str]] = {}

    def headers(self, method: str) -> dict[str, str]:
        self.shared.setdefault("Authorization", f"Bearer {self.api_key}")
        return super().headers(method) | self.shared


@breaks("B11")
class GivesOutWhatItHas(Client):
    """Keeps every video that it made in a table, and makes none that is in it."""

    made: ClassVar[dict[str, str]] = {}

    def generate(self, payload: Payload) -> str:
        kind = repr(payload)
        if kind not in self.made:
            self.made[kind] = super().generate(payload)
        return self.made[kind]


@breaks("B10")
class ReturnsTheLatest(Client):
    """Writes down what was made, and returns what was written down last."""

    made: ClassVar[dict[str, str]] = {}

    def finish(self, job: Payload) -> str:
        self.made[self.id_of(job)] = ""
        self.made[self.id_of(job)] = super().finish(job)
        return [url for url in self.made.values() if url][-1]


@breaks("D10", strict=True)
class CompletesAtHundred(Client):
    """Takes a progress of 100 for the end, whatever the status says."""

    def ended(self, job: Payload) -> str | None:
        return str(self.video_of(job)) if job.get("progress") == 100 else super().ended(job)


class HoldsItsLock(Client):
    """Makes one video at a time, and lets nobody in any more after one that failed."""

    lock: ClassVar[threading.Lock] = threading.Lock()

    def generate(self, payload: Payload) -> str:
        self.lock.acquire()
        video = super().generate(payload)
        self.lock.release()
        return video


@breaks("B10")
class EndsWithTheFirstThatFails(Client):
    """Polls all jobs in one thread, which the first that fails takes with it: the others are lost."""

    asked: ClassVar[queue.SimpleQueue[tuple[Client, Payload, Future[str]]]] = queue.SimpleQueue()
    working: ClassVar[list[threading.Thread]] = []
    patience = 3_000.0

    def finish(self, job: Payload) -> str:
        if not any(thread.is_alive() for thread in self.working):
            self.working[:] = [threading.Thread(target=self.work, daemon=True)]
            self.working[0].start()
        video: Future[str] = Future()
        self.asked.put((self, job, video))
        return video.result(self.patience)

    @classmethod
    def work(cls) -> None:
        open_jobs: list[tuple[Client, Payload, Future[str]]] = []
        while True:
            time.sleep(5)
            while not cls.asked.empty():
                open_jobs.append(cls.asked.get())
            for one in list(open_jobs):
                client, job, video = one
                reply = client.get(client.id_of(job))
                try:
                    url = client.ended(client.state(reply) or {})
                except Exception as error:
                    video.set_exception(error)
                    return
                if url is not None:
                    video.set_result(url)
                    open_jobs.remove(one)
            if not open_jobs:
                return
