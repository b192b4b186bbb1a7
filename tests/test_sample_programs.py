"""The provider's own sample programs, changed only in base URL and key, get their video from the mock."""

from __future__ import annotations

import html
import re
import runpy
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from mock_server.server import MockServer

SEEDS = Path(__file__).parents[1].parent / "shared" / "seeds"
PRELOAD = "const later = setTimeout; globalThis.setTimeout = (call, _ms, ...rest) => later(call, 0, ...rest);"

pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the provider's pages are not here")


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
