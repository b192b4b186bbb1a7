"""The README's listings are true: its first run is run, its test is tested, its numbers are counted."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kling_mock.catalog import load_catalog
from kling_mock.scenarios import CATALOGUE
from kling_mock.server import MockServer
from kling_mock.trace_rules import RULES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def listings(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """The commands of the first run, each with the output that the README shows."""
    found: list[tuple[str, str]] = []
    for listing in listings("console"):
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", listing, re.MULTILINE):
            found.append((command, output.strip()))
    return found


@pytest.fixture
def first_run_server() -> Iterator[MockServer]:
    with MockServer(seed=7, speed=0) as server:
        yield server


def test_first_run_prints_what_the_readme_shows(first_run_server: MockServer, tmp_path: Path) -> None:
    server = first_run_server
    ran = 0
    for command, expected in steps():
        if command.startswith("sleep "):
            server.clock.advance(float(command.split()[1]))
            continue
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        result = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
        )
        assert result.stdout.strip() == expected.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        ran += 1
    assert ran == 5
    assert b"ftyp" in (tmp_path / "fox.mp4").read_bytes()[:16]


def test_serve_says_that_it_is_ready_as_the_readme_shows() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "kling_mock", "serve", "--seed", "7", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        first_line = process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()
        watchdog.cancel()
    assert first_line == f"kling-mock ready at http://127.0.0.1:{port}"
    assert "`kling-mock ready at http://127.0.0.1:8000`" in README
    assert process.returncode == 0


@pytest.mark.slow
def test_the_listed_test_passes_with_the_fixture(tmp_path: Path) -> None:
    (listing,) = [listing for listing in listings("python") if "def test_" in listing]
    # With nothing but the first set-up installed.
    assert set(re.findall(r"^(?:import|from) (\w+)", listing, re.MULTILINE)) <= sys.stdlib_module_names
    (tmp_path / "test_listing.py").write_text(listing, encoding="utf-8")
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:schemathesis",
            "test_listing.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


def test_counts_in_the_readme_are_those_of_the_code() -> None:
    assert f"all {len(load_catalog().variants)} models" in README
    assert f"**{len(CATALOGUE)} scenarios**" in README


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_sample_is_there_and_breaks_what_is_listed() -> None:
    assert (ROOT / "examples" / "sample" / "sample.py").is_file()
    rows = re.findall(r"^([✓✗·]) ([A-G]\d+) +[RSA] +(\S+)", README, re.MULTILINE)
    assert [id for _, id, _ in rows] == [
        rule.id for rule in RULES.values() if rule.in_kit and rule.level != "S"
    ]
    broken = [(name, id) for sign, id, name in rows if sign == "✗"]
    told = README[README.index("It breaks ") : README.index("<details>")]
    assert re.findall(r"`([a-z0-9-]+)`\s\((\w+)\)", told) == broken
    assert f"It breaks {len(broken)} properties" in README
    assert f"All {len(rows)} properties: " in README and f", {len(broken)} broken, " in README


@pytest.mark.slow
def test_the_sample_breaks_one_of_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kling_mock", "verify", "--property", "B9", "--max-examples", "1", "--"]
    command += [sys.executable, str(ROOT / "examples" / "sample" / "sample.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "✗ B9 terminal-in-create" in done.stdout, done.stdout + done.stderr
