"""The provider's own sample programs, changed only in base URL and key, get their video from the mock."""

from __future__ import annotations

import html
import re
import runpy
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from kling_mock.server import MockServer
from tests.support import UPSTREAM, needs_upstream

SEEDS = UPSTREAM / "seeds"
PRELOAD = "const later = setTimeout; globalThis.setTimeout = (call, _ms, ...rest) => later(call, 0, ...rest);"

pytestmark = needs_upstream("seeds")


def page(number: str) -> str:
    (path,) = SEEDS.glob(f"{number}_*.txt")
    return path.read_text(encoding="utf-8")


def program(number: str, language: str) -> str:
    """A page's sample program as a reader would copy it."""
    if (fenced := re.search(rf"```{language}\n(.*?)```", page(number), re.DOTALL)) is not None:
        return fenced[1]
    block = rf'<pre class="language-{language}".*?<code[^>]*>(.*?)</code>'
    marked = re.search(block, page(number), re.DOTALL)
    assert marked is not None
    return html.unescape(re.sub(r"</?strong>", "", marked[1]))


def pointed_at(source: str, server: MockServer) -> str:
    """The program with the server's base URL and key in place of the provider's."""
    changed = source.replace("https://api.aimlapi.com/v2", server.base_url)
    changed = changed.replace("<YOUR_AIMLAPI_KEY>", server.api_key)
    assert changed.count(server.base_url) == 1
    return changed


def as_command(source: str, language: str) -> str:
    """The program with base URL and key from the environment, as the contract kit hands them to a command."""
    base, key = ('os.environ["KLING_BASE_URL"]', 'os.environ["KLING_API_KEY"]')
    if language == "javascript":
        base, key = "process.env.KLING_BASE_URL", "process.env.KLING_API_KEY"
        source = source.replace('require("https")', 'require("http")')
    else:
        source = "import os\n" + source
    return source.replace('"https://api.aimlapi.com/v2"', base).replace('"<YOUR_AIMLAPI_KEY>"', key)


def assert_video_downloads(server: MockServer) -> None:
    last = server.exchanges[-1]
    assert last.state == "completed"
    with urllib.request.urlopen(last.answer["video"]["url"]) as download:
        assert download.read(12)[4:8] == b"ftyp"


@pytest.mark.parametrize("number", ["003", "004"])
def test_python_sample(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with MockServer(polls=(1, 2)) as server:
        path = tmp_path / "sample.py"
        path.write_text(pointed_at(program(number, "python"), server), encoding="utf-8")
        monkeypatch.setattr(time, "sleep", lambda seconds: server.clock.advance(seconds))
        runpy.run_path(str(path), run_name="__main__")
        printed = capsys.readouterr().out
        assert "Processing complete" in printed and "'status': 'completed'" in printed
        assert [exchange.state for exchange in server.exchanges] == [
            "queued",
            "queued",
            "generating",
            "generating",
            "completed",
        ]
        assert len(server.charges) == 1
        assert [problem.path for problem in server.exchanges[0].findings] == ["duration"]
        assert_video_downloads(server)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_javascript_sample(tmp_path: Path) -> None:
    with MockServer(polls=(1, 2)) as server:
        source = pointed_at(program("003", "javascript"), server)
        # The sample speaks `https` only; a plain base URL needs its other module of the same form.
        source = source.replace('require("https")', 'require("http")')
        (tmp_path / "sample.js").write_text(source, encoding="utf-8")
        (tmp_path / "preload.js").write_text(PRELOAD, encoding="utf-8")
        result = subprocess.run(
            ["node", "--require", "./preload.js", "sample.js"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr
        assert "Processing complete" in result.stdout and "status: 'completed'" in result.stdout
        assert result.stdout.count("Checking again") == 3
        assert_video_downloads(server)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "language", "model"),
    [
        ("003", "python", "kling-video/v1/standard/image-to-video"),
        ("003", "javascript", "kling-video/v1/standard/image-to-video"),
        ("004", "python", "kling-video/v2.1/pro/image-to-video"),
    ],
)
def test_the_contract_kit_names_what_is_wrong_with_a_sample(
    number: str, language: str, model: str, tmp_path: Path
) -> None:
    if language == "javascript" and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    name = {"python": "sample.py", "javascript": "sample.cjs"}[language]
    (tmp_path / name).write_text(as_command(program(number, language), language), encoding="utf-8")
    runner = [sys.executable] if language == "python" else ["node"]
    broken = ("A5", "B4", "B8", "C9", "D3", "E1")
    chosen = [word for identifier in broken for word in ("--property", identifier)]
    result = subprocess.run(
        [sys.executable, "-m", "kling_mock", "verify", "--model", model, *chosen, "--", *runner, name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    table = re.findall(r"^(\S) (\w\d+)\s+[RSA]\s", result.stdout, re.MULTILINE)
    assert table == [("✗", identifier) for identifier in broken]
    if (number, language) == ("003", "python"):
        readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
        for identifier in broken:
            assert re.search(rf"^✗ {identifier}\s", readme, re.MULTILINE)
