"""The download of a finished video, as a CDN gives it, or as its scenario lets it go wrong."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ..errors import KlingMockError
from ..media import read_clip, serve_clip
from ..scenarios import Fault
from .faults import apply_fault, struck
from .request_context import asked_scenario, redirected
from .response import Answer, error_answer
from .response_writer import deliver

if TYPE_CHECKING:
    from ..jobs.store import Job
    from ..state import State
    from .request_context import Call

__all__ = ["video"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"/media/([A-Za-z0-9_-]+)/([A-Za-z0-9-]+\.mp4)")


async def video(state: State, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a GET or HEAD of a video's URL; no key is needed, the URL is the secret."""
    exchange = call.exchange
    exchange.kind = "video"
    match = _PATH.fullmatch(exchange.path)
    job = _job(state, match[1]) if match else None
    if job is not None:
        exchange.job_id, exchange.known_id = job.id, True
        exchange.model, exchange.scenario = job.variant.model, job.scenario.name
    if match is None or job is None or not _shows(job, match[2], state.clock.now()):
        await _refuse(state, call, 404, "Not Found: no job has this video.", scope, receive, send)
        return
    headers, body = read_clip(job.clip)
    try:
        faults = _faults(state, call, job)
    except KlingMockError as error:
        await _refuse(state, call, 400, str(error), scope, receive, send)
        return
    if not faults:
        await serve_clip(job.clip, scope, receive, _recorded(call, send))
        return
    own = {"content-type", "content-length", "access-control-allow-origin"}
    extra = [(name.encode(), value.encode()) for name, value in headers.items() if name.lower() not in own]
    answer = Answer(200, body, b"video/mp4", extra)
    exchange.fault = faults[0].kind
    for fault in faults:
        answer = apply_fault(state, exchange, fault, answer, call.other_origin(state))
    _note(call, answer)
    await deliver(state, exchange, answer, scope, receive, send)


async def _refuse(
    state: State, call: Call, status: int, text: str, scope: Scope, receive: Receive, send: Send
) -> None:
    answer = error_answer(state, call.exchange, status, text)
    _note(call, answer)
    await deliver(state, call.exchange, answer, scope, receive, send)


def _note(call: Call, answer: Answer) -> None:
    if answer.cut not in ("reset", "hang"):
        call.exchange.status = answer.status
    call.exchange.answer_size = len(answer.body)
    if answer.content_type != b"video/mp4":
        call.exchange.answer_body = answer.body


def _job(state: State, token: str) -> Job | None:
    try:
        return state.jobs.get(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    except ValueError:
        return None


def _shows(job: Job, clip: str, now: float) -> bool:
    """Whether a job has this video by now: a URL that a client made up leads nowhere."""
    return job.clip == clip and job.status(now) == "completed"


def _faults(state: State, call: Call, job: Job) -> list[Fault]:
    """The faults of this download; a URL that outlived the server's `video_lifetime` is one too."""
    now = state.clock.now()
    if now > job.expiry(now, state.settings.video_lifetime):
        return [Fault("video", "expired")]
    scenario, hits = asked_scenario(state, call, job, "video")
    if not scenario.faults:
        return []
    met = job.hits_of(hits)
    # A HEAD has nothing to break off: it shows what a GET would meet, and leaves it for that one.
    found = struck(scenario, "video", dict(met) if call.exchange.method == "HEAD" else met, now - job.made_at)
    return [fault for fault in found if fault.kind != "redirect" or not redirected(call)]


def _recorded(call: Call, send: Send) -> Send:
    async def recording(message: MutableMapping[str, Any]) -> None:
        exchange = call.exchange
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            exchange.answer_headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            exchange.answer_size += len(message.get("body", b""))
        await send(message)

    return recording
