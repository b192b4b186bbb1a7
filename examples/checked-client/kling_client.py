"""Make a Kling video through AI/ML API: one job per call, polled to its end.

KLING_BASE_URL=https://api.aimlapi.com/v2 KLING_API_KEY=… python kling_client.py < payload.json
"""

from __future__ import annotations

import json
import os
import sys
import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests

__all__ = ["KlingError", "generate"]

CREATE_TIMEOUT = 60.0
CREATE_ATTEMPTS = 4
POLL_TIMEOUT = 30.0
INTERVAL = 10.0
LONGEST_PAUSE = 120.0
BUDGET = 1_000.0
DONE = ("completed", "succeeded")


class KlingError(Exception):
    """There is no video: the request was refused, the job failed, or it took too long."""


def generate(
    payload: dict[str, Any], *, base_url: str, api_key: str, generation_id: str | None = None
) -> str:
    """The URL of the video for `payload`; with `generation_id`, of the job that was made earlier."""
    route = base_url.rstrip("/") + "/video/generations"
    headers = {"Authorization": f"Bearer {api_key}"}
    if generation_id is None:
        job = _create(route, headers, payload)
        generation_id = job["id"]
        url = _result(job)
        if url is not None:
            return url
    return _poll(route, headers, generation_id)


def _create(route: str, headers: dict[str, str], payload: dict[str, Any]) -> dict[str, Any]:
    """Make one job. Only a 429 is tried again: after a lost reply, a second create could pay twice."""
    for attempt in range(1, CREATE_ATTEMPTS + 1):
        try:
            reply = requests.post(
                route, json=payload, headers=headers, timeout=CREATE_TIMEOUT, allow_redirects=False
            )
        except requests.ConnectTimeout as error:
            raise KlingError("no connection, nothing was sent") from error
        except requests.exceptions.InvalidJSONError as error:
            raise KlingError(f"the payload is no JSON: {error}") from error
        except requests.RequestException as error:
            raise KlingError("no reply: a job may have been made, look before you send it again") from error
        wait = _retry_after(reply)
        if reply.status_code != 429 or attempt == CREATE_ATTEMPTS or wait > LONGEST_PAUSE:
            break
        time.sleep(max(wait, INTERVAL))
    job = _object(reply)
    if reply.status_code >= 500:
        raise KlingError(f"{_said(reply)}: a job may have been made, look before you send it again")
    if reply.status_code not in (200, 201):
        raise KlingError(f"the request was refused: {_said(reply)}")
    if job is None or not isinstance(job.get("id"), str) or not job["id"]:
        raise KlingError(f"a job may have been made, but the answer does not name it: {_said(reply)}")
    return job


def _poll(route: str, headers: dict[str, str], generation_id: str) -> str:
    end, pause, refused = time.monotonic() + BUDGET, INTERVAL, 0
    while time.monotonic() + pause <= end:
        time.sleep(pause)
        pause = INTERVAL
        try:
            # requests encodes the id: it may hold any character.
            reply = requests.get(
                route,
                params={"generation_id": generation_id},
                headers=headers,
                timeout=POLL_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            continue
        if reply.status_code in (401, 403, 404):
            # One may pass; three in a row will not.
            refused += 1
            if refused == 3:
                raise KlingError(f"{generation_id} cannot be polled: {_said(reply)}")
            continue
        refused = 0
        job = _object(reply)
        if reply.status_code != 200 or job is None:
            pause = min(max(_retry_after(reply), INTERVAL), LONGEST_PAUSE)
            continue
        url = _result(job)
        if url is not None:
            return url
    raise KlingError(f"{generation_id} was not ready after {BUDGET:g} s; it may still end, ask again later")


def _result(job: dict[str, Any]) -> str | None:
    """The video's URL; None for a job that goes on, whatever its status is called."""
    status = job.get("status")
    if status == "error":
        raise KlingError(f"{job.get('id')} failed: {json.dumps(job.get('error'), ensure_ascii=False)}")
    if status not in DONE:
        return None
    video = job.get("video")
    url = video.get("url") if isinstance(video, dict) else None
    if not isinstance(url, str):
        raise KlingError(f"{job.get('id')} is {status}, but without the URL of a video")
    return url


def _object(reply: requests.Response) -> dict[str, Any] | None:
    try:
        value = json.loads(reply.content.decode("utf-8-sig"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _said(reply: requests.Response) -> str:
    """What an answer says for people: status, message, and the id that the provider's support asks for."""
    body = _object(reply)
    if body is None:
        return f"{reply.status_code}, {len(reply.content)} bytes that are no JSON"
    return f"{reply.status_code}, {body.get('message')} (request {body.get('requestId')})"


def _retry_after(reply: requests.Response) -> float:
    """Seconds to wait, from a number or a date; 0 where the server does not say."""
    value = reply.headers.get("Retry-After", "0")
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def main() -> int:
    """Make the video of the payload on stdin, and print its URL."""
    try:
        payload = json.load(sys.stdin)
        url = generate(payload, base_url=os.environ["KLING_BASE_URL"], api_key=os.environ["KLING_API_KEY"])
    except (KlingError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    print(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
