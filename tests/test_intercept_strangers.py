"""Who is let in by a run's proxy, which names have certificates, and what is done where files run out."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.exchanges.exchange import Exchange
from kling_mock.interception.parent.admission import without_credentials
from kling_mock.interception.parent.certificates import MOST_NAMES, Authority
from kling_mock.interception.parent.client_hello import server_name
from kling_mock.interception.parent.clock_server import ClockServer, HookConnection
from kling_mock.interception.parent.gateway import Door, Gateway
from kling_mock.interception.parent.host_policy import MOST_LEARNED, Hosts
from kling_mock.interception.parent.in_process import gateway_of
from kling_mock.interception.parent.peer_process import is_from_below
from kling_mock.interception.parent.request_sniffer import read_opening
from kling_mock.interception.parent.user_proxies import UserProxies
from kling_mock.timing import HANDSHAKE
from tests.running import RUN, needs_linux
from tests.test_intercept_gateway import MODELS, shown, talk

WRONG = b"Proxy-Authorization: Basic " + base64.b64encode(b"run:guessed") + b"\r\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with MockServer() as server, gateway_of(server, Hosts(), Authority()) as gateway:
        yield gateway


@contextmanager
def upstream(answer: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy of the user's that answers so, or not at all and ends; and the heads that it got."""
    heads: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (chunk := connection.recv(4096)):
                    head += chunk
                if head:
                    heads.append(head)
                    connection.sendall(answer or b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield listening.getsockname()[1], heads
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def behind(port: int, userinfo: str = "me:secret@") -> Iterator[Gateway]:
    url = f"http://{userinfo}127.0.0.1:{port}"
    proxies = UserProxies({"HTTP_PROXY": url, "HTTPS_PROXY": url})
    with MockServer() as server, gateway_of(server, Hosts(), Authority(), proxies) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "more", [b"", WRONG, b"Proxy-Authorization: Basic\r\n", b"Proxy-Authorization: \r\n"]
)
@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT a.example:443",
        b"CONNECT api.aimlapi.com:443",
        b"GET http://a.example/",
        b"GET http://api.aimlapi.com/v1/models",
        b"GET /v1/models",
    ],
)
def test_a_stranger_gets_407_and_reaches_nobody(line: bytes, more: bytes) -> None:
    with upstream(b"HTTP/1.1 200 OK\r\n\r\n") as (port, heads), behind(port) as gateway:
        answer = talk(gateway, line + b" HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 407 ")
    assert b"the programs of one run only" in answer
    assert heads == []


def test_a_stranger_who_speaks_tls_is_not_answered(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        with pytest.raises(OSError, match=r"EOF|reset"):
            ssl.create_default_context().wrap_socket(connection, server_hostname="api.aimlapi.com")


@pytest.mark.parametrize("line", [b"CONNECT a.example:443", b"GET http://a.example/"])
def test_the_runs_password_goes_no_further(line: bytes) -> None:
    """The user's own proxy gets the user's own words, and those alone."""
    with upstream(b"HTTP/1.1 200 OK\r\n\r\n") as (port, heads), behind(port) as gateway:
        request = shown(gateway, line + b" HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\n\r\n")
        assert talk(gateway, request).startswith(b"HTTP/1.1 200")
    [head] = heads
    own = base64.b64encode(b"me:secret")
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"proxy-authorization")]
    assert lines == [b"Proxy-Authorization: Basic " + own]


def test_the_runs_password_is_not_in_the_journal() -> None:
    with MockServer() as server, gateway_of(server, Hosts(), Authority()) as gateway:
        first = shown(
            gateway, b"GET http://api.aimlapi.com/v1/models HTTP/1.1\r\nHost: api.aimlapi.com\r\n\r\n"
        )
        again = shown(gateway, b"GET http://api.aimlapi.com" + MODELS)
        assert talk(gateway, first + again).count(b"HTTP/1.1 200") == 2
        names = [name.lower() for exchange in server.exchanges for name in exchange.headers]
    assert len(server.exchanges) == 2
    assert "proxy-authorization" not in names


HEADS = st.lists(
    st.sampled_from(
        [b"Host: x", b"proxy-AUTHORIZATION: Basic c2VjcmV0", b" c2VjcmV0", b"\tc2VjcmV0", b"A: b", b":", b""]
    )
)


@given(lines=HEADS)
def test_no_credentials_are_left_in_a_head(lines: list[bytes]) -> None:
    left = without_credentials(b"\r\n".join([b"GET http://x/ HTTP/1.1", *lines, b"", b"body"]))
    head = left.partition(b"\r\n\r\n")[0].lower()
    assert b"proxy-authorization" not in head
    assert b"body" in left


@given(
    method=st.sampled_from([b"CONNECT ", b"GET http://", b"GET https://"]),
    host=st.binary(max_size=30),
    port=st.sampled_from([b"", b":", b":\xb2", b":0", b":80", b":65536", b":" + b"9" * 5000]),
)
def test_any_target_is_read_without_an_error(method: bytes, host: bytes, port: bytes) -> None:
    opening = read_opening(method + host + port + b" HTTP/1.1\r\n\r\n")
    assert opening is None or 0 <= opening.port < 65536


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n", b"refuses the user and the password"),
        (b"220 mail.example ESMTP\r\n\r\n", b"answers with something else than HTTP"),
        (b"\x15\x03\x01" * 100, b"ends the connection without an answer"),
        (None, b"ends the connection without an answer"),
        (b"HTTP/1.1 200 " + b"x" * 200_000, b"answers without an end"),
    ],
)
def test_a_proxy_of_the_users_that_fails_is_told_in_a_sentence(answer: bytes | None, said: bytes) -> None:
    with upstream(answer) as (port, _), behind(port) as gateway:
        told = talk(gateway, shown(gateway, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"))
    assert told.startswith(b"HTTP/1.1 502 ")
    assert b"a.example:443 cannot be reached: the proxy 127.0.0.1:%d " % port + said in told
    assert b"secret" not in told


def test_a_proxy_of_the_users_that_asks_who_it_is_is_told_apart() -> None:
    with upstream(b"HTTP/1.1 407 Who\r\n\r\n") as (port, _), behind(port, "") as gateway:
        told = talk(gateway, shown(gateway, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"))
    assert b"asks for a user and a password, and its URL names none" in told


@pytest.mark.parametrize("line", [b"CONNECT a.example:443", b"GET http://a.example/"])
def test_a_proxy_of_the_users_that_is_down_is_named(line: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with behind(port) as gateway:
        told = talk(gateway, shown(gateway, line + b" HTTP/1.1\r\n\r\n"))
    assert told.startswith(b"HTTP/1.1 502 ")
    assert b"the proxy 127.0.0.1:%d cannot be reached: " % port in told


@needs_linux
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_connection_is_told_to_be_of_a_process_below(family: socket.AddressFamily) -> None:
    source = """
import socket, sys
family, host, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with socket.socket(family) as own:
    own.connect((host, port))
    sys.stdin.read()
"""
    host = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        words = [sys.executable, "-c", source, str(int(family)), host, str(port)]
        with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
            connection, _ = listening.accept()
            with connection:
                assert is_from_below(connection)
            assert process.stdin is not None
            process.stdin.close()
        with socket.create_connection(("127.0.0.1", port)):
            own, _ = listening.accept()
            with own:
                assert not is_from_below(own)
    assert not is_from_below(own)


@pytest.mark.slow
@needs_linux
def test_other_processes_of_this_machine_are_no_programs_of_a_run() -> None:
    """This process is not below the run; a program of the run gets in with and without the password."""
    source = """
import subprocess, sys, os
url = os.environ["HTTPS_PROXY"]
print(url, flush=True)
bare = "http://" + url.partition("@")[2]
for proxy in (url, bare):
    words = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code} ", "-x", proxy]
    print(subprocess.run([*words, "http://api.aimlapi.com/v1/models"], capture_output=True, text=True).stdout)
sys.stdout.flush()
sys.stdin.read()
"""
    words = [*RUN, "--offline", "--", sys.executable, "-I", "-c", source]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        told = [process.stdout.readline().strip() for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b"GET http://api.aimlapi.com" + MODELS)
            assert connection.recv(4096).startswith(b"HTTP/1.1 407 ")
        process.communicate("")
    assert told == ["200", "200"]


def _hello(name: bytes) -> bytes:
    """A client's first words, with any bytes as the name of the host."""
    entry = b"\0" + len(name).to_bytes(2) + name
    names = len(entry).to_bytes(2) + entry
    extensions = b"\0\x17\0\0" + b"\0\0" + len(names).to_bytes(2) + names
    content = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    content += len(extensions).to_bytes(2) + extensions
    record = b"\x01" + len(content).to_bytes(3) + content
    return b"\x16\x03\x01" + len(record).to_bytes(2) + record


def _real_hello(name: str) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@given(name=st.binary(max_size=300), cut=st.integers(0, 400), end=st.binary(max_size=20))
def test_the_name_in_a_hello_is_read(name: bytes, cut: int, end: bytes) -> None:
    hello = _hello(name)
    assert server_name(hello + end) == name.decode("latin-1")
    if cut < len(hello):
        assert server_name(hello[:cut]) is None


def test_the_name_in_a_real_hello_is_read() -> None:
    assert server_name(_real_hello("a.example")) == "a.example"
    assert server_name(_real_hello("127.0.0.1")) == ""


@pytest.mark.parametrize("start", [b"\x16", b"\x16\x03\x01\x40\x00", _hello(b"api.aimlapi.com")[:-1]])
def test_a_hello_that_breaks_off_is_given_up_at_once(start: bytes, gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.hooked), HANDSHAKE / 2) as connection:
        connection.sendall(start)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while connection.recv(100):
                pass


@given(nonsense=st.binary(max_size=100))
def test_nonsense_in_place_of_a_hello_names_nobody(nonsense: bytes) -> None:
    record = b"\x16\x03\x01" + len(nonsense).to_bytes(2) + nonsense
    assert isinstance(server_name(record), str)


ODD = [b"a" * 64 + b".com", b"*.x.com", b"-x.com", b"xn--zzzzzz--.com", b"127.0.0.1", b"a_b.com", b"\xff\xfe"]


@pytest.mark.parametrize("name", [*ODD, b"\xc3\xa4.example", b"x" * 255, b"a.example", b"\n", b"a\0b"])
def test_a_name_that_is_not_the_mocks_is_refused_without_a_word(
    name: bytes, gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", gateway.hooked), 20) as connection:
        connection.sendall(_hello(name))
        assert connection.recv(100) == b"\x15\x03\x03\x00\x02\x02\x70"
        assert connection.recv(100) == b""
    assert capfd.readouterr() == ("", "")


def test_a_hello_in_pieces_is_waited_for(gateway: Gateway) -> None:
    hello = _real_hello("api.aimlapi.com")
    with socket.create_connection(("127.0.0.1", gateway.hooked), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 100):
            connection.sendall(hello[at : at + 100])
        assert connection.recv(100)[:1] == b"\x16"


def test_a_line_of_a_hook_without_an_end_is_given_up() -> None:
    with MockServer() as server:
        assert server.idle_detector is not None
        known: list[bool] = []
        clock_server = ClockServer(
            server.clock, server.idle_detector, lambda *_: None, on_connection=lambda: known.append(True)
        )
        with (
            gateway_of(server, Hosts(), Authority(), clock_server=clock_server) as gateway,
            socket.create_connection(("127.0.0.1", gateway.hooked), 20) as connection,
        ):
            with pytest.raises(OSError, match=r"reset|[Pp]ipe"):
                for _ in range(1000):
                    connection.sendall(b"{" * 65536)
    assert known == []


@pytest.mark.parametrize(
    "line",
    [b"[" * 60_000, b'{"token":' * 6_000, b'{"pid": 1e999}', b"[]", b"{}", b"\xff"],
    ids=lambda line: line[:9],
)
def test_nonsense_in_place_of_a_hooks_words_ends_the_connection(line: bytes) -> None:
    with MockServer() as server:
        assert server.idle_detector is not None
        connection = HookConnection(ClockServer(server.clock, server.idle_detector, lambda *_: None))
        connection._transport = transport = Mock()
        connection.data_received(line + b"\n")
        transport.abort.assert_called_once_with()


def test_clients_name_a_bounded_number_of_hosts() -> None:
    hosts = Hosts()
    told: list[str] = []
    hosts.listeners.append(lambda: told.append(hosts.as_json()))
    own = len(hosts.names)
    for number in range(3 * MOST_LEARNED):
        url = f"https://h{number}.example/media/x.mp4"
        answer = json.dumps({"video": {"url": url}}).encode()
        hosts.learn(Exchange("GET", "/", kind="poll", answer_body=answer, answer_size=len(answer)))
    assert hosts.decide("h0.example") == "mock" and hosts.decide(f"h{MOST_LEARNED}.example") == "pass"
    assert len(told) == MOST_LEARNED and len(hosts.names) == own + 2 * MOST_LEARNED


def test_certificates_are_kept_for_so_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    made: list[str] = []

    def new(host: str) -> Any:
        made.append(host)
        return host

    monkeypatch.setattr(authority, "_new_context", new)
    for number in range(2 * MOST_NAMES):
        authority.context_for(str(number))
        authority.context_for("0")
    assert len(made) == 2 * MOST_NAMES
    assert len(authority._contexts) == MOST_NAMES
    assert "0" in authority._contexts


@pytest.mark.parametrize("in_memory", [True, False])
def test_keys_of_certificates_are_not_left_on_a_disk(
    in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_memory and not hasattr(os, "memfd_create"):
        pytest.skip("this system keeps no files in memory")
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none" if in_memory else tmp_path))
    assert Authority().context_for("api.aimlapi.com").cert_store_stats() is not None
    assert list(tmp_path.iterdir()) == []


def test_without_file_descriptors_the_port_rests(capfd: pytest.CaptureFixture[str]) -> None:
    """What waits to be accepted is not asked for over and over, is served later, and is told of once."""
    tries = 0

    class Short:
        """A socket that listens, and accepts nothing while files are short."""

        def __init__(self, own: socket.socket) -> None:
            self.own = own

        def __getattr__(self, name: str) -> Any:
            return getattr(self.own, name)

        def accept(self) -> Any:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OSError(errno.EMFILE, "Too many open files")
            return self.own.accept()

    with MockServer() as server, gateway_of(server, Hosts(), Authority(), direct=True) as gateway:
        assert server.loop is not None

        async def replace() -> None:
            own = gateway._listening[False]
            asyncio.get_running_loop().remove_reader(own.fileno())
            gateway._listening[False] = short = Short(own)  # type: ignore[assignment]
            gateway._listen(short, Door(False, admitted=True))  # type: ignore[arg-type]

        asyncio.run_coroutine_threadsafe(replace(), server.loop).result(20)
        assert talk(gateway, b"GET " + MODELS).startswith(b"HTTP/1.1 200")
    assert tries <= 5
    told = capfd.readouterr().err
    assert told.count("connections have to wait") == 1
