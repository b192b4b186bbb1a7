"""The public names: sorted, importable, and written down in every module."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import kling_mock

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(kling_mock.__path__, "kling_mock.")
    if not name.endswith("__main__")
)


def test_the_names_of_the_package_are_sorted() -> None:
    assert kling_mock.__all__ == sorted(kling_mock.__all__)


@pytest.mark.parametrize("name", kling_mock.__all__)
def test_each_public_name_can_be_imported(name: str) -> None:
    assert getattr(kling_mock, name) is not None
    assert name in dir(kling_mock)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="mock_servre"):
        _ = kling_mock.mock_servre


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
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{kling_mock.__version__}"' in text
