"""A suite that knows the mock by its environment alone: a job is made, and paid for once."""

import json
import os
import urllib.request


def call(url, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer)


def control(path, body=None):
    return call(f"{os.environ['KLING_MOCK_URL']}/_mock/{path}", os.environ["KLING_MOCK_CONTROL_TOKEN"], body)


def test_a_video_is_made_and_paid_once():
    control("reset", {})
    videos = f"{os.environ['KLING_BASE_URL']}/video/generations"
    key = os.environ["KLING_API_KEY"]
    job = call(videos, key, {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"})
    while job["status"] != "completed":
        job = call(f"{videos}?generation_id={job['id']}", key)
    assert job["video"]["url"].startswith(os.environ["KLING_MOCK_URL"])
    assert control("charges")["total"] == 1


if __name__ == "__main__":
    test_a_video_is_made_and_paid_once()
    print("passed")
