"""Files in packages: on the disk, in an archive, and none."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from kling_mock.catalog.vendored import INDEX, PACKAGE
from kling_mock.package_files import package_file


def test_a_file_beside_modules_is_read_and_one_in_a_folder_below() -> None:
    assert package_file(PACKAGE, INDEX).startswith(b"{")
    assert package_file("kling_mock", "catalog/vendored.py").startswith(b'"""')


def test_a_file_in_an_archive_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("packed_here/__init__.py", "")
        written.writestr("packed_here/data/one.json", "{}")
    monkeypatch.syspath_prepend(str(archive))
    assert package_file("packed_here", "data/one.json") == b"{}"
    del sys.modules["packed_here"]


def test_a_file_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError):
        package_file(PACKAGE, "nosuch.json")
