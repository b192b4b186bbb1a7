"""Bugs that show only to who polls at the right moment: what a client makes of the answers of a pending job.

Each class is the reference client with one step done wrong, under the property that names it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from .broken.making import Replacing
from .broken.transport import Trusting
from .reference import DONE, Client
from .wire import GenerationFailed, KlingError, Reply, TransportError

__all__ = ["BUGS"]

Job = dict[str, Any]
Bug = TypeVar("Bug", bound=type[Client])

PENDING = ("queued", "generating", "waiting", "active")
BUGS: list[tuple[str, type[Client]]] = []
"""The property that names a bug, and the client that has it."""


def breaks(property: str) -> Callable[[Bug], Bug]:
    """Put a client into the list."""

    def add(client: Bug) -> Bug:
        BUGS.append((property, client))
        return client

    return add


class Fatal(KlingError):
    """What goes past the handlers of the reference."""


# B1


@breaks("B1")
class MakesAnotherWhenUnsure(Replacing):
    """Makes the job again at a status that it does not know."""

    lost = LookupError

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) not in (*PENDING, *DONE, "error"):
            raise LookupError("a status that nobody knows")
        return super().ended(job)


@breaks("B1")
class MakesAnotherWhenDenied(Replacing):
    """Makes the job again when a poll is answered 403."""

    lost = PermissionError

    def is_refusal(self, reply: Reply) -> bool:
        if reply.status == 403:
            raise PermissionError("the poll is denied")
        return super().is_refusal(reply)


# C1


@breaks("C1")
class ConfirmsCompletion(Client):
    """Believes a job that is done at the second look."""

    looks = 0

    def ended(self, job: Job) -> str | None:
        self.looks += self.status_of(job) in DONE
        return super().ended(job) if self.looks != 1 else None


@breaks("C1")
class ConfirmsFailure(Client):
    """Believes a job that failed at the second look."""

    looks = 0

    def ended(self, job: Job) -> str | None:
        self.looks += self.status_of(job) == "error"
        return super().ended(job) if self.looks != 1 else None


# C2 and C3


class Refuses(Client):
    """Takes one status of a pending job for a failure."""

    word = ""

    def poll(self, generation_id: str) -> str:
        self.polling = True
        return super().poll(generation_id)

    def ended(self, job: Job) -> str | None:
        if getattr(self, "polling", False) and self.status_of(job) == self.word:
            raise GenerationFailed(f"the job ended as {self.word}")
        return super().ended(job)


@breaks("C2")
class RefusesQueued(Refuses):
    """Takes a job that is still queued at the first poll for a failed one."""

    word = "queued"


@breaks("C2")
class RefusesGenerating(Refuses):
    """Takes a job that generates for a failed one."""

    word = "generating"


@breaks("C2")
class RefusesWaiting(Refuses):
    """Takes a job that waits for a failed one."""

    word = "waiting"


@breaks("C2")
class RefusesActive(Refuses):
    """Takes an active job for a failed one."""

    word = "active"


@breaks("C2")
class TakesActiveForDone(Client):
    """Takes an active job for a finished one, and returns its video that is not there."""

    def ended(self, job: Job) -> str | None:
        return str(self.video_of(job)) if self.status_of(job) == "active" else super().ended(job)


@breaks("C3")
class HasNoDefault(Client):
    """Chooses by status without a default."""

    def ended(self, job: Job) -> str | None:
        status = job.get("status")
        if status in PENDING:
            found = None
        elif status in ("error", *DONE):
            found = super().ended(job)
        return found


@breaks("C3")
class TakesFirstLetter(Client):
    """Looks at the first letter of a status, which an empty one does not have."""

    def status_of(self, job: Job) -> Any:
        status = job.get("status", "q")
        return status if status[0] else None


@breaks("C3")
class NoStatusIsDone(Client):
    """Takes an answer without a status for the end."""

    def ended(self, job: Job) -> str | None:
        return super().ended(job) if "status" in job else str(self.video_of(job))


@breaks("C3")
class ReturnsWhatItDoesNotKnow(Client):
    """Returns the answer whose status it does not know."""

    def ended(self, job: Job) -> str | None:
        known = job.get("status") in (*PENDING, *DONE, "error")
        return super().ended(job) if known else json.dumps(job)


# C7 and C8


@breaks("C7")
class HurriesWhileGenerating(Client):
    """Polls twice a second and more once the job generates."""

    hurry = 0.4

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in ("generating", "active"):
            self.poll_interval = self.hurry
        return super().ended(job)


@breaks("C8")
class TakesDatesForNothing(Client):
    """Polls on at its own pace where Retry-After is a date."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults, None if getattr(self, "dated", False) else asked)

    def state(self, reply: Reply) -> Job | None:
        self.dated = ":" in reply.headers.get("retry-after", "")
        return super().state(reply)


@breaks("C8")
class ObeysLimitsAlone(Client):
    """Waits where a 429 asks for it, and not where a 503 does."""

    unavailable = False

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults, None if self.unavailable else asked)

    def state(self, reply: Reply) -> Job | None:
        self.unavailable = reply.status == 503
        return super().state(reply)


# C9 and C10


class GivesUpAt(Client):
    """Gives a paid job up at one kind of answer."""

    def hopeless(self, reply: Reply) -> bool:
        raise NotImplementedError

    def state(self, reply: Reply) -> Job | None:
        if self.hopeless(reply):
            raise Fatal(f"the poll failed with {reply.status}")
        return super().state(reply)


@breaks("C9")
class GivesUpAtHtml(GivesUpAt):
    """Gives a paid job up at a page of a gateway."""

    def hopeless(self, reply: Reply) -> bool:
        return reply.headers.get("content-type", "").startswith("text/html")


@breaks("C9")
class GivesUpAtEmpty(GivesUpAt):
    """Gives a paid job up at an empty answer."""

    def hopeless(self, reply: Reply) -> bool:
        return reply.body == b""


@breaks("C9")
class GivesUpAt503(GivesUpAt):
    """Gives a paid job up at 503."""

    def hopeless(self, reply: Reply) -> bool:
        return reply.status == 503


@breaks("C9")
class GivesUpAt504(GivesUpAt):
    """Gives a paid job up at 504."""

    def hopeless(self, reply: Reply) -> bool:
        return reply.status == 504


@breaks("C9")
class GivesUpAtHalfAnAnswer(Client):
    """Gives a paid job up where an answer breaks off."""

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            if "IncompleteRead" in repr(error.__cause__):
                raise Fatal(str(error)) from error
            raise


class GoesOnAt(Client):
    """Takes one refusal for a passing trouble, for ever."""

    refusal = 0

    def is_refusal(self, reply: Reply) -> bool:
        return reply.status != self.refusal and super().is_refusal(reply)


@breaks("C10")
class GoesOnWithoutAKey(GoesOnAt):
    """Polls on although its key is refused."""

    refusal = 401


@breaks("C10")
class GoesOnWhenForbidden(GoesOnAt):
    """Polls on although it is forbidden."""

    refusal = 403


# C11 and C12


@breaks("C11")
class CutsAtHash(Client):
    """Takes what follows a hash in the id for no part of it."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(generation_id.partition("#")[0])


@breaks("C11")
class DecodesId(Client):
    """Decodes the id before it encodes it."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(unquote(generation_id))


@breaks("C12")
class CutsAtSlash(Client):
    """Takes what stands before the first slash for the id."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(generation_id.partition("/")[0])


@breaks("C12")
class StripsDashes(Client):
    """Strips dashes from the id."""

    def quoted(self, generation_id: str) -> str:
        return super().quoted(generation_id.strip("-_"))


# C13


class Remembers(Client):
    """Remembers whether the job has been seen generating, and minds when it is queued again."""

    generating = False

    def fell_back(self, job: Job) -> str | None:
        raise NotImplementedError

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in ("queued", "waiting") and self.generating:
            return self.fell_back(job)
        self.generating = self.generating or self.status_of(job) in ("generating", "active")
        return super().ended(job)


@breaks("C13")
class FallBackIsFailure(Remembers):
    """Takes a job that is queued again for a failed one."""

    def fell_back(self, job: Job) -> str | None:
        raise GenerationFailed("the job was put back")


@breaks("C13")
class FallBackIsCompletion(Remembers):
    """Takes a job that is not generating any more for a finished one."""

    def fell_back(self, job: Job) -> str | None:
        return str(self.video_of(job))


@breaks("C13")
class CountsSteps(Client):
    """Shows progress by counting changes of the status, and has numbers for three of them."""

    step, before = -1, ""

    def ended(self, job: Job) -> str | None:
        status = str(self.status_of(job))
        self.step += status != self.before
        self.before = status
        self.progress = (0, 50, 100)[self.step]
        return super().ended(job)


# D


@breaks("D1")
class ReadsMetaWhilePending(Client):
    """Reads the usage of pending jobs, whose meta is null or missing."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) == "generating":
            job.get("meta", {}).get("usage")
        return super().ended(job)


@breaks("D1")
class WantsErrorKey(Client):
    """Reads the error of completed jobs, which have none."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in DONE and "error" in job:
            job["error"]["message"]
        return super().ended(job)


@breaks("D2")
class ReturnsNoCharacters(Client):
    """Returns an empty text where a completed job has no URL."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in DONE and self.video_of(job) is None:
            return ""
        return super().ended(job)

    def poll(self, generation_id: str) -> str:
        found: str | None = None
        while found is None:
            self.sleep(self.poll_interval)
            reply = self.get(generation_id)
            found = self.ended(reply.json())
        return found


@breaks("D2")
class ReturnsItsId(Client):
    """Returns the id where a completed job has no URL."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in DONE:
            return self.video_of(job) or str(job["id"])
        return super().ended(job)


@breaks("D3")
class TakesErrorForText(Client):
    """Strips the text of an error, which is an object."""

    def error_text(self, error: Any) -> str:
        return str(error.strip())


@breaks("D3")
class ReadsDetailAlone(Client):
    """Reads the first detail of every error."""

    def error_text(self, error: Any) -> str:
        return str(error["detail"][0]["msg"])


@breaks("D4")
class KnowsKeysOfPendingJobs(Client):
    """Refuses pending answers that hold a key which nobody documented."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) == "generating" and set(job) - {"id", "status", "video", "error", "meta"}:
            raise GenerationFailed("an answer that nobody documented")
        return super().ended(job)


@breaks("D5")
class AddsUpAtTheEnd(Client):
    """Reads the credits of a job that is done."""

    def ended(self, job: Job) -> str | None:
        if self.status_of(job) in DONE:
            self.spent = job["meta"]["usage"]["credits_used"]
        return super().ended(job)

    def finish(self, job: Job) -> str:
        return self.poll(self.id_of(job))


class Changes(Client):
    """Returns another URL than it was given."""

    def changed(self, url: str) -> str:
        raise NotImplementedError

    def video_of(self, job: Job) -> str | None:
        url = super().video_of(job)
        return None if url is None else self.changed(url)


@breaks("D6")
class SortsParameters(Changes):
    """Sorts the parameters of the video's URL, and with them the signature."""

    def changed(self, url: str) -> str:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(query=urlencode(sorted(parse_qsl(parts.query)))))


@breaks("D6")
class AsksForADownload(Changes):
    """Adds a parameter to the video's URL."""

    def changed(self, url: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}download=1"


# E


@breaks("E1")
class WaitsLongAtTheSecondPoll(Trusting):
    """Has a timeout until it has polled once."""

    polls = 0

    def limit(self, method: str, timeout: float) -> float | None:
        self.polls += method == "GET"
        return timeout if self.polls < 2 else None


@breaks("E2")
class MeasuresPolls(Client):
    """Takes a poll without Content-Length for an empty one."""

    def state(self, reply: Reply) -> Job | None:
        return super().state(reply) if int(reply.headers.get("content-length", "0")) else None


@breaks("E4")
class ReadsTheFirstByte(Client):
    """Chooses by the first byte of an answer, which a byte order mark is not among."""

    def state(self, reply: Reply) -> Job | None:
        kinds = {"{": "an object", "<": "a page", "": "nothing"}
        kinds[reply.body[:1].decode("latin-1")]
        return super().state(reply)
