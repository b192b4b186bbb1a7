"""What somebody types first: it is done, or the answer says what to write instead."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from kling_mock import MockServer, SettingsError
from kling_mock.cli import main
from kling_mock.cli.serve import _ready
from kling_mock.fixtures.marker import marker_options
from kling_mock.settings import Settings

from .support import ask

TABLE = (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8").split("| typed |")[1]
GUESSES = re.findall(
    r"^  \| `([^`]+)` \| .*? \| (.*) \|$", TABLE.split("\n\n")[0].split("\n- ")[0], re.MULTILINE
)
BODY = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("typed", "answer"), GUESSES, ids=[typed for typed, _ in GUESSES])
def test_the_table_of_guesses_says_what_is_answered(
    typed: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed.split()) in (0, 2)
    printed = capsys.readouterr()
    assert answer in printed.out + printed.err


@pytest.mark.parametrize(
    ("target", "write"),
    [
        ("guessed.py:generate", "write guessed:generate."),
        ("./guessed.py:generate", "write guessed:generate."),
        ("src/guessed.py:make", "write src.guessed:make."),
    ],
)
def test_a_file_is_answered_with_its_module(
    target: str, write: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", target]) == 2
    assert write in capsys.readouterr().err


def test_a_class_is_answered_with_the_function_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "guessed_class.py").write_text(
        "class Kling:\n    def __init__(self, base_url, api_key): ...\n", encoding="utf-8"
    )
    assert main(["verify", "guessed_class:Kling"]) == 2
    said = capsys.readouterr().err
    listing = said[said.index("    from ") :]
    compile("\n".join(line[4:] for line in listing.splitlines()), "adapter", "exec")
    assert "from guessed_class import Kling" in listing
    assert "def generate(payload, *, base_url, api_key):" in listing


def test_a_list_of_known_failures_that_is_missing_is_one_plain_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", "json:dumps", "--xfails", "none.txt"]) == 2
    assert "none.txt cannot be read: No such file or directory." in capsys.readouterr().err


def test_a_folder_stands_for_its_json_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bodies"
    folder.mkdir()
    assert main(["validate", "bodies"]) == 2
    assert "bodies: expected a folder with *.json" in capsys.readouterr().err
    for name in ("b.json", "a.json"):
        (folder / name).write_text(json.dumps(BODY), encoding="utf-8")
    (folder / "notes.txt").write_text("no body", encoding="utf-8")
    assert main(["validate", "bodies"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "bodies/a.json",
        "bodies/b.json",
    ]
    assert main(["specs", "check", "bodies"]) != 0
    assert "Is a directory" not in "".join(capsys.readouterr())


def test_a_run_with_a_report_says_its_summary_and_what_made_the_exit_status(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import json, urllib.request as u; "
        "u.urlopen(u.Request('https://api.aimlapi.com/v2/video/generations', "
        f"json.dumps({BODY | {'extra': 1}!r}).encode(), "
        "{'Authorization': 'Bearer k', 'Content-Type': 'application/json'}))"
    )
    command = ["run", "--report", "r.json", "--check", "--", sys.executable, "-c", program]
    assert main(command) == 1
    said = capfd.readouterr().err
    assert "no-undocumented-fields" in said
    assert said.endswith("\n--check: A3 is broken, so exit status 1.\n")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["breaches"]


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000")]
)
def test_the_address_that_is_shown_can_be_opened(
    host: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://{f'[{host}]' if ':' in host else host}:8000"
    _ready(Settings(host=host), url)
    said = capsys.readouterr()
    assert said.out.startswith(f"kling-mock ready at {shown}\n") and f"{shown}/_mock/" in said.out
    assert url not in said.out and "--control-token" in said.err
    _ready(Settings(host=host, control_token="of-a-test"), url)
    assert "--control-token" not in capsys.readouterr().err


def test_a_log_in_json_is_json_from_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    _ready(Settings(log_format="json"), "http://127.0.0.1:8000")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"event": "ready", "url": "http://127.0.0.1:8000"}]


def test_options_of_faults_are_taken_beside_a_scenarios_name() -> None:
    with MockServer(polls=(1, 1)) as server:
        server.next("poll-server-error", times=2)
        assert [fault.times for fault in server.space.queue[0].faults] == [2]
        server.use("poll-server-error", after=1)
        assert server.scenario.faults[0].after == 1
        with pytest.raises(SettingsError, match="Did you mean 'times'"):
            server.next("poll-server-error", tims=2)
        with pytest.raises(SettingsError, match="has no fault"):
            server.next("completed", times=2)


def test_the_marker_says_how_options_of_faults_are_written() -> None:
    mark = pytest.mark.kling("poll-server-error", times=2).mark
    with pytest.raises(SettingsError, match="write 'poll-server-error;times=2'"):
        marker_options([mark])


def test_an_unknown_scenario_is_received_by_its_name() -> None:
    with MockServer() as server:
        reply = ask(server, "POST", "/v2/video/generations", BODY, {"X-Mock-Scenario": "nope"})
    assert reply.json["errors"][0]["received"] == "'nope'"


def test_a_list_of_contracts_says_what_its_columns_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["specs", "list"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["MODEL", "UPDATED", "OLDER", "PATH", "NEEDS"]
    assert head.index("UPDATED") == rows[0].index("20")
