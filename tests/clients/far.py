"""A small client that waits little, and takes every completed job for a video: the standard library only."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from typing import Any

__all__ = ["generate"]


def generate(payload: dict[str, Any], *, base_url: str, api_key: str) -> str:
    """The URL of the video."""
    url = f"{base_url.rstrip('/')}/video/generations"
    query = urllib.parse.urlencode({"generation_id": _asked(url, api_key, payload)["id"]})
    while (told := _asked(f"{url}?{query}", api_key))["status"] != "completed":
        if told["status"] == "error":
            raise RuntimeError(str(told["error"]))
        time.sleep(0.01)
    return str(told["video"]["url"])


def _asked(url: str, key: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)
