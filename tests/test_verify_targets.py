"""`kling-mock verify` on what is no client: programs that ask nobody, clients that ask others, threads."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from kling_mock.cli.main import main
from kling_mock.contract_tests.running import cli_run

GOOD = "tests.clients.reference:generate"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_process_ends_although_a_thread_of_the_client_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(cli_run, "end_process", ended.append)
    cli_run._leave(2)
    assert ended == []
    let_go = threading.Event()
    stuck = threading.Thread(target=let_go.wait, name="kling-mock client")
    stuck.start()
    try:
        cli_run._leave(2)
    finally:
        let_go.set()
        stuck.join()
    assert ended == [2]


@pytest.mark.parametrize(
    "program", ["raise SystemExit(1)", "print('rubbish')", "import time; time.sleep(1000)"]
)
def test_a_command_that_never_asks_anybody_is_status_2(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--property", "F1", "--property", "B1", "--", sys.executable, "-c", program]) == 2
    shown = capsys.readouterr().out
    assert "no request came to http" in shown
    assert "Does it read KLING_BASE_URL" in shown


def test_a_client_that_also_talks_to_another_host_is_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("chatty_client.py").write_text(
        "import socket\n"
        f"from {GOOD.partition(':')[0]} import generate as correct\n"
        "def generate(payload, *, base_url, api_key):\n"
        "    with socket.socket() as one:\n"
        "        try: one.connect(('192.0.2.9', 443))\n"
        "        except OSError: pass\n"
        "    return correct(payload, base_url=base_url, api_key=api_key)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    assert main(["verify", "chatty_client:generate", "--property", "A7"]) == 2
    assert "It also talked to 192.0.2.9:443" in capsys.readouterr().out
