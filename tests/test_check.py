"""`kling-mock check`: recordings of any tool, the client's side and the server's, and files that are none."""

from __future__ import annotations

import base64
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kling_mock import MockServer
from kling_mock.cli import main
from kling_mock.recordings import har_stream
from kling_mock.recordings.har_stream import EntrySplitter
from kling_mock.recordings.judging import judge_recordings
from kling_mock.scenarios import CATALOGUE

from .planted.client import MISTAKES, Api, right
from .support import MODEL, PATHS, ask
from .test_own_documents import BODY, NEW, document

HERE = Path(__file__).parent / "recordings"
API = f"https://api.aimlapi.com{PATHS[0]}"


class Har:
    """A recording that is written entry by entry, as a browser would."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add(
        self,
        method: str,
        url: str,
        status: int,
        answer: Any = None,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        sent: dict[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """An exchange, a second after the one before."""
        asked = {"Authorization": "Bearer sk-1234567890"} if sent is None else sent
        asked |= {"Content-Type": "application/json"} if body is not None and sent is None else {}
        told = answer if isinstance(answer, str) else "" if answer is None else json.dumps(answer)
        request: dict[str, Any] = {"method": method, "url": url, "headers": pairs(asked), "bodySize": 0}
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            request |= {"postData": {"mimeType": "application/json", "text": text}, "bodySize": len(text)}
        typed = {"content-type": "application/json"} | (headers or {})
        content = {"size": len(told), "mimeType": "application/json", "text": told}
        number = len(self.entries)
        entry = {
            "startedDateTime": f"2026-05-04T10:{number // 60:02}:{number % 60:02}.000Z",
            "time": 20,
            "request": request,
            "response": {"status": status, "headers": pairs(typed), "content": content},
            **more,
        }
        self.entries.append(entry)
        return entry

    def create(self, status: int = 200, answer: Any = None, **payload: Any) -> dict[str, Any]:
        """A create; without an answer it is the right one, and names `job-1`."""
        told = {"id": "job-1", "status": "queued"} if answer is None and status == 200 else answer
        return self.add("POST", API, status, told, {"model": MODEL, "prompt": "A fox", **payload})

    def poll(self, job: str = "job-1", status: int = 200, word: str = "generating", **answer: Any) -> Any:
        """A poll that is told this status."""
        told = {"id": job, "status": word, **answer}
        return self.add("GET", f"{API}?generation_id={job}", status, told)

    def done(self, job: str = "job-1", **answer: Any) -> Any:
        """A poll that is told of the video."""
        return self.poll(job, word="completed", video={"url": f"https://cdn.example/{job}.mp4"}, **answer)

    def text(self) -> str:
        """The document."""
        return json.dumps({"log": {"version": "1.2", "creator": {}, "entries": self.entries}})

    def write(self, folder: Path, name: str = "x.har") -> Path:
        """The document in a file."""
        path = folder / name
        path.write_text(self.text(), encoding="utf-8")
        return path


def pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


Checked = tuple[int, dict[str, Any]]


@pytest.fixture
def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Checked]:
    """Runs `check --json` on recordings, or on files; gives the exit status and the report."""

    def check(*what: Har | Path, words: tuple[str, ...] = ()) -> Checked:
        files = [
            one.write(tmp_path, f"{n}.har") if isinstance(one, Har) else one for n, one in enumerate(what)
        ]
        capsys.readouterr()
        status = main(["check", "--json", *words, *map(str, files)])
        return status, json.loads(capsys.readouterr().out)

    return check


def ids(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["id"], row["level"]) for row in report["breaches"]]


def kinds(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["kind"], row["where"]) for row in report["differences"]]


# Recordings of tools


@pytest.mark.parametrize("name", ["chromium.har", "playwright.har", "playwright.zip"])
def test_nothing_is_said_of_what_a_browser_recorded(name: str, checked: Callable[..., Checked]) -> None:
    status, report = checked(HERE / name)
    (file,) = report["files"]
    assert (status, report["breaches"], report["differences"]) == (0, [], [])
    assert (file["jobs"], file["exchanges"], file["unfinished"], file["without_body"]) == (1, 5, 0, 0)
    assert sum(file["other_hosts"].values()) >= 1


def test_a_mistake_is_told_of_what_a_browser_recorded(checked: Callable[..., Checked]) -> None:
    status, report = checked(HERE / "playwright-polls-on.har")
    assert (status, ids(report)) == (1, [("C1", "R")])


@pytest.mark.slow
def test_every_planted_mistake_is_told_of_the_mocks_own_recordings(
    tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    told: dict[str, set[str]] = {}
    with MockServer(polls=(1, 1), speed=50) as server:
        api = Api(server.base_url, server.url, pause=0.02)
        for name, (rule, mistake) in {"right": ("", right), **MISTAKES}.items():
            server.reset()
            mistake(api)
            path = tmp_path / "own.har"
            path.write_bytes(ask(server, "GET", "/_mock/exchanges.har?over=true", key=None).body)
            status, report = checked(path)
            told[name] = {row["id"] for row in report["breaches"]}
            assert report["differences"] == [], name
            assert status == (1 if any(row["level"] == "R" for row in report["breaches"]) else 0)
            assert told[name] == ({rule} if rule else set()), name


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CATALOGUE if "hang" not in name and "slow" not in name])
def test_a_mock_that_goes_wrong_on_purpose_does_not_differ(
    name: str, server: MockServer, tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    from .support import body_for
    from .test_invariants_together import careful_client

    server.use(name)
    careful_client(server, body_for())
    path = tmp_path / "own.har"
    path.write_bytes(ask(server, "GET", "/_mock/exchanges.har", key=None).body)
    _, report = checked(path)
    assert report["differences"] == []
    assert {row["id"] for row in report["breaches"]} <= {"T2"}


# The client


def test_two_jobs_at_once_and_one_that_never_ends(checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create()
    har.create(answer={"id": "job-2", "status": "queued"}, prompt="another")
    for _ in range(2):
        har.poll("job-1")
        har.poll("job-2")
    har.done("job-2")
    har.poll("job-1")
    status, report = checked(har)
    assert (status, report["breaches"], report["differences"]) == (0, [], [])
    assert (report["files"][0]["jobs"], report["files"][0]["unfinished"]) == (2, 1)


@pytest.mark.parametrize(
    ("status", "more", "found"),
    [
        (504, {}, [("B2", "A")]),
        (0, {"_error": "net::ERR_CONNECTION_RESET"}, [("B2", "A")]),
        (0, {"_error": "net::ERR_CONNECTION_REFUSED"}, []),
        (0, {"_error": "net::ERR_FAILED"}, []),
    ],
)
def test_a_second_create_after_no_answer_is_advice_where_the_first_may_have_arrived(
    status: int, more: dict[str, Any], found: list[tuple[str, str]], checked: Callable[..., Checked]
) -> None:
    har = Har()
    har.create(status, answer={}).update(more)
    har.create()
    har.done()
    exit_status, report = checked(har, words=("--side", "client"))
    assert (exit_status, ids(report)) == (0, found)


def test_headers_that_a_tool_took_out_are_not_missed(checked: Callable[..., Checked]) -> None:
    har = Har()
    har.add("POST", API, 200, {"id": "job-1", "status": "queued"}, {"model": MODEL, "prompt": "x"}, sent={})
    har.add("GET", f"{API}?generation_id=job-1", 401, {"statusCode": 401}, sent={"Accept": "*/*"})
    assert ids(checked(har)[1]) == []
    har.done()
    assert ids(checked(har)[1]) == [("A7", "R")]


def test_the_key_in_the_url_is_told_and_shown_nowhere(
    checked: Callable[..., Checked], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    har = Har()
    har.create()
    har.add("GET", f"{API}?generation_id=job-1&key=sk-1234567890", 200, {"id": "job-1", "status": "error"})
    har.add("GET", "https://api.aimlapi.com/v2/video/generations/sk-1234567890", 404, {})
    path = har.write(tmp_path)
    assert (
        main(["check", "--report", str(tmp_path / "r.json"), "--junit", str(tmp_path / "j.xml"), str(path)])
        == 1
    )
    said = capsys.readouterr().out + (tmp_path / "r.json").read_text() + (tmp_path / "j.xml").read_text()
    assert " A7 " in said and " A6 " in said and "sk-1234567890" not in said


def test_what_the_real_server_took_is_not_held_against_the_client(checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create(cfg_scale=1.5)
    har.done()
    status, report = checked(har)
    assert (status, ids(report)) == (1, [])
    assert kinds(report) == [("loosened", "create 200 cfg_scale")]
    assert checked(har, words=("--side", "client"))[0] == 0


# The server


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda har: har.done(resolution="1080p"), [("undocumented field", "poll 200 resolution")]),
        (lambda har: har.poll(word="waiting"), [("status", "poll 200 status")]),
        (lambda har: har.poll(status=418), [("status", "poll 418")]),
        (lambda har: har.poll(word="completed", video={}), [("missing", "poll 200 video.url")]),
        (
            lambda har: har.add("GET", f"{API}?generation_id=job-1", 200, {"id": "job-1"}),
            [("missing", "poll 200 status")],
        ),
        (
            lambda har: har.add(
                "GET", f"{API}?generation_id=job-1", 200, {"id": "job-2", "status": "queued"}
            ),
            [("incoherent", "poll 200 id")],
        ),
        (
            lambda har: har.done(meta={"usage": {"credits_used": "many"}}),
            [("value", "poll 200 meta.usage.credits_used")],
        ),
        (lambda har: har.add("GET", f"{API}?generation_id=job-1", 200, "<html>"), [("value", "poll 200")]),
        (lambda har: (har.done(), har.poll()), [("incoherent", "poll 200 status")]),
        (
            lambda har: har.create(400, {"message": "no"}, negative_prompt="x"),
            [("tightened", "create 400")],
        ),
    ],
)
def test_each_difference_has_its_kind(
    change: Callable[[Har], Any], expected: list[tuple[str, str]], checked: Callable[..., Checked]
) -> None:
    har = Har()
    har.create()
    change(har)
    status, report = checked(har)
    assert set(expected) <= set(kinds(report)), report["differences"]
    assert status == 1


def test_headers_of_the_api_are_documented_and_those_of_others_are_nobodys(
    checked: Callable[..., Checked],
) -> None:
    har = Har()
    har.create()
    told = {"cf-ray": "1", "server": "x", "X-AIMLAPI-Queue": "3", "x-inference-id": "job-1"}
    har.add("GET", f"{API}?generation_id=job-1", 200, {"id": "job-1", "status": "queued"}, headers=told)
    assert kinds(checked(har)[1]) == [("header", "poll 200 x-aimlapi-queue")]


def test_the_same_difference_is_told_once_with_where_it_was_seen(
    checked: Callable[..., Checked], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = Har(), Har()
    for har in (one, other):
        har.create()
        har.done(resolution="720p|x")
    report = checked(one, other)[1]
    (row,) = report["differences"]
    assert (row["times"], row["entries"], row["models"]) == (2, ["0.har#2", "1.har#2"], [MODEL])
    assert main(["check", str(one.write(tmp_path))]) == 1
    said = capsys.readouterr().out
    assert "| undocumented field | `poll 200 resolution` | resolution is not documented | 1x |" in said


def test_a_model_of_ones_own_documents_is_judged_by_them(
    tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    own, path = tmp_path / "own", "/v2/generate/video/acme/generation"
    own.mkdir()
    (own / "dream.json").write_text(json.dumps(document(BODY, path)), encoding="utf-8")
    har, url = Har(), f"https://api.aimlapi.com{path}"
    body = {"model": NEW, "prompt": "a quiet sea", "colour": "blue"}
    har.add("POST", url, 200, {"id": "job-1", "status": "queued"}, body)
    har.add("GET", f"{url}?generation_id=job-1", 200, {"id": "job-1", "status": "error", "mood": 1})
    assert ids(checked(har)[1]) == []
    status, report = checked(har, words=("--specs", str(own)))
    assert (status, ids(report)) == (1, [("A3", "R")])
    assert report["files"][0]["jobs"] == 1


def test_a_model_without_a_document_is_left_alone(checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create(model="acme/video-1", answer={"id": "v", "status": "queued", "generation_id": "v"})
    status, report = checked(har)
    assert (status, report["differences"], report["files"][0]["other_models"]) == (0, [], 1)
    assert ids(report) == [("B13", "A")]


# How bodies are written


@pytest.mark.parametrize("how", ["base64", "gzip", "base64 of gzip", "a file", "none"])
def test_bodies_are_read_however_they_are_written(
    how: str, tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    har = Har()
    har.create()
    for entry in (har.done(), har.poll(word="completed", video={"url": "https://cdn.example/job-1.mp4"})):
        content = entry["response"]["content"]
        data = content.pop("text").encode()
        if "gzip" in how:
            data = gzip.compress(data)
            entry["response"]["headers"] += pairs({"Content-Encoding": "gzip"})
        if "base64" in how or how == "gzip":
            content |= {"text": base64.b64encode(data).decode(), "encoding": "base64"}
        elif how == "a file":
            (tmp_path / "body.json").write_bytes(data)
            content["_file"] = "body.json"
    status, report = checked(har)
    assert (status, ids(report)) == ((0, []) if how == "none" else (1, [("C1", "R")]))
    assert report["files"][0]["without_body"] == (2 if how == "none" else 0)


def test_a_file_outside_of_the_folder_is_not_read(tmp_path: Path, checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create()["request"]["postData"] = {"text": "", "_file": "../../etc/passwd"}
    status, report = checked(har)
    assert (status, [row["id"] for row in report["breaches"]]) == (0, ["B13"])


# Files


def test_packed_files_and_marks_at_the_beginning(tmp_path: Path, checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create()
    har.done()
    packed, marked, archive = tmp_path / "a.har.gz", tmp_path / "b.har", tmp_path / "c.zip"
    packed.write_bytes(gzip.compress(har.text().encode()))
    marked.write_bytes(b"\xef\xbb\xbf\r\n" + har.text().encode())
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("har.har", har.text())
    status, report = checked(packed, marked, archive)
    assert status == 0
    assert [(file["jobs"], file["problem"]) for file in report["files"]] == [(1, "")] * 3


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"not json", "expected a JSON object, received 'not json'"),
        (b"[1, 2]", "expected a JSON object"),
        (b"{}", "expected a list log.entries"),
        (b'{"log": {"pages": []}}', "expected a list log.entries"),
        (b'{"log": {"entries": {"a": 1}}}', "expected a list log.entries"),
        (b'{"log": {"ent', "expected a list log.entries (it is cut off)"),
        ("{}".encode("utf-16"), "is in UTF-16"),
        (b"PK\x03\x04 no archive", "is no HAR file"),
        (b"\x1f\x8b no gzip", "is no HAR file"),
        (b"\x00" * 100, "expected a JSON object"),
    ],
)
def test_what_is_no_recording_is_said_in_a_sentence(
    data: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    har = Har()
    har.create()
    har.done()
    path = tmp_path / "bad.har"
    path.write_bytes(data)
    assert main(["check", str(path), str(har.write(tmp_path))]) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("kling-mock check: ") and says in line
    # The other one is judged all the same.
    assert "x.har: 1 job, 2 exchanges" in said.out


def test_files_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.har"), str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("cannot be read") == 2
    assert main(["check"]) == 2
    assert "expected FILE.har" in capsys.readouterr().err


@pytest.mark.parametrize("keep", [0.5, 0.75, 0.95, 0.999])
def test_one_that_is_cut_off_is_judged_as_far_as_it_goes(
    keep: float, tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    har = Har()
    har.create()
    for _ in range(3):
        har.done()
    har.poll("job-9")
    text, path = har.text(), tmp_path / "cut.har"
    path.write_text(text[: int(len(text) * keep)], encoding="utf-8")
    status, report = checked(path)
    (file,) = report["files"]
    assert ("C1", "R") in ids(report) or keep == 0.5
    assert status in (0, 1) and file["entries"] >= 2
    assert file["notes"] == ["it is cut off: what was read of it is judged"]
    packed = tmp_path / "cut.har.gz"
    packed.write_bytes(gzip.compress(text.encode() + b" " * 100)[:-30])
    assert checked(packed)[1]["files"][0]["notes"]


def test_one_of_other_hosts_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    har = Har()
    har.add("GET", "https://example.com/a", 200, {})
    har.add("GET", "https://example.com/v1/chat/completions", 404, {})
    har.add("GET", "wss://example.com/socket", 101, {})
    assert main(["check", str(har.write(tmp_path))]) == 2
    said = capsys.readouterr()
    assert "no request of the API" in said.err and "left out: example.com" in said.out
    har.add(
        "POST", "https://my-proxy.example/kling/v2/video/generations", 200, {"id": "a", "status": "error"}
    )
    har.add("GET", "https://my-proxy.example/kling/health", 404, {})
    har.add("GET", "https://gate.example/v3/anything", 404, {})
    assert main(["check", "--json", "--api-host", "gate.example", str(har.write(tmp_path))]) == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["exchanges"], file["other_hosts"]) == (3, {"example.com": 2})


ODD: list[Any] = [
    None,
    1,
    [],
    {},
    {"request": None, "response": None},
    {"request": {"method": 1, "url": 2}, "response": {}},
    {"request": {"method": "GET", "url": "http://["}, "response": {}},
    {"request": {"method": "GET", "url": API, "headers": {"a": 1}}, "response": {"status": "200"}},
    {
        "request": {"method": "POST", "url": API, "headers": [1, {}], "postData": 3},
        "response": {"content": []},
    },
    {
        "startedDateTime": "yesterday",
        "time": "long",
        "request": {"method": "GET", "url": API},
        "response": {"status": 200},
    },
    {
        "_klingMock": {"kind": "poll", "violations": 5},
        "request": {"method": "GET", "url": API},
        "response": {},
    },
]


def test_odd_entries_are_counted_and_break_nothing(tmp_path: Path, checked: Callable[..., Checked]) -> None:
    har = Har()
    har.create()
    har.done()
    text = json.dumps({"log": {"_klingMock": 7, "entries": [*ODD, *har.entries]}})
    path = tmp_path / "odd.har"
    path.write_text(text, encoding="utf-8")
    status, report = checked(path)
    assert report["files"][0]["jobs"] == 1 and report["files"][0]["problem"] == ""
    assert status in (0, 1)


# The stream


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_entries_are_the_same_however_the_bytes_come(size: int) -> None:
    entries = [{"a": 'x"y\\', "b": [{"c": ["{", "}]"]}], "entries": [1]}, {"log": {"entries": ["é…"]}}, {}]
    log = {"pages": [{"id": "entries"}], "_klingMock": {"steps": [1]}, "entries": entries, "comment": "]}"}
    data = json.dumps(
        {"x": {"entries": [{"no": 1}]}, "log": log, "entries": [{"no": 2}]}, ensure_ascii=False
    ).encode()
    splitter, found = EntrySplitter(), []
    for start in range(0, len(data), size):
        found += list(splitter.feed(data[start : start + size]))
    assert found == entries
    assert (splitter.found, splitter.whole, splitter.aside, splitter.unread) == (
        True,
        True,
        {"steps": [1]},
        0,
    )


def test_what_is_too_large_is_passed_over_and_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har_stream, "LARGEST_ENTRY", 1000)
    entries = [{"n": 1}, {"text": 'x"{' * 2000, "n": 2}, {"n": 3}]
    data, splitter, found, held = json.dumps({"log": {"entries": entries}}).encode(), EntrySplitter(), [], 0
    for start in range(0, len(data), 100):
        found += list(splitter.feed(data[start : start + 100]))
        held = max(held, len(splitter._held))
    assert (found, splitter.unread, splitter.whole) == ([{"n": 1}, {"n": 3}], 1, True)
    assert held < 1300


def test_a_long_recording_is_judged_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from kling_mock.recordings import judging

    monkeypatch.setattr(judging, "WINDOW", 40)
    har = Har()
    for number in range(40):
        job = f"job-{number}"
        har.create(answer={"id": job, "status": "queued"}, prompt=f"wish {number}")
        har.poll(job)
        har.done(job)
        if number == 20:
            har.done(job)
    (file,) = judge_recordings([har.write(tmp_path)]).files
    assert [breach.id for breach in file.breaches] == ["C1"]
    assert (file.jobs, file.unfinished, file.exchanges) == (40, 0, 121)


def test_junit_has_a_test_for_each_rule_and_each_kind(tmp_path: Path) -> None:
    har = Har()
    har.create()
    har.done(resolution="\x0b<&")
    har.done()
    (tmp_path / "bad.har").write_text("{", encoding="utf-8")
    junit = tmp_path / "x.xml"
    assert main(["check", "--junit", str(junit), str(har.write(tmp_path)), str(tmp_path / "bad.har")]) == 1
    client, bad, server = ElementTree.fromstring(junit.read_text(encoding="utf-8"))
    assert (client.get("failures"), bad.get("errors"), server.get("failures")) == ("1", "1", "1")
