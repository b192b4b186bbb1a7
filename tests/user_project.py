"""A user's project that owns modules named as the folders that kling-mock is made from."""

from __future__ import annotations

import textwrap
from pathlib import Path

__all__ = ["FOLDERS", "PASSED", "write_project"]

FOLDERS = ("mock_server", "schemas", "fixtures", "contract_tests")
"""The folders of this project, which the user's project has modules of its own for."""

TURNS = 8
PASSED = TURNS + 1
"""How many tests of the user's project pass."""

_FILES = {
    "mock_server.py": 'WHOSE = "the user\'s"\n\n\ndef start():\n    return 8080\n',
    "fixtures/__init__.py": "",
    "fixtures/people.py": 'ALICE = "Alice"\n',
    "schemas/__init__.py": "",
    "schemas/order.py": 'KIND = "order"\n',
    "contract_tests/__init__.py": "",
    "contract_tests/helpers.py": "SIX = 6\n",
    "tests/__init__.py": "",
    "pytest.ini": "[pytest]\nkling_mock_checks = error\n",
    "tests/test_mine.py": f"""\
    import importlib
    import json
    import pathlib
    import urllib.request

    import pytest

    import mock_server
    from contract_tests.helpers import SIX
    from fixtures.people import ALICE
    from schemas.order import KIND

    ROOT = pathlib.Path(__file__).parents[1]


    def call(server, query="", body=None):
        request = urllib.request.Request(
            f"{{server.base_url}}/video/generations{{query}}",
            body and json.dumps(body).encode(),
            {{"Authorization": f"Bearer {{server.api_key}}", "Content-Type": "application/json"}},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


    def test_my_modules_are_mine():
        assert (mock_server.WHOSE, mock_server.start()) == ("the user's", 8080)
        assert (ALICE, KIND, SIX) == ("Alice", "order", 6)
        for name in ("mock_server", "schemas", "fixtures", "contract_tests", "tests"):
            assert pathlib.Path(importlib.import_module(name).__file__).is_relative_to(ROOT), name


    @pytest.mark.parametrize("turn", range({TURNS}))
    def test_a_job(kling_server, kling_payloads, turn):
        model = "klingai/v2.5-turbo/pro/text-to-video"
        job = call(kling_server, body=kling_payloads[model])["id"]
        answers = [call(kling_server, f"?generation_id={{job}}") for _ in range(3)]
        assert [answer["status"] for answer in answers] == ["queued", "generating", "completed"]
        with urllib.request.urlopen(answers[-1]["video"]["url"], timeout=20) as video:
            assert video.read(12)[4:8] == b"ftyp"
        assert len(kling_server.charges) == 1
""",
}


def write_project(folder: Path) -> Path:
    """Write the project into a folder, and return the folder."""
    for name, text in _FILES.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder
