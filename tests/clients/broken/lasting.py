"""Clients that do well with one plain job, and badly with what lasts, repeats or hangs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import threading
import time
import urllib.request
from pathlib import Path
from tempfile import gettempdir
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ..reference import Client
from ..wire import BadReply, GenerationFailed, KlingError, Refused, Reply, TransportError
from ..zoo import breaks

__all__: list[str] = []

Payload = dict[str, Any]


@breaks("A13")
class TakesModelOut(Client):
    """Takes the model out of the caller's own dictionary."""

    def generate(self, payload: Payload) -> str:
        return super().generate({"model": payload.pop("model"), **payload})


@breaks("A11", "klingai/kling-video-v1.6-standard-effects")
class MendsTheScene(Client):
    """Has only one picture for a scene of two people, and asks for another scene in silence."""

    def generate(self, payload: Payload) -> str:
        if payload.get("effect_scene") == "hug" and isinstance(payload.get("image_url"), str):
            payload = {**payload, "effect_scene": "squish"}
        return super().generate(payload)


@breaks("B11")
class RemembersVideos(Client):
    """Keeps what it made by payload, and gives it out again."""

    videos: ClassVar[dict[str, str]] = {}

    def generate(self, payload: Payload) -> str:
        key = f"{self.api_key} {payload}"
        if key not in self.videos:
            self.videos[key] = super().generate(payload)
        return self.videos[key]


@breaks("B12")
class ReadsPagesAsJson(Client):
    """Reads the answer before it looks at its status, so that a gateway's page is an error of decoding."""

    def check_created(self, reply: Reply) -> None:
        if reply.status >= 400:
            raise Refused(json.loads(reply.body)["message"])


@breaks("B6")
class ReadsCreateSecondsOnly(Client):
    """Ends with a ValueError where the Retry-After of a create is a date."""

    def post(self, body: bytes) -> Reply:
        reply = super().post(body)
        float(reply.headers.get("retry-after", 0))
        return reply


@breaks("B6")
class WantsToBeToldHowLong(Client):
    """Ends with a KeyError where a 429 does not say how long to wait, as it is documented."""

    def post(self, body: bytes) -> Reply:
        reply = super().post(body)
        if reply.status == 429:
            _ = reply.headers["retry-after"]
        return reply


@breaks("B6")
class HurriesUnlessTold(Client):
    """Sends the create again at once where a 429 does not say how long to wait."""

    def post(self, body: bytes) -> Reply:
        reply = super().post(body)
        if reply.status == 429:
            return Reply(reply.status, {"retry-after": "0", **reply.headers}, reply.body)
        return reply


@breaks("C12")
class WantsPlainIds(Client):
    """Refuses an id with other characters than a nanoid has, once it is paid for."""

    def id_of(self, job: Payload) -> str:
        found = super().id_of(job)
        if not re.fullmatch(r"[\w-]+", found):
            raise BadReply("a job without an id")
        return found


@breaks("C17")
class CountsGoodPollsOnly(Client):
    """Counts the polls that were answered against its budget, and those that failed not."""

    poll_budget = 10**9
    polls = 0

    def state(self, reply: Reply) -> Payload | None:
        job = super().state(reply)
        self.polls += job is not None
        if self.polls > 60:
            raise KlingError("sixty polls, and no end")
        return job


@breaks("C18")
class GivesUpUnanswered(Client):
    """Ends with the timeout of a poll that was never answered."""

    def get(self, generation_id: str) -> Reply:
        try:
            return super().get(generation_id)
        except TransportError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise GenerationFailed("timed out") from error
            raise


@breaks("C19")
class DoublesForEver(Client):
    """Doubles its pause after every failed poll, without a cap."""

    poll_budget = 10**9
    polls = 0

    def backoff(self, faults: int, asked: float | None) -> float:
        return float(asked or self.poll_interval * 2**faults)

    def ended(self, job: Payload) -> str | None:
        self.polls += 1
        if self.polls > 100:
            raise KlingError("a hundred polls, and no end")
        return super().ended(job)


@breaks("C7")
class HammersAndGivesUp(Client):
    """Tries a failed poll fifteen times without a pause, and gives the job up."""

    def backoff(self, faults: int, asked: float | None) -> float:
        if faults > 15:
            raise KlingError("sixteen polls failed")
        return asked or 0.0

    def sleep(self, seconds: float) -> None:
        if seconds:
            super().sleep(seconds)


@breaks("C20", strict=True)
class TimeoutsAreRefusals(Client):
    """Takes 408 and 425 for refusals, as every 4xx but 429."""

    refusals_allowed = 0

    def is_refusal(self, reply: Reply) -> bool:
        return reply.status in (408, 425) or super().is_refusal(reply)


@breaks("C21")
class LeavesAThread(Client):
    """Leaves a thread behind that looks after the job for ten minutes."""

    def poll(self, generation_id: str) -> str:
        threading.Thread(target=self.watch, args=(generation_id,), daemon=True).start()
        return super().poll(generation_id)

    def watch(self, generation_id: str) -> None:
        try:
            for _ in range(20):
                self.sleep(30)
                self.get(generation_id)
        except KlingError:
            pass


@breaks("C21")
class NeverTellsItsTimer(Client):
    """Polls by a timer that nobody tells of the end of the job."""

    def ended(self, job: dict[str, Any]) -> str | None:
        url = super().ended(job)
        if url is not None:
            self.again(job)
        return url

    def again(self, job: dict[str, Any]) -> None:
        """Poll once more, later, and so on."""

        def look() -> None:
            with contextlib.suppress(KlingError):
                self.get(self.id_of(job))
                self.again(job)

        timer = threading.Timer(7.0, look)
        timer.daemon = True
        timer.start()


@breaks("C22")
class ReadsTheTimeOfDay(Client):
    """Measures its budget by the time of day."""

    def now(self) -> float:
        return time.time()


@breaks("D9")
class SpeaksAscii(Client):
    """Leaves out of an error what is not ASCII."""

    def error_text(self, error: Any) -> str:
        return super().error_text(error).encode("ascii", "replace").decode()


@breaks("D10", strict=True)
class KnowsManyNames(Client):
    """Reads the id of a job by the name that another service has for it."""

    def id_of(self, job: Payload) -> str:
        return str(job.get("generation_id") or super().id_of(job))


class Downloading(Client):
    """Downloads the video to a file, and returns its URL."""

    timeout: float | None = 60.0

    def poll(self, generation_id: str) -> str:
        url = super().poll(generation_id)
        self.save(url)
        return url

    def save(self, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=self.timeout) as answer:
                self.keep(answer)
        except (OSError, http.client.HTTPException) as error:
            raise GenerationFailed(f"the download failed: {error}") from error

    def keep(self, answer: Any) -> None:
        answer.read()


@breaks("D11")
class WaitsForTheVideo(Downloading):
    """Downloads without a timeout."""

    timeout = None


@breaks("D12", strict=True)
class FollowsNothing(Downloading):
    """Takes a redirect of the download for a failure."""

    def save(self, url: str) -> None:
        target = urlsplit(url)
        connection = http.client.HTTPConnection(target.netloc, timeout=60)
        connection.request("GET", target.path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise GenerationFailed(f"the download was answered {answer.status}")


@breaks("D6")
class ReturnsTheLastAddress(Downloading):
    """Returns the address that the download was redirected to, which is of no use tomorrow."""

    last = ""

    def poll(self, generation_id: str) -> str:
        super().poll(generation_id)
        return self.last

    def keep(self, answer: Any) -> None:
        answer.read()
        self.last = answer.geturl()


@breaks("D8")
class LeavesHalfAVideo(Downloading):
    """Writes the video where it belongs as it comes, and leaves the half of it."""

    def keep(self, answer: Any) -> None:
        with (Path(gettempdir()) / f"kling-mock-half-{os.getpid()}.mp4").open("wb") as file:
            while piece := answer.read1(10_000):
                file.write(piece)
        if answer.length:
            raise GenerationFailed("the download broke off")


@breaks("E5")
class DecodesPieces(Client):
    """Decodes an answer piece by piece, each for itself."""

    def get(self, generation_id: str) -> Reply:
        request = urllib.request.Request(self.poll_url(generation_id), headers=self.headers("GET"))
        try:
            with urllib.request.urlopen(request, timeout=self.poll_timeout) as answer:
                pieces = iter(lambda: answer.read1(65_536), b"")
                text = "".join(piece.decode() for piece in pieces)
                return Reply(answer.status, {}, text.encode())
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(str(error)) from error


@breaks("E6")
class KeepsConnections(Client):
    """Opens a connection for each poll, and closes none before the job is over."""

    def __init__(self, base_url: str, api_key: str) -> None:
        super().__init__(base_url, api_key)
        self.kept: list[http.client.HTTPConnection] = []

    def get(self, generation_id: str) -> Reply:
        target = urlsplit(self.poll_url(generation_id))
        connection = http.client.HTTPConnection(target.netloc, timeout=self.poll_timeout)
        self.kept.append(connection)
        try:
            connection.request("GET", f"{target.path}?{target.query}", headers=self.headers("GET"))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(str(error)) from error
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
