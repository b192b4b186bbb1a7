"""The fuzzer, over 20,000 requests; more by hand, see `fuzz.py`."""

from __future__ import annotations

import asyncio
import sys

import pytest

from .fuzz import check_end, fuzz, served
from .talks import Talker

REQUESTS = 20_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="ends the server with a signal")
def test_nothing_that_is_said_breaks_what_the_server_promises() -> None:
    with served("--polls", "1,1", "--seed", "1") as server:
        found = asyncio.run(fuzz(server.port, 1, REQUESTS))
        check_end(server, found)
    assert found.wrong == []
    assert found.requests >= REQUESTS and len(found.jobs) > 1000 and len(found.talks) == 16


def test_the_same_seed_says_the_same() -> None:
    one, two = Talker(5), Talker(5)
    assert [one.next() for _ in range(50)] == [two.next() for _ in range(50)]
