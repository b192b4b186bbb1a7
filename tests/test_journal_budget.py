"""Journals of all workspaces have one bound: the fullest makes room, and nobody keeps what it forgot."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, Settings
from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.exchanges.budget import ITSELF, Budget, weight
from kling_mock.exchanges.exchange import Exchange
from kling_mock.exchanges.journal import Journal
from kling_mock.exchanges.repeated import RepeatedHeaders

from .support import PATHS, ask, body_for, poll, recorded

BIG = "x" * 2_000


def filled(journal: Journal, count: int, body: bytes = b"") -> None:
    for _ in range(count):
        journal.put(recorded(body=body, number=journal.next_number()))


def test_the_fullest_forgets_its_oldest_exchanges() -> None:
    one = weight(recorded(body=b"x" * 1_000))
    budget = Budget(100 * one)
    small, large = Journal(1_000, budget), Journal(1_000, budget)
    filled(small, 10, b"x" * 1_000)
    filled(large, 500, b"x" * 1_000)
    assert len(small) == 10 and 80 <= len(large) <= 90
    assert [exchange.number for exchange in large] == list(range(501 - len(large), 501))
    assert budget.used == small.size + large.size <= budget.limit
    filled(small, 200, b"x" * 1_000)
    assert abs(small.size - large.size) <= 2 * one and budget.used <= budget.limit
    large.clear()
    assert budget.used == small.size and large.size == 0
    filled(large, 5)
    assert budget.used == small.size + large.size


@given(
    headers=st.lists(st.tuples(st.binary(), st.binary())), texts=st.lists(st.binary(), min_size=4, max_size=4)
)
def test_the_weight_is_that_of_all_that_a_client_or_a_server_said(
    headers: list[tuple[bytes, bytes]], texts: list[bytes]
) -> None:
    parts: dict[str, Any] = dict(
        zip(("query_string", "body", "answer_head", "answer_body"), texts, strict=True)
    )
    exchange = recorded(path="/é", raw_headers=headers, **parts)
    said = sum(map(len, texts)) + sum(len(name + value) for name, value in headers)
    assert weight(exchange) == ITSELF + 2 + said
    assert weight(exchange._replace(raw_headers=RepeatedHeaders(headers))) == ITSELF + 2 + said


def test_an_exchange_that_is_larger_than_all_is_kept_alone() -> None:
    journal = Journal(10, Budget(1_000))
    filled(journal, 3, b"x" * 5_000)
    assert len(journal) <= 1 and journal.count == 3


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_what_makes_room_is_held_by_nobody(store: str, tmp_path: Path) -> None:
    address = "memory" if store == "memory" else f"sqlite:{tmp_path}/mock.db"
    with MockServer(max_memory_journals="100KB", store=address, log_format="none") as server:
        body = body_for(prompt=BIG)
        for number in range(60):
            ask(server, "POST", f"/@suite-{number % 3}{PATHS[0]}", body)
        spaces = [server.workspace(f"suite-{number}") for number in range(3)]
        if store == "memory":
            assert all(0 < len(space.exchanges) < 20 for space in spaces)
            assert spaces[0].exchanges[-1].status == 200
        server.reset()
        gc.collect()
        held = [each for each in gc.get_objects() if isinstance(each, Exchange) and BIG.encode() in each.body]
        assert sum(map(weight, held)) <= 105_000
        assert poll(server, "none").status == 404


def test_readers_go_on_behind_what_was_forgotten() -> None:
    app = MockApp(Common(Settings(max_exchanges=3, log_format="none")))
    space = app.common.default
    headers = [(b"authorization", b"Bearer k"), (b"content-type", b"application/json")]
    for _ in range(8):
        app._at_once("POST", PATHS[0], b"", headers, "http", json.dumps({}).encode())
    kept = [event.data.number for event in space.bus._kept]
    assert len(kept) <= 3 and kept == [one.number for one in space.journal][-len(kept) :]
