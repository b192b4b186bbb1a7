"""A host whose certificate nobody vouches for, and what is told to it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import urllib.error
import urllib.request

import pytest

from kling_mock import MockServer
from kling_mock.contract_tests.driving.untrusted_host import UntrustedHost


def ask(port: int, context: ssl.SSLContext) -> None:
    urllib.request.urlopen(f"https://127.0.0.1:{port}/v2/jobs", timeout=9, context=context).close()


def test_who_looks_at_certificates_tells_it_nothing() -> None:
    with MockServer() as server, UntrustedHost(server) as host:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(host.port, ssl.create_default_context())
        assert host.told == []


def test_who_takes_any_certificate_is_heard_and_refused() -> None:
    with MockServer() as server, UntrustedHost(server) as host:
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(host.port, ssl._create_unverified_context())
        refused.value.close()
        assert (refused.value.code, host.told) == (503, ["GET /v2/jobs HTTP/1.1"])


def test_words_without_tls_are_not_answered() -> None:
    with MockServer() as server, UntrustedHost(server) as host:
        with socket.create_connection(("127.0.0.1", host.port), timeout=9) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not connection.recv(100).startswith(b"HTTP")
        assert host.told == []


def test_it_is_gone_after_the_block() -> None:
    with MockServer() as server:
        with UntrustedHost(server) as host:
            assert host.port in server.extra_ports
        assert host.port not in server.extra_ports
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", host.port), timeout=9)
