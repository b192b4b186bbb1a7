"""`kling-mock validate` judges bodies offline."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from kling_mock.cli import main

GOOD = {"model": "kling-video/v1.6/pro/image-to-video", "image_url": "https://example.com/a.png"}


def run(*words: str) -> int:
    return main(["validate", *words])


@pytest.fixture
def body(tmp_path: Path) -> Any:
    def write(content: object, name: str = "body.json") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write


def test_a_valid_body_is_told_valid(body: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = body(GOOD)
    assert run(path) == 0
    assert capsys.readouterr().out == f"{path}: valid for {GOOD['model']}\n"


def test_what_is_wrong_is_told_in_full(body: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(body({**GOOD, "duration": 7, "cfg_scale": "0.5", "colour": "red"})) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("invalid for kling-video/v1.6/pro/image-to-video")
    assert lines[1:] == [
        "  violation: duration: Invalid enum value. Expected 5 | 10, received 7",
        "  finding: cfg_scale: Expected a number, received the string '0.5'",
        "  finding: colour: Expected no field of this name, received 'red'",
    ]


def test_strict_refuses_what_is_overlooked(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = body({**GOOD, "duration": "5"})
    assert run(path) == 0
    assert run("--strict", path) == 1
    monkeypatch.setenv("KLING_MOCK_STRICT", "1")
    assert run(path) == 1


def test_the_older_contract_is_asked_for(body: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = body({**GOOD, "type": "image-to-video"})
    assert run("--strict", path) == 1
    assert run("--strict", "--older-path", path) == 0
    capsys.readouterr()
    avatar = {"model": "klingai/avatar-pro", "image_url": "https://e.com/a", "audio_url": "https://e.com/b"}
    assert run("--older-path", body(avatar)) == 2
    assert "klingai/avatar-pro has no older contract" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "ends too early"),
        (b"", "empty body"),
        (b"[1]", "Expected a JSON object"),
        (b"{}", "received none"),
        (b'{"model": 5}', "not a string"),
        (
            b'{"model": "kling-video/v1.6/pro/image-to-vide"}',
            "Did you mean 'kling-video/v1.6/pro/image-to-video'",
        ),
    ],
)
def test_what_cannot_be_judged_is_told_so(
    content: bytes, says: str, body: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(body(content)) == 2
    out = capsys.readouterr().out
    assert "unusable" in out
    assert says in out


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "missing.json")) == 2
    assert "It cannot be read: No such file or directory." in capsys.readouterr().out


def test_the_worst_of_several_files_sets_the_status(body: Any) -> None:
    good, bad, broken = body(GOOD, "1"), body({**GOOD, "duration": 7}, "2"), body(b"{", "3")
    assert run(good, bad) == 1
    assert run(good, bad, broken) == 2
    assert run(broken, good) == 2


def test_the_input_is_read_for_a_dash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode())))
    assert run("-") == 0
    assert capsys.readouterr().out.startswith("-: valid")


def test_verdicts_come_as_json_too(body: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bad, broken = body({**GOOD, "duration": 7}, "1"), body(b"{", "2")
    assert run("--json", bad, broken) == 2
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["violations"] == [
        {"path": "duration", "expected": "5 | 10", "received": "7", "constraint": "enum"}
    ]
    assert [row["result"] for row in rows] == ["invalid", "unusable"]
    assert rows[1]["error"].startswith("Expected JSON")
