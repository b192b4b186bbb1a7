"""The built wheel: exactly what is in it, and that it works elsewhere. Run by `pytest -m wheel`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "kling_mock": "kling_mock",
    "schemas": "mock_server/schemas",
    "fixtures": "mock_server/fixtures",
    "contract_tests": "mock_server/contract_tests",
}
NOT_INSTALLED = ("CORRECTIONS.md", ".pyc")
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt"}
LIMIT = 2_000_000
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


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A user's project that owns folders named as those that kling-mock is made from."""
    for name in ("fixtures", "schemas", "contract_tests", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "fixtures" / "people.py").write_text('ALICE = "Alice"\n', encoding="utf-8")
    (tmp_path / "schemas" / "order.py").write_text('KIND = "order"\n', encoding="utf-8")
    (tmp_path / "contract_tests" / "helpers.py").write_text("SIX = 6\n", encoding="utf-8")
    (tmp_path / "tests" / "test_mine.py").write_text(textwrap.dedent(USERS_TESTS), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nkling_mock_checks = error\n", encoding="utf-8")
    yield tmp_path


USERS_TESTS = """\
    import json
    import urllib.request

    import pytest

    from contract_tests.helpers import SIX
    from fixtures.people import ALICE
    from schemas.order import KIND


    def call(server, query="", body=None):
        request = urllib.request.Request(
            f"{server.base_url}/video/generations{query}",
            body and json.dumps(body).encode(),
            {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


    @pytest.mark.parametrize("turn", range(8))
    def test_a_job(kling_server, kling_payloads, turn):
        assert (ALICE, KIND, SIX) == ("Alice", "order", 6)
        model = "klingai/v2.5-turbo/pro/text-to-video"
        job = call(kling_server, body=kling_payloads[model])["id"]
        answers = [call(kling_server, f"?generation_id={job}") for _ in range(3)]
        assert [answer["status"] for answer in answers] == ["queued", "generating", "completed"]
        with urllib.request.urlopen(answers[-1]["video"]["url"], timeout=20) as video:
            assert video.read(12)[4:8] == b"ftyp"
        assert len(kling_server.charges) == 1
"""


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


def test_a_users_suite_passes_beside_its_own_folders(python: Path, project: Path) -> None:
    output = run(python, "-m", "pytest", "-n", "2", "-W", "error", cwd=project)
    assert "8 passed" in output


def test_the_installed_package_works_from_anywhere(python: Path, tmp_path: Path) -> None:
    code = "import kling_mock.fixtures.payloads as p, kling_mock; print(len(p.SAMPLES), kling_mock.__file__)"
    count, file = run(python, "-c", code, cwd=tmp_path).split(maxsplit=1)
    assert int(count) >= 45
    assert not Path(file.strip()).is_relative_to(ROOT)
    for name in ("schemas", "fixtures", "contract_tests"):
        find = f"import importlib.util as u; print(u.find_spec({name!r}))"
        assert run(python, "-c", find, cwd=tmp_path).strip() == "None"


def test_the_command_works_from_anywhere(python: Path, tmp_path: Path) -> None:
    command = python.with_name("kling-mock.exe" if sys.platform == "win32" else "kling-mock")
    assert "create-lost-reply" in run(command, "scenarios", cwd=tmp_path)
    assert "kling-mock" in run(command, "--version", cwd=tmp_path)
