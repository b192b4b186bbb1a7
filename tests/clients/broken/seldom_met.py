"""Clients that go wrong by what is seldom in an answer, or about the machine that they run on."""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import html
import queue
import sqlite3
import ssl
import sys
import tempfile
import threading
import time
from email.utils import parsedate
from typing import Any, ClassVar

import pytest

from ..reference import Client
from ..wire import BadReply, OutcomeUnknown, Refused, Reply, exchange
from ..zoo import breaks

__all__: list[str] = []

Job = dict[str, Any]


@breaks("D3")
class FormatsTheReason(Client):
    """Makes the reason of a failed job a part of a format, which a percent sign in it breaks."""

    def error_text(self, error: Any) -> str:
        said = super().error_text(error)
        return ("the job has failed: " + said + ", after %d tries") % 1 if isinstance(error, dict) else said


@breaks("D3")
class KeepsTheReasonInSql(Client):
    """Puts the reason of a failed job into the text of a statement, which an apostrophe in it breaks."""

    def error_text(self, error: Any) -> str:
        said = super().error_text(error)
        with contextlib.closing(sqlite3.connect(":memory:")) as ledger:
            ledger.execute(f"SELECT '{said}'")
        return said


@breaks("B5")
class FormatsTheRefusal(Client):
    """Makes the API's message a part of a format, which braces in it break."""

    def check_created(self, reply: Reply) -> None:
        if 400 <= reply.status < 500:
            raise Refused(("{url} says: " + reply.text()).format(url=self.create_url()))
        super().check_created(reply)


@breaks("D4")
class ReadsOneBufferful(Client):
    """Reads no more of an answer than the 64 KB that its buffer holds."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        reply = super().send(method, url, body, timeout)
        return dataclasses.replace(reply, body=reply.body[:65_536])


@breaks("B8")
class AsksAgainForAnId(Client):
    """Sends the create once more where its answer had no id."""

    def created(self, reply: Reply) -> Job:
        try:
            return super().created(reply)
        except OutcomeUnknown:
            return super().created(self.post(self.sent))

    def body(self, payload: Job) -> bytes:
        self.sent = super().body(payload)
        return self.sent


@dataclasses.dataclass(frozen=True)
class LocalReply(Reply):
    """An answer whose dates are read as those of the local time."""

    def retry_after(self) -> float | None:
        value = self.headers.get("retry-after", "")
        date = parsedate(value)
        return super().retry_after() if date is None else max(0.0, time.mktime(date) - time.time())


@dataclasses.dataclass(frozen=True)
class PastReply(Reply):
    """An answer whose dates may ask for a wait of less than nothing."""

    def retry_after(self) -> float | None:
        value = self.headers.get("retry-after", "")
        date = parsedate(value)
        return super().retry_after() if date is None else calendar.timegm(date) - time.time()


@breaks("C8")
class LivesInUtc(Client):
    """Takes the date of a poll's Retry-After for one of the local time, which it is in UTC alone."""

    def get(self, generation_id: str) -> Reply:
        return LocalReply(**vars(super().get(generation_id)))


@breaks("B6")
class SleepsUntilThePast(Client):
    """Sleeps until the date of a create's Retry-After, also where its clock says that it is over."""

    def post(self, body: bytes) -> Reply:
        return PastReply(**vars(super().post(body)))


@breaks("E3", strict=True)
class FollowsAPollAnywhere(Client):
    """Follows a poll's redirect to any host, and hands over the key."""

    def get(self, generation_id: str) -> Reply:
        reply = super().get(generation_id)
        if reply.status in (307, 308):
            return exchange("GET", reply.headers["location"], self.headers("GET"), None, self.poll_timeout)
        return reply


@breaks("C5", strict=True)
class LosesARefusedJob(Client):
    """Says that polls are refused, and not of which job."""

    def is_refusal(self, reply: Reply) -> bool:
        if super().is_refusal(reply):
            raise Refused(f"refused with {reply.status}: {reply.text()}")
        return False


@breaks("C5", strict=True)
class LosesAJobInAnOutage(Client):
    """Says that the API is down, and not which job it has given up."""

    faults = 0

    def state(self, reply: Reply) -> Job | None:
        job = super().state(reply)
        self.faults = 0 if job is not None else self.faults + 1
        if self.faults > 3:
            raise BadReply(f"the API answers {reply.status} all the time")
        return job


@breaks("D7")
class WarnsWithItsHeaders(Client):
    """Warns of each poll that went wrong in passing, with the headers that it was sent with."""

    def backoff(self, faults: int, asked: float | None) -> float:
        print(f"poll {faults} went wrong: {self.headers('GET')}", file=sys.stderr)
        return super().backoff(faults, asked)


@breaks("E6")
class LeavesItsWorkers(Client):
    """Ends the thread that waits for work after a video that was made, and not where none was."""

    def generate(self, payload: Job) -> str:
        work: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=work.get, daemon=True).start()
        url = super().generate(payload)
        work.put(None)
        return url


@breaks("E6")
class LeavesItsLedgerOpen(Client):
    """Opens its ledger for each video, and keeps what it has opened."""

    ledgers: ClassVar[list[Any]] = []

    def generate(self, payload: Job) -> str:
        self.ledgers.append(tempfile.TemporaryFile())
        return super().generate(payload)


@breaks("D6")
class UnescapesTheUrl(Client):
    """Reads the URL as HTML, in which a parameter called `reg` is a sign of its own."""

    def video_of(self, job: Job) -> str | None:
        url = super().video_of(job)
        return None if url is None else html.unescape(url)


@breaks("E7")
class AsksForNoCertificate(Client):
    """Takes any certificate, as one does for an hour on a laptop."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
            return super().send(method, url, body, timeout)
