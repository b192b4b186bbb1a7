"""Virtual time with a server: polls, timeouts and slow answers, for each client library."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import socket
import time
import urllib.request
from collections.abc import Callable

import aiohttp
import httpx
import pytest
import requests

from kling_mock import MockServer
from kling_mock.virtual_time import fast_forward
from tests.support import until

PAYLOAD = {
    "model": "kling-video/v1/standard/image-to-video",
    "prompt": "Mona Lisa puts on glasses with her hands.",
    "image_url": "https://example.com/mona-lisa.jpeg",
}
HARDLY = 1e-6
"""A clock that moves by jumps alone; on one that stands still, answers would take no time."""
HEADERS = {"Authorization": "Bearer test-key"}


def test_a_job_of_documented_length_takes_its_real_number_of_polls() -> None:
    with MockServer(realistic=True, speed=HARDLY) as server, fast_forward(server):
        url, start = f"{server.base_url}/video/generations", time.time()
        made = requests.post(url, json=PAYLOAD, headers=HEADERS).json()
        seen = []
        while time.time() - start < 1000:
            answer = requests.get(url, params={"generation_id": made["id"]}, headers=HEADERS).json()
            seen.append(answer["status"])
            if seen[-1] not in ("queued", "generating"):
                break
            time.sleep(15)
        assert seen == ["queued"] + ["generating"] * 15 + ["completed"]
        assert time.time() - start == pytest.approx(250.8, abs=0.1)


def _with_requests(url: str, timeout: float) -> None:
    requests.post(url, json=PAYLOAD, headers=HEADERS, timeout=timeout)


def _with_httpx(url: str, timeout: float) -> None:
    httpx.post(url, json=PAYLOAD, headers=HEADERS, timeout=timeout)


def _with_async_httpx(url: str, timeout: float) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(timeout=timeout) as client:
            await client.post(url, json=PAYLOAD, headers=HEADERS)

    asyncio.run(main())


def _with_aiohttp(url: str, timeout: float) -> None:
    async def main() -> None:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=limit) as client:
            async with client.post(url, json=PAYLOAD, headers=HEADERS) as answer:
                await answer.read()

    asyncio.run(main())


def _with_urllib(url: str, timeout: float) -> None:
    data = json.dumps(PAYLOAD).encode()
    request = urllib.request.Request(url, data, {**HEADERS, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        answer.read()


CLIENTS = [_with_requests, _with_httpx, _with_async_httpx, _with_aiohttp, _with_urllib]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gives_a_hanging_server_up_after_its_virtual_timeout(
    client: Callable[[str, float], None],
) -> None:
    # aiohttp rounds the end of a long timeout up to a whole second.
    with MockServer(scenario="create-hangs", speed=0) as server, fast_forward(server):
        start = time.time()
        with pytest.raises(Exception, match=r"(?i)time|^$"):
            client(f"{server.base_url}/video/generations", 120)
        assert 120 <= time.time() - start < 121.1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_with_patience_gets_a_slow_answer(client: Callable[[str, float], None]) -> None:
    with MockServer(latency=55, speed=HARDLY) as server, fast_forward(server):
        start = time.time()
        client(f"{server.base_url}/video/generations", 60)
        assert time.time() - start == pytest.approx(55, abs=0.1)


def test_many_clients_side_by_side_time_out_only_where_the_server_hangs() -> None:
    """Twelve threads, each with a timeout of 5 s, against answers that take 1 s and 60 s."""
    with MockServer(latency=1, speed=HARDLY) as server, fast_forward(server):
        url = f"{server.base_url}/video/generations"

        def one(number: int) -> bool:
            session = requests.Session()
            session.headers.update(HEADERS)
            slow = number % 3 == 0
            if slow:
                session.headers["X-Mock-Scenario"] = "create-hangs"
            for _ in range(4):
                try:
                    session.post(url, json=PAYLOAD, timeout=5).raise_for_status()
                except requests.Timeout:
                    if not slow:
                        return False
                else:
                    if slow:
                        return False
                time.sleep(3)
            session.close()
            return True

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            assert list(pool.map(one, range(12))) == [True] * 12


def test_a_server_that_works_is_not_quiet_and_one_that_rests_is() -> None:
    with MockServer() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            # A connection that waits to be accepted is work.
            until(server.quiet)
            connection.sendall(
                b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            )
            # The rest of the body is missing: the exchange is open, and not asleep.
            until(lambda: server.traffic.open > 0)
            assert not server.quiet()
            connection.sendall(b"        ")
            assert connection.recv(100).startswith(b"HTTP/1.1 401")
    assert server.quiet()
