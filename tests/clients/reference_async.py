"""The reference client once more, asynchronous, on httpx."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx

__all__ = ["KlingError", "body_of", "generate", "made"]

ATTEMPTS = 5
LONGEST_WAIT = 300.0
INTERVAL = 10.0
BUDGET = 1_000.0
REFUSALS = 2
PASSING = (408, 425, 429)
DONE = ("completed", "succeeded")


class KlingError(Exception):
    """There is no video, or not yet; `generation_id` where it is known."""

    def __init__(self, message: str, generation_id: str | None = None) -> None:
        super().__init__(message)
        self.generation_id = generation_id


@cache
def _tls() -> ssl.SSLContext:
    # Reading the authorities takes longer than a whole job against a mock.
    return ssl.create_default_context()


async def generate(
    payload: dict[str, Any], *, base_url: str, api_key: str, generation_id: str | None = None
) -> str:
    """The URL of the video that a payload makes; with `generation_id` of the job that exists."""
    body = body_of(payload)
    headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
    route = base_url.rstrip("/") + "/video/generations"
    # A connection is never used again: a stale one would lose the reply of a create.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(headers=headers, verify=_tls(), limits=limits) as http:
        return await made(http, route, body, generation_id)


def body_of(payload: dict[str, Any]) -> bytes:
    """The payload exactly as it was given, as strict JSON."""
    try:
        return json.dumps(payload, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise KlingError(f"the payload cannot be sent as JSON: {error}") from error


async def made(http: httpx.AsyncClient, route: str, body: bytes, generation_id: str | None = None) -> str:
    """The video of a new job, or of the one that exists."""
    if generation_id is None:
        job = await _create(http, route, body)
        if job.get("status") not in DONE or _url(job):
            video = _ended(job)
            if video is not None:
                return video
        generation_id = job["id"]
    return await _poll(http, f"{route}?generation_id={quote(generation_id, safe='')}", generation_id)


async def _create(http: httpx.AsyncClient, route: str, body: bytes) -> dict[str, Any]:
    """Make one job; only 429, which says that none was made, is tried again."""
    for attempt in range(1, ATTEMPTS + 1):
        reply = await _post(http, route, body)
        wait = _retry_after(reply, default=10.0 * attempt)
        if reply.status_code != 429 or attempt == ATTEMPTS or wait > LONGEST_WAIT:
            break
        await asyncio.sleep(wait)
    if reply.status_code >= 500:
        raise _unknown(f"it was answered {reply.status_code}: {_said(reply)}")
    if reply.status_code not in (200, 201):
        raise KlingError(f"the create was refused with {reply.status_code}: {_said(reply)}")
    job = _object(reply)
    if job is None or not isinstance(job.get("id"), str) or not job["id"]:
        raise _unknown("the answer does not name a job")
    return job


async def _post(http: httpx.AsyncClient, route: str, body: bytes) -> httpx.Response:
    try:
        # The timeout of httpx is for each read: the outer one bounds an answer that drips.
        async with asyncio.timeout(240):
            return await http.post(
                route, content=body, headers={"Content-Type": "application/json"}, timeout=60.0
            )
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise KlingError(f"no connection, nothing was sent: {error}") from error
    except (httpx.HTTPError, TimeoutError) as error:
        raise _unknown(f"the reply was lost ({type(error).__name__}: {error})") from error


def _unknown(why: str) -> KlingError:
    return KlingError(f"the outcome of the create is unknown, {why}; a job may have been made and billed")


async def _poll(http: httpx.AsyncClient, url: str, generation_id: str) -> str:
    deadline = time.monotonic() + BUDGET
    pause, faults, refusals = INTERVAL, 0, 0
    while time.monotonic() + pause <= deadline:
        await asyncio.sleep(pause)
        reply = await _get(http, url)
        status = 0 if reply is None else reply.status_code
        refusals = refusals + 1 if 300 <= status < 500 and status not in PASSING else 0
        if reply is not None and refusals > REFUSALS:
            raise KlingError(f"polls of {generation_id} are refused, {status}: {_said(reply)}", generation_id)
        job = None if reply is None or status != 200 else _object(reply)
        if job is None:
            faults += 1
            own = min(INTERVAL * (1, 2, 4, 8)[min(faults, 4) - 1], 60.0)
            pause = own if reply is None else max(own, min(_retry_after(reply, default=0.0), LONGEST_WAIT))
            continue
        pause, faults = INTERVAL, 0
        video = _ended(job)
        if video is not None:
            return video
    raise KlingError(f"{generation_id} did not end within {BUDGET:g} s; poll it later", generation_id)


async def _get(http: httpx.AsyncClient, url: str) -> httpx.Response | None:
    try:
        async with asyncio.timeout(120):
            return await http.get(url, timeout=30.0)
    except (httpx.HTTPError, TimeoutError):
        return None


def _ended(job: dict[str, Any]) -> str | None:
    """The video's URL, None while the job goes on, whatever that is called."""
    status = job.get("status")
    if status in DONE:
        url = _url(job)
        if url is None:
            raise KlingError(f"{job.get('id')} is {status}, but there is no URL of a video", job.get("id"))
        return url
    if status == "error":
        error = job.get("error")
        said = json.dumps(error, ensure_ascii=False) if error else "no reason given"
        raise KlingError(f"{job.get('id')} ended with an error: {said}", job.get("id"))
    return None


def _url(job: dict[str, Any]) -> str | None:
    video = job.get("video")
    url = video.get("url") if isinstance(video, dict) else None
    return url if isinstance(url, str) and url else None


def _object(reply: httpx.Response) -> dict[str, Any] | None:
    try:
        value = json.loads(reply.content.decode("utf-8-sig"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _said(reply: httpx.Response) -> str:
    said = _object(reply)
    if said is None:
        text = reply.text[:200].strip() or "no text"
    else:
        text = f"{said.get('message')} (request {said.get('requestId')})"
    # Should the server echo the key, the error must not show it.
    return text.replace(reply.request.headers["Authorization"].removeprefix("Bearer ") or "\0", "…")


def _retry_after(reply: httpx.Response, *, default: float) -> float:
    value = reply.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return default
