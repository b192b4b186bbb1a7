"""Programs kept from other hosts by the system: whatever they call, nothing leaves this machine."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.contract_tests.driving.clients import CallArguments
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.driving.environments import in_real_time
from kling_mock.interception.parent import seccomp
from kling_mock.interception.parent.guard import Guard, _place
from kling_mock.interception.parent.host_policy import Hosts
from tests.running import RUN, report_of, run
from tests.test_sandbox import static_program

__all__ = ["static_program"]

PYTHON = sys.executable
CALLS = """
import json, socket, sys
here, there = sys.argv[1:3]
port = int(sys.argv[3])
def outcome(call, *words):
    try:
        call(*words)
    except OSError as error:
        return error.errno
    return 0
def made(kind, host):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.settimeout(5)
    return sock
found = {}
for host in (here, there):
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    late = made(stream, host)
    late.setblocking(False)
    calls = {
        "connect": (made(stream, host).connect, (host, port)),
        "connect datagrams": (made(datagram, host).connect, (host, port)),
        "sendto": (made(datagram, host).sendto, b"x", (host, port)),
        "fast open": (made(stream, host).sendto, b"x", 0x20000000, (host, port)),
        "fast open by sendmsg": (made(stream, host).sendmsg, [b"x"], [], 0x20000000, (host, port)),
    }
    found[host] = {name: outcome(*call) for name, call in calls.items()}
    found[host]["not blocking"] = late.connect_ex((host, port))
local = made(socket.SOCK_DGRAM, here)
found["bound"] = local.getsockopt(socket.SOL_SOCKET, 25, 16).decode().rstrip("\\0")
local.bind((here, 0))
other = made(socket.SOCK_DGRAM, here)
other.sendmsg([b"hi"], [], 0, local.getsockname())
found["heard"] = local.recv(9).decode()
found["inherited"] = local.get_inheritable()
found["asked"] = outcome(made(socket.SOCK_DGRAM, there).connect, (there, 0))
service = socket.socket(socket.AF_UNIX)
found["service"] = outcome(service.connect, "/run/systemd/resolve/io.systemd.Resolve")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    with (
        socket.create_server(("127.0.0.1", 0)) as gateway,
        Guard(Hosts(offline=True), gateway=gateway.getsockname()[1], names=1) as guard,
    ):
        if guard.problem:
            pytest.skip(f"the system does not ask here: {guard.problem}")
        yield guard


def _output(guard: Guard, *words: str) -> Any:
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "env": {}}
    process = guard.call(lambda: subprocess.Popen([PYTHON, "-IS", "-c", *words], **options))
    with process:
        return json.loads(process.communicate(timeout=60)[0])


@pytest.mark.parametrize(
    ("here", "there"),
    [("127.0.0.1", "192.0.2.1"), ("::1", "2001:db8::1"), ("::ffff:127.0.0.1", "::ffff:192.0.2.1")],
)
def test_this_machine_is_reached_and_no_other_one_is(here: str, there: str, guard: Guard) -> None:
    before = dict(guard._hosts.refused)
    family = socket.AF_INET6 if here == "::1" else socket.AF_INET
    try:
        service = socket.create_server((here.removeprefix("::ffff:"), 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with service:
        found = _output(guard, CALLS, here, there, str(service.getsockname()[1]))
    refused = found.pop(there)
    assert refused.pop("fast open by sendmsg") == errno.EOPNOTSUPP
    assert set(refused.values()) == {errno.ENETUNREACH}
    reached = found.pop(here)
    assert reached.pop("not blocking") in (0, errno.EINPROGRESS)
    assert reached.pop("fast open by sendmsg") == errno.EOPNOTSUPP
    assert reached.pop("fast open") in (0, errno.EOPNOTSUPP, errno.EINPROGRESS)
    assert set(reached.values()) == {0}
    assert found == {
        "bound": "lo",
        "heard": "hi",
        "inherited": False,
        "asked": found["asked"],
        "service": errno.ECONNREFUSED,
    }
    assert sum(guard._hosts.refused.values()) - sum(before.values()) >= 5


def test_the_addresses_of_the_mock_s_hosts_lead_to_it(guard: Guard) -> None:
    script = """
import json, socket
with socket.create_connection(("127.83.0.1", 443), 5) as sock:
    print(json.dumps(sock.getpeername()))
"""
    host, port = _output(guard, script)
    assert (host, port) == ("127.0.0.1", guard._gateway)


def test_what_cannot_be_started_says_so_to_who_asks(guard: Guard) -> None:
    with pytest.raises(FileNotFoundError):
        guard.call(lambda: subprocess.Popen(["/nowhere"]))
    process = guard.call(lambda: subprocess.Popen(["true"]))
    assert process.wait() == 0


def test_where_the_system_does_not_ask_programs_start_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def install() -> int:
        raise OSError(errno.EBUSY, "another one asks already")

    monkeypatch.setattr(seccomp, "install", install)
    with Guard(Hosts(offline=True), gateway=1, names=1) as guard:
        assert guard.problem == "another one asks already"
        assert guard.call(lambda: 5) == 5


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (b"\x01\0/run/nscd/socket\0", None),
        (b"\x01\0\0abstract", ("", 0)),
        (b"\x10\0\0\0\0\0\0\0", ("", 0)),
        (b"\x02\0\x01\xbb\xc0\0\x02\x01" + bytes(8), ("192.0.2.1", 443)),
        (b"\x0a\0\0\x35\0\0\0\0" + bytes(15) + b"\x01" + bytes(4), ("::1", 53)),
        (b"\x0a\0\0\x35\0\0\0\0" + bytes(10) + b"\xff\xff\x7f\0\0\x01" + bytes(4), ("127.0.0.1", 53)),
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="written for machines that begin with the low byte")
def test_addresses_are_read_as_the_system_has_them(address: bytes, place: tuple[str, int] | None) -> None:
    assert _place(address) == place


def test_offline_leads_and_refuses_a_static_binary_without_an_environment(
    guard: Guard, static_program: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        ask = f'import socket; socket.create_connection(("127.0.0.1", {service.getsockname()[1]}))'
        script = f"""
        env -i {static_program} api.aimlapi.com
        env -i {static_program} example.com
        env -i {static_program} 192.0.2.7
        env -i {PYTHON} -Ic '{ask}' && echo reached
        exit 5
        """
        report, said = report_of(tmp_path, "--offline", "--", "sh", "-c", script)
    assert said.splitlines() == ["HTTP/1.1 200 OK", "unknown", "unreached", "reached"]
    assert (report["exit_status"], report["exchange_count"], report["unguarded"]) == (5, 1, "")
    assert {one["host"] for one in report["refused"]} == {"example.com", "192.0.2.7:80"}


@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace on this machine")
def test_programs_without_the_environment_ask_for_nothing_but_this_machine(
    guard: Guard, static_program: Path, tmp_path: Path
) -> None:
    if os.getuid() != 0:
        pytest.skip("this takes root: others ask for the machine's own name server, and the run answers")
    ask = "import urllib.request as u; print(u.urlopen('http://{}/v1/models', timeout=9).status)"
    script = f"""
    for name in api.aimlapi.com example.com; do
        env -i {static_program} $name
        env -i curl -sm 9 -o {os.devnull} -w '%{{http_code}}\n' https://$name/v1/models
        env -i {PYTHON} -IS -c "{ask.format("$name")}" 2>{os.devnull}
        {PYTHON} -IS -c "{ask.format("$name")}" 2>{os.devnull}
    done
    """
    words = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-o",
        str(tmp_path / "trace"),
    ]
    done = subprocess.run(
        [*words, *RUN, "--offline", "--", "sh", "-c", script], capture_output=True, timeout=120
    )
    trace = (tmp_path / "trace").read_text()
    if not trace and b"not permitted" in done.stderr:
        pytest.skip("tracing is not allowed here")
    said = done.stdout.decode().split("\n")
    assert said[:4] == ["HTTP/1.1 200 OK", "200", "200", "200"], done.stderr.decode()
    assert said[4:] == ["unknown", "000", ""]
    inside = re.compile(r'inet_addr\("127\.|AF_INET6, .*"(::1|::ffff:127\.)|sin6?_port=htons\(0\)')
    assert [line for line in trace.splitlines() if "AF_INET" in line and not inside.search(line)] == []


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv on this machine")
def test_a_user_without_rights_is_guarded_as_well(guard: Guard, static_program: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("this takes root, which gives its rights up")
    file = tmp_path / "report.json"
    words = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", *RUN, "--offline", "--report"]
    ask = f"env -i {static_program} api.aimlapi.com; env -i {static_program} 192.0.2.7"
    done = subprocess.run([*words, str(file), "--", "sh", "-c", ask], capture_output=True, timeout=60)
    assert done.stdout.splitlines() == [b"HTTP/1.1 200 OK", b"unreached"], done.stderr.decode()
    assert [one["host"] for one in json.loads(file.read_text())["refused"]] == ["192.0.2.7:80"]


def test_no_sandbox_leaves_the_system_out(guard: Guard) -> None:
    script = "import socket; print(socket.socket(type=socket.SOCK_DGRAM).getsockopt(1, 25, 16)[:2])"
    words = ("--", "env", "-i", PYTHON, "-Ic", script)
    assert run("--offline", "--no-sandbox", *words).stdout == b"b''\n"


def test_a_command_that_verify_checks_reaches_no_other_host(guard: Guard) -> None:
    script = 'import socket; socket.create_connection(("192.0.2.1", 443), 5)'
    client = CommandClient(["env", "-i", PYTHON, "-Ic", script])
    with MockServer() as server, in_real_time(server, client) as environment:
        arguments = CallArguments({}, server.url, "k")
        outcome = client.call(arguments).work()
        assert "unreachable" in outcome.text
        assert environment.others() == {"192.0.2.1:443": 1}


def test_a_guard_is_busy_until_a_question_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for the answer looks blocked, and time must not jump over its connect."""
    seen: list[bool] = []
    let_go = seccomp.let_go
    with Guard(Hosts((), offline=True), gateway=1, names=1) as guard:
        if guard.problem:
            pytest.skip(f"the system does not ask here: {guard.problem}")

        def watched(descriptor: int, question: seccomp.Question) -> None:
            seen.append(guard.busy())
            let_go(descriptor, question)

        monkeypatch.setattr(seccomp, "let_go", watched)
        words = [PYTHON, "-ISc", "import socket; socket.socket().connect_ex(('127.0.0.1', 1))"]
        guard.call(lambda: subprocess.run(words, check=True))
        assert seen and all(seen)
    assert not guard.busy()
