"""`kling-mock run --fast-forward`: what holds time up, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kling_mock.interception.child.commands.date import asks_for_now
from tests.running import needs_linux, needs_node, python, report_of

FAST = "--fast-forward"


def _node(source: str, folder: Path) -> list[str]:
    program = folder / "program.mjs"
    program.write_text(source)
    return ["--", "node", str(program)]


@pytest.mark.slow
@needs_node
def test_a_node_program_that_leaves_an_answer_unread_ends(tmp_path: Path) -> None:
    source = 'const answer = await fetch("https://api.aimlapi.com/v1/models"); console.log(answer.status);'
    _, output = report_of(tmp_path, FAST, *_node(source, tmp_path), timeout=30)
    assert output == "200\n"


@pytest.mark.slow
@needs_node
def test_threads_of_node_share_the_time(tmp_path: Path) -> None:
    source = """
import { Worker } from "node:worker_threads";
const work = 'const { parentPort } = require("node:worker_threads");' +
  'setTimeout(() => parentPort.postMessage("done"), 60000)';
let ticks = 0;
const ticking = setInterval(() => { ticks += 1; }, 1000);
new Worker(work, { eval: true }).on("message", (word) => {
  clearInterval(ticking);
  console.log(word, ticks);
});
"""
    _, output = report_of(tmp_path, FAST, *_node(source, tmp_path))
    word, ticks = output.split()
    assert word == "done"
    assert 55 <= int(ticks) <= 65


@needs_node
@needs_linux
def test_an_idle_process_and_an_idle_connection_do_not_hold_node_up(tmp_path: Path) -> None:
    source = """
import net from "node:net";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
const child = spawn("cat", [], { stdio: "pipe" });
const server = net.createServer(() => {}).listen(0, "127.0.0.1");
await new Promise((done) => server.on("listening", done));
const connection = net.connect(server.address().port, "127.0.0.1");
await sleep(300000);
console.log("slept");
child.stdin.end();
connection.destroy();
process.exit();
"""
    _, output = report_of(tmp_path, FAST, *_node(source, tmp_path))
    assert output == "slept\n"


@needs_node
def test_all_clocks_of_node_move(tmp_path: Path) -> None:
    source = """
import { setTimeout as sleep } from "node:timers/promises";
const format = new Intl.DateTimeFormat("en", { timeZone: "UTC", dateStyle: "short", timeStyle: "short" });
performance.mark("begin");
await sleep(300000);
performance.mark("end");
console.log(Math.round(performance.measure("all", "begin", "end").duration / 10000));
console.log(Math.round(performance.measure("rest", "begin").duration / 10000));
console.log(Math.round(process.uptime() / 10));
console.log(format.format() === format.format(new Date()));
const controller = new AbortController();
setTimeout(() => controller.abort("why"), 1000);
await sleep(5000, null, { signal: controller.signal }).catch((error) => {
  console.log(error.name, error.code, error.cause);
});
"""
    _, output = report_of(tmp_path, FAST, *_node(source, tmp_path))
    assert output.splitlines() == ["30", "30", "30", "true", "AbortError ABORT_ERR why"]


@pytest.mark.slow
@needs_linux
def test_a_computing_process_is_waited_for_by_the_threads_beside_it(tmp_path: Path) -> None:
    source = """
import subprocess, sys, threading, time
work = "import time; end = time.process_time() + 2.5\\nwhile time.process_time() < end: pass"
worker = threading.Thread(target=lambda: subprocess.run([sys.executable, "-Ic", work]))
worker.start()
count = 0
while worker.is_alive():
    time.sleep(15)
    count += 1
print(count)
"""
    _, output = report_of(tmp_path, FAST, *python(source))
    assert int(output) <= 3


@needs_linux
def test_the_date_of_a_shell_moves(tmp_path: Path) -> None:
    source = """
start=$(date +%s); count=0
while [ $(($(date +%s) - start)) -lt 1000 ]; do sleep 400; count=$((count + 1)); done
echo $count
[ "$(date -u +%s)" -ge $((start + 1000)) ] && date -u --date=@86400 +%F && date -u -r / +ok
"""
    _, output = report_of(tmp_path, FAST, "--", "sh", "-c", source)
    assert output == "3\n1970-01-02\nok\n"


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ([], True),
        (["-u", "+%s"], True),
        (["-Iseconds"], True),
        (["--iso-8601=seconds", "--utc"], True),
        (["-d", "tomorrow"], False),
        (["-ud", "tomorrow"], False),
        (["--dat=tomorrow"], False),
        (["-r", "file"], False),
        (["+%F", "-s", "2020-01-01"], False),
        (["010112002020"], False),
    ],
)
def test_only_a_date_of_now_is_another_one(words: list[str], now: bool) -> None:
    assert asks_for_now(words) is now
