"""`run --sandbox`: whatever a program makes of its environment, there is nothing but the mock to reach."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.errors import ServerError
from kling_mock.interception.parent import sandbox
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.name_server import NameServer
from tests.running import RUN, report_of, run

C = r"""
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(words[1], "80", &hints, &found)) return puts("unknown"), 1;
    for (; found; found = found->ai_next) {
        int sock = socket(found->ai_family, SOCK_STREAM, 0);
        char text[512];
        if (connect(sock, found->ai_addr, found->ai_addrlen)) continue;
        const char *head = "GET /v1/models HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n";
        int size = snprintf(text, 512, head, words[1]);
        write(sock, text, size);
        size = read(sock, text, 15);
        return printf("%.*s\n", size < 0 ? 0 : size, text), 0;
    }
    return puts("unreached"), 2;
}
"""
"""A program without a runtime, which knows of no variable."""


def _why_not() -> str:
    """Why this system gives no network of its own; empty where it does."""
    if sys.platform != "linux":
        return "this is for Linux only"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = [sys.executable, "-IS", str(sandbox.KEEPER)]
        keeper = subprocess.Popen(words, stdin=theirs.fileno(), stderr=subprocess.DEVNULL)
        ours.sendall(b'{"listen": [], "files": [], "net": true}\n')
        theirs.close()
        text, descriptors, _, _ = socket.recv_fds(ours, 4096, 8)
        keeper.wait()
    for descriptor in descriptors:
        os.close(descriptor)
    return str(json.loads(text).get("error", "")) if text else "the keeper ended"


WHY_NOT = _why_not()
needs_sandbox = pytest.mark.skipif(bool(WHY_NOT), reason=f"no network of its own: {WHY_NOT}")


@pytest.fixture(scope="session")
def static_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static binary that asks a host, by plain HTTP, for its models."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc on this machine")
    folder = tmp_path_factory.mktemp("static")
    (folder / "ask.c").write_text(C)
    words = ["gcc", "-static", "-w", "-o", str(folder / "ask"), str(folder / "ask.c")]
    if subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("nothing can be linked statically on this machine")
    return folder / "ask"


@needs_sandbox
def test_a_static_binary_without_an_environment_is_led_to_the_mock(
    static_program: Path, tmp_path: Path
) -> None:
    script = f"env -i {static_program} api.aimlapi.com; env -i {static_program} example.com; exit 5"
    report, said = report_of(tmp_path, "--sandbox", "--", "sh", "-c", script)
    assert said.splitlines() == ["HTTP/1.1 200 OK", "unknown"]
    assert report["exit_status"] == 5
    assert report["exchange_count"] == 1
    assert "example.com" in {one["host"] for one in report["refused"]}


@needs_sandbox
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_programs_with_and_without_the_environment_trust_the_mock_inside(tmp_path: Path) -> None:
    asked = "https://api.aimlapi.com/v1/models"
    script = f"""
    curl -so /dev/null -w '%{{http_code}}\\n' {asked}
    env -i curl -so /dev/null -w '%{{http_code}}\\n' {asked}
    curl -so /dev/null -w '%{{http_code}}\\n' "$KLING_MOCK_URL/v1/models"
    env -i {sys.executable} -Ic 'import socket; socket.create_connection(("192.0.2.1", 443))' 2>&1 | tail -1
    sleep 300
    pwd
    """
    words = ("--fast-forward", "--sandbox", "--", "sh", "-c", script)
    report, said = report_of(tmp_path, *words, cwd=tmp_path)
    *codes, failure, folder = said.splitlines()
    assert codes == ["200", "200", "200"]
    assert "unreachable" in failure
    assert folder == str(tmp_path)
    assert report["virtual_seconds"] >= 300


@needs_sandbox
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv on this machine")
def test_a_user_without_rights_gets_one_as_well(static_program: Path) -> None:
    users = Path("/proc/sys/user/max_user_namespaces")
    if os.getuid() != 0 or not users.exists() or users.read_text().strip() == "0":
        pytest.skip("this takes root, which gives a right up, and user namespaces")
    words = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", *RUN, "--sandbox", "--"]
    ask = [str(static_program), "api.aimlapi.com"]
    done = subprocess.run([*words, *ask], capture_output=True, timeout=60)
    assert done.stdout == b"HTTP/1.1 200 OK\n", done.stderr.decode()


def test_it_is_said_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keeper = tmp_path / "keeper.py"
    keeper.write_text(
        'import socket\nwith socket.socket(fileno=0) as parent: parent.sendall(b\'{"error": "not here"}\')'
    )
    monkeypatch.setattr(sandbox, "KEEPER", keeper)
    monkeypatch.setattr(sys, "platform", "linux")

    class Files:
        places = ()

    with pytest.raises(ServerError, match="no network of its own \\(not here\\)"):
        sandbox.open_sandbox([], Files(), Hosts())  # type: ignore[arg-type]


def test_a_sandbox_is_offline() -> None:
    done = run("--sandbox", "--no-offline", "--", "true")
    assert done.returncode == 2
    assert b"--no-offline" in done.stderr


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield NameServer(sock, Hosts(offline=True), "127.83.0.1")


def _question(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + labels + b"\0" + kind.to_bytes(2, "big") + b"\0\x01"


def test_the_mock_s_hosts_have_an_address_and_no_others_exist(name_server: NameServer) -> None:
    known = name_server._reply(_question("api.AIMLapi.com"))
    assert known[:4] == b"\x12\x34\x85\x80" and known.endswith(socket.inet_aton("127.83.0.1"))
    assert name_server._reply(_question("api.aimlapi.com", kind=28))[3:8] == b"\x80\0\x01\0\0"
    assert name_server._reply(_question("example.com"))[3] & 15 == 3
    assert name_server._hosts.refused == {"example.com": 1}


@settings(max_examples=100)
@given(st.binary(max_size=80), st.integers(0, 40))
def test_any_datagram_is_answered_or_left_alone(noise: bytes, cut: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        server = NameServer(sock, Hosts(offline=True), "127.83.0.1")
        for question in (noise, _question("api.aimlapi.com")[:cut] + noise):
            assert server._reply(question)[:2] in (b"", question[:2])
