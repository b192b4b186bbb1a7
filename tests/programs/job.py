"""One job from the create to the download; each client brings its own way to send a request."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

URL = "https://api.aimlapi.com/v2/video/generations"
HEADERS = {"Authorization": "Bearer test-key", "Content-Type": "application/json"}
BODY = json.dumps(
    {
        "model": "kling-video/v1/standard/image-to-video",
        "prompt": "Mona Lisa puts on glasses with her hands.",
        "image_url": "https://example.com/mona-lisa.jpeg",
    }
).encode()
PENDING = ("queued", "generating")

Send = Callable[[str, str, dict[str, str], bytes | None], bytes]
AsyncSend = Callable[[str, str, dict[str, str], bytes | None], Awaitable[bytes]]


def _show(start: tuple[float, float], statuses: list[str], video: bytes, url: str) -> None:
    elapsed = time.time() - start[0]
    drift = abs(time.monotonic() - start[1] - elapsed)
    print(
        json.dumps(
            {"statuses": statuses, "bytes": len(video), "elapsed": elapsed, "drift": drift, "url": url}
        )
    )


def run_job(send: Send) -> None:
    """Create, poll every 15 s, download."""
    start, statuses = (time.time(), time.monotonic()), []
    job = json.loads(send("POST", URL, HEADERS, BODY))
    while True:
        answer = json.loads(send("GET", f"{URL}?generation_id={quote(job['id'], safe='')}", HEADERS, None))
        statuses.append(answer["status"])
        if answer["status"] not in PENDING:
            break
        time.sleep(15)
    url = answer["video"]["url"]
    _show(start, statuses, send("GET", url, {}, None), url)


async def run_job_async(send: AsyncSend) -> None:
    """The same for asyncio."""
    start, statuses = (time.time(), time.monotonic()), []
    job = json.loads(await send("POST", URL, HEADERS, BODY))
    while True:
        answer = json.loads(
            await send("GET", f"{URL}?generation_id={quote(job['id'], safe='')}", HEADERS, None)
        )
        statuses.append(answer["status"])
        if answer["status"] not in PENDING:
            break
        await asyncio.sleep(15)
    url = answer["video"]["url"]
    _show(start, statuses, await send("GET", url, {}, None), url)
