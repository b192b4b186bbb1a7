"""The download of a finished video, as a CDN gives it, or as its scenario lets it go wrong."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING

from ..media import media_response
from ..scenarios import Fault
from ..scenarios.fault import CONTENT
from .faults import play_faults
from .outcome import Outcome, Refusal
from .request_context import RequestContext, asked_scenario
from .response import MockResponse

if TYPE_CHECKING:
    from ..jobs.plan import Job
    from ..workspace import Workspace

__all__ = ["VIDEO", "video"]

VIDEO = b"video/mp4"
COMPOSED = ("content-type", "content-length")
"""Headers of a clip that every response gets from what it holds."""

_PATH = re.compile(r"/media/([A-Za-z0-9_-]+)/([A-Za-z0-9-]+\.mp4)")


async def video(space: Workspace, request: RequestContext, outcome: Outcome) -> MockResponse:
    """Answer a GET or HEAD of a video's URL; no key is needed, the URL is the secret."""
    outcome.kind = "video"
    match = _PATH.fullmatch(request.path)
    job = await _job(space, match[1]) if match else None
    if job is not None:
        plan = job.plan
        outcome.job_id, outcome.known_id = plan.id, True
        outcome.model, outcome.scenario = plan.model, plan.scenario.name
    if match is None or job is None or not _shows(job, match[2], request.at):
        raise Refusal(404, "Not Found: no job has this video.")
    faults = await _faults(space, request, job)
    changed = any(fault.kind in CONTENT for fault in faults)
    # Any other fault strikes the whole file: what it leaves of a part would say nothing.
    whole = any(fault.kind not in CONTENT for fault in faults)
    response = _clip(job.plan.clip, {} if whole else _asked(request), changed=changed)
    return play_faults(space, request, outcome, faults, response)


def _asked(request: RequestContext) -> dict[str, str]:
    """The request's headers as a content delivery network reads them; a HEAD has no parts."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers}
    if request.method == "HEAD":
        headers.pop("range", None)
    return headers


def _clip(name: str, asked: dict[str, str], *, changed: bool) -> MockResponse:
    answer = media_response(name, "GET", asked, changed=changed)
    content_type = answer.headers.get("content-type", "video/mp4").encode("latin-1")
    own = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
        if name not in COMPOSED
    ]
    return MockResponse(answer.status, answer.body, content_type, own, shared=False)


async def _job(space: Workspace, token: str) -> Job | None:
    try:
        return await space.store.find_job(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    except ValueError:
        return None


def _shows(job: Job, clip: str, now: float) -> bool:
    """Whether a job has this video by now: a URL that a client made up leads nowhere."""
    return job.plan.clip == clip and job.status(now) == "completed"


async def _faults(space: Workspace, request: RequestContext, job: Job) -> list[Fault]:
    """The faults of this download; a URL that outlived the server's `video_lifetime` is one too."""
    plan, now = job.plan, request.at
    if now > plan.expiry(job.counters, now, space.settings.video_lifetime):
        return [Fault("video", "expired")]
    scenario, asked = asked_scenario(space, request, plan, "video")
    if not scenario.faults:
        return []
    # A HEAD has nothing to break off: it shows what a GET would meet, and leaves it for that one.
    counts = request.method != "HEAD"
    found = await space.store.strike(plan.id, asked, scenario, "video", now - plan.made_at, count=counts)
    return [fault for fault in found if fault.kind != "redirect" or not request.redirected]
