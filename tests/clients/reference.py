"""The reference client: correct, synchronous, on nothing but the standard library.

`generate` is what the contract kit is handed. `Client` has a method per step, so that a broken client is
this one with a single step done wrong.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

from .wire import (
    BadReply,
    GenerationFailed,
    GenerationTimeout,
    KlingError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Reply,
    TransportError,
    exchange,
)

__all__ = ["Client", "generate"]

ROUTE = "/video/generations"
DONE = ("completed", "succeeded")


class Client:
    """Makes one job and polls it to its end; every number is in seconds."""

    create_timeout = 60.0
    create_attempts = 5
    create_wait_limit = 300.0
    poll_timeout = 30.0
    poll_interval = 10.0
    poll_wait_limit = 300.0
    poll_budget = 1_000.0
    refusals_allowed = 2
    """How many 4xx in a row a poll may meet: a job just made may not be known everywhere yet."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key

    def generate(self, payload: dict[str, Any]) -> str:
        """Make the job and return its video's URL; raises `KlingError`."""
        return self.finish(self.create(payload))

    def finish(self, job: dict[str, Any]) -> str:
        """Take the create's answer as the end where it is one, and poll otherwise."""
        if self.status_of(job) in DONE and self.video_of(job) is None:
            return self.poll(self.id_of(job))
        return self.ended(job) or self.poll(self.id_of(job))

    @classmethod
    def run(
        cls, payload: dict[str, Any], *, base_url: str, api_key: str, generation_id: str | None = None
    ) -> str:
        """One job with a client of its own; with `generation_id` the job that exists."""
        client = cls(base_url, api_key)
        return client.generate(payload) if generation_id is None else client.poll(generation_id)

    # What is sent

    def body(self, payload: dict[str, Any]) -> bytes:
        """The payload exactly as it was given, as strict JSON."""
        try:
            return json.dumps(payload, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise KlingError(f"the payload cannot be sent as JSON: {error}") from error

    def create_url(self) -> str:
        return self.base_url + ROUTE

    def poll_url(self, generation_id: str) -> str:
        return f"{self.base_url}{ROUTE}?generation_id={self.quoted(generation_id)}"

    def quoted(self, generation_id: str) -> str:
        """Ids hold whatever they like: every reserved character is encoded."""
        return quote(generation_id, safe="")

    def headers(self, method: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json"}
        return headers | {"Content-Type": "application/json"} if method == "POST" else headers

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        return exchange(method, url, self.headers(method), body, timeout)

    # Making the job

    def create(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to the one create that was accepted.

        Only 429 is tried again: it says that nothing was made.
        """
        body = self.body(payload)
        for attempt in range(1, self.create_attempts + 1):
            reply = self.post(body)
            if reply.status != 429:
                break
            wait = reply.retry_after()
            wait = 10.0 * attempt if wait is None else wait
            if attempt == self.create_attempts or wait > self.create_wait_limit:
                break
            self.sleep(wait)
        self.check_created(reply)
        return self.created(reply)

    def post(self, body: bytes) -> Reply:
        try:
            return self.send("POST", self.create_url(), body, self.create_timeout)
        except TransportError as error:
            raise OutcomeUnknown(self.unknown(f"its reply was lost: {error}")) from error

    def check_created(self, reply: Reply) -> None:
        if reply.status in (200, 201):
            return
        said = self.hidden(reply.text())
        if reply.status >= 500:
            raise OutcomeUnknown(self.unknown(f"{reply.status}: {said}"))
        raise Refused(f"the create was refused with {reply.status}: {said}")

    def created(self, reply: Reply) -> dict[str, Any]:
        try:
            job = reply.json()
            self.id_of(job)
        except BadReply as error:
            raise OutcomeUnknown(self.unknown(str(error))) from error
        return job

    def unknown(self, why: str) -> str:
        return (
            f"the outcome of the create is unknown, {why}; a job may have been made and billed, "
            "so it was not sent again"
        )

    # Polling

    def poll(self, generation_id: str) -> str:
        """Poll a job until it ends or the budget is spent."""
        deadline = self.now() + self.poll_budget
        pause, refusals, faults = self.poll_interval, 0, 0
        while True:
            if self.now() + pause > deadline:
                self.give_up(generation_id)
            self.sleep(pause)
            try:
                reply = self.get(generation_id)
            except (TransportError, NotSent):
                faults += 1
                pause = self.backoff(faults, None)
                continue
            refusals = refusals + 1 if self.is_refusal(reply) else 0
            if refusals > self.refusals_allowed:
                said = self.hidden(reply.text())
                raise Refused(f"polls of {generation_id} are refused with {reply.status}: {said}")
            job = self.state(reply)
            if job is None:
                faults += 1
                pause = self.backoff(faults, reply.retry_after())
                continue
            pause, faults = self.poll_interval, 0
            video = self.ended(job)
            if video is not None:
                return video

    def get(self, generation_id: str) -> Reply:
        return self.send("GET", self.poll_url(generation_id), None, self.poll_timeout)

    def is_refusal(self, reply: Reply) -> bool:
        return 300 <= reply.status < 500 and reply.status not in (408, 425, 429)

    def state(self, reply: Reply) -> dict[str, Any] | None:
        """What a poll says of the job; None where the answer is a passing fault."""
        if reply.status != 200:
            return None
        try:
            return reply.json()
        except BadReply:
            return None

    def backoff(self, faults: int, asked: float | None) -> float:
        """Twice as long after each fault in a row, and never less than the server asks for."""
        own = min(self.poll_interval * (1, 2, 4, 8)[min(faults, 4) - 1], 60.0)
        return own if asked is None else max(own, min(asked, self.poll_wait_limit))

    def give_up(self, generation_id: str) -> None:
        raise GenerationTimeout(
            f"{generation_id} did not end within {self.poll_budget:g} s; it may still end, poll it later",
            generation_id,
        )

    # Reading

    def id_of(self, job: dict[str, Any]) -> str:
        """The id, a string that nothing is read into."""
        found = job.get("id")
        if not isinstance(found, str) or not found:
            raise BadReply(f"an answer without the id of a job: {self.hidden(str(job)[:200])}")
        return found

    def status_of(self, job: dict[str, Any]) -> Any:
        return job.get("status")

    def video_of(self, job: dict[str, Any]) -> str | None:
        video = job.get("video")
        if isinstance(video, list) and video:
            video = video[0]
        url = video.get("url") if isinstance(video, dict) else video
        return url if isinstance(url, str) and url else None

    def ended(self, job: dict[str, Any]) -> str | None:
        """The URL of a job that is done, None of one that goes on; unknown statuses go on."""
        status = self.status_of(job)
        if status in DONE:
            url = self.video_of(job)
            if url is None:
                raise GenerationFailed(f"{job.get('id')} is {status}, but there is no URL of a video")
            return url
        if status == "error":
            said = self.hidden(self.error_text(job.get("error")))
            raise GenerationFailed(f"{job.get('id')} ended with an error: {said}")
        return None

    def error_text(self, error: Any) -> str:
        """All the text of an error in any of its shapes."""
        if isinstance(error, dict):
            detail = error.get("detail")
            if isinstance(detail, list):
                return "; ".join(self.error_text(part) for part in detail)
            parts = [error.get("name") or error.get("type"), error.get("message") or error.get("msg")]
            said = ": ".join(str(part) for part in parts if part)
            return said or json.dumps(error)
        return str(error) if error else "no reason given"

    # The world

    def hidden(self, text: str) -> str:
        """Text for an error, without the key, should the server echo it."""
        return text.replace(self.api_key, "…") if self.api_key else text

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


generate = Client.run
