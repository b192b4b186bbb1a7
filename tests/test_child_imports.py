"""The half of `kling-mock run` that lives in the child: the standard library only, on older Pythons too."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kling_mock
from tests.running import report_of

PACKAGE = Path(kling_mock.__file__).parent
CHILD = ("interception/child", "interception/shared", "virtual_time", "timing.py", "hostnames.py")
BOOTSTRAPS = {"sitecustomize.py", "start.py"}
"""Files that act when they are loaded: they give the package its other name."""
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""From the oldest one that docs/run.md claims."""


def _child_files() -> list[Path]:
    roots = [PACKAGE / name for name in CHILD]
    return sorted(file for root in roots for file in (root.rglob("*.py") if root.is_dir() else [root]))


def _imported(file: Path) -> Iterator[str | Path]:
    """What a file imports, wherever in it: names of modules, and files of this package."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)
        elif isinstance(node, ast.ImportFrom):
            place = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield from (_file_of(place, alias.name) for alias in node.names)


def _file_of(place: Path, name: str) -> Path:
    """The file that `from place import name` reads."""
    choices = (place / f"{name}.py", place / name / "__init__.py", Path(f"{place}.py"), place / "__init__.py")
    return next(choice for choice in choices if choice.is_file())


def _reached() -> dict[Path, set[str]]:
    """Every file of the package that the child's half reaches, and the foreign modules that each imports."""
    ahead, reached = _child_files(), dict[Path, set[str]]()
    while ahead:
        file = ahead.pop()
        if file not in reached:
            found = list(_imported(file))
            reached[file] = {one.partition(".")[0] for one in found if isinstance(one, str)}
            ahead += [one for one in found if isinstance(one, Path)]
    return reached


def test_the_childs_half_reaches_the_standard_library_alone() -> None:
    foreign = {str(file): names - sys.stdlib_module_names - {"uvloop"} for file, names in _reached().items()}
    assert {file: names for file, names in foreign.items() if names} == {}


def test_the_childs_half_reaches_nothing_of_the_parents() -> None:
    reached = {file.relative_to(PACKAGE).as_posix() for file in _reached()}
    assert [file for file in reached if file.startswith("interception/parent/")] == []
    # errors.py is what timing.py raises; more of the package than that is not for a child.
    assert {file for file in reached if not file.startswith(CHILD)} == {"errors.py"}


def _python(version: str) -> str:
    """The interpreter of a version, found on the path or among those of pyenv."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for python in [*map(str, installed), shutil.which(f"python{version}")]:
        if python is not None and not subprocess.run([python, "-c", ""], capture_output=True).returncode:
            return python
    pytest.skip(f"there is no Python {version} on this machine")


LOAD = """
import importlib, json, sys, types
package, names, bootstraps = json.loads(sys.argv[1])
root = sys.modules["_kling_mock"] = types.ModuleType("_kling_mock")
root.__path__ = [package]
for name in names:
    importlib.import_module("_kling_mock." + name)
for file in bootstraps:
    with open(file) as source:
        compile(source.read(), file, "exec")
others = ("kling_mock", "_kling_mock.interception.parent")
assert not [name for name in sys.modules if name.startswith(others)]
print(len(names))
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_every_module_of_the_childs_half_loads_without_any_package(version: str) -> None:
    """`-I -S`: nothing but the standard library can be found."""
    files = [file for file in _child_files() if file.name not in BOOTSTRAPS]
    names = [".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in files]
    names = [name.removesuffix(".__init__") for name in names]
    bootstraps = [str(file) for file in _child_files() if file.name in BOOTSTRAPS]
    words = json.dumps([str(PACKAGE), names, bootstraps])
    command = [_python(version), "-ISBc", LOAD, words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{len(names)}\n", "")


PROGRAM = """
import time, urllib.request
began = time.time()
time.sleep(300)
print(urllib.request.urlopen("https://api.aimlapi.com/v1/models").status, time.time() - began >= 300)
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_program_of_an_older_python_is_led_to_the_mock(version: str, tmp_path: Path) -> None:
    report, output = report_of(tmp_path, "--fast-forward", "--", _python(version), "-c", PROGRAM)
    assert (output, report["exchange_count"]) == ("200 True\n", 1)
