"""The collector of a server's own process."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kling_mock.cli.main import main
from kling_mock.serving import asgi_server, collector
from kling_mock.serving.collector import OLDER, YOUNG, collect_rarely, no_collection


@pytest.fixture
def restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    # What is frozen stays so: what the session collected is among it (conftest.py).
    gc.set_threshold(*before)


@pytest.mark.usefixtures("restored")
def test_what_is_there_is_never_looked_at_and_what_comes_seldom() -> None:
    before, new = gc.get_freeze_count(), [[one] for one in range(1000)]
    collect_rarely()
    assert gc.get_threshold() == (YOUNG, OLDER, OLDER)
    assert gc.get_freeze_count() - before > len(new)
    assert gc.isenabled()


@pytest.mark.slow
def test_only_a_process_that_is_a_server_does_so() -> None:
    code = (
        "import gc\nfrom kling_mock import MockServer\nbefore = gc.get_threshold()\n"
        "with MockServer():\n    assert gc.get_threshold() == before and not gc.get_freeze_count()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_command_does_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Called(Exception):
        pass

    def collects() -> None:
        raise Called

    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(asgi_server, "bind", lambda *_: listening)
        monkeypatch.setattr(collector, "collect_rarely", collects)
        with pytest.raises(Called):
            main(["serve", "--port", "0", "--log-format", "none"])


def test_nothing_is_collected_while_modules_are_imported_and_afterwards_as_before() -> None:
    with no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_server_starts_without_what_only_a_verdict_or_a_fast_forward_needs() -> None:
    code = (
        "import sys\nimport kling_mock.cli.serve, kling_mock.cli.listening\n"
        "late = ('trace_rules', 'verdicts.verdict', 'virtual_time')\n"
        "assert not [name for name in late if f'kling_mock.{name}' in sys.modules]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
