"""The requests of the measurements: a usual create, the largest legal one, a poll."""

from __future__ import annotations

import json
import math
import urllib.request

from benchmarks.load import NUMBER, PATH, Request

__all__ = ["ANOTHER", "LARGEST", "USUAL", "completed_poll", "create_once"]

MASKS, POINTS = 6, 77
MASKED_MODEL = "kling-video/v1/standard/image-to-video"

USUAL = Request(
    "POST",
    body=json.dumps(
        {
            "model": "klingai/v2.5-turbo/pro/text-to-video",
            "prompt": "A lighthouse at dawn, gulls circling, slow aerial shot towards the rocks.",
            "duration": 5,
            "aspect_ratio": "16:9",
            "cfg_scale": 0.5,
        }
    ).encode(),
)
"""What a client of a text-to-video model typically sends."""
ANOTHER = Request(
    "POST", body=USUAL.body.replace(b"A lighthouse", b"Lighthouse %b" % NUMBER.encode()), numbered=True
)
"""The same with a prompt that no other create has."""


def _largest() -> bytes:
    trajectory = [
        {"x": round(640 + 300 * math.cos(step / 12)), "y": round(360 + 200 * math.sin(step / 9))}
        for step in range(POINTS)
    ]
    image = "https://media.example.com/kling/mask.png"
    body = {
        "model": MASKED_MODEL,
        "prompt": "The paper boats drift down the stream.",
        "image_url": "https://media.example.com/kling/first-frame.png",
        "static_mask": image,
        "dynamic_masks": [{"mask": image, "trajectories": trajectory} for _ in range(MASKS)],
    }
    return json.dumps(body).encode()


LARGEST = Request("POST", body=_largest())
"""As many masks, and as many points in each, as the contract allows."""


def create_once(url: str, request: Request = USUAL) -> str:
    """Make a job and return its id."""
    head = {"Authorization": "Bearer benchmark-key", "Content-Type": "application/json"}
    asked = urllib.request.Request(url + PATH, data=request.body, headers=head, method="POST")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        made: str = json.load(answer)["id"]
    return made


def completed_poll(url: str) -> Request:
    """A poll of a job that was just made; on a server that finishes jobs at once it answers `completed`."""
    return Request("GET", f"{PATH}?generation_id={create_once(url)}")
