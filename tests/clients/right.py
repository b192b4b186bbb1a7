"""Right clients of many designs and habits: whatever the kit holds against one of them is its own mistake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import gettempdir
from typing import Any, ClassVar, TypedDict

import aiohttp
import httpx
import requests

from . import reference_async
from .reference import Client
from .resuming import BeginsAnew, ComparesTags, Resuming
from .wire import (
    BadReply,
    GenerationFailed,
    GenerationTimeout,
    KlingError,
    OutcomeUnknown,
    Reply,
    TransportError,
)

__all__ = [
    "asks_for_a_new_url",
    "backs_off",
    "begins_anew",
    "breaks_the_circuit",
    "by_aiohttp",
    "by_curl",
    "by_name",
    "by_requests",
    "compares_tags",
    "hands_over",
    "in_threads",
    "keeps_a_ledger",
    "looks_first",
    "on_trio",
    "resumes",
    "says_defaults",
    "shares_its_connections",
    "takes_some_fields",
    "typed",
    "uses_the_older_path",
    "wants_https",
]

Payload = dict[str, Any]


class NotSupported(Exception):
    """What this client has no way to say."""


class ByRequests(Client):
    """On requests, with one session for all that it sends; the text of its errors is the library's."""

    def __init__(self, base_url: str, api_key: str) -> None:
        super().__init__(base_url, api_key)
        self.session = requests.Session()

    def generate(self, payload: Payload) -> str:
        with self.session:
            return super().generate(payload)

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        try:
            answer = self.session.request(
                method, url, data=body, headers=self.headers(method), timeout=timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise TransportError(str(error)) from error
        return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)


class OnTrio(Client):
    """httpx under trio, each exchange in a run of its own."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        import trio

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(timeout=timeout) as http:
                return await http.request(method, url, content=body, headers=self.headers(method))

        try:
            answer = trio.run(ask)
        except httpx.HTTPError as error:
            raise TransportError(str(error)) from error
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    def sleep(self, seconds: float) -> None:
        import trio

        trio.run(trio.sleep, seconds)


class ByAiohttp(Client):
    """aiohttp, each exchange in a loop of its own."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        async def ask() -> Reply:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
                session.request(
                    method, url, data=body, headers=self.headers(method), allow_redirects=False
                ) as answer,
            ):
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, headers, await answer.read())

        try:
            return asyncio.run(ask())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransportError(str(error) or type(error).__name__) from error

    def sleep(self, seconds: float) -> None:
        asyncio.run(asyncio.sleep(seconds))


class InThreads(Client):
    """Makes the job in a thread and polls in another, while the caller waits for both."""

    def generate(self, payload: Payload) -> str:
        with ThreadPoolExecutor(2) as pool:
            job = pool.submit(self.create, payload).result()
            done = threading.Event()
            video = pool.submit(self.finish, job)
            video.add_done_callback(lambda _: done.set())
            done.wait()
            return video.result()


class BacksOff(Client):
    """Polls after 1, 2, 4 seconds and so on, up to 30, each a little more or less."""

    def poll(self, generation_id: str) -> str:
        self.poll_interval = 1.0
        return super().poll(generation_id)

    def sleep(self, seconds: float) -> None:
        chance = random.Random(self.poll_interval)
        super().sleep(seconds * chance.uniform(1.0, 1.1))
        self.poll_interval = min(self.poll_interval * 2, 30.0)


class BreaksTheCircuit(Client):
    """Starts no job for a minute after three in a row whose end it does not know, and says so."""

    failures: ClassVar[int] = 0
    closed_until: ClassVar[float] = 0.0

    def generate(self, payload: Payload) -> str:
        if self.now() < BreaksTheCircuit.closed_until:
            raise KlingError("the API failed three times in a row; try again in a minute")
        try:
            video = super().generate(payload)
        except (OutcomeUnknown, GenerationTimeout):
            BreaksTheCircuit.failures += 1
            if BreaksTheCircuit.failures >= 3:
                BreaksTheCircuit.closed_until = self.now() + 60.0
            raise
        BreaksTheCircuit.failures = 0
        return video


class KeepsALedger(Client):
    """Writes the id of a job down before it polls, and strikes it out once the job has ended."""

    @property
    def ledger(self) -> Path:
        return Path(gettempdir()) / f"kling-ledger-{os.getpid()}-{threading.get_ident()}.json"

    def poll(self, generation_id: str) -> str:
        self.ledger.write_text(json.dumps({"polling": generation_id}))
        try:
            return super().poll(generation_id)
        finally:
            self.ledger.unlink(missing_ok=True)


class OlderPath(Client):
    """Asks on the path of Kling's own, which wants to be told what is made."""

    path = "/generate/video/kling/generation"

    def create_url(self) -> str:
        return self.base_url + self.path

    def poll_url(self, generation_id: str) -> str:
        return f"{self.base_url}{self.path}?generation_id={self.quoted(generation_id)}"


class AsksForANewUrl(Client):
    """Downloads the video beside its place, moves it there when whole, and asks again where it is not."""

    def finish(self, job: Payload) -> str:
        url = super().finish(job)
        for attempt in range(3):
            try:
                self.download(url)
                return url
            except (OSError, ValueError) as error:
                if attempt == 2:
                    raise GenerationFailed(f"{self.id_of(job)}: the download failed: {error}") from error
            self.sleep(5)
            url = self.poll(self.id_of(job))
        return url

    def download(self, url: str) -> None:
        place = Path(gettempdir()) / f"kling-video-{os.getpid()}-{threading.get_ident()}"
        part = place.with_suffix(".part")
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, part.open("wb") as file:
                size = answer.headers["content-length"]
                came = file.write(answer.read())
                if size is not None and came != int(size):
                    raise ValueError("half of it came")
            part.replace(place.with_suffix(".mp4"))
        except Exception:
            part.unlink(missing_ok=True)
            raise
        finally:
            place.with_suffix(".mp4").unlink(missing_ok=True)


class LooksFirst(Client):
    """Looks with a HEAD whether the video is there, which it leaves to others to fetch."""

    def finish(self, job: Payload) -> str:
        url = super().finish(job)
        with (
            contextlib.suppress(urllib.error.URLError),
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60),
        ):
            pass
        return url


class WantsHttps(Client):
    """Takes a video by https alone."""

    def finish(self, job: Payload) -> str:
        url = super().finish(job)
        if not url.startswith("https://"):
            raise GenerationFailed(f"expected a video served by https, received {url}")
        return url


class SaysDefaults(Client):
    """Says the API's defaults, refuses control characters, and has a TypeError for odd replies."""

    defaults: ClassVar = {"aspect_ratio": "16:9", "duration": 5, "generate_audio": True}

    def generate(self, payload: Payload) -> str:
        prompt = payload.get("prompt")
        if isinstance(prompt, str) and any(ord(sign) < 32 and sign not in "\t\n\r" for sign in prompt):
            raise ValueError("the prompt has control characters")
        return super().generate({**self.defaults, **payload})

    def created(self, reply: Reply) -> Payload:
        try:
            return super().created(reply)
        except (BadReply, OutcomeUnknown) as error:
            raise TypeError(f"unexpected reply to the create, it names no job: {error}") from error


class ByCurl(Client):
    """Lets curl speak to the API; the key is in a file of its own for it."""

    def send(self, method: str, url: str, body: bytes | None, timeout: float) -> Reply:
        lines = [f'header = "{name}: {value}"' for name, value in self.headers(method).items()]
        words = ["curl", "-sS", "-i", "-m", str(timeout), "-X", method, "-K", "-", url]
        place = Path(gettempdir()) / f"kling-body-{os.getpid()}-{threading.get_ident()}"
        if body is not None:
            place.write_bytes(body)
            words += ["--data-binary", f"@{place}", "-H", "Expect:"]
        try:
            done = subprocess.run(words, input="\n".join(lines).encode(), capture_output=True, check=True)
        except subprocess.CalledProcessError as error:
            raise TransportError(error.stderr.decode("utf-8", "replace")) from error
        finally:
            place.unlink(missing_ok=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in rest)
        return Reply(int(first.split()[1]), {k.lower(): v.strip() for k, _, v in pairs}, content)


class Fields(TypedDict, total=False):
    """What the typed client takes."""

    model: str
    prompt: str
    image_url: str
    duration: int


_kept: list[httpx.AsyncClient] = []


async def shares_its_connections(payload: Payload, *, base_url: str, api_key: str) -> str:
    """A client with one `httpx.AsyncClient` for all that a service asks, as the first request made it."""
    if not _kept:
        _kept.append(httpx.AsyncClient())
    _kept[0].headers["Authorization"] = f"Bearer {api_key}"
    return await reference_async.made(
        _kept[0], base_url.rstrip("/") + "/video/generations", reference_async.body_of(payload)
    )


_beside: list[asyncio.AbstractEventLoop] = []


def hands_over(payload: Payload, *, base_url: str, api_key: str) -> str:
    """A synchronous face of an asynchronous client, whose loop runs in a thread for ever."""
    if not _beside:
        _beside.append(asyncio.new_event_loop())
        threading.Thread(target=_beside[0].run_forever, daemon=True).start()
    making = reference_async.generate(payload, base_url=base_url, api_key=api_key)
    return asyncio.run_coroutine_threadsafe(making, _beside[0]).result()


def typed(payload: Fields, *, base_url: str, api_key: str) -> str:
    """A client whose payload is a typed dictionary."""
    known = {name: value for name, value in payload.items() if name in Fields.__annotations__}
    return Client.run(known, base_url=base_url, api_key=api_key)


def by_name(model: str, prompt: str, duration: int | None = None, *, base_url: str, api_key: str) -> str:
    """A client with an argument for each field that it has."""
    if not isinstance(model, str) or not isinstance(prompt, str):
        raise KlingError("expected texts for model and prompt")
    payload = {"model": model, "prompt": prompt, **({} if duration is None else {"duration": duration})}
    return Client.run(payload, base_url=base_url, api_key=api_key)


def takes_some_fields(payload: Payload, *, base_url: str, api_key: str) -> str:
    """A client that says what it has no way to say."""
    for name in payload:
        if name not in ("model", "prompt", "image_url", "duration"):
            raise NotSupported(f"there is no way to say {name}")
    return Client.run(payload, base_url=base_url, api_key=api_key)


breaks_the_circuit = BreaksTheCircuit.run
by_requests = ByRequests.run
on_trio = OnTrio.run
by_aiohttp = ByAiohttp.run
in_threads = InThreads.run
backs_off = BacksOff.run
keeps_a_ledger = KeepsALedger.run
uses_the_older_path = OlderPath.run
asks_for_a_new_url = AsksForANewUrl.run
looks_first = LooksFirst.run
wants_https = WantsHttps.run
says_defaults = SaysDefaults.run
by_curl = ByCurl.run
resumes = Resuming.run
begins_anew = BeginsAnew.run
compares_tags = ComparesTags.run
