"""The fuzzer, over 8,000 requests, or 20,000; more by hand, see `fuzz.py`."""

from __future__ import annotations

import asyncio
import sys

import pytest

from ..support import mostly_long
from .fuzz import check_end, fuzz, served
from .talks import Talker


@pytest.mark.slow
@pytest.mark.parametrize("requests", mostly_long([8_000, 20_000], 2))
@pytest.mark.skipif(sys.platform == "win32", reason="ends the server with a signal")
def test_nothing_that_is_said_breaks_what_the_server_promises(requests: int) -> None:
    with served("--polls", "1,1", "--seed", "1") as server:
        found = asyncio.run(fuzz(server.port, 1, requests))
        check_end(server, found)
    assert found.wrong == []
    assert found.requests >= requests and len(found.jobs) > requests / 20 and len(found.talks) == 16


def test_the_same_seed_says_the_same() -> None:
    one, two = Talker(5), Talker(5)
    assert [one.next() for _ in range(50)] == [two.next() for _ in range(50)]
