"""`kling-mock health`: exit status 0 or 1, and a line that says why."""

from __future__ import annotations

import socket
import threading

import pytest

from kling_mock import MockServer
from kling_mock.cli import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["health", *words])
    out, err = capsys.readouterr()
    assert not err and out.count("\n") == 1
    return status, out


@pytest.mark.parametrize("path", ["", "/", "/v2", "/@a", "/@a/v2/"])
def test_a_server_that_answers_is_well(
    server: MockServer, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    status, out = said(capsys, server.url + path)
    assert (status, out) == (0, f"kling-mock is ready at {server.url}{path}\n")
    assert said(capsys, f"127.0.0.1:{server.port}")[0] == 0


def test_one_whose_control_api_is_closed_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(control_token="secret", log_format="none") as server:
        assert said(capsys, server.url)[0] == 0


def test_without_a_url_the_environment_says_where(
    server: MockServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_MOCK_PORT", str(server.port))
    assert said(capsys)[0] == 0
    monkeypatch.setenv("KLING_MOCK_URL", "http://127.0.0.1:1")
    assert said(capsys)[0] == 1
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert said(capsys, server.url)[0] == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1", "refused"),
        ("http://127.0.0.1:99999", "this is no URL"),
        ("ftp://127.0.0.1", "expected a URL such as"),
        ("http://[::1", "this is no URL"),
        ("http://127.0.0.1:80 80", ""),
    ],
)
def test_what_is_not_there_is_said(capsys: pytest.CaptureFixture[str], url: str, why: str) -> None:
    status, out = said(capsys, url)
    assert status == 1 and "is not ready" in out
    assert why in out.lower() or why in out


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"SSH-2.0\r\n", b""])
def test_what_is_no_mock_is_said(capsys: pytest.CaptureFixture[str], answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answers() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=answers)
        thread.start()
        status, out = said(capsys, f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
    assert status == 1 and "is not ready" in out


def test_it_waits_for_a_server_that_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = MockServer(log_format="none", port=port)
    thread = threading.Timer(0.2, server.start)
    thread.start()
    try:
        assert said(capsys, f"http://127.0.0.1:{port}", "--wait", "30s")[0] == 0
    finally:
        thread.join()
        server.stop()
    assert said(capsys, f"http://127.0.0.1:{port}", "--wait", "100ms")[0] == 1
