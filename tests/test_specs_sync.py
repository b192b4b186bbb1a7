"""`kling-mock specs sync`: a catalogue held against the contracts that are here."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.catalog import CREATE_PATH, load_catalog
from kling_mock.cli.main import main
from kling_mock.specs import download

from .catalogues import Answer, catalogue, item, listed
from .support import UPSTREAM, create, needs_upstream

MODEL = "klingai/avatar-pro"
OTHER = "kling-video/v1/standard/text-to-video"
NEW = "acme/dream-1"
PRICE = {"kind": "fixed", "units": [{"measure": "second", "price": 0.65, "per": 1}]}
DEARER = {"kind": "fixed", "units": [{"measure": "second", "price": 0.7, "per": 1}]}


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RETRY_PAUSE", 0.0)


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    operation = document["paths"][CREATE_PATH]["post"]
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def altered(model: str, change: Callable[[dict[str, Any]], object], name: str = "") -> dict[str, Any]:
    """The document of a model with its body changed, perhaps as that of another model."""
    document = copy.deepcopy(load_catalog().document(model))
    change(body_of(document))
    if name:
        for path in document["paths"].values():
            schema = path["post"]["requestBody"]["content"]["application/json"]["schema"]
            schema["properties"]["model"]["enum"] = [name]
        document["x-variant"] |= {"model": name, "aliases": []}
    return document


def put(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def required(schema: dict[str, Any]) -> None:
    schema["required"] = [*schema["required"], "prompt"]


def longer(schema: dict[str, Any]) -> None:
    schema["properties"]["prompt"]["maxLength"] = 99_999


def looser(schema: dict[str, Any]) -> None:
    del schema["properties"]["cfg_scale"]["maximum"]


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[MockServer]:
    """A mock of the provider of tomorrow: one model asks for more, one takes more, one is new."""
    folder = put(
        tmp_path / "remote",
        one=altered(MODEL, required),
        two=altered(OTHER, looser),
        three=altered(MODEL, longer, NEW),
        prices={MODEL: PRICE},
    )
    with MockServer(specs=[str(folder)], log_format="none") as server:
        yield server


SOME = ("--model", MODEL, "--model", OTHER, "--model", NEW, "--model", "klingai/v2.5*")


def sync(server: MockServer, *words: str) -> int:
    return main(["specs", "sync", "--from", server.url, *words])


def report_of(server: MockServer, file: Path, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The status, and the rows by model."""
    status = sync(server, "--report", str(file), *words)
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["status"] == status
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in report["rows"]:
        rows.setdefault(row["model"], []).append(row)
    return status, rows


@pytest.mark.slow
def test_a_mock_of_today_has_nothing_that_matters(
    server: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, rows = report_of(server, tmp_path / "report.json", "--model", "klingai/*")
    assert (status, rows) == (0, {})
    said = capsys.readouterr()
    assert "no key is sent" in said.err and said.out.endswith(": 30 same.\n")
    assert not any("authorization" in each.headers for each in server.exchanges)


@pytest.mark.slow
def test_what_changed_is_told_and_written_and_known_from_then_on(
    remote: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "into"
    status, rows = report_of(remote, tmp_path / "report.json", "--into", str(into), *SOME)
    assert status == 1
    assert {model: [row["kind"] for row in found] for model, found in rows.items()} == {
        MODEL: ["breaking"],
        OTHER: ["widening"],
        NEW: ["new"],
    }
    (change,) = rows[MODEL][0]["changes"]
    assert (change["field"], change["constraint"], change["severity"]) == ("prompt", "required", "breaking")
    out = capsys.readouterr().out
    assert f"breaking    {MODEL}" in out and "breaking: prompt: required is absent, there true" in out
    files = sorted(path.name for path in into.iterdir())
    assert files == ["acme-dream-1.json", "kling-video-v1-standard-text-to-video.json",
                     "klingai-avatar-pro.json", "prices.json", "sync.json"]  # fmt: skip
    # What was found is served, with its price, and is no news any more.
    with MockServer(specs=[str(into)], log_format="none") as local:
        assert create(local, model=MODEL).status == 400
        assert create(local, model=MODEL, prompt="a man speaks").status == 200
        assert local.charges[0].usd is not None and local.charges[0].usd > 0.65
    asked = len(remote.exchanges)
    status, rows = report_of(remote, tmp_path / "report.json", "--into", str(into), *SOME)
    assert (status, rows) == (0, {})
    again = remote.exchanges[asked:]
    assert [exchange.status for exchange in again] == [200] + [304] * (len(again) - 1)


@pytest.mark.slow
def test_prices_and_words_are_compared_with_what_was_read_before(
    remote: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, file = tmp_path / "into", tmp_path / "report.json"
    report_of(remote, file, "--into", str(into), *SOME)
    other_words = altered(MODEL, required)
    body_of(other_words)["description"] = "Said otherwise."
    put(tmp_path / "remote", one=other_words, prices={MODEL: DEARER, OTHER: PRICE})
    with MockServer(specs=[str(tmp_path / "remote")], log_format="none") as later:
        status, rows = report_of(later, file, "--into", str(into), *SOME)
        assert status == 1
        assert [(row["kind"], row["says"]) for row in rows.pop(MODEL)] == [
            ("wording", ""),
            ("dearer", "$0.65 per second, now $0.7 per second"),
        ]
        assert rows == {}
        assert json.loads((into / "prices.json").read_text()) == {MODEL: DEARER, OTHER: PRICE}


def test_a_model_that_went_is_told_once(server: MockServer, tmp_path: Path) -> None:
    own = put(tmp_path / "own", one=altered(MODEL, longer, NEW))
    words = ["--specs", str(own), "--into", str(tmp_path / "into"), "--model", "acme/*", "--model", MODEL]
    status, rows = report_of(server, tmp_path / "report.json", *words)
    assert status == 1 and [row["kind"] for row in rows[NEW]] == ["gone"]
    assert report_of(server, tmp_path / "report.json", *words) == (0, {})


def test_the_report_is_markdown_where_its_name_says_so(remote: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "changes.md"
    assert sync(remote, "--model", MODEL, "--model", NEW, "--report", str(file)) == 1
    text = file.read_text(encoding="utf-8")
    assert f"| breaking | `{MODEL}` | breaking: prompt: required is absent, there true |" in text
    assert f"| new | `{NEW}` |" in text
    assert [path.name for path in tmp_path.iterdir() if path.name == "into"] == []


def test_the_report_alone_is_on_standard_output_where_it_goes_there(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync(server, "--model", MODEL, "--report", "-") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"]["same"] == 1 and "1 same." in said.err


def test_a_model_that_nobody_knows_is_told_the_nearest(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync(server, "--model", "klingai/avatar-prp") == 2
    assert f"Did you mean '{MODEL}'" in capsys.readouterr().err


# What is no catalogue


def answers(**by_path: Answer | bytes) -> Callable[[str, int], Answer]:
    def answer(path: str, _times: int) -> Answer:
        found = by_path.get(path.strip("/").replace("/", "_").replace("-", "_"), (404, b"", {}))
        return found if isinstance(found, tuple) else (200, found, {})

    return answer


PAGE = (200, b"<html>Sign in</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (PAGE, "answers a page of HTML"),
        ((404, b"{}", {}), "answered 404 Not Found"),
        ((401, b"{}", {}), "answered 401 Unauthorized"),
        ((500, b"", {}), "answered 500"),
        ((302, b"", {"Location": "http://elsewhere.example/"}), "leads to another host, elsewhere.example"),
        ((200, b"[1,", {}), "does not answer JSON"),
        ((200, b"[" * 100_000, {}), "does not answer JSON"),
        ((200, b"[]", {}), "is no catalogue"),
        ((200, b'{"data": {}}', {}), "is no catalogue"),
        ((200, listed({"id": "gpt", "type": "chat-completion"}), {}), "lists no video models"),
        ((200, listed(item("")), {}), "lists a model without an id"),
        ((200, listed(item("a", aliases=[1])), {}), "lists a model without an id, or with other aliases"),
        ((200, b"{}", {"Content-Length": "50"}), "broke off after 2 of 50 bytes"),
    ],
)  # fmt: skip
def test_a_catalogue_that_is_none_is_told_with_its_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Answer, says: str
) -> None:
    with catalogue(answers(v1_models=answer)) as here:
        assert main(["specs", "sync", "--from", here.url, "--into", str(tmp_path / "into")]) == 2
        said = capsys.readouterr()
        assert f"{here.url}/v1/models" in said.err and says in said.err and said.out == ""
        assert not (tmp_path / "into").exists()
        # What may pass is tried again, all else is not.
        assert len(here.asked) == (3 if answer[0] == 500 or "Content-Length" in answer[2] else 1)


def test_a_catalogue_that_hangs_is_told_with_its_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download, "DOWNLOAD", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        assert main(["specs", "sync", "--from", url]) == 2
        assert f"{url}/v1/models" in (said := capsys.readouterr().err) and "did not answer within" in said


def test_an_address_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(log_format="none") as stopped:
        url = stopped.url
    assert main(["specs", "sync", "--from", url]) == 2
    assert "cannot be reached" in capsys.readouterr().err
    assert main(["specs", "sync", "--from", "ftp://x"]) == 2
    assert "--from: expected an http or https address" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["specs", "sync", "--into", str(tmp_path / "file"), "--from", url]) == 2
    assert "--into: expected a folder" in capsys.readouterr().err


def document(**schema: Any) -> bytes:
    body = {"type": "object", "properties": {"model": {"type": "string", "enum": [NEW, OTHER]}} | schema}
    post = {"requestBody": {"content": {"application/json": {"schema": body}}}, "responses": {"200": {}}}
    return json.dumps(
        {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {CREATE_PATH: {"post": post}}}
    ).encode()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (PAGE, "answers a page of HTML"),
        ((404, b"", {}), "answered 404"),
        ((200, b"{", {}), "is not JSON"),
        ((200, b"{}", {}), "`title` is missing (and 3 more)"),
        ((200, document().replace(b'"post"', b'"get"'), {}), "no POST takes a JSON body"),
        ((200, document(a={"$ref": "#/components/nowhere"}), {}), "leads nowhere"),
        ((200, document(a={"$ref": "http://elsewhere.example/x.json"}), {}), "leads to another host"),
        ((200, document(a={"unheardOf": 1}), {}), "unheardOf"),
        ((200, document().replace(NEW.encode(), b"another"), {}), f"has no create of {NEW}"),
    ],
)
def test_a_document_that_cannot_be_used_keeps_no_other_from_being_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Answer, says: str
) -> None:
    good = json.dumps(load_catalog().document(MODEL)).encode()
    both = listed(item(NEW, "/bad"), item(MODEL, "/good"), item("acme/nothing", "http://elsewhere.example/x"))
    with catalogue(answers(v1_models=both, bad=answer, good=good)) as here:
        words = ["--model", NEW, "--model", MODEL, "--model", "acme/*", "--report", str(tmp_path / "r.json")]
        assert main(["specs", "sync", "--from", here.url, "--into", str(tmp_path / "into"), *words]) == 2
        out = capsys.readouterr().out
    assert f"{here.url}/bad" in out and says in out, out
    assert "at another host than the catalogue" in out
    assert "2 unreadable, 1 same" in out
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == ["sync.json"]


def test_a_document_of_several_models_is_kept_for_the_one_it_is_read_for(tmp_path: Path) -> None:
    both = listed(item(NEW, "/doc", aliases=["dream"]))
    with catalogue(answers(v1_models=both, doc=document(prompt={"type": "string"}))) as here:
        assert main(["specs", "sync", "--from", here.url, "--into", str(tmp_path), "--model", NEW]) == 0
    catalog = load_catalog([str(tmp_path)])
    assert catalog.find(NEW).aliases == () and catalog.find(OTHER).file != catalog.find(NEW).file


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_that_passes_is_waited_out(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    good = json.dumps(load_catalog().document(MODEL)).encode()

    def answer(path: str, times: int) -> Answer:
        if times < 2:
            return status, b"", {"Retry-After": "0"}
        return 200, listed(item(MODEL)) if path == "/v1/models" else good, {}

    with catalogue(answer) as here:
        assert main(["specs", "sync", "--from", here.url, "--model", MODEL]) == 0
        assert "1 same" in capsys.readouterr().out
        assert len(here.asked) == 6
        assert not any("authorization" in headers for _, headers in here.asked)


@pytest.mark.slow
def test_few_requests_are_under_way_at_once(server: MockServer) -> None:
    most: list[int] = []
    server.space.bus.subscribe(lambda *_: most.append(server.traffic.open))
    assert sync(server, "--model", "klingai/*") == 0
    assert most and max(most) <= 4


def test_a_state_that_is_none_is_told(
    server: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("{", "[]", '{"models": 1, "version": "x"}'):
        (tmp_path / "sync.json").write_text(text)
        status = sync(server, "--into", str(tmp_path), "--model", MODEL)
        said = capsys.readouterr().err
        assert (status == 2 and "sync.json is not what" in said) or '"version": "x"' in text


@pytest.mark.slow
@needs_upstream("upstream", "manifest.json")
def test_what_the_provider_published_is_what_is_vendored(capsys: pytest.CaptureFixture[str]) -> None:
    published = UPSTREAM / "upstream"
    rows = json.loads((published / "manifest.json").read_bytes())
    files: dict[str, Path] = {}
    for row in rows:
        for model in row["models"] if not row["legacy"] else ():
            files.setdefault(model, published / row["vendor"] / f"{row['slug']}.json")
    known = [(model, path) for model, path in sorted(files.items()) if path.exists()]
    assert len(known) > 140
    items = [item(model, f"/docs/{number}") for number, (model, _) in enumerate(known)]

    def answer(path: str, _times: int) -> Answer:
        if path == "/v1/models":
            return 200, listed(*items), {}
        return 200, known[int(path.rpartition("/")[2])][1].read_bytes(), {}

    with catalogue(answer) as here:
        main(["specs", "sync", "--from", here.url])
    out = capsys.readouterr().out
    assert " breaking" not in out and "unreadable" not in out and "new " not in out, out
    assert f"{len(known)} same" in out
