"""Requests of one turn of the event loop to a store are one transaction, and each is answered as if alone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer, Settings
from kling_mock.api.opened import Opened
from kling_mock.api.response import MockResponse
from kling_mock.api.turn import MOST
from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.events import EventKind
from kling_mock.serving.wire import Owed
from kling_mock.store import Suspended, at_once
from kling_mock.store.records import StoreAway, StoreError, StoreReadOnly
from kling_mock.store.sqlite import SqliteBackend

from .support import MODEL, PATHS, body_for, create, poll, raw

HEADERS = [(b"authorization", b"Bearer k"), (b"content-type", b"application/json")]
BODY = json.dumps(body_for()).encode()


class Turns:
    """An application on a store in a file, asked without a socket, and what its answers were."""

    def __init__(self, file: Path, **options: Any) -> None:
        self.common = Common(Settings(store=f"sqlite:{file}", log_format="none", polls=(1, 1), **options))
        self.app = MockApp(self.common)
        backend = self.common.backend
        assert isinstance(backend, SqliteBackend)
        self.backend = backend
        self.commits: list[str] = []
        backend._connection.set_trace_callback(
            lambda text: self.commits.append(text) if text == "COMMIT" else None
        )

    def ask(self, method: str, query: str = "", space: str = "", body: bytes = b"") -> list[Any]:
        """Owe an answer; the result gets it."""
        answers: list[Any] = []
        path = f"/@{space}{PATHS[0]}" if space else PATHS[0]
        owed = self.app._at_once(method, path, query.encode(), HEADERS, "http", body)
        assert isinstance(owed, Owed)
        owed.pay = lambda answer: answers.append(answer) or True  # type: ignore[func-returns-value]
        return answers

    def settle(self) -> None:
        self.app._turn.settle()

    def made(self, *spaces: str) -> list[dict[str, Any]]:
        """Jobs that are made in one turn."""

        async def make() -> list[list[Any]]:
            return [self.ask("POST", space=space, body=BODY) for space in spaces]

        asked = asyncio.run(make())
        self.settle()
        return [shown(answers) for answers in asked]


def shown(answers: list[Any]) -> dict[str, Any]:
    (answer,) = answers
    assert isinstance(answer, bytes), "it goes on beside the turn"
    body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return body


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Turns]:
    found = Turns(tmp_path / "mock.db")
    # Else the first one is judged beside the loop.
    found.common.contracts.validator.warm([found.common.catalog.find(MODEL)])
    found.made("", "a", "b")
    found.commits.clear()
    yield found
    found.backend.close()


def counted(turns: Turns) -> list[int]:
    spaces = [turns.common.default, *turns.common.workspaces.named()]
    return [at_once(space.store.counts()).made for space in spaces]


def test_requests_of_a_turn_are_one_commit_whoever_they_are_for(turns: Turns) -> None:
    jobs = turns.made("", "a", "", "b", "", "a")
    assert len(turns.commits) == 1 and len({job["id"] for job in jobs}) == 6
    assert counted(turns) == [4, 3, 2]
    for space, count in zip([turns.common.default, *turns.common.workspaces.named()], (4, 3, 2), strict=True):
        assert [one.number for one in space.journal] == list(range(1, count + 1))
        assert {one.job_id for one in space.journal} == {job.plan.id for job in at_once(space.store.jobs())}
    assert turns.common.traffic.open == 0


def test_polls_of_a_turn_move_a_job_one_after_the_other(turns: Turns) -> None:
    (job,) = turns.made("")

    async def polls() -> list[list[Any]]:
        return [turns.ask("GET", f"generation_id={job['id']}") for _ in range(3)]

    answers = asyncio.run(polls())
    turns.settle()
    assert [shown(one)["status"] for one in answers] == ["queued", "generating", "completed"]


def test_a_full_turn_makes_room_for_the_next(turns: Turns) -> None:
    jobs = turns.made(*[""] * (MOST + 1))
    assert len(turns.commits) == 2 and len({job["id"] for job in jobs}) == MOST + 1


def test_what_ends_beside_the_turn_leaves_nothing_in_it(turns: Turns) -> None:
    handlers = turns.app._turn._handlers
    told: list[object] = []
    turns.common.default.bus.subscribe(told.append, [EventKind.JOB_MADE])

    async def decide(opened: Opened, body: bytes) -> MockResponse:
        response = await handlers.decide(opened, body)
        if opened.request.query == b"later":
            raise Suspended
        return response

    turns.app._turn._handlers = handlers._replace(decide=decide)

    async def ask() -> list[list[Any]]:
        return [turns.ask("POST", query, body=BODY) for query in ("", "later", "")]

    first, later, last = asyncio.run(ask())
    turns.settle()
    assert shown(first)["id"] != shown(last)["id"] and callable(later[0])
    assert counted(turns)[0] == 3 and len(told) == 2
    assert [one.number for one in turns.common.default.journal] == [1, 2, 3]


@pytest.mark.parametrize(("trouble", "polled"), [(StoreAway, 503), (StoreReadOnly, 200)])
def test_a_store_that_fails_is_said_to_each_of_a_turn(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, trouble: type[StoreError], polled: int
) -> None:
    jobs = turns.made("", "a")
    transaction = turns.backend.transaction

    @contextmanager
    def failing(begin: str = "BEGIN IMMEDIATE") -> Iterator[Any]:
        if begin == "BEGIN IMMEDIATE":
            raise trouble("the store is ill")
        with transaction(begin) as connection:
            yield connection

    async def ask() -> list[list[Any]]:
        creates = [turns.ask("POST", space=space, body=BODY) for space in ("", "a")]
        polls = [
            turns.ask("GET", f"generation_id={job['id']}", space)
            for job, space in zip(jobs, ("", "a"), strict=True)
        ]
        return creates + polls

    monkeypatch.setattr(turns.backend, "transaction", failing)
    answers = asyncio.run(ask())
    turns.settle()
    monkeypatch.undo()
    codes = [int(one[0].split()[1]) for one in answers]
    assert codes == [503, 503, polled, polled] and counted(turns) == [2, 2, 1]
    assert len(turns.made("", "a")) == 2 and turns.common.traffic.open == 0


def test_a_pipeline_is_answered_in_order_and_ends_where_it_says(tmp_path: Path) -> None:
    with MockServer(store=f"sqlite:{tmp_path}/mock.db", polls=(1, 1), log_format="none") as server:
        job = create(server).json["id"]
        head = f"GET {PATHS[0]}?generation_id={job} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer k\r\n"
        answer = raw(server, f"{head}\r\n{head}\r\n{head}connection: close\r\n\r\n".encode())
        words = re.findall(rb'"status":"(\w+)"', answer)
        assert words == [b"queued", b"generating", b"completed"] and answer.count(b"connection: close") == 1
        # A request for something else behind it waits for it as well.
        models = "GET /v1/models HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
        both = raw(server, f"{head}\r\n{models}".encode())
        assert both.index(b'"completed"') < both.index(b'"object"')


def test_ids_that_come_back_are_those_of_other_jobs(tmp_path: Path) -> None:
    options: dict[str, Any] = {"store": f"sqlite:{tmp_path}/mock.db", "seed": 1, "log_format": "none"}
    with MockServer(**options) as one, MockServer(**options) as two:
        one.next("failed")
        job = create(one).json["id"]
        assert poll(two, job).status == 200 and two.jobs[0].scenario == "failed"
        one.reset()
        assert create(one).json["id"] == job
        two.configure(queued="0s", generating="0s")
        assert poll(two, job).status == 200 and two.exchanges[-1].scenario == "completed"
