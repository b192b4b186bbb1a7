"""`kling-mock verify`: exit statuses, the table, the reports, counterexamples that can be served again."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from kling_mock import MockServer
from kling_mock.cli.main import main
from kling_mock.configuration import load_config
from kling_mock.contract_tests.running import cli_run
from kling_mock.settings import layered
from tests.clients.broken.making import StartsAgain
from tests.clients.reference import Client

ROOT = Path(__file__).parents[1]
GOOD = "tests.clients.reference:generate"
BAD = "tests.clients.broken.making:StartsAgain.run"
POLLS_ONCE = "tests.clients.broken.polling:GivesUpAt500.run"
MODEL = "kling-video/v1/standard/image-to-video"
COMMAND = [sys.executable, str(ROOT / "tests" / "clients" / "command.py")]

TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
NUMBER: dict[str, Any] = {"type": "number", "minimum": 0}


def closed(**fields: Any) -> dict[str, Any]:
    """An object of exactly these fields."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


EXCHANGE = closed(
    number=COUNT,
    at=NUMBER,
    took={"type": ["number", "null"]},
    kind={"enum": ["create", "poll", "video", "models", "billing", "other"]},
    method=TEXT,
    target=TEXT,
    status={"type": ["integer", "null"]},
    word={"type": ["string", "null"]},
    state={"type": ["string", "null"]},
    fault={"type": ["string", "null"]},
)
CHARGE = closed(
    job_id=TEXT,
    model=TEXT,
    credits={"type": ["integer", "null"]},
    usd={"type": ["number", "null"]},
    billed={"type": "boolean"},
)
COUNTEREXAMPLE = closed(
    says=TEXT,
    payload={"type": "object"},
    jobs={"type": "array"},
    base_url={"enum": ["plain", "slash", "prefix", "refused"]},
    note=TEXT,
    scenario=TEXT,
    file={"type": ["string", "null"]},
    trace={"type": "array", "items": EXCHANGE},
    outcome=TEXT,
    billed=COUNT,
    charges={"type": "array", "items": CHARGE},
    curl=TEXT,
    command=TEXT,
    seed={"type": "integer"},
)
PROPERTY = closed(
    id={"type": "string", "pattern": "^[A-F][0-9]+$"},
    name=TEXT,
    level={"enum": ["R", "S", "A"]},
    model=TEXT,
    result={"enum": ["passed", "failed", "skipped", "xfailed", "xpassed", "error"]},
    reason=TEXT,
    cost=TEXT,
    mend=TEXT,
    examples=COUNT,
    met=COUNT,
    cut_short={"type": "boolean"},
    seconds=NUMBER,
    counterexample={"anyOf": [{"type": "null"}, COUNTEREXAMPLE]},
)
REPORT = closed(
    tool=closed(name={"const": "kling-mock"}, version=TEXT),
    client=TEXT,
    seed={"type": "integer"},
    level={"enum": ["required", "strict"]},
    properties={"type": "array", "items": PROPERTY},
    coverage={
        "type": "object",
        "additionalProperties": closed(shown=COUNT, of=COUNT, missing={"type": "array", "items": TEXT}),
    },
    summary=closed(
        status={"enum": [0, 1, 2, 3, 130]},
        counts={"type": "object", "additionalProperties": COUNT},
        runs=COUNT,
        seconds=NUMBER,
        not_asked={"type": "array", "items": TEXT},
        problem=TEXT,
        note=TEXT,
        over_budget=TEXT,
    ),
)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_run, "end_process", lambda status: None)
    for name in [name for name in os.environ if name.startswith("KLING_MOCK_")]:
        monkeypatch.delenv(name)


def some(*ids: str) -> list[str]:
    return [word for name in ids for word in ("--property", name)]


def test_a_client_that_keeps_its_properties_is_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", GOOD, *some("A7", "B1", "C8", "F1")]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Checking {GOOD}: 4 properties, {MODEL}, seed 0\n")
    assert re.search(r"^✓ A7  R  bearer-everywhere +kept, 20 examples$", shown, re.M)
    assert re.search(r"^· F1  R  honours-base-url +not applicable: is about commands$", shown, re.M)
    assert shown.endswith("The client keeps every property that counts.\n")
    assert not Path(".kling-mock").exists()


def test_a_broken_property_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", BAD, *some("A7", "B1")]) == 1
    shown = re.sub(r"[ \n]+", " ", capsys.readouterr().out)
    assert "✗ B1 one-create-per-job, " + MODEL in shown
    assert "3 creates were sent for one video, the second after a poll that was answered 500." in shown
    assert "It would have been billed 3 times." in shown
    assert '"image_url": "https://example.com/a.png"' in shown
    assert "kling-mock serve --config .kling-mock/B1-kling-video-v1-standard-image-to-video.toml" in shown
    assert "► 10.15 s POST /v2/video/generations → 200 queued" in shown
    assert "curl -i -X POST http://127.0.0.1:8000/v2/video/generations" in shown
    assert '-H "Authorization: Bearer ${KLING_API_KEY:-any-key}"' in shown
    assert f"kling-mock verify --property B1 --model {MODEL} --seed 0 {BAD}" in shown
    assert "✓ kept, ✗ broken, R required" in shown and "Broken:" not in shown


def test_advice_is_told_and_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    bad = "tests.clients.broken.sent:DurationAsText.run"
    assert main(["verify", bad, *some("A5", "A7")]) == 0
    shown = capsys.readouterr().out
    assert "A5 integer-duration, kling-video/v1/standard/image-to-video (advice: does not count)" in shown
    assert shown.endswith("The client keeps every property that counts.\n")


@pytest.fixture
def reports(capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    words = ["--report", "r.json", "--html", "r.html", "--junit", "r.xml", "--seed", "5", "--level", "strict"]
    assert main(["verify", BAD, *some("A7", "B1", "D7", "F1", "C9"), *words]) == 1
    capsys.readouterr()
    yield Path(".kling-mock")


def test_the_report_keeps_its_documented_form(reports: Path) -> None:
    report = json.loads(Path("r.json").read_text("utf-8"))
    jsonschema.validate(report, REPORT)
    results = {entry["id"]: entry["result"] for entry in report["properties"]}
    assert results == {"A7": "passed", "B1": "failed", "D7": "passed", "F1": "skipped", "C9": "failed"}
    assert (report["seed"], report["summary"]["status"]) == (5, 1)
    example = next(entry for entry in report["properties"] if entry["id"] == "B1")["counterexample"]
    assert example["billed"] == 3
    assert [row["kind"] for row in example["trace"]] == ["create", "poll"] * 3
    assert Path(example["file"]).is_file()
    assert "sk-contract" not in json.dumps(report)


def test_the_counterexample_can_be_served_and_breaks_the_client_again(reports: Path) -> None:
    file = next(reports.glob("B1-*.toml"))
    options = layered(load_config(file), {"port": 0, "log_format": "none", "polls": (1, 1)})
    payload = json.loads(file.with_suffix(".json").read_text("utf-8"))
    with MockServer(**options) as server:
        client = StartsAgain(server.base_url, server.api_key)
        client.poll_interval = 0.0
        with pytest.raises(Exception, match="the poll failed with 500"):
            client.generate(payload)
        assert len(server.charges) == 3
        assert Client(server.base_url, server.api_key).create(payload)["status"] == "queued"


class Page(html.parser.HTMLParser):
    """Collects what a page would load, and its open tags."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_by_itself_and_draws_the_timeline(reports: Path) -> None:
    text = Path("r.html").read_text("utf-8")
    page = Page()
    page.feed(text)
    assert (page.loads, page.open) == ([], [])
    assert {"svg", "table", "style"} <= page.seen
    assert "billed 3 times" in text
    assert "sk-contract" not in text


def test_junit_says_what_failed_and_what_was_skipped(reports: Path) -> None:
    (suite,) = ElementTree.parse("r.xml").getroot()
    assert suite.get("name") == MODEL
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "2", "0", "1"]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["B1 one-create-per-job", "C9 poll-fault-tolerance"]


@pytest.mark.slow
def test_known_failures_do_not_fail_the_run_unless_they_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    Path("known.txt").write_text("B1 # we know\n", encoding="utf-8")
    words = ["--xfails", "known.txt", *some("B1")]
    assert main(["verify", BAD, *words]) == 0
    assert "known failure: we know" in capsys.readouterr().out
    assert main(["verify", GOOD, *words]) == 1
    assert "kept, though listed as a known failure" in capsys.readouterr().out


def test_options_come_from_the_environment_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KLING_MOCK_PROPERTY", "A7, B7")
    monkeypatch.setenv("KLING_MOCK_MODEL", "klingai/avatar-pro")
    monkeypatch.setenv("KLING_MOCK_MAX_EXAMPLES", "3")
    monkeypatch.setenv("KLING_MOCK_SEED", "9")
    assert main(["verify", GOOD]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Checking {GOOD}: 2 properties, klingai/avatar-pro, seed 9\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected a client"),
        (["no_such_module_here:generate"], "cannot be imported: there is no module 'no_such_module_here'"),
        (["tests.clients.reference:generat"], "has no 'generat'. Did you mean 'generate'"),
        (["tests.clients.reference:zzz"], "has no 'zzz'; it has "),
        (["nothing-like-this"], "A Python function is named MODULE:FUNCTION"),
        (["--", "nothing-like-this"], "There is no program 'nothing-like-this' on PATH: expected a command"),
        (["--", "./nothing"], "There is no program './nothing': expected a command"),
        ([str(ROOT / "tests")], "/tests' is a folder: expected a program"),
        (
            [str(ROOT / "tests" / "support.py")],
            "/support.py' is not executable: expected a program; write python",
        ),
        (["no-such-program", "x"], "There is no program 'no-such-program'"),
        ([GOOD, "--model", "kling-video/v9"], "no model 'kling-video/v9'"),
        ([GOOD, "--property", "Z1"], "no property 'Z1'"),
        ([GOOD, "--level", "lax"], "--level: expected one of required, strict"),
        ([GOOD, "--max-examples", "0"], "--max-examples: expected 1 or more, received 0."),
        ([GOOD, "--timeout", "0"], "--timeout: expected a time of more than 0, received '0'."),
        ([GOOD, "--", "python", "x"], "expected a function or a command, received the function"),
        ([GOOD, "--html", "."], "--html: expected a file to write to, received the folder"),
        ([GOOD, "--timeout", "soon"], "--timeout: expected a time"),
        ([GOOD, "--seed", "x"], "--seed: expected a whole number"),
        ([GOOD, "--report", "no/such/folder/r.json"], "--report: there is no folder"),
        ([GOOD, "--xfails", "none.txt"], "--xfails: none.txt cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *words]) == 2
    shown = capsys.readouterr().err
    assert says in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 42", "expected the video's URL as a string, received int"),
        ("return 'http://example.com'", "no request came to"),
        ("raise RuntimeError('no settings')", "failed with RuntimeError: no settings"),
        ("import sys; sys.exit(4)", "called sys.exit(4)"),
        ("import os; os._exit(4)", "called sys.exit(4)"),
        ("import signal; signal.signal(signal.SIGALRM, signal.SIG_DFL)", "hand it in as a command"),
    ],
)
def test_a_client_that_cannot_be_run_is_status_2(
    body: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"a_client_{abs(hash(body))}"
    Path(f"{name}.py").write_text(
        f"def generate(payload, *, base_url, api_key):\n    {body}\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    assert main(["verify", f"{name}:generate", *some("A7"), "--report", "r.json"]) == 2
    shown = capsys.readouterr().out
    assert "The client could not be checked." in shown
    assert says in shown
    report = json.loads(Path("r.json").read_text("utf-8"))
    jsonschema.validate(report, REPORT)
    assert (report["summary"]["status"], says in report["summary"]["problem"]) == (2, True)


@pytest.mark.slow
@pytest.mark.long
def test_a_command_is_checked_in_virtual_time(capsys: pytest.CaptureFixture[str]) -> None:
    words = some("A7", "B6", "C8", "E1", "F1", "F2", "F3", "F4")
    assert main(["verify", "--max-examples", "4", *words, "--", *COMMAND]) == 0
    shown = capsys.readouterr().out
    assert "not applicable" not in shown
    assert re.search(r"^✓ F2  R  exit-code", shown, re.M)


def test_a_command_that_asks_somebody_else_breaks_f1_and_nothing_else_is_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", *some("F1", "B1"), "--", *COMMAND, "hard-coded-address"]) == 1
    shown = capsys.readouterr().out
    assert re.search(r"^✗ F1  R  honours-base-url +broken: nothing arrived at http", shown, re.M)
    assert "nothing arrives at the mock (see F1)" in shown


@pytest.mark.slow
def test_a_broken_command_is_named_with_its_line_to_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *some("F3"), "--", *COMMAND, "shows-key-in-errors"]) == 1
    shown = capsys.readouterr().out
    assert "key is in what the client prints" in " ".join(shown.split()).lower()
    assert "command.py shows-key-in-errors" in shown


@pytest.mark.slow
def test_the_kit_runs_in_a_pytest_session_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from kling_mock.contract_tests import contract_test\n"
        f"test_contract = contract_test({BAD!r}, properties=['A7', 'B1', 'F1'], max_examples=5)\n",
        encoding="utf-8",
    )
    done = run_pytest(tmp_path, "test_mine.py")
    assert "1 failed, 1 passed, 1 skipped" in done, done
    assert f"test_contract[B1-{MODEL}]" in done
    assert "It would have been billed 3 times." in " ".join(done.split())


@pytest.mark.slow
@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere", "reports"])
def test_a_folder_that_cannot_be_written_hides_no_result(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counterexample is shown and reported, the status is the verdict's, and a note names the folder."""
    (tmp_path / "file").write_text("")
    (tmp_path / "reports" / f"B1-{MODEL.replace('/', '-')}.json").mkdir(parents=True)
    words = ["--save", place, "--report", "report.json", "--html", "page.html", "--junit", "junit.xml"]
    assert main(["verify", *some("B1"), *words, BAD]) == 1
    shown = capsys.readouterr()
    assert re.search(r"^✗ B1 ", shown.out, re.M)
    assert "  payload\n" in shown.out
    assert "  again\n" in shown.out
    assert "serve --config" not in shown.out
    assert shown.err.count(f"--save: {place} cannot be written: ") == 1
    [told] = json.loads(Path("report.json").read_text())["properties"]
    assert told["counterexample"]["file"] is None
    assert "[" in told["counterexample"]["scenario"]
    assert Path("page.html").exists()
    assert Path("junit.xml").exists()


@pytest.mark.slow
def test_the_kit_in_pytest_shows_what_it_cannot_save(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "test_mine.py").write_text(
        "from kling_mock.contract_tests import contract_test\n"
        f"test_contract = contract_test({BAD!r}, properties=['B1'], max_examples=2, save='file')\n",
        encoding="utf-8",
    )
    done = run_pytest(tmp_path, "test_mine.py")
    assert "1 failed" in done, done
    assert "It would have been billed 3 times." in " ".join(done.split())
    assert "file cannot be written: File exists. Counterexamples are shown, not saved." in done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--kling-client", GOOD, "--kling-property", "A7", "--kling-property", "B1"], "2 passed"),
        (["--kling-client", BAD, "--kling-property", "B1"], "1 failed"),
        pytest.param(
            ["--kling-command", " ".join(COMMAND), "--kling-property", "F1"],
            "1 passed",
            marks=pytest.mark.long,
        ),
        (
            ["--kling-client", GOOD, "--kling-property", "Q1"],
            "The options cannot be used: --kling-property: there is no property",
        ),
        pytest.param(
            ["--kling-client", "nothing:here"],
            "The client could not be checked. nothing:here cannot be imported",
            marks=pytest.mark.long,
        ),
        ([], "1 skipped"),
    ],
)
def test_the_kit_is_collected_as_a_package(tmp_path: Path, words: list[str], says: str) -> None:
    done = run_pytest(tmp_path, "--pyargs", "kling_mock.contract_tests", "--kling-max-examples", "3", *words)
    assert says in done, done


def run_pytest(folder: Path, *words: str) -> str:
    """The output of a session of pytest in another process and folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    # Other plugins stay out, for the time that they take.
    out = ("cacheprovider", "randomly", "schemathesis", "anyio", "asyncio", "xdist")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rA",
        *[w for name in out for w in ("-p", f"no:{name}")],
    ]
    done = subprocess.run(
        [*command, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_requests_of_a_counterexample_do_it_again_as_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", POLLS_ONCE, *some("C9"), "--max-examples", "2"]) == 1
    shown = capsys.readouterr().out
    requests = re.findall(r"^ {4}(id=.*|curl -i -G .*|for n in .*)$", shown, re.M)
    (file,) = re.findall(r"kling-mock serve --config (\S+)", shown)
    (fault,) = re.findall(r"^ *► .*→ (\d{3}|no answer)", shown, re.M)
    environ = {name: value for name, value in os.environ.items() if name != "KLING_API_KEY"}
    options = layered(load_config(file), {"port": 0, "polls": (1, 1)})
    with MockServer(**options) as server:
        script = "\n".join(requests).replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, timeout=60)
        last = server.exchanges[-1]
    assert len(requests) == 2 and len(server.charges) == 1, script
    assert last.kind == "poll" and last.known_id
    assert f"HTTP/1.1 {fault} " in done.stdout
