"""Clients that poll wrongly: too long, too short, too often, or for another id."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import quote

from ..reference import DONE, Client
from ..wire import GenerationFailed, KlingError, Reply, TransportError
from ..zoo import breaks

__all__: list[str] = []

Job = dict[str, Any]
PENDING = ("queued", "generating", "waiting", "active")


class Fatal(KlingError):
    """What goes past the handlers of the reference."""


@breaks("C1")
class WaitsForFailed(Client):
    """Tests for `failed`, never sees `error` as the end, and polls on."""

    def ended(self, job: Job) -> str | None:
        if job.get("status") == "failed":
            raise GenerationFailed("the job failed")
        return None if job.get("status") == "error" else super().ended(job)


@breaks("C1")
class MakesSure(Client):
    """Polls once more after `completed`, to be sure."""

    def poll(self, generation_id: str) -> str:
        url = super().poll(generation_id)
        self.get(generation_id)
        return url


@breaks("C2")
class KnowsTwoWords(Client):
    """Takes every status but `queued` and `generating` for a failure."""

    def ended(self, job: Job) -> str | None:
        if job.get("status") not in ("queued", "generating", "error", *DONE):
            raise GenerationFailed(f"the job ended as {job.get('status')}")
        return super().ended(job)


@breaks("C3")
class UnknownIsFinal(Client):
    """Takes a status that it does not know for the end, and returns what is there."""

    def ended(self, job: Job) -> str | None:
        if job.get("status") in ("queued", "generating", "waiting", "active", "error"):
            return super().ended(job)
        return str(self.video_of(job))


@breaks("C3")
class LooksStatusUp(Client):
    """Looks the status up in a table, and ends with a KeyError where it is not there."""

    table: ClassVar = {"queued": 0, "waiting": 0, "generating": 1, "active": 1, "completed": 2, "error": 2}

    def ended(self, job: Job) -> str | None:
        return super().ended(job) if self.table[job["status"]] == 2 else None


@breaks("C3")
class LowersStatus(Client):
    """Compares statuses in lower case, and ends with an AttributeError where there is none."""

    def status_of(self, job: Job) -> Any:
        return job.get("status").lower()  # type: ignore[union-attr]


@breaks("C4")
class PollsForEver(Client):
    """Has no budget: a job that never ends is polled for ever."""

    poll_budget = math.inf


@breaks("C5")
class ForgetsId(Client):
    """Gives up without saying which job it gave up on."""

    def give_up(self, generation_id: str) -> None:
        raise TimeoutError("the video did not complete in time")


@breaks("C7")
class PollsWithoutPause(Client):
    """Polls without a pause."""

    poll_interval = 0.0
    poll_budget = 20.0

    def sleep(self, seconds: float) -> None:
        if seconds:
            super().sleep(seconds)


@breaks("C7")
class PollsTenTimesASecond(Client):
    """Polls ten times a second."""

    poll_interval = 0.1


@breaks("C7")
class PollsTwiceAtOnce(Client):
    """Sends two polls at the same time and takes the first answer."""

    def get(self, generation_id: str) -> Reply:
        with ThreadPoolExecutor(2) as pool:
            first, second = (pool.submit(super(PollsTwiceAtOnce, self).get, generation_id) for _ in range(2))
            second.exception()
            return first.result()


@breaks("C7")
class HammersWhenDown(Client):
    """Makes no pause after a failed poll, and polls without one for as long as an outage lasts."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return asked or 0.0


@breaks("C8")
class IgnoresRetryAfter(Client):
    """Polls on at its own pace after a 429."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults, None)


@breaks("C8")
class ReadsSecondsOnly(Client):
    """Ends with a ValueError where Retry-After is a date."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults, asked)

    def state(self, reply: Reply) -> Job | None:
        if reply.status in (429, 503):
            float(reply.headers.get("retry-after", "0"))
        return super().state(reply)


@breaks("C9")
class GivesUpAt500(Client):
    """Gives a paid job up when one poll is answered with 5xx."""

    def state(self, reply: Reply) -> Job | None:
        if reply.status >= 500:
            raise GenerationFailed(f"the poll failed with {reply.status}")
        return super().state(reply)


@breaks("C9")
class GivesUpAt429(Client):
    """Gives a paid job up when one poll is answered 429."""

    def state(self, reply: Reply) -> Job | None:
        if reply.status == 429:
            raise GenerationFailed("rate limited")
        return super().state(reply)


@breaks("C9")
class GivesUpWithoutJson(Client):
    """Gives a paid job up when one answer is no JSON."""

    def state(self, reply: Reply) -> Job | None:
        return reply.json() if reply.status in (200, 502) else super().state(reply)


@breaks("C9")
class GivesUpAtReset(Client):
    """Gives a paid job up when one connection breaks."""

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            raise Fatal(str(error)) from error


@breaks("C9")
class GivesUpWhenSlow(Client):
    """Gives a paid job up when one poll takes longer than ten seconds."""

    poll_timeout = 10.0

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise Fatal(str(error)) from error
            raise


@breaks("C10")
class PollsOnWhenRefused(Client):
    """Polls on for as long as it is refused."""

    refusals_allowed = 1_000_000


@breaks("C10")
class WaitsForUnknownJobs(Client):
    """Takes 404 for a job that is not there yet, for ever."""

    def is_refusal(self, reply: Reply) -> bool:
        return reply.status != 404 and super().is_refusal(reply)


@breaks("C11")
class PlainIds(Client):
    """Puts the id into the address as it is."""

    def quoted(self, generation_id: str) -> str:
        return quote(generation_id, safe="+&=#%:/")


@breaks("C11")
class QuotesTwice(Client):
    """Encodes the id twice."""

    def quoted(self, generation_id: str) -> str:
        return quote(quote(generation_id, safe=""), safe="")


@breaks("C11")
class DropsOddCharacters(Client):
    """Drops characters beyond ASCII from the id."""

    def quoted(self, generation_id: str) -> str:
        return quote(generation_id.encode("ascii", "ignore"), safe="")


@breaks("C12")
class NumbersAreNumbers(Client):
    """Reads an id of digits as a number, as JavaScript would."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(f"{float(generation_id):.0f}" if generation_id.isdigit() else generation_id)


@breaks("C12")
class DropsZeros(Client):
    """Drops leading zeros of an id."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(generation_id.lstrip("0"))


@breaks("C12")
class CutsAtColon(Client):
    """Takes what stands before the colon for the id."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(generation_id.partition(":")[0])


@breaks("C13")
class InsistsOnOrder(Client):
    """Ends with an error when the job goes back to `queued`."""

    order = ("queued", "waiting", "generating", "active", "completed", "error")
    seen = 0

    def ended(self, job: Job) -> str | None:
        place = self.order.index(job["status"])
        if place + 1 < self.seen:
            raise ValueError("the status went backwards")
        self.seen = max(self.seen, place)
        return super().ended(job)


@breaks("C13")
class InsistsOnGenerating(Client):
    """Takes a job that completes without having been seen generating for a mistake."""

    generating = False

    def ended(self, job: Job) -> str | None:
        self.generating = self.generating or job.get("status") in ("generating", "active")
        if job.get("status") == "completed" and not self.generating:
            raise AssertionError("completed before generating")
        return super().ended(job)


@breaks("C14")
class LooksAtClockFirst(Client):
    """Looks at the clock between the last poll and its answer, and throws the video away."""

    def state(self, reply: Reply) -> Job | None:
        job = super().state(reply)
        if job is not None and self.now() - self.begun > self.poll_budget - 2 * self.poll_interval:
            self.give_up(self.id_of(job))
        return job

    def poll(self, generation_id: str) -> str:
        self.begun = self.now()
        return super().poll(generation_id)


@breaks("C16", strict=True)
class GivesUpOrdinaryJobs(Client):
    """Has a budget of two minutes, which few documented jobs keep to."""

    poll_budget = 120.0


@breaks("C4")
class WaitsForAChange(Client):
    """Gives up where the status has not changed for a quarter of an hour, which a job may avoid for ever."""

    last: Any = None
    since = 0.0

    def state(self, reply: Reply) -> Job | None:
        job = super().state(reply)
        if job is not None and job.get("status") != self.last:
            self.last, self.since = job.get("status"), self.now()
        return job

    def give_up(self, generation_id: str) -> None:
        if self.now() - self.since > 900.0:
            super().give_up(generation_id)


@breaks("C4")
class BudgetsWhatItKnows(Client):
    """Looks at its budget beside statuses that it knows, and goes on for ever at another one."""

    def ended(self, job: Job) -> str | None:
        while True:
            video = super().ended(job)
            if video is not None or job.get("status") in PENDING:
                return video
            self.sleep(self.poll_interval)
            job = self.state(self.get(self.id_of(job))) or job


@breaks("C7")
class HurriesAtTheUnknown(Client):
    """Looks again at once where it does not know the status."""

    def state(self, reply: Reply) -> Job | None:
        job = super().state(reply)
        for _ in range(100):
            if job is None or job.get("status") in (*PENDING, *DONE, "error"):
                break
            job = super().state(self.get(self.id_of(job)))
        return job
