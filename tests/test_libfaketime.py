"""libfaketime around a server, around `run` and inside of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from kling_mock import MockServer, ServerError
from kling_mock.real_time import real_time
from kling_mock.standing_clock import refuse_standing_clock
from tests.running import RUN, needs_linux, run

FAKETIME = shutil.which("faketime")
needs_faketime = pytest.mark.skipif(FAKETIME is None, reason="there is no libfaketime on this machine")
WAITS = "import time; a = time.time(); time.sleep(300); print(round(time.time() - a), time.gmtime().tm_year)"
SERVED = f"""
from kling_mock import MockServer
from kling_mock.virtual_time import fast_forward
with MockServer() as server, fast_forward(server):
    {WAITS}
"""


@needs_linux
def test_a_server_does_not_start_where_the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_standing_clock()
    monkeypatch.setattr(real_time, "monotonic", lambda: 1.0)
    with pytest.raises(ServerError, match="stands still"):
        MockServer().start()


@needs_faketime
def test_a_test_in_another_year_is_fast_forwarded() -> None:
    assert FAKETIME is not None
    done = subprocess.run(
        [FAKETIME, "2020-06-01", sys.executable, "-c", SERVED], capture_output=True, timeout=60
    )
    assert done.stdout.split() == [b"300", b"2020"], done.stderr.decode()


@needs_faketime
@pytest.mark.slow
def test_a_program_of_a_run_has_the_date_that_it_was_given() -> None:
    assert FAKETIME is not None
    done = run("--fast-forward", "--", FAKETIME, "2020-06-01", sys.executable, "-c", WAITS)
    assert done.stdout.split() == [b"300", b"2020"], done.stderr.decode()


@needs_faketime
@pytest.mark.slow
def test_a_run_in_another_year_moves_both() -> None:
    assert FAKETIME is not None
    words = [FAKETIME, "2020-06-01", *RUN, "--fast-forward", "--", sys.executable, "-c", WAITS]
    done = subprocess.run(words, capture_output=True, timeout=60, env={**os.environ, "CI": ""})
    assert done.stdout.split() == [b"300", b"2020"], done.stderr.decode()
