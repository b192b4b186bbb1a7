"""The gateway's door: a proxy, TLS, plain HTTP, nonsense and slow first bytes on one port."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.interception.parent.certificates import Authority
from kling_mock.interception.parent.gateway import MOST_SILENT, Gateway
from kling_mock.interception.parent.host_policy import MOST_REFUSED, OTHERS, Hosts
from kling_mock.interception.parent.in_process import gateway_of
from kling_mock.interception.parent.request_sniffer import MAX_HEAD, read_opening

PATIENCE = 20


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with MockServer() as server, gateway_of(server, Hosts(offline=True), Authority(), direct=True) as gateway:
        yield gateway


def shown(gateway: Gateway, request: bytes) -> bytes:
    """A request that shows the run's password."""
    userinfo = gateway.proxy_url.removeprefix("http://").partition("@")[0]
    line = b"Proxy-Authorization: Basic " + base64.b64encode(userinfo.encode()) + b"\r\n"
    return request.replace(b"\r\n", b"\r\n" + line, 1)


def talk(gateway: Gateway, *pieces: bytes, ends: bool = False) -> bytes:
    """Send pieces (and then the end of all) and read until the other side ends."""
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        except OSError as error:
            assert not isinstance(error, TimeoutError)
        return answer


MODELS = b"/v1/models HTTP/1.1\r\nHost: api.aimlapi.com\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (b"GET " + MODELS, 1000),
        (b"GET http://api.aimlapi.com" + MODELS, 1000),
        (b"GET http://api.aimlapi.com:8080" + MODELS, 1000),
        (b"GET http://api.aimlapi.com" + MODELS, 1),
    ],
)
def test_requests_for_the_mock_are_answered(request_: bytes, size: int, gateway: Gateway) -> None:
    whole = shown(gateway, request_)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert talk(gateway, *pieces).startswith(b"HTTP/1.1 200")


def test_a_tunnel_to_the_mock_carries_plain_http(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as connection:
        connection.sendall(shown(gateway, b"CONNECT api.aimlapi.com:80 HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert connection.recv(4096) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        connection.sendall(b"GET " + MODELS)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("request_line", [b"CONNECT example.com:443", b"GET http://example.com/"])
def test_other_hosts_are_refused_with_a_sentence(request_line: bytes, gateway: Gateway) -> None:
    answer = talk(gateway, shown(gateway, request_line + b" HTTP/1.1\r\nHost: example.com\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"kling-mock run is offline: example.com:" in answer


def test_another_host_on_a_kept_connection_is_not_taken_for_the_mock(gateway: Gateway) -> None:
    first = b"GET http://api.aimlapi.com/v1/models HTTP/1.1\r\nHost: api.aimlapi.com\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as connection:
        connection.sendall(shown(gateway, first))
        assert connection.recv(1 << 20).startswith(b"HTTP/1.1 200")
        connection.settimeout(PATIENCE)
        connection.sendall(first.replace(b"api.aimlapi.com", b"example.com"))
        rest = b""
        while chunk := connection.recv(1 << 20):
            rest += chunk
        assert b"HTTP/1.1" not in rest


@pytest.mark.slow
def test_hosts_that_are_not_the_mocks_are_reached_when_not_offline() -> None:
    """A tunnel to a server of this machine stands for one to any other host."""
    with (
        MockServer() as server,
        MockServer() as other,
        gateway_of(server, Hosts(), Authority()) as gateway,
    ):
        place = f"127.0.0.1:{other.port}".encode()
        request = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as connection:
            connection.sendall(shown(gateway, b"CONNECT " + place + b" HTTP/1.1\r\n\r\n"))
            assert connection.recv(4096) == b"HTTP/1.1 200 Connection established\r\n\r\n"
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        absolute = request.replace(b"/v1", b"http://" + place + b"/v1")
        assert talk(gateway, shown(gateway, absolute)).startswith(b"HTTP/1.1 200")
        assert talk(gateway, shown(gateway, b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")).startswith(
            b"HTTP/1.1 502"
        )
        assert len(other.exchanges) == 2
        assert server.exchanges == []


@pytest.mark.slow
@given(nonsense=st.binary(max_size=200))
def test_nonsense_never_hurts(nonsense: bytes, gateway: Gateway) -> None:
    talk(gateway, nonsense, ends=True)
    assert talk(gateway, b"GET " + MODELS).startswith(b"HTTP/1.1 200")


@given(head=st.binary(max_size=300))
def test_an_opening_is_never_read_differently_for_more_bytes(head: bytes) -> None:
    """Where the first bytes decide, later ones change nothing but the rewritten head."""
    first = read_opening(head)
    if first is not None:
        more = read_opening(head + b"more")
        assert more is not None
        assert (more.kind, more.host, more.port) == (first.kind, first.host, first.port)


def test_an_endless_first_line_is_given_up() -> None:
    assert read_opening(b"GET " + b"x" * MAX_HEAD) == read_opening(b"\x00")
    assert read_opening(b"GET /x") is None


def test_a_stranger_is_not_told_the_time(gateway: Gateway) -> None:
    """The hooks' own protocol needs the token of the run, and is off without one."""
    assert talk(gateway, b'{"ask": "horizon"}\n') == b""


def test_silent_connections_make_room_for_those_that_speak(gateway: Gateway) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), PATIENCE))
            for _ in range(MOST_SILENT + 20)
        ]
        # The last ones may wait for the gateway's next look.
        assert talk(gateway, shown(gateway, b"GET " + MODELS)).startswith(b"HTTP/1.1 200")
        assert len(gateway.sockets()) <= MOST_SILENT + 2
        assert silent[0].recv(1) == b""
        silent[-1].sendall(shown(gateway, b"GET " + MODELS))
        assert silent[-1].recv(12) == b"HTTP/1.1 200"


def test_hosts_that_are_refused_are_counted_within_a_bound() -> None:
    hosts = Hosts(offline=True)
    for number in range(MOST_REFUSED + 500):
        hosts.refuse_unhooked(f"{number}-{'x' * 5_000}.test", 443)
        hosts.refuse("first.test" if number % 2 else "0-x.test", 443)
    assert len(hosts.refused) == MOST_REFUSED + 1 and sum(map(len, hosts.refused)) < MOST_REFUSED * 300
    assert sum(hosts.refused.values()) == 2 * (MOST_REFUSED + 500) and hosts.refused[OTHERS] > 400
    assert hosts.refused["first.test:443"] == (MOST_REFUSED + 500) // 2
