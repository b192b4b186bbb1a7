"""`kling-mock serve` as a user meets it: its first lines, its log, its errors and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import preloaded
from tests.support import until

COMMAND = [sys.executable, "-m", "kling_mock", "serve"]
PAYLOAD = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox", "duration": "5", "extra": 1}


class Served:
    """A running `serve`; `output` is what it printed after the ready line, once it has ended."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def post(self, payload: dict[str, Any], **headers: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/v2/video/generations",
            data=json.dumps(payload).encode(),
            headers={"Authorization": "Bearer k", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        decoded: dict[str, Any] = json.loads(body)
        return decoded

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stdout is not None
    first = process.stdout.readline()
    if arguments == ("--log-format", "json"):
        ready = json.loads(first)
        assert ready["event"] == "ready"
        first = f"kling-mock ready at {ready['url']}\n"
    assert first.startswith("kling-mock ready at http://127.0.0.1:"), process.communicate()
    try:
        yield Served(process, first.split()[-1])
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    result = subprocess.run(
        [*preloaded.words("serve"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_while_an_answer_hangs(number: int) -> None:
    with serving("--scenario", "create-hangs") as served:
        host, port = served.url.removeprefix("http://").split(":")
        body = json.dumps(PAYLOAD).encode()
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(
                b"POST /v2/video/generations HTTP/1.1\r\nhost: h\r\nauthorization: Bearer k\r\n"
                b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            health = f"{served.url}/_mock/health"
            until(lambda: json.load(urllib.request.urlopen(health))["held"])
            code, _, err = served.end(number)
            assert hanging.recv(1) == b""
        assert (code, err) == (0, "")


@pytest.mark.slow
def test_it_prints_a_curl_line_that_works_and_a_readable_line_per_exchange() -> None:
    with serving() as served:
        assert served.process.stdout is not None
        # Read before there are more lines: what is read ahead is lost to `end`.
        curl = served.process.stdout.readline().strip()
        job = served.post(PAYLOAD)
        served.post({**PAYLOAD, "cfg_scale": 3})
        made = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=30)
        assert json.loads(made.stdout)["status"] == "queued"
        code, out, _ = served.end()
    assert code == 0
    lines = out.splitlines()
    (created,) = [line for line in lines if job["id"] in line]
    assert "POST /v2/video/generations 200 queued klingai/v2.5-turbo/pro/text-to-video" in created
    assert any("finding: duration: Expected an integer, received the string '5'" in line for line in lines)
    assert any("violation: cfg_scale: Expected a number of at most 1, received 3" in line for line in lines)
    assert "\x1b" not in out


def test_json_log_is_one_object_per_exchange() -> None:
    with serving("--log-format", "json") as served:
        job = served.post(PAYLOAD)
        _, out, _ = served.end()
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert (line["method"], line["status"], line["state"], line["job_id"]) == (
        "POST",
        200,
        "queued",
        job["id"],
    )
    assert [finding["path"] for finding in line["findings"]] == ["duration", "extra"]


def test_options_read_the_environment_and_the_command_line_wins() -> None:
    with serving("--scenario", "completed", KLING_MOCK_SCENARIO="failed", KLING_MOCK_STRICT="1") as served:
        health = json.load(urllib.request.urlopen(f"{served.url}/_mock/health"))
        assert health["scenario"] == "completed"
        assert "received the string '5'" in served.post(PAYLOAD)["message"]


def test_a_used_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, err = refused("--port", str(port))
    assert code == 2
    assert f"127.0.0.1:{port}: another program has it; choose another --port" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--queud", "1"], "there is no option '--queud' here. Did you mean '--queued'"),
        (["--queued", "soon"], "--queued: expected a time such as 1.5, 500ms, 3s or 2m, received 'soon'"),
        (["--queued=-1"], "--queued: expected a finite time of 0 or more, received '-1'"),
        (["--queued", "-1s"], "--queued: expected a finite time of 0 or more, received '-1s'"),
        (["--queued", "50s", "--polls", "1,1"], "--polls: expected without --queued, received together"),
        (["--realistic", "--queued", "10s"], "--realistic: expected without --queued, received together"),
        (["--polls", "1,1", "--realistic"], "--polls: expected without --realistic, received together"),
        (["--queued"], "--queued: expected a value, received none"),
        (["--strict=1"], "--strict: expected no value, received one"),
        (["now"], "there is no argument 'now' here"),
        (["--port", "70000"], "--port: expected 0 to 65535, received 70000"),
        (["--speed", "nan"], "--speed: expected a number from 0 to 1000000, received 'nan'"),
        (["--scenario", "faild"], "--scenario: There is no scenario 'faild'. Did you mean 'failed'"),
        (["--scenario", "rate-limited;times=x"], "--scenario: times: expected a count"),
        (["--scenario", "failed;times=2"], "has no fault, so it takes no times"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--host", "300.0.0.1"], "300.0.0.1"),
        (["--api-key", " "], "--api-key: expected one or more non-empty keys"),
        (["--log-format", "xml"], "--log-format"),
    ],
)
def test_a_wrong_option_is_one_clear_line(arguments: list[str], expected: str) -> None:
    code, err = refused(*arguments)
    assert code == 2
    assert expected in err


def test_a_wrong_variable_is_named_as_the_variable() -> None:
    code, err = refused(KLING_MOCK_QUEUED="soon")
    assert code == 2
    assert "KLING_MOCK_QUEUED: expected a time" in err


def test_an_unknown_command_names_the_nearest() -> None:
    result = subprocess.run([sys.executable, "-m", "kling_mock", "srve"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "there is no command 'srve'. Did you mean 'serve'" in result.stderr
