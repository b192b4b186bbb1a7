"""Clients that read the answers wrongly."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..reference import DONE, Client
from ..wire import GenerationFailed, KlingError, Refused, Reply, exchange
from ..zoo import breaks

__all__: list[str] = []

Job = dict[str, Any]


@breaks("D1")
class ReadsVideoEarly(Client):
    """Reads the video's URL before it looks at the status."""

    def ended(self, job: Job) -> str | None:
        if "video" in job:
            job["video"]["url"]
        return super().ended(job)


@breaks("D1")
class ReadsErrorEarly(Client):
    """Reads the error's message before it looks at the status."""

    def ended(self, job: Job) -> str | None:
        job.get("error", {}).get("message")
        return super().ended(job)


@breaks("D1")
class WantsVideoKey(Client):
    """Reads `video` from pending jobs too, which leave it out."""

    def ended(self, job: Job) -> str | None:
        return (
            super().ended(job | {"video": job["video"]}) if job["status"] != "error" else super().ended(job)
        )


@breaks("D2")
class ReturnsNothing(Client):
    """Returns None where a completed job has no URL."""

    def ended(self, job: Job) -> str | None:
        if job.get("status") == "completed":
            return self.video_of(job) or str(None)
        return super().ended(job)


@breaks("D2")
class WaitsForUrl(Client):
    """Polls a completed job on until it has a URL."""

    def ended(self, job: Job) -> str | None:
        return self.video_of(job) if job.get("status") in DONE else super().ended(job)


@breaks("D2")
class CrashesWithoutVideo(Client):
    """Takes the URL for granted, and ends with an unrelated error."""

    def video_of(self, job: Job) -> str | None:
        return str(job["video"]["url"]) if job.get("status") == "completed" else None


@breaks("D3")
class WantsMessage(Client):
    """Reads `message` of every error, and ends with a KeyError where it is not there."""

    def error_text(self, error: Any) -> str:
        return str(error["message"])


@breaks("D3")
class ReturnsFailure(Client):
    """Returns the answer of a failed job as if it were a result."""

    def ended(self, job: Job) -> str | None:
        return str(job) if job.get("status") == "error" else super().ended(job)


@breaks("D3")
class SaysFailed(Client):
    """Says that the generation failed, and not why."""

    def error_text(self, error: Any) -> str:
        return "generation failed"


@breaks("D3")
class ReadsObjectsOnly(Client):
    """Takes the reason from an object with a name and a message, and loses every other one."""

    def error_text(self, error: Any) -> str:
        known = error if isinstance(error, dict) else {}
        return f"{known.get('name', 'Error')}: {known.get('message', 'unknown')}"


@dataclass
class Known:
    """The keys that an answer has in the documentation."""

    id: str
    status: str
    video: Any = None
    error: Any = None
    meta: Any = None


@breaks("D4")
class KnowsEveryKey(Client):
    """Unpacks answers into a dataclass, and ends with a TypeError at a key that it does not know."""

    def ended(self, job: Job) -> str | None:
        return super().ended(vars(Known(**job)))


@breaks("D4")
class KnowsEveryKeyOfVideo(Client):
    """Refuses a video object that holds more than the documented keys."""

    def video_of(self, job: Job) -> str | None:
        video = job.get("video")
        if isinstance(video, dict) and set(video) - {"url", "content_type", "file_name", "file_size"}:
            raise GenerationFailed(f"unexpected keys: {sorted(video)}")
        return super().video_of(job)


@breaks("D5")
class AddsCreditsUp(Client):
    """Reads the credits of every job, and ends with a KeyError where they are called otherwise."""

    spent = 0.0

    def finish(self, job: Job) -> str:
        usage = (job.get("meta") or {}).get("usage") or {"credits_used": 0}
        self.spent += usage["credits_used"]
        return super().finish(job)


@breaks("D5")
class WantsUsage(Client):
    """Reads the usage of every create, and ends with a KeyError where there is none."""

    def finish(self, job: Job) -> str:
        self.usage = job["meta"]["usage"]
        return super().finish(job)


@breaks("D6")
class DecodesUrl(Client):
    """Decodes the video's URL, which breaks its signature."""

    def video_of(self, job: Job) -> str | None:
        url = super().video_of(job)
        return None if url is None else unquote(url)


@breaks("D6")
class CutsQuery(Client):
    """Cuts the query off the video's URL, and the signature with it."""

    def video_of(self, job: Job) -> str | None:
        url = super().video_of(job)
        return None if url is None else url.partition("?")[0]


@breaks("D6")
class LowersUrl(Client):
    """Returns the video's URL in lower case."""

    def video_of(self, job: Job) -> str | None:
        url = super().video_of(job)
        return None if url is None else url.lower()


@breaks("D7", strict=True)
class ShowsKeyToStorage(Client):
    """Looks at the video with the API's headers, whoever stores it."""

    def generate(self, payload: Job) -> str:
        url = super().generate(payload)
        exchange("HEAD", url, self.headers("GET"), None, 30.0)
        return url


@breaks("D7", strict=True)
class PrintsKey(Client):
    """Prints its headers when something fails."""

    def generate(self, payload: Job) -> str:
        try:
            return super().generate(payload)
        except KlingError:
            print("request failed", self.headers("POST"))
            raise


@breaks("D7")
class ShowsTheKeyOfRefusedPolls(Client):
    """Shows which key it was that polls were refused with."""

    def is_refusal(self, reply: Reply) -> bool:
        if reply.status in (401, 403):
            raise Refused(f"refused with {reply.status} for the key {self.api_key}: {reply.text()}")
        return super().is_refusal(reply)


@breaks("D12", strict=True)
class WantsALength(Client):
    """Shows how much of the video has come, by a length that need not be told."""

    def finish(self, job: Job) -> str:
        url = super().finish(job)
        with urllib.request.urlopen(url, timeout=60) as answer:
            whole = int(answer.headers["content-length"])
            print(f"{100 * len(answer.read()) // whole} %")
        return url
