"""`kill -9` in the midst of a load loses no job whose create was answered; `tests/stores` does more of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .redis_process import needs_redis
from .stores.kill_rounds import kill_rounds
from .support import mostly_long


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("rounds", mostly_long([2, 6], 2))
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=needs_redis)])
def test_no_job_is_lost_whose_create_was_answered(kind: str, rounds: int, tmp_path: Path) -> None:
    done = kill_rounds(kind, rounds, tmp_path, seconds=0.05)
    assert done.troubles == [] and done.lost == 0 and done.jobs >= rounds
