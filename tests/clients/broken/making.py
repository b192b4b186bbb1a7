"""Clients that make the job wrongly: twice, not at all, or without noticing what the create said."""

from __future__ import annotations

import json
import threading
from http.client import RemoteDisconnected
from typing import Any, ClassVar

from ..reference import Client
from ..wire import (
    BadReply,
    GenerationFailed,
    GenerationTimeout,
    KlingError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Reply,
    TransportError,
)
from ..zoo import breaks

__all__: list[str] = []

Payload = dict[str, Any]


@breaks("B1")
class StartsAgain(Client):
    """Starts from the beginning when a poll fails."""

    def finish(self, job: Payload) -> str:
        return self.ended(job) or self.poll(self.id_of(job))

    def generate(self, payload: Payload) -> str:
        for _ in range(2):
            try:
                return super().generate(payload)
            except BadReply:
                continue
        return super().generate(payload)

    def state(self, reply: Reply) -> Payload | None:
        if reply.status != 200:
            raise BadReply(f"the poll failed with {reply.status}")
        return reply.json()


@breaks("B1")
class ReplacesLostJobs(Client):
    """Makes another job when a poll cannot reach the first one."""

    def generate(self, payload: Payload) -> str:
        for _ in range(3):
            job = self.create(payload)
            try:
                return self.finish(job)
            except TransportError:
                continue
        raise GenerationFailed("three jobs were lost")

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            self.lost = error
            raise KlingTrouble(str(error)) from error

    def poll(self, generation_id: str) -> str:
        try:
            return super().poll(generation_id)
        except KlingTrouble as error:
            raise TransportError(str(error)) from error


class KlingTrouble(KlingError):
    """What goes past the handlers of the reference."""


class Replacing(Client):
    """Makes the job again, once, where an error of the class `lost` says that it is lost."""

    lost: type[Exception] = GenerationTimeout

    def generate(self, payload: Payload) -> str:
        try:
            return super().generate(payload)
        except self.lost:
            return super().generate(payload)


@breaks("B1")
class ReplacesSlowJobs(Replacing):
    """Makes the job again when its budget is used up, though the first one may still end."""

    poll_budget = 600.0


@breaks("B1")
class ReplacesForgottenJobs(Replacing):
    """Makes the job again when polls say that there is no such job."""

    lost = LookupError

    def is_refusal(self, reply: Reply) -> bool:
        if reply.status == 404:
            raise LookupError("the job is gone")
        return super().is_refusal(reply)


@breaks("B1")
class ReplacesUnansweredPolls(Replacing):
    """Has a retry around the whole of it that takes a poll's read timeout for a failed attempt."""

    lost = TimeoutError

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise TimeoutError("no answer in time") from error
            raise


@breaks("B1")
class ReplacesEmptyJobs(Replacing):
    """Makes the job again when it completed without a URL, and pays for that one too."""

    lost = LookupError

    def video_of(self, job: Payload) -> str | None:
        url = super().video_of(job)
        if url is None:
            raise LookupError("there is no video")
        return url


class Reposting(Client):
    """Sends the create up to three times for the errors and statuses that it lists."""

    statuses: tuple[int, ...] = ()
    resends: type[Exception] | tuple[()] = ()

    def post(self, body: bytes) -> Reply:
        for last in (False, False, True):
            try:
                reply = self.send("POST", self.create_url(), body, self.create_timeout)
            except TransportError as error:
                if last or not self.worth(error):
                    raise OutcomeUnknown(self.unknown(str(error))) from error
                continue
            if reply.status not in self.statuses or last:
                break
            self.sleep(1.0)
        return reply

    def worth(self, error: TransportError) -> bool:
        return False

    def unknown(self, why: str) -> str:
        return f"the create failed after three attempts: {why}"


@breaks("B2")
class RepostsAfterTimeout(Reposting):
    """Sends the create again when its reply does not come in time."""

    def worth(self, error: TransportError) -> bool:
        return isinstance(error.__cause__, TimeoutError)


@breaks("B2")
class RepostsAfterReset(Reposting):
    """Sends the create again when the connection is reset, as if nothing had been sent."""

    def worth(self, error: TransportError) -> bool:
        return isinstance(error.__cause__, ConnectionError)


@breaks("B2")
class RepostsWhenHungUp(Reposting):
    """Sends the create again when the server hangs up without an answer."""

    def worth(self, error: TransportError) -> bool:
        return isinstance(error.__cause__, RemoteDisconnected)


@breaks("B2")
class RepostsGatewayErrors(Reposting):
    """Has a retry policy for 502, 503 and 504 that covers POST too."""

    statuses = (502, 503, 504)


@breaks("B2")
class RepostsHalfReplies(Reposting):
    """Sends the create again when its reply breaks off."""

    def worth(self, error: TransportError) -> bool:
        return "IncompleteRead" in str(error)


@breaks("B4")
class RepostsRefusals(Reposting):
    """Tries a refused create three times."""

    statuses = (400, 401, 403, 404, 422)


@breaks("B4")
class PollsWhatWasRefused(Client):
    """Does not look at the create's status, and polls the id `None`."""

    def check_created(self, reply: Reply) -> None:
        pass

    def id_of(self, job: Payload) -> str:
        return str(job.get("id"))


@breaks("B4")
class CrashesWhenRefused(Client):
    """Reads the id of an error answer, and ends with a KeyError."""

    def check_created(self, reply: Reply) -> None:
        pass

    def id_of(self, job: Payload) -> str:
        return str(job["id"])


@breaks("B5")
class KeepsReasonsToItself(Client):
    """Raises the status without the API's message."""

    def check_created(self, reply: Reply) -> None:
        if reply.status >= 400:
            raise Refused(f"HTTP error {reply.status}")


@breaks("B5", strict=True)
class LosesRequestId(Client):
    """Raises the message without the request id, which the provider's support asks for."""

    def check_created(self, reply: Reply) -> None:
        if reply.status >= 400:
            raise Refused(str(json.loads(reply.body).get("message")))


@breaks("B6")
class HurriesAfter429(Client):
    """Sends the create again one second after a 429, whatever Retry-After says."""

    def create(self, payload: Payload) -> Payload:
        body = self.body(payload)
        for _ in range(5):
            reply = self.post(body)
            if reply.status != 429:
                break
            self.sleep(1.0)
        self.check_created(reply)
        return self.created(reply)


@breaks("B6")
class NeverStopsAt429(Client):
    """Sends the create again for as long as it is answered 429."""

    create_attempts = 1_000_000


@breaks("B7")
class Wants201(Client):
    """Takes nothing but 201 for a job that was made."""

    def check_created(self, reply: Reply) -> None:
        if reply.status != 201:
            raise Refused(f"expected 201, received {reply.status}")


@breaks("B7")
class Wants200(Client):
    """Takes nothing but 200 for a job that was made."""

    def check_created(self, reply: Reply) -> None:
        super().check_created(reply)
        if reply.status != 200:
            raise Refused(f"expected 200, received {reply.status}")


@breaks("B8")
class PollsNone(Client):
    """Polls the id `None` when the create's answer has none."""

    def id_of(self, job: Payload) -> str:
        return str(job.get("id"))


@breaks("B8")
class CrashesWithoutId(Client):
    """Takes the create's answer for granted, and ends with an unrelated error."""

    def created(self, reply: Reply) -> Payload:
        try:
            job = reply.json()
        except BadReply:
            job = {}
        return {"id": job["id"], "status": job.get("status")}


@breaks("B9")
class WantsQueued(Client):
    """Takes a create that does not say `queued` for an error."""

    def finish(self, job: Payload) -> str:
        if job.get("status") not in ("queued", "generating"):
            raise GenerationFailed(f"unexpected status {job.get('status')}")
        return super().finish(job)


@breaks("B9")
class PollsAtOnce(Client):
    """Never looks at the status in the create's answer, and polls a job that has failed."""

    def finish(self, job: Payload) -> str:
        return self.poll(self.id_of(job))


@breaks("B10")
class SharesItsState(Client):
    """Keeps the id of the running job in a variable of the class."""

    current = ""

    def created(self, reply: Reply) -> Payload:
        job = super().created(reply)
        SharesItsState.current = self.id_of(job)
        return job

    def get(self, generation_id: str) -> Reply:
        return super().get(SharesItsState.current)


@breaks("B3")
class NeverTriesAgain(Client):
    """Hides a refused connection behind an empty answer."""

    def generate(self, payload: Payload) -> str:
        try:
            return super().generate(payload)
        except NotSent:
            return ""


@breaks("B14")
class GoesOnWithWhatWasLeft(Client):
    """Writes down the job that it gave up, and goes on with that one whatever it is asked for next."""

    left: ClassVar[list[str]] = []

    def finish(self, job: Payload) -> str:
        try:
            return super().finish(job)
        except GenerationTimeout:
            self.left.append(self.id_of(job))
            raise

    def generate(self, payload: Payload) -> str:
        return self.poll(self.left.pop()) if self.left else super().generate(payload)


@breaks("B14")
class KeepsItsLock(Client):
    """Makes one video at a time, and lets the next one in only after a video that was made."""

    free: ClassVar[threading.Semaphore] = threading.Semaphore()

    def generate(self, payload: Payload) -> str:
        if not self.free.acquire(timeout=3_600.0):
            raise TimeoutError
        video = super().generate(payload)
        self.free.release()
        return video
