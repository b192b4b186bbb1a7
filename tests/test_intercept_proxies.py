"""Interception inside this process where the developer has a proxy set, and tunnels that break off."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests

from kling_mock import MockServer
from kling_mock.interception import intercept
from kling_mock.interception.parent.certificates import Authority
from kling_mock.interception.parent.gateway import Door, Gateway
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.in_process import gateway_of
from kling_mock.interception.parent.request_sniffer import Opening
from kling_mock.interception.parent.tunnel import Tunnels
from kling_mock.interception.parent.user_proxies import UserProxies
from tests.test_intercept_gateway import shown

MODELS = "https://api.aimlapi.com/v1/models"
NAMES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose environment has a proxy that does not answer."""
    for name in NAMES:
        monkeypatch.setenv(name, NOBODY)
    yield


@pytest.mark.slow
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("offline", [True, False])
def test_the_developers_proxy_is_not_between_a_client_and_the_mock(offline: bool) -> None:
    before = dict(os.environ)
    with MockServer() as server, intercept(server, offline=offline):
        for url in (MODELS, MODELS.replace("https", "http")):
            assert requests.get(url).status_code == 200
            assert httpx.get(url).status_code == 200
            assert urllib.request.urlopen(url).status == 200
        seen = urllib.request.getproxies()
        assert seen.get("https") == (None if offline else NOBODY)
    assert dict(os.environ) == before
    assert urllib.request.getproxies()["https"] == NOBODY
    assert not urllib.request.proxy_bypass("api.aimlapi.com")


@pytest.mark.usefixtures("proxied")
def test_the_developers_proxy_is_no_way_out() -> None:
    with MockServer() as server, intercept(server) as hosts:
        with pytest.raises(requests.ConnectionError, match="was not contacted"):
            requests.get("https://a.example/")
    assert hosts.refused == {"a.example:443": 1}


class _IdleDetector:
    arriving = 0


class _Writer:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_a_client_that_goes_while_its_host_is_reached_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both sides are closed: the host's, and the client's own."""
    writer = _Writer()

    async def reached(*_: Any, **__: Any) -> Any:
        return None, writer

    async def main() -> None:
        mine, theirs = socket.socketpair()
        mine.close()
        theirs.setblocking(False)
        monkeypatch.setattr(asyncio, "open_connection", reached)
        tunnels = Tunnels(_IdleDetector(), UserProxies())  # type: ignore[arg-type]
        await tunnels.open(theirs, Opening("connect", "a.example", 443), b"")
        assert theirs.fileno() == -1

    asyncio.run(main())
    assert writer.closed


def test_a_tunnel_that_is_cancelled_while_its_host_is_reached_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    async def main() -> None:
        mine, theirs = socket.socketpair()
        theirs.setblocking(False)
        monkeypatch.setattr(asyncio, "open_connection", never)
        tunnels = Tunnels(_IdleDetector(), UserProxies())  # type: ignore[arg-type]
        task = asyncio.ensure_future(tunnels.open(theirs, Opening("connect", "a.example", 443), b""))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert theirs.fileno() == -1
        mine.close()

    asyncio.run(main())


def test_a_connection_that_goes_away_while_its_first_words_are_awaited_is_closed() -> None:
    async def main() -> None:
        mine, theirs = socket.socketpair()
        theirs.setblocking(False)
        mine.sendall(b"GET http://a.exa")
        gateway = Gateway(None, _IdleDetector(), Authority(), Hosts())  # type: ignore[arg-type]
        task = asyncio.ensure_future(gateway._take(theirs, Door(False, admitted=True)))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert theirs.fileno() == -1
        mine.close()

    asyncio.run(main())


@pytest.mark.parametrize("at", [20, 60, 10_000])
def test_a_kept_connection_brings_no_request_to_another_host(at: int) -> None:
    """A client may use one connection to a proxy for many hosts: each tunnel ends with its answer."""
    seen = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            seen.append(head)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        request = f"GET http://127.0.0.1:{port}/a HTTP/1.1\r\nHost: x\r\nProxy-Connection: keep-alive\r\n\r\n"
        with (
            MockServer() as server,
            gateway_of(server, Hosts(), Authority()) as gateway,
            socket.create_connection(("127.0.0.1", gateway.port), 20) as connection,
        ):
            whole = shown(gateway, request.encode())
            connection.sendall(whole[:at])
            connection.sendall(whole[at:])
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        thread.join()
    assert answer.endswith(b"ok")
    assert seen == [b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
