"""`kling-mock run` among what its user has set up: proxies, certificates, names, files, and its own end."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from kling_mock import MockServer
from kling_mock.interception.parent.certificates import Authority
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.run_directory import RunDirectory
from kling_mock.interception.parent.stale_runs import claim, sweep
from kling_mock.interception.parent.user_proxies import UserProxies
from kling_mock.interception.parent.watcher import Watcher
from kling_mock.virtual_time.proc import children
from tests.running import NODE, RUN, needs_linux, needs_node, python, report_of, run

MODELS = "https://api.aimlapi.com/v1/models"
needs_axios = pytest.mark.skipif(
    not (NODE / "node_modules" / "axios").is_dir(), reason="axios is not installed"
)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with `ok`; as a proxy it refuses tunnels, so that its answer can be told."""

    def do_GET(self) -> None:
        self.server.seen.append((self.requestline, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_CONNECT(self) -> None:
        self.server.seen.append((self.requestline, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_error(418)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Local:
    """A server of this machine: its port, and the requests that it saw with their headers."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.server.seen = self.seen  # type: ignore[attr-defined]
        self.port = self.server.server_port
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)


@contextlib.contextmanager
def local_server(context: ssl.SSLContext | None = None) -> Iterator[Local]:
    local = Local(context)
    thread = threading.Thread(target=local.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield local
    finally:
        local.server.shutdown()
        thread.join()
        local.server.server_close()


RETRY = """
import requests
from urllib3.util.retry import Retry
session = requests.Session()
session.mount("https://", requests.adapters.HTTPAdapter(max_retries=Retry(total=3)))
body = {"model": "kling-video/v1/standard/text-to-video", "prompt": "x"}
try:
    url = "https://api.aimlapi.com/v2/video/generations"
    session.post(url, json=body, headers={"Authorization": "Bearer k"})
except requests.ConnectionError as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
def test_a_lost_reply_is_not_repeated_because_of_the_runs_proxy(tmp_path: Path) -> None:
    """urllib3 repeats what failed at a proxy, POST included; without one it does not."""
    report, output = report_of(tmp_path, "--scenario", "create-lost-reply", *python(RETRY))
    assert (len(report["jobs"]), output) == (1, "ConnectionError\n")


PROXIES_SEEN = """
import subprocess, sys, urllib.request as u
from urllib.request import getproxies, proxy_bypass
print(getproxies(), u.getproxies_environment(), bool(proxy_bypass("api.aimlapi.com:8443")))
print(subprocess.run(["sh", "-c", "echo $HTTPS_PROXY"], capture_output=True, text=True).stdout)
"""


@pytest.mark.slow
def test_a_hooked_python_sees_no_proxy_and_its_children_do(tmp_path: Path) -> None:
    _, output = report_of(tmp_path, *python(PROXIES_SEEN))
    seen, children = output.split("\n", 1)
    assert seen == "{} {} True"
    assert children.startswith("http://run:")


NODE_PROXIES = """
const { execSync, execFileSync, spawnSync, spawn } = require("node:child_process");
const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const show = "process.stdout.write(process.argv[1])";
const own = names.filter((name) => name in process.env).length;
const said = [execSync("echo $HTTPS_PROXY"), execFileSync("sh", ["-c", "echo $http_proxy"]),
  spawnSync("sh", ["-c", "echo $ALL_PROXY"], { env: { ...process.env } }).stdout,
  execFileSync("sh", ["-c", "echo $HTTPS_PROXY"], { env: { PATH: process.env.PATH } })].map(String);
const child = spawn("sh", ["-c", "echo $https_proxy"]);
child.stdout.on("data", (text) => console.log(JSON.stringify({ own, said, spawned: String(text) })));
"""


@pytest.mark.slow
@needs_node
def test_a_hooked_node_sees_no_proxy_and_its_children_do(tmp_path: Path) -> None:
    _, output = report_of(tmp_path, "--", "node", "-e", NODE_PROXIES)
    told = json.loads(output)
    assert told["own"] == 0
    *inherited, bare = told["said"]
    assert all(url.startswith("http://run:") for url in [*inherited, told["spawned"]])
    assert bare == "\n"


@pytest.mark.slow
@needs_axios
@needs_node
def test_axios_goes_the_way_that_it_goes_without_a_proxy(tmp_path: Path) -> None:
    """It reads the variables by itself."""
    program = tmp_path / "way.mjs"
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    program.write_text(f"""
import axios from "axios";
const {{ request, status }} = await axios.get("{MODELS}");
console.log(status, request.agent.constructor.name);
""")
    _, output = report_of(tmp_path, "--", "node", str(program))
    assert output == "200 Agent\n"


FETCH = f"""
import subprocess, urllib.request as u
print(u.urlopen("http://intranet.example/a").read().decode())
print(u.urlopen({MODELS!r}).status)
"""


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [False, True])
def test_other_hosts_are_still_reached_through_the_users_own_proxy(isolated: bool, tmp_path: Path) -> None:
    with local_server() as proxy:
        url = f"http://me:secret@127.0.0.1:{proxy.port}"
        environ = {"HTTP_PROXY": url, "http_proxy": url, "HTTPS_PROXY": url, "https_proxy": url}
        tunnel = """
import urllib.request as u
try:
    u.urlopen("https://intranet.example/b")
except OSError as error:
    print(error)
"""
        interpreter = [sys.executable, *(["-I"] if isolated else [])]
        report, output = report_of(tmp_path, "--", *interpreter, "-c", FETCH + tunnel, environ=environ)
    assert output.splitlines()[:2] == ["ok", "200"]
    assert "418" in output.splitlines()[2]
    lines = [line for line, _ in proxy.seen]
    assert lines == ["GET http://intranet.example/a HTTP/1.1", "CONNECT intranet.example:443 HTTP/1.1"]
    expected = "Basic " + base64.b64encode(b"me:secret").decode()
    assert [headers["Proxy-Authorization"] for _, headers in proxy.seen] == [expected, expected]
    assert [exchange["path"] for exchange in report["exchanges"]] == ["/v1/models"]


@pytest.mark.slow
def test_offline_the_users_own_proxy_is_no_way_out(tmp_path: Path) -> None:
    with local_server() as proxy:
        environ = dict.fromkeys(("HTTP_PROXY", "http_proxy"), f"http://127.0.0.1:{proxy.port}")
        source = "import urllib.request as u; u.urlopen('http://intranet.example/a')"
        report, _ = report_of(tmp_path, "--offline", *python(source), environ=environ)
    assert proxy.seen == []
    assert report["refused"] == [{"host": "intranet.example:80", "attempts": 1}]


def test_the_users_no_proxy_is_kept_where_it_does_not_lead_past_the_mock() -> None:
    environ = {
        "NO_PROXY": ".example, *, aimlapi.com ,api.aimlapi.com:443,10.0.0.1",
        "HTTPS_PROXY": "http://corp:3128",
        "all_proxy": "socks5://u:p@corp",
    }
    upstream = UserProxies(environ)
    kept = upstream.no_proxy(["api.aimlapi.com", "cdn.aimlapi.com"])
    assert kept == "localhost,127.0.0.1,::1,.example,10.0.0.1"
    assert upstream.schemes == ["https"]
    assert upstream.unusable == ["socks5://u:p@corp"]
    assert upstream.proxy_for("https", "other.org") is None  # by the *
    upstream = UserProxies({**environ, "NO_PROXY": "intranet.example,2001:db8::1"})
    proxy = upstream.proxy_for("https", "other.org")
    assert proxy is not None
    assert (proxy.host, proxy.port) == ("corp", 3128)
    for host in ("a.intranet.example", "INTRANET.example", "127.0.0.1", "2001:db8::1"):
        assert upstream.proxy_for("https", host) is None, host
    assert upstream.proxy_for("http", "other.org") is None


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "folder"])
def test_the_users_own_authorities_are_trusted_as_well(variable: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    folder = tmp_path / "authorities"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "own.pem"))
    environ = {variable: str(folder / "own.pem")}
    if variable == "folder":
        environ = {"REQUESTS_CA_BUNDLE": str(folder)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with local_server(context) as local:
        source = f"import requests\nfor url in ('https://localhost:{local.port}/', {MODELS!r}):\n"
        _, output = report_of(
            tmp_path, *python(source + "    print(requests.get(url).status_code)"), environ=environ
        )
    assert output == "200\n200\n"


@pytest.mark.slow
@needs_node
def test_nodes_own_authorities_are_trusted_as_well(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    environ = {"NODE_EXTRA_CA_CERTS": str(tmp_path / "own.pem")}
    with local_server(context) as local:
        fetches = f"fetch('https://localhost:{local.port}/').then((a) => fetch('{MODELS}').then((b) =>"
        source = fetches + "console.log(a.status, b.status)))"
        _, output = report_of(tmp_path, "--", "node", "-e", source, environ=environ)
    assert output == "200 200\n"


PYTHON_WAYS_OUT = """
import asyncio, socket
def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for way in (
    lambda: udp().sendto(b"x", ("198.51.100.1", 53)),
    lambda: udp().sendto(b"x", 0, ("198.51.100.2", 53)),
    lambda: udp().sendmsg([b"x"], [], 0, ("198.51.100.3", 53)),
    lambda: socket.gethostbyaddr("198.51.100.4"),
    lambda: socket.getnameinfo(("198.51.100.5", 53), 0),
    lambda: socket.getaddrinfo("a.example", None),
):
    try:
        way()
    except OSError as error:
        print(error)
socket.getfqdn("198.51.100.6")
class Told(asyncio.DatagramProtocol):
    def error_received(self, error):
        print(error)
async def send():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Told, local_addr=("127.0.0.1", 0))
    transport.sendto(b"x", ("198.51.100.7", 53))
    transport.close()
asyncio.run(send())
"""
REFUSED = [
    "198.51.100.1:53",
    "198.51.100.2:53",
    "198.51.100.3:53",
    "198.51.100.4",
    "198.51.100.5:53",
    "a.example",
]


def test_offline_python_sends_no_datagram_and_asks_no_server_of_names(tmp_path: Path) -> None:
    report, output = report_of(tmp_path, "--offline", *python(PYTHON_WAYS_OUT))
    assert output.count("kling-mock is offline: ") == 7
    assert [one["host"] for one in report["refused"]] == [*REFUSED, "198.51.100.6", "198.51.100.7:53"]


def test_offline_python_still_knows_itself_and_the_mock(tmp_path: Path) -> None:
    source = """
import socket
name = socket.gethostname()
address = socket.gethostbyname(name)
found = {place[0] for *_, place in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}
socket.getfqdn()
with socket.socket() as listening, socket.socket() as calling:
    listening.bind((address, 0)); listening.listen()
    calling.connect(listening.getsockname())
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
    first.bind(("127.0.0.1", 0))
    first.sendto(b"hello", first.getsockname())
    print(first.recv(10), address in found)
stand_in = socket.gethostbyname("api.aimlapi.com")
print(socket.gethostbyaddr(stand_in)[0], socket.getnameinfo((stand_in, 443), socket.NI_NUMERICSERV))
print(socket.getnameinfo(("198.51.100.1", 443), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV))
"""
    report, output = report_of(tmp_path, "--offline", *python(source))
    assert report["refused"] == []
    assert output.splitlines() == [
        "b'hello' True",
        "api.aimlapi.com ('api.aimlapi.com', '443')",
        "('198.51.100.1', '443')",
    ]


NODE_WAYS_OUT = """
const dgram = require("node:dgram"), dns = require("node:dns"), { promisify } = require("node:util");
const said = (error) => console.log(error.code, error.message.includes("kling-mock is offline"));
(async () => {
  await promisify(dns.lookup)("a.example").catch(said);
  await promisify(dns.resolve4)("b.example").catch(said);
  await dns.promises.lookup("c.example").catch(said);
  await dns.promises.resolveMx("d.example").catch(said);
  await promisify((done) => new dns.Resolver().resolve("e.example", done))().catch(said);
  await new dns.promises.Resolver().reverse("198.51.100.1").catch(said);
  const socket = dgram.createSocket("udp4");
  await promisify((done) => socket.send("x", 53, "198.51.100.2", done))().catch(said);
  await promisify((done) => socket.send(Buffer.from("xyz"), 0, 2, 53, "198.51.100.3", done))().catch(said);
  socket.close();
  const connected = dgram.createSocket("udp4");
  await promisify((done) => connected.connect(53, "198.51.100.4", done))().catch(said);
  connected.close();
})();
"""


@needs_node
def test_offline_node_sends_no_datagram_and_asks_no_server_of_names(tmp_path: Path) -> None:
    report, output = report_of(tmp_path, "--offline", "--", "node", "-e", NODE_WAYS_OUT)
    assert output == "ENOTFOUND true\n" * 6 + "ECONNREFUSED true\n" * 3
    assert [one["host"] for one in report["refused"]] == [
        *(f"{letter}.example" for letter in "abcde"),
        *("198.51.100.1", "198.51.100.2:53", "198.51.100.3:53", "198.51.100.4:53"),
    ]


@needs_node
def test_offline_node_still_knows_itself_and_the_mock(tmp_path: Path) -> None:
    source = """
import dgram from "node:dgram"; import dns from "node:dns/promises";
import net from "node:net"; import os from "node:os";
const own = await dns.lookup(os.hostname());
const { address } = await dns.lookup("api.aimlapi.com");
const [again] = await dns.resolve4("api.aimlapi.com");
const none = await dns.resolve6("api.aimlapi.com").catch((error) => error.code);
const socket = net.connect(80, address);
const head = "GET /v1/models HTTP/1.1\\r\\nHost: api.aimlapi.com\\r\\nConnection: close\\r\\n\\r\\n";
socket.write(head);
const answer = await new Promise((done) => socket.once("data", (data) => done(String(data))));
socket.destroy();
const udp = dgram.createSocket("udp4", (message) => {
  console.log(typeof own.address, address === again, none, answer.slice(9, 12), String(message));
  udp.close();
});
udp.bind(0, "127.0.0.1", () => udp.send("hello", udp.address().port, "localhost"));
"""
    report, output = report_of(tmp_path, "--offline", "--", "node", "--input-type=module", "-e", source)
    assert output == "string true ENODATA 200 hello\n"
    assert report["refused"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["curl", "-s", "http://a.example/"],
        ["curl", "-sI", "http://a.example/"],
        ["curl", "-s", "https://a.example/"],
        ["wget", "-q", "-O", "-", "http://a.example/"],
        [sys.executable, "-I", "-c", "import requests; requests.get('http://a.example/')"],
    ],
)
def test_a_refused_host_is_a_failure_for_programs_without_a_hook(words: list[str]) -> None:
    port = 443 if "https://a.example/" in words else 80
    done = run("--offline", "--", "sh", "-c", '"$@" || exec "$@"', "sh", *words)
    assert done.returncode not in (0, 127), done.stderr.decode()
    sentence = f"kling-mock run is offline: a.example:{port} was not contacted\n"
    assert done.stderr.decode().count(sentence) == 1
    assert f"a.example:{port} (2x)" in done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "{folder}"], "--report: expected a file to write to, received the folder"),
        (["--timeout", "0"], "--timeout: expected a time of more than 0"),
        (["--timeout", "-1s"], "--timeout: "),
    ],
)
def test_options_that_cannot_work_are_refused_before_the_run(
    words: list[str], said: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    done = run(*(word.format(folder=tmp_path) for word in words), "--", "touch", str(mark))
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not mark.exists()


@needs_linux
def test_a_report_that_cannot_be_written_costs_no_exit_status() -> None:
    done = run("--report", "/dev/full", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "--report: cannot write /dev/full: No space left on device." in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_report_can_go_to_stdout() -> None:
    done = run("--report", "-", "--", "sh", "-c", "exit 3")
    assert json.loads(done.stdout)["exit_status"] == done.returncode == 3
    assert b"exit status 3" in done.stderr


@pytest.mark.slow
def test_nothing_is_said_of_the_mock_where_the_program_never_ran(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter -x\n")
    script.chmod(0o700)
    for words, status, said in (
        (
            ["--", str(script)],
            126,
            f"cannot run {script}: its interpreter /no/such/interpreter does not exist",
        ),
        (["--", "no-such-command-anywhere"], 127, "There is no program 'no-such-command-anywhere' on PATH"),
        (["--timeout", "0.1", "--", "sleep", "60"], 124, "took longer than 0.1 s"),
    ):
        done = run(*words)
        assert done.returncode == status
        assert said in done.stderr.decode()
        assert b"Nothing reached the mock" not in done.stderr


DETACHED = """
import subprocess, sys, time
words = ["/bin/sleep", "600"]
other = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)
print(other.pid, flush=True)
time.sleep(600)
"""


def _ends(pid: int) -> bool:
    """Wait for the end of any process."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 20)[0])
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _killed_run(temporary: Path) -> Iterator[tuple[int, list[int]]]:
    """A run that is about to be killed: a detached process that its program has started, and its children."""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    pipe = subprocess.PIPE
    words = [*RUN, *python(DETACHED)]
    with subprocess.Popen(words, stdout=pipe, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout is not None
        other = int(process.stdout.readline())
        yield other, children(process.pid)
        process.send_signal(signal.SIGKILL)
        # The pipe ends when the last process that has it ends.
        assert process.stdout.read() == b""


@pytest.mark.slow
@needs_linux
def test_a_run_that_is_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    with _killed_run(tmp_path) as (other, below):
        assert len(below) == 2  # the program, and who watches
        assert len(list(tmp_path.iterdir())) == 1
    assert [_ends(pid) for pid in [other, *below]] == [True, True, True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@needs_linux
def test_where_the_watcher_is_killed_too_the_child_ends_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    with _killed_run(tmp_path) as (other, [watcher, _]):
        assert b"kling" not in Path(f"/proc/{watcher}/cmdline").read_bytes()  # `pkill -f kling` spares it
        os.kill(watcher, signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    assert run("--", "true", environ={"TMPDIR": str(tmp_path)}).returncode == 0
    assert list(tmp_path.iterdir()) == []
    os.kill(other, signal.SIGKILL)


@needs_linux
def test_a_watcher_whose_run_ends_by_itself_touches_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "KLING_MOCK_RUN": f"{tmp_path}/run.json"}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as other:
        with Watcher() as watcher:
            watcher.watch(tmp_path)
        assert tmp_path.is_dir()
        assert other.communicate(b"alive")[0] == b"alive"


@needs_linux
def test_only_folders_without_a_living_owner_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    living, dead, unready, other = (tmp_path / f"kling-mock-run-{name}" for name in ("a", "b", "c", "d"))
    for folder in (living, dead, unready):
        folder.mkdir()
    other.symlink_to(dead)
    descriptor = claim(living)
    os.close(claim(dead))
    sweep()
    assert sorted(tmp_path.iterdir()) == [living, unready, other]
    assert (living / "owner").read_text() == f"{os.getpid()}\n"
    os.close(descriptor)


def test_a_folder_that_cannot_be_filled_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail(*_: object) -> bytes:
        raise OSError("no more space")

    monkeypatch.setattr(RunDirectory, "_wgetrc", fail)
    with MockServer() as server, pytest.raises(OSError, match="no more space"):
        RunDirectory(Authority(), Hosts(), server.clock)
    assert list(tmp_path.iterdir()) == []


def test_a_run_elsewhere_than_on_posix_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from kling_mock.errors import ServerError
    from kling_mock.interception.parent.run import RunOptions
    from kling_mock.interception.parent.run import run as run_plan
    from kling_mock.settings import Settings

    monkeypatch.setattr("kling_mock.interception.parent.run.os", SimpleNamespace(name="nt"))
    with pytest.raises(ServerError, match="Linux or macOS"):
        run_plan(RunOptions(command=["true"], settings=Settings()))


def test_checking_a_command_elsewhere_than_on_posix_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from kling_mock.contract_tests.driving.commands import CommandClient
    from kling_mock.errors import TargetError

    monkeypatch.setattr("kling_mock.contract_tests.driving.commands.os", SimpleNamespace(name="nt"))
    with pytest.raises(TargetError, match="Linux or macOS"):
        CommandClient(["true"])


def test_a_name_alone_is_listed_without_a_port() -> None:
    hosts = Hosts(offline=True)
    hosts.refuse("A.example.", 0)
    hosts.refuse("a.example", 443)
    assert hosts.refused == {"a.example": 1, "a.example:443": 1}
    assert hosts.decide(socket.gethostname()) == "pass"
