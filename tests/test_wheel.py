"""The built wheel: exactly what is in it, and that it works elsewhere. Run by `pytest -m wheel`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .user_project import PASSED, write_project

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "mock_server": "kling_mock",
    "schemas": "kling_mock/schemas",
    "fixtures": "kling_mock/fixtures",
    "contract_tests": "kling_mock/contract_tests",
    "docs": "kling_mock/docs",
}
"""Where each folder installs."""
NOT_INSTALLED = (".png", "CORRECTIONS.md", ".pyc")
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt"}
LIMIT = 4_000_000
UNREACHABLE = (
    "No matching distribution found",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ProxyError",
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
)
"""What pip says where it cannot reach a package registry."""


def run(*command: str | Path, cwd: Path, patience: int = 300) -> str:
    """The output of a command that succeeds; the test is skipped where a registry cannot be reached."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience,
    )
    if done.returncode != 0 and any(word in done.stdout for word in UNREACHABLE):
        pytest.skip(f"{command[-1]}: the package registry cannot be reached from here")
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution that is built from a copy of the sources."""
    sources = tmp_path_factory.mktemp("sources") / "kling-mock"
    sources.mkdir()
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, sources / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.toml"), *ROOT.glob("*.md"), *ROOT.glob("LICENSE*")):
        shutil.copy(file, sources)
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", dist, cwd=sources)
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh virtual environment with the wheel and two plugins of pytest."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    interpreter = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(interpreter, "-m", "pip", "install", "--quiet", "pytest-xdist", "pytest-randomly", wheel, cwd=folder)
    return interpreter


def test_the_wheel_holds_exactly_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    information = {name for name in names if ".dist-info/" in name}
    expected = {
        f"{installed}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, installed in FOLDERS.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and not file.name.endswith(NOT_INSTALLED)
    }
    assert names - information == expected
    short = {name.partition(".dist-info/")[2] for name in information}
    assert {name for name in short if not name.startswith("licenses/")} == METADATA


def test_the_wheel_adds_one_top_level_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"kling_mock"}


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LIMIT


def test_a_users_suite_passes_beside_its_own_modules(python: Path, tmp_path: Path) -> None:
    output = run(python, "-m", "pytest", "-n", "2", "-W", "error", cwd=write_project(tmp_path))
    assert f"{PASSED} passed" in output


def test_the_installed_package_works_from_anywhere(python: Path, tmp_path: Path) -> None:
    code = "import kling_mock.fixtures.payloads as p, kling_mock; print(len(p.SAMPLES), kling_mock.__file__)"
    count, file = run(python, "-c", code, cwd=tmp_path).split(maxsplit=1)
    assert int(count) >= 142
    assert not Path(file.strip()).is_relative_to(ROOT)
    for name in FOLDERS:
        find = f"import importlib.util as u; print(u.find_spec({name!r}))"
        assert run(python, "-c", find, cwd=tmp_path).strip() == "None"


def test_the_command_works_from_anywhere(python: Path, tmp_path: Path) -> None:
    command = python.with_name("kling-mock.exe" if sys.platform == "win32" else "kling-mock")
    assert "create-lost-reply" in run(command, "scenarios", cwd=tmp_path)
    assert "kling-mock" in run(command, "--version", cwd=tmp_path)
