"""`kling-mock run` with every client library, in its own time and in virtual time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import NODE, PROGRAMS, RUN, needs_node, python, report_of, run
from tests.support import mostly_long

pytestmark = pytest.mark.slow

PYTHON_CLIENTS = sorted(path.name for path in PROGRAMS.glob("client_*.py"))
NODE_CLIENTS = sorted(path.name for path in NODE.glob("client_*.mjs"))
SHELL_CLIENTS = sorted(path.name for path in PROGRAMS.glob("client_*.sh"))
EXACT = ["--fast-forward", "--speed", "0", "--offline"]
"""Only waiting moves the clock: what takes real time, a slow machine included, takes no virtual time."""
SLOW = ["--fast-forward", "--speed", "1e-6", "--offline"]
"""The same for answers that take their time, which they do not on a clock that stands still."""
SOON = [*EXACT, "--queued", "20s", "--generating", "35s"]


def _client(name: str) -> list[str]:
    if name.endswith(".py"):
        return [sys.executable, str(PROGRAMS / name)]
    if name.endswith(".mjs"):
        if shutil.which("node") is None:
            pytest.skip("there is no node on this machine")
        library = name.removeprefix("client_").removesuffix(".mjs")
        if library in ("axios", "got") and not (NODE / "node_modules" / library).is_dir():
            pytest.skip(f"{library} is not installed: run `npm install` in tests/node")
        return ["node", str(NODE / name)]
    tool = name.removeprefix("client_").removesuffix(".sh")
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool} on this machine")
    return ["sh", str(PROGRAMS / name)]


@pytest.mark.parametrize("name", mostly_long([*PYTHON_CLIENTS, *NODE_CLIENTS, *SHELL_CLIENTS], 3))
def test_an_unmodified_client_gets_its_video_in_virtual_time(name: str, tmp_path: Path) -> None:
    report, output = report_of(tmp_path, *SOON, "--", *_client(name))
    assert report["exit_status"] == 0, output
    told = json.loads(output)
    assert told["statuses"] == ["queued", "queued", "generating", "generating", "completed"]
    assert told["bytes"] > 1000
    assert told["url"].startswith("https://api.aimlapi.com/")
    if name not in SHELL_CLIENTS:
        assert told["elapsed"] == pytest.approx(60, abs=0.1)
        assert told["drift"] < 1
    assert report["virtual_seconds"] == pytest.approx(60, abs=0.1)
    assert report["refused"] == []


@pytest.mark.parametrize("name", ["client_requests.py", "client_https.mjs"])
def test_a_job_of_documented_length_shows_the_documented_statuses(name: str, tmp_path: Path) -> None:
    """4 min 9 s for v1 standard image-to-video, polled every 15 s."""
    report, output = report_of(tmp_path, *SLOW, "--realistic", "--", *_client(name))
    assert json.loads(output)["statuses"] == ["queued"] + ["generating"] * 15 + ["completed"]
    assert report["virtual_seconds"] == pytest.approx(250.8, abs=0.1)


@pytest.mark.parametrize("name", [*PYTHON_CLIENTS[:1], "client_https.mjs", "client_curl.sh"])
def test_it_works_in_real_time_too(name: str, tmp_path: Path) -> None:
    program = _client(name)
    source = (NODE / "job.mjs") if name.endswith(".mjs") else None
    folder = tmp_path / "clients"
    shutil.copytree(
        PROGRAMS if source is None else NODE,
        folder,
        ignore=shutil.ignore_patterns("node_modules", "__pycache__"),
    )
    for path in folder.iterdir():
        text = path.read_text()
        quick = text.replace("sleep(15)", "sleep(0.1)").replace("sleep 15", "sleep 0.1")
        path.write_text(quick.replace("sleep(15_000)", "sleep(100)"))
    words = ["--queued", "0.1", "--generating", "0.1", "--", *program[:-1], str(folder / name)]
    report, output = report_of(tmp_path, *words)
    assert json.loads(output)["statuses"][-1] == "completed", output
    # Nothing was skipped: virtual time is part of the real time that the run took.
    assert 0.2 <= report["virtual_seconds"] <= report["real_seconds"] + 0.1


GRANDCHILD = """
import subprocess, sys
subprocess.run([{python!r}, {client!r}], check=True)
"""


def test_child_processes_of_the_child_are_led_there_too(tmp_path: Path) -> None:
    client = str(PROGRAMS / "client_urllib.py")
    source = GRANDCHILD.format(python=sys.executable, client=client)
    _, output = report_of(tmp_path, *SOON, *python(source))
    assert json.loads(output)["statuses"][-1] == "completed"


@needs_node
def test_child_processes_of_node_are_led_there_too(tmp_path: Path) -> None:
    client = NODE / "client_https.mjs"
    source = f"require('child_process').execFileSync('node', [{str(client)!r}], {{stdio: 'inherit'}})"
    _, output = report_of(tmp_path, *SOON, "--", "node", "-e", source)
    assert json.loads(output)["statuses"][-1] == "completed"


SIDE_BY_SIDE = """
import subprocess, sys, time
nap = "import sys, time; [time.sleep(float(sys.argv[1])) for _ in range(int(sys.argv[2]))]"
start = time.time()
commands = [[sys.executable, "-c", nap, "300", "5"], [sys.executable, "-c", nap, "500", "3"],
            ["sh", "-c", "sleep 400; sleep 400; sleep 400"], *{more!r}]
for process in [subprocess.Popen(command) for command in commands]:
    process.wait()
print(time.time() - start)
"""
NODE_NAP = "const nap = (left) => { if (left) setTimeout(nap, 350000, left - 1) }; nap(4)"


def test_processes_that_sleep_side_by_side_share_the_time() -> None:
    more = [["node", "-e", NODE_NAP]] if shutil.which("node") else []
    done = run(*EXACT, *python(SIDE_BY_SIDE.format(more=more)))
    # The longest of them sleeps 1,500 s, all of them 5,600 s; one that starts late may lose a sleep or two.
    assert 1500 <= float(done.stdout) < 1700, done.stderr.decode()


@needs_node
@pytest.mark.parametrize("words", [[], ["--realistic"]])
def test_nodes_timers_keep_their_promises(words: list[str]) -> None:
    done = run(*EXACT, *words, "--", "node", str(NODE / "timers.mjs"))
    assert (done.stdout, done.returncode) == (b"kept\n", 0), done.stderr.decode()


@needs_node
def test_nodes_timeouts_expire_in_virtual_time() -> None:
    done = run(*EXACT, "--scenario", "create-hangs", "--", "node", str(NODE / "timeouts.mjs"))
    taken = json.loads(done.stdout)
    assert taken["abort"] == pytest.approx(40, abs=2)
    assert taken["controller"] == pytest.approx(50, abs=2)
    assert taken["socket"] == pytest.approx(60, abs=2)
    assert taken["fetch"] == pytest.approx(300, abs=5)


def test_a_shells_sleep_costs_nothing() -> None:
    done = run(*EXACT, "--", "sh", "-c", "sleep 2m 30 && sleep 0.5h && sleep nonsense")
    assert "32 min 30 s of virtual time" in done.stderr.decode()
    assert b"nonsense" in done.stderr
    assert done.returncode == 1


@pytest.mark.long
def test_two_thousand_connections(tmp_path: Path) -> None:
    source = """
import asyncio, ssl
async def one(gate):
    async with gate:
        reader, writer = await asyncio.open_connection("api.aimlapi.com", 80)
        writer.write(b"GET /v1/models HTTP/1.1\\r\\nHost: api.aimlapi.com\\r\\nConnection: close\\r\\n\\r\\n")
        answer = await reader.read()
        writer.close()
        return answer.startswith(b"HTTP/1.1 200")
async def main():
    gate = asyncio.Semaphore(100)
    print(sum(await asyncio.gather(*(one(gate) for _ in range(2000)))))
asyncio.run(main())
"""
    _, output = report_of(tmp_path, "--offline", "--fast-forward", *python(source), timeout=120)
    assert output == "2000\n"


@pytest.mark.parametrize("name", mostly_long(["client_requests.py", "client_fetch.mjs", "client_curl.sh"], 3))
def test_nothing_but_loopback_is_contacted(name: str, tmp_path: Path) -> None:
    """What the system is asked to connect, as strace sees it."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace on this machine")
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(trace), *RUN, *SOON]
    done = subprocess.run([*command, "--", *_client(name)], capture_output=True, timeout=120)
    if b"Operation not permitted" in done.stderr:
        pytest.skip("tracing is not allowed here")
    assert done.returncode == 0, done.stderr.decode()
    lines = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    assert any('inet_addr("127.0.0.1")' in line for line in lines)
    assert [
        line for line in lines if not re.search(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"', line)
    ] == []
