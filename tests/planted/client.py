"""A small client in steps, and a command that makes one of the planted mistakes with it.

The standard library only: it runs in processes of its own too, which find the API by KLING_BASE_URL and the
control API by KLING_MOCK_URL.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

__all__ = ["ADVICE", "MISTAKES", "Api", "right"]

MODEL = "klingai/v2.5-turbo/pro/text-to-video"
FAILED = (urllib.error.URLError, OSError, http.client.HTTPException, ValueError)


class Api:
    """The API by its base URL; `control` arms scenarios where there is another way than by HTTP."""

    def __init__(
        self, base: str, mock: str, arm: Callable[[str], None] | None = None, pause: float = 1.0
    ) -> None:
        self.base, self.mock, self.pause = base.rstrip("/"), mock.rstrip("/"), pause
        self.arm = arm or self._arm

    def _arm(self, scenario: str) -> None:
        body = json.dumps({"scenario": scenario}).encode()
        request = urllib.request.Request(f"{self.mock}/_mock/scenario/next", body, method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def call(
        self,
        path: str,
        body: Any = None,
        *,
        key: str = "test-key",
        timeout: float = 60,
        root: str | None = None,
    ) -> Any:
        """The JSON of an answer, or its text; raises as urllib does."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": "application/json"} if data else {})
        request = urllib.request.Request((self.base if root is None else root) + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            error.close()  # whoever holds it holds its connection
            raise
        return json.loads(text) if text.startswith(b"{") else text

    def create(self, **more: Any) -> str:
        """The id of a new job."""
        timeout = more.pop("timeout", 60)
        made = self.call("/video/generations", {"model": MODEL, "prompt": "A fox", **more}, timeout=timeout)
        return str(made["id"])

    def poll(self, job: str) -> Any:
        """What a poll is told."""
        return self.call("/video/generations?" + urllib.parse.urlencode({"generation_id": job}))

    def finish(self, job: str) -> Any:
        """The last answer about a job that is polled to its end; passing trouble is waited out."""
        while True:
            time.sleep(self.pause)
            try:
                told = self.poll(job)
            except FAILED:
                time.sleep(6 * self.pause)
                continue
            if told["status"] in ("completed", "error"):
                return told


def right(api: Api) -> None:
    """Nothing is wrong here: a job from its create to its video."""
    told = api.finish(api.create())
    with urllib.request.urlopen(told["video"]["url"], timeout=60) as answer:
        answer.read()


def again(api: Api, **more: Any) -> None:
    """A create in a loop of three tries."""
    for _ in range(3):
        try:
            api.finish(api.create(**more))
            return
        except FAILED:
            time.sleep(api.pause)


def lost(api: Api) -> None:
    api.arm("create-lost-reply")
    again(api)


def gateway(api: Api) -> None:
    api.arm("gateway-timeout")
    again(api)


def truncated(api: Api) -> None:
    api.arm("create-truncated")
    again(api)


def unused(api: Api) -> None:
    api.finish(api.create())
    api.arm("failed")


def unreached(api: Api) -> None:
    api.arm("poll-server-error;after=5000")
    api.finish(api.create())


def undownloaded(api: Api) -> None:
    api.arm("video-expired")
    api.finish(api.create())


def unpolled(api: Api) -> None:
    api.create()


def after_the_end(api: Api) -> None:
    job = api.create()
    api.finish(job)
    api.poll(job)


def wrong_path(api: Api) -> None:
    job = api.create()
    api.finish(job)
    try:
        api.call("/video/generations/" + job)
    except urllib.error.HTTPError:
        pass


def refused(api: Api) -> None:
    api.arm("bad-request;times=2")
    again(api)


def impatient(api: Api) -> None:
    api.arm("rate-limited;times=1;retry_after=20")
    again(api)


def undefined(api: Api) -> None:
    api.arm("completed-without-url")
    api.finish(api.create())
    try:
        api.call("/undefined", root=api.base.removesuffix("/v2"))
    except urllib.error.HTTPError:
        pass


def of_an_error(api: Api) -> None:
    api.arm("failed")
    api.finish(api.create())
    try:
        api.call("/None", root=api.base.removesuffix("/v2"))
    except urllib.error.HTTPError:
        pass


def expired(api: Api) -> None:
    api.arm("video-expired")
    told = api.finish(api.create())
    try:
        urllib.request.urlopen(told["video"]["url"], timeout=60).close()
    except urllib.error.HTTPError:
        pass


def cut_id(api: Api) -> None:
    api.arm("id-awkward")
    job = api.create()
    try:
        api.call("/video/generations?generation_id=" + urllib.parse.quote(job.partition("+")[0]))
    except urllib.error.HTTPError:
        pass


def storm(api: Api) -> None:
    api.arm("stuck-generating")
    job = api.create()
    for _ in range(120):
        api.poll(job)


def given_up(api: Api) -> None:
    job = api.create()
    for _ in range(2):
        time.sleep(1.4 * api.pause)
        api.poll(job)


def undocumented(api: Api) -> None:
    api.finish(api.create(colour="blue"))


def key_in_the_url(api: Api) -> None:
    job = api.create()
    api.finish(job)
    try:
        api.call("/video/generations?generation_id=x&api_key=test-key")
    except urllib.error.HTTPError:
        pass


MISTAKES: dict[str, tuple[str, Callable[[Api], None]]] = {
    "a second create after a lost reply": ("B2", lost),
    "a second create after a gateway's 504": ("B2", gateway),
    "a second create after half an answer": ("B2", truncated),
    "a next that no create used": ("T1", unused),
    "a fault of polls that come too few": ("T2", unreached),
    "a fault of a download that nobody makes": ("T2", undownloaded),
    "a job that nobody polled": ("B13", unpolled),
    "a poll after the end": ("C1", after_the_end),
    "the id behind the path": ("A6", wrong_path),
    "a refused create sent again": ("B4", refused),
    "a create before Retry-After": ("B6", impatient),
    "a video at undefined": ("D2", undefined),
    "a video of a job that failed": ("D3", of_an_error),
    "an expired video that is given up": ("D13", expired),
    "an id that was cut": ("C11", cut_id),
    "many polls without a pause": ("C7", storm),
    "a job that is given up early": ("B13", given_up),
    "a field that nobody knows": ("A3", undocumented),
    "the key in the URL": ("A7", key_in_the_url),
}
"""Each planted mistake with the rule that it breaks."""
ADVICE = ("B13", "C7", "D13")
"""Those of them that are advice."""


def each(api: Api) -> None:
    """All of them, with a reset before each."""
    for _, mistake in MISTAKES.values():
        urllib.request.urlopen(f"{api.mock}/_mock/reset", b"", timeout=30).close()
        mistake(api)


if __name__ == "__main__":
    base = os.environ.get("KLING_BASE_URL", "https://api.aimlapi.com/v2")
    asked = Api(base, os.environ["KLING_MOCK_URL"], pause=float(os.environ.get("PAUSE", 1)))
    named = {"right": right, "each": each}
    (named.get(sys.argv[1]) or MISTAKES[sys.argv[1]][1])(asked)
