"""Virtual time of several processes: each wait lasts as long as it was to, whatever the others do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import PROGRAMS, needs_linux, python, run
from tests.support import mostly_long

TWO = """
import json, subprocess, sys, time, urllib.request
URL = "https://api.aimlapi.com/v2/video/generations"
HEADERS = {"Authorization": "Bearer k", "Content-Type": "application/json"}
def call(method, query="", body=None):
    data = json.dumps(body).encode() if body else None
    asked = urllib.request.Request(URL + query, data, HEADERS, method=method)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)
if len(sys.argv) == 1:
    process = subprocess.Popen([sys.executable, sys.argv[0], "child"])
    while process.poll() is None:
        time.sleep(120)
else:
    job, worst = call("POST", body={"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}), 0
    for _ in range(8):
        time.sleep(15)
        start = time.monotonic()
        call("GET", "?generation_id=" + job["id"])
        worst = max(worst, time.monotonic() - start)
    print(worst < 10)
"""
"""A process that sleeps long, beside one to which answers travel that take 0.6 s."""


def pythons() -> list[str]:
    """The Pythons of this machine: the one of the tests, and others that a person has installed."""
    found = [sys.executable]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for minor in ("3.12", "3.13", "3.14"):
        inside = sorted(versions.glob(f"{minor}.*/bin/python"))
        other = str(inside[-1]) if inside else shutil.which(f"python{minor}")
        if other is not None and f".{sys.version_info.minor}" != minor[1:]:
            if subprocess.run([other, "-c", ""], capture_output=True).returncode == 0:
                found.append(other)
    return found


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("interpreter", mostly_long(pythons(), 9))
def test_each_way_to_have_another_process_work_takes_as_long_as_told(interpreter: str) -> None:
    done = run("--fast-forward", "--", interpreter, str(PROGRAMS / "processes.py"))
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    methods = [words for words in lines if words[0] not in ("run", "wait")]
    assert {words[0] for words in methods} == {"fork", "spawn", "forkserver"}, done.stderr.decode()
    for words in methods:
        assert [words[3], words[5], words[6], words[9]] == ["alive", "gone", "queue", "pool"], words
        took = [int(word) for word in (words[2], words[4], words[8], words[11], words[13])]
        assert took == pytest.approx([100, 200, 300, 200, 400], abs=15), words
    killed, slept, waited = lines[-3:]
    assert (killed[1], slept[1]) == ("killed", "slept")
    took = [int(word) for word in (killed[2], slept[2], waited[1], waited[3])]
    assert took == pytest.approx([400, 500, 400, 500], abs=15)


@needs_linux
def test_time_does_not_jump_over_an_answer_on_its_way_to_another_process(tmp_path: Path) -> None:
    program = tmp_path / "two.py"
    program.write_text(TWO)
    done = run("--fast-forward", "--latency", "600ms", "--", sys.executable, str(program))
    assert done.stdout.split() == [b"True"], done.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["trio", "asyncio"])
def test_anyio_waits_in_virtual_time_on_both_of_its_loops(loop: str) -> None:
    pytest.importorskip("trio")
    pytest.importorskip("anyio")
    source = f"""
import anyio, httpx, time
async def main():
    headers = {{"Authorization": "Bearer k"}}
    url = "https://api.aimlapi.com/v2/video/"
    async with httpx.AsyncClient(headers=headers, timeout=30, base_url=url) as client:
        body = {{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}}
        job = (await client.post("generations", json=body)).json()
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 100)
            for _ in range(4):
                await anyio.sleep(15)
                job = (await client.get("generations", params={{"generation_id": job["id"]}})).json()
        with anyio.move_on_after(50) as scope:
            await anyio.sleep(60)
        return job["status"], scope.cancelled_caught
start = time.monotonic()
print(*anyio.run(main, backend={loop!r}), 149 < time.monotonic() - start < 170)
"""
    done = run("--fast-forward", "--latency", "600ms", *python(source))
    assert done.stdout.split() == [b"completed", b"True", b"True"], done.stderr.decode()
