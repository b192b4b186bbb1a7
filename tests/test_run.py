"""`kling-mock run`: what the child sees, how it is ended, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import RUN, needs_linux, needs_node, python, report_of, run


@pytest.mark.slow
def test_a_program_without_a_hook_goes_by_the_proxy(tmp_path: Path) -> None:
    """An isolated Python loads no hook: it has the proxy and the certificates of its environment."""
    source = "import urllib.request as u; print(u.urlopen('https://api.aimlapi.com/v1/models').status)"
    report, output = report_of(tmp_path, "--offline", "--", sys.executable, "-I", "-c", source)
    assert output == "200\n"
    assert [exchange["path"] for exchange in report["exchanges"]] == ["/v1/models"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["https://api.aimlapi.com:8443/v1/models", "http://api.aimlapi.com:8080/v1/models"]
)
@pytest.mark.parametrize("isolated", [False, True])
def test_any_port_and_plain_http(url: str, isolated: bool, tmp_path: Path) -> None:
    source = f"import urllib.request as u; print(u.urlopen({url!r}).status)"
    interpreter = [sys.executable, *(["-I"] if isolated else [])]
    report, output = report_of(tmp_path, "--offline", "--", *interpreter, "-c", source)
    assert output == "200\n"
    assert len(report["exchanges"]) == 1


@pytest.mark.slow
def test_more_hosts_and_hosts_that_answers_name(tmp_path: Path) -> None:
    source = """
import json, time, urllib.request as u
def call(url, body=None):
    headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
    return json.load(u.urlopen(u.Request(url, body and json.dumps(body).encode(), headers)))
url = "https://api.example.com/v2/video/generations"
made = call(url, {"model": "kling-video/v1/standard/text-to-video", "prompt": "x"})
time.sleep(60)
link = call(url + "?generation_id=" + made["id"])["video"]["url"]
print(link.split("/")[2], len(u.urlopen(link).read()) > 1000)
"""
    words = ["--fast-forward", "--offline", "--api-host", "api.example.com", "--scenario", "signed-url"]
    _, output = report_of(tmp_path, *words, *python(source))
    assert output == "cdn.example.com True\n"


@pytest.mark.slow
def test_a_program_that_pins_its_certificates_is_told_what_to_trust(tmp_path: Path) -> None:
    source = """
import ssl, urllib.request as u
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
try:
    u.urlopen("https://api.aimlapi.com/v1/models", context=context)
except OSError as error:
    print(error)
"""
    done = run("--offline", "--", sys.executable, "-I", "-c", source)
    assert b"certificate verify failed" in done.stdout
    assert b"1 connection broken off: the program does not trust" in done.stderr
    done = run("--offline", "--", sys.executable, "-c", "pass")
    assert b"Nothing reached the mock" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [False, True])
def test_offline_refuses_other_hosts_and_lists_them(isolated: bool, tmp_path: Path) -> None:
    source = """
import urllib.request as u
for url in ("https://example.com/a", "http://example.org/b"):
    try:
        u.urlopen(url, timeout=5)
    except OSError as error:
        print(error)
"""
    interpreter = [sys.executable, *(["-I"] if isolated else [])]
    report, output = report_of(tmp_path, "--offline", "--", *interpreter, "-c", source)
    hosts = {one["host"]: one["attempts"] for one in report["refused"]}
    assert hosts == {"example.com:443": 1, "example.org:80": 1}
    assert output.count("kling-mock") == 2 or isolated
    shown = run("--offline", "--", *interpreter, "-c", source).stderr.decode()
    assert "example.com:443 (1x)" in shown


@pytest.mark.slow
@needs_node
def test_offline_refuses_other_hosts_in_node(tmp_path: Path) -> None:
    source = "fetch('https://example.com/').catch((error) => console.log(error.cause.message))"
    report, output = report_of(tmp_path, "--offline", "--", "node", "-e", source)
    assert output == "kling-mock is offline: example.com:443 was not contacted\n"
    assert report["refused"] == [{"host": "example.com:443", "attempts": 1}]


@pytest.mark.slow
def test_offline_is_the_default_in_ci(tmp_path: Path) -> None:
    source = "import socket\ntry: socket.getaddrinfo('example.com', 443)\nexcept OSError as e: print(e)"
    report, output = report_of(tmp_path, *python(source), environ={"CI": "true"})
    assert "example.com was not contacted" in output
    assert report["refused"] == [{"host": "example.com:443", "attempts": 1}]


@pytest.mark.slow
def test_local_services_of_the_program_are_left_alone(tmp_path: Path) -> None:
    source = """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for host in ("127.0.0.1", "localhost"):
    print(urllib.request.urlopen(f"http://{host}:{server.server_port}/", timeout=20).status)
"""
    report, output = report_of(tmp_path, "--offline", "--fast-forward", *python(source))
    assert output == "204\n204\n"
    assert report["exchanges"] == []


@pytest.mark.slow
def test_the_programs_own_certificates_and_proxies_stay_untouched(tmp_path: Path) -> None:
    """The parent's environment is what it was, and the child's is not the machine's."""
    before = dict(os.environ)
    source = "import os; print(os.environ['SSL_CERT_FILE'], os.environ['HTTPS_PROXY'])"
    _, output = report_of(tmp_path, *python(source))
    assert not Path(output.split()[0]).exists()
    assert output.split()[1].startswith("http://run:")
    assert dict(os.environ) == before


@pytest.mark.slow
def test_contexts_of_the_program_trust_what_they_were_told_to(tmp_path: Path) -> None:
    """Certificates are loaded only when they are needed, which a program cannot see."""
    source = """
import os, ssl
fresh = ssl.create_default_context()
print(len(fresh.get_ca_certs()) > 0, fresh.cert_store_stats()["x509_ca"] > 0)
named = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
print("kling-mock" in str(named.get_ca_certs()))
try:
    ssl.create_default_context(cafile="/no/such/file")
except FileNotFoundError:
    print("missing")
"""
    _, output = report_of(tmp_path, *python(source))
    assert output == "True True\nTrue\nmissing\n"


def test_an_existing_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.customised = True")
    _, output = report_of(tmp_path, *python("print(customised)"), environ={"PYTHONPATH": str(tmp_path)})
    assert output == "True\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["no-such-command-anywhere"], 127),
        (["/etc/hostname"], 126),
        ([sys.executable, "-c", "raise SystemExit(7)"], 7),
        ([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], 137),
        ([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"], 143),
    ],
)
def test_the_exit_status_is_the_programs_own(words: list[str], status: int) -> None:
    done = run("--", *words)
    assert done.returncode == status
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
def test_a_program_that_never_ends_is_ended() -> None:
    done = run("--timeout", "1s", *python("import signal; signal.pause()"))
    assert done.returncode == 124
    assert b"took longer than 1 s" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "expected a command after --"),
        (["--timeout", "soon", "--", "true"], "--timeout: expected a time such as"),
        (["--api-host", "https://x/", "--", "true"], "--api-host: expected a host name"),
        (["--scenario", "complted", "--", "true"], "completed"),
        (["--report", "/nowhere/at/all.json", "--", "true"], "--report: there is no folder"),
        (["--fastforward", "--", "true"], "--fast-forward"),
    ],
)
def test_wrong_options_are_named_before_anything_starts(words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
def test_binary_output_and_input_pass_through_untouched() -> None:
    data = bytes(range(256)) * 400
    done = run("--fast-forward", "--", "cat", input=data)
    assert done.stdout == data
    source = "import sys; sys.stdout.buffer.write(bytes(range(256)))"
    assert run(*python(source)).stdout == bytes(range(256))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_child_first(number: signal.Signals) -> None:
    source = """
import os, signal, sys
def stop(*_):
    # The signal may come while "ready" is still being printed, and print cannot be entered twice.
    os.write(1, b"stopping\\n")
    sys.exit(5)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    signal.pause()
"""
    process = subprocess.Popen([*RUN, *python(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    output, error = process.communicate(timeout=30)
    assert (process.returncode, output) == (5, b"stopping\n")
    assert b"exit status 5" in error


@pytest.mark.slow
@needs_linux
def test_ctrl_c_of_a_terminal_reaches_the_child_once() -> None:
    """In a terminal the child gets the signal by itself: it must not get a second one."""
    import pty

    source = """
import signal, time
count = []
signal.signal(signal.SIGINT, lambda *_: count.append(1))
print("ready", flush=True)
while not count:
    time.sleep(0.01)
time.sleep(0.2)
print("interrupts:", len(count), flush=True)
"""
    number, descriptor = pty.fork()
    if number == 0:  # pragma: no cover - another process
        os.execv(sys.executable, [*RUN, *python(source)])
    seen = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the terminal's other side is gone
            break
        if not piece:
            break
        seen += piece
        if seen.endswith(b"ready\r\n"):
            os.write(descriptor, b"\x03")
    os.waitpid(number, 0)
    os.close(descriptor)
    assert b"interrupts: 1" in seen


@pytest.mark.slow
@needs_linux
def test_no_process_and_no_file_is_left(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    source = """
import subprocess, sys
long = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
stubborn = "from signal import *; signal(SIGTERM, SIG_IGN); print('deaf', flush=True); pause()"
deaf = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True, stdout=subprocess.PIPE)
deaf.stdout.readline()
print(long.pid, deaf.pid)
"""
    _, output = report_of(tmp_path, *python(source), environ={"TMPDIR": str(temporary)})
    for number in map(int, output.split()):
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    assert list(temporary.iterdir()) == []
