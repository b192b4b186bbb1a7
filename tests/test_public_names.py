"""The public names: sorted, importable, and written down in every module."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import kling_mock
from kling_mock import contract_tests

MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(kling_mock.__path__, "kling_mock.")
    if not name.endswith("__main__")
)
PACKAGES = [kling_mock, contract_tests]
PUBLIC = [(package, name) for package in PACKAGES for name in dir(package)]


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_each_public_name_can_be_imported(package: ModuleType, name: str) -> None:
    assert getattr(package, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_star_imports_exactly_what_the_stub_lists(package: ModuleType) -> None:
    assert package.__file__ is not None
    stub = Path(package.__file__ + "i").read_text(encoding="utf-8")
    listed = re.findall(r"^(?:from \.[\w.]+ import \w+ as )?(\w+)$", stub, re.MULTILINE)
    names: dict[str, object] = {}
    exec(f"from {package.__name__} import *", names)
    del names["__builtins__"]
    assert sorted(names) == dir(package) == sorted(listed)


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'servre'"):
        _ = package.servre


def test_a_name_is_imported_when_it_is_asked_for_and_kept() -> None:
    code = """
import sys, kling_mock
loaded = {name for name in sys.modules if name.startswith("kling_mock.")}
assert loaded == {"kling_mock.lazy_names"}
kling_mock.Step
assert "kling_mock.timeline" in sys.modules and "kling_mock.server" not in sys.modules
assert vars(kling_mock)["Step"] is kling_mock.Step
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_every_module_lists_its_names(name: str) -> None:
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        own = [key for key, value in vars(module).items() if key[0] != "_" and not inspect.ismodule(value)]
        assert hasattr(module, "__path__") and not own, f"{name} has no __all__ and defines {own}"
        return
    assert isinstance(module.__all__, list), f"{name} has no __all__"
    for public in module.__all__:
        assert hasattr(module, public), f"{name}.{public}"


def test_the_version_is_that_of_the_distribution() -> None:
    assert importlib.metadata.version("kling-mock") == kling_mock.__version__
