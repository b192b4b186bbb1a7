"""Servers that share a store are one server: they agree on all, and what they promised outlives them."""

from __future__ import annotations

import gc
import os
import re
import sqlite3
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, Settings, SettingsError
from kling_mock.cli import main
from kling_mock.common import Common
from kling_mock.exchanges.coding import decode_exchange, encode_exchange
from kling_mock.exchanges.exchange import Exchange
from kling_mock.store.address import shown_store
from kling_mock.store.journal_room import beyond, forget_beyond, journals_beyond
from kling_mock.store.opening import open_backend
from kling_mock.store.records import StoreError

from .redis_process import PROGRAM, Redis, needs_redis, running_redis
from .support import PATHS, ask, body_for, check_error, create, poll, until, wire

Serve = Callable[..., MockServer]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis | None]:
    if PROGRAM is None and not os.environ.get("CI"):
        yield None
        return
    with running_redis(tmp_path_factory.mktemp("redis"), "--appendonly", "yes") as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def address(request: pytest.FixtureRequest, tmp_path: Path, redis: Redis | None) -> str:
    """The address of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/mock.db"
    assert redis is not None
    redis.ask("FLUSHALL")
    return redis.url(3)


@pytest.fixture
def serve(address: str) -> Iterator[Serve]:
    """Starts servers on the store."""
    with ExitStack() as stack:

        def started(**options: Any) -> MockServer:
            usual: dict[str, Any] = {"store": address, "polls": (1, 1), "seed": 1, "log_format": "none"}
            return stack.enter_context(MockServer(**usual | options))

        yield started


def made(server: MockServer, prefix: str = "", **options: Any) -> str:
    reply = create(server, prefix + PATHS[0], **options)
    assert reply.status == 200, reply.body
    return str(reply.json["id"])


def status(server: MockServer, job: str, prefix: str = "") -> str:
    return str(poll(server, job, prefix + PATHS[0]).json["status"])


def test_a_restart_goes_on_where_the_last_one_ended(serve: Serve) -> None:
    first = serve()
    job, other = made(first), made(first, "/@a")
    assert status(first, job) == "queued"
    first.use("failed")
    first.next("id-digits")
    first.configure(strict=True)
    first.clock.advance("1h")
    shown = (first.clock.now(), len(first.exchanges), first.charges)
    first.stop()
    second = serve()
    assert [status(second, job) for _ in range(2)] == ["generating", "completed"]
    assert status(second, other, "/@a") == "queued"
    assert second.settings.strict and second.scenario.name == "failed"
    assert second.clock.now() >= shown[0] and second.charges == shown[2]
    assert len(second.exchanges) == shown[1] + 2
    assert made(second).isdigit()
    assert status(second, made(second)) == "queued" and second.jobs[-1].scenario == "failed"


def test_two_servers_are_one(serve: Serve) -> None:
    one, two = serve(), serve()
    job = made(one)
    assert [status(server, job) for server in (two, one, two)] == ["queued", "generating", "completed"]
    assert len(one.exchanges) == len(two.exchanges) == 4
    two.use("failed")
    assert one.scenario.name == "failed" and status(one, made(one)) == "queued"
    one.clock.freeze()
    now = one.clock.now()
    assert two.clock.frozen and abs(two.clock.now() - now) < 1e-3
    two.clock.advance(100)
    assert abs(one.clock.now() - now - 100) < 1e-3
    one.configure(latency="0s", queued="7s", generating="1s")
    timed = made(two)
    assert status(one, timed) == "queued"
    two.clock.advance(7.5)
    assert status(one, timed) == "generating"
    one.clock.advance(until="finished", job_id=timed)
    assert status(two, timed) == "error"
    two.reset()
    assert poll(one, timed).status == 404 and not one.jobs and not one.exchanges[1:]
    assert one.scenario.name == "completed" and one.settings.polls == (1, 1) and not one.clock.frozen


def test_what_was_armed_is_known_to_all(serve: Serve) -> None:
    one, two = serve(scenario="slow"), serve()
    one.next("failed")
    made(two)
    two.use("server-error")
    arming = [server.space.arming for server in (one, two)]
    chosen = [[(each.scenario.name, each.how) for each in notes.armed] for notes in arming]
    others = [("failed", "next"), ("server-error", "use")]
    assert chosen == [[("slow", "start"), *others], others]
    assert arming[0].steps == arming[1].steps == {0, 1}
    arming[1].ignore(["B4"])
    assert arming[0].ignored == {"B4"}
    two.reset()
    assert [len(notes.armed) for notes in arming] == [1, 0] and not arming[0].steps | arming[0].ignored


def test_ids_are_the_same_set_whoever_issues_them(serve: Serve) -> None:
    one, two = serve(), serve()
    found = [made(server) for server in (one, two, two, one, one, two)]
    one.reset()
    assert [made(server) for server in (two, two, two, one, one, one)] == found
    requests = [poll(server, "none").json["requestId"] for server in (one, two) for _ in range(5)]
    assert len({*requests}) == 10


def together(work: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_is_counted_is_counted_once_among_servers(serve: Serve) -> None:
    servers = [serve() for _ in range(3)]
    servers[0].use("rate-limited;times=1")
    for _ in range(5):
        servers[1].next("id-digits")
    answers: list[Any] = []

    def make(server: MockServer) -> None:
        answers.extend(create(server) for _ in range(8))

    together([partial(make, server) for server in servers])
    servers[0].use("completed")
    assert Counter(answer.status for answer in answers) == {200: 23, 429: 1}
    ids = [answer.json["id"] for answer in answers if answer.status == 200]
    assert len(set(ids)) == 23 and sum(name.isdigit() for name in ids) == 5
    assert {charge.job_id for charge in servers[2].charges} == set(ids)
    # A timeline of polls goes one step for each of them.
    servers[0].configure(polls=(7, 8))
    job, said = made(servers[0]), list[str]()

    def ask_for_it(server: MockServer) -> None:
        said.extend(status(server, job) for _ in range(6))

    together([partial(ask_for_it, server) for server in servers])
    assert Counter(said) == {"queued": 7, "generating": 8, "completed": 3}


def test_a_held_answer_ends_by_what_another_server_is_told(serve: Serve) -> None:
    one, two = serve(), serve()
    one.clock.freeze()
    one.use("poll-hangs")
    job = made(one)
    head = f"GET {PATHS[0]}?generation_id={job} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\n\r\n"
    with wire(one) as connection:
        connection.sendall(head.encode())
        until(lambda: one.traffic.held)
        two.reset()
        assert connection.recv(100) == b""


def test_events_reach_a_page_of_any_server(serve: Serve) -> None:
    one, two = serve(), serve()
    with wire(one) as stream:
        stream.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while b": connected" not in received:
            received += stream.recv(65536)
        until(lambda: one.space.following is not None and one.space.following.begun)
        received = b""
        job, own = made(two), made(one)
        two.use("failed")
        two.clock.advance("1h")
        two.configure(queued="1s")
        two.clock.advance(until="finished", job_id=job)
        # Each is told once, whoever did it, and a job before the exchange that made it.
        kinds = [b"exchange", b"exchange", b"job-made", b"job-made", b"scenario", b"clock", b"settings"]
        wanted = Counter(kinds)
        wanted[b"job-changed"] += 1
        while Counter(found := re.findall(rb"event: ([a-z-]+)", received)) & wanted != wanted:
            received += stream.recv(65536)
        assert found.count(b"job-made") == 2 and found.count(b"exchange") == 2
        blocks = received.split(b"\n\n")
        for made_job in (job.encode(), own.encode()):
            assert b"event: job-made" in next(block for block in blocks if made_job in block)


def test_what_ends_after_what_came_later_is_told_as_well(serve: Serve) -> None:
    one, two = serve(), serve()
    one.clock.freeze()
    one.use("poll-hangs")
    first, second = (f"GET {PATHS[0]}?generation_id={made(one)} HTTP/1.1\r\n" for _ in range(2))
    rest = "Host: h\r\nAuthorization: Bearer k\r\n\r\n"
    with wire(one) as stream, wire(two) as early, wire(two) as late:
        # One is under way before anybody reads along, one begins afterwards.
        early.sendall((first + rest).encode())
        until(lambda: two.traffic.held == 1)
        stream.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: one.space.following is not None and one.space.following.begun)
        late.sendall((second + rest).encode())
        until(lambda: two.traffic.held == 2)
        poll(two, "none")
        received = b""
        while not (told := re.findall(rb'"number": ?([0-9]+)', received)):
            received += stream.recv(65536)
        assert told == [b"5"]
        early.close()
        late.close()
        while len(told := re.findall(rb'"number": ?([0-9]+)', received)) < 3:
            received += stream.recv(65536)
        assert sorted(told) == [b"3", b"4", b"5"]


def test_journals_of_all_workspaces_have_a_common_bound(serve: Serve) -> None:
    server = serve(max_memory_journals=100_000)
    for prefix, count in (("/@large", 40), ("/@small", 3), ("", 5)):
        for number in range(count):
            create(server, prefix + PATHS[0], prompt=f"{number:04} " + "x" * 2_000)
    backend = server.common.backend
    assert backend is not None
    until(lambda: backend.journal_sizes(100_000).get("large", 0) > 90_000)
    while sizes := journals_beyond(backend, 100_000)():
        assert list(sizes) == ["large"]
        forget_beyond(backend, sizes)
    kept = {name: server.workspace(name).exchanges for name in ("large", "small")}
    assert (len(kept["small"]), len(server.exchanges)) == (3, 5)
    assert 10 < len(kept["large"]) < 40 and kept["large"][-1].number == 40
    assert len(server.workspace("large").jobs) == 40
    # What is below the bound is left, and not counted.
    assert journals_beyond(backend, 1 << 40)() == {} == backend.journal_sizes(1 << 40)


@given(st.dictionaries(st.text(), st.integers(0, 10_000)), st.integers(1, 20_000))
def test_the_fullest_give_until_all_fit(sizes: dict[str, int], limit: int) -> None:
    gives = beyond(sizes, limit)
    left = {name: size - gives.get(name, 0) for name, size in sizes.items()}
    assert sum(left.values()) <= limit and min(left.values(), default=0) >= 0
    assert bool(gives) == (sum(sizes.values()) > limit)
    # Nobody gives who has less than one that gives keeps.
    assert all(sizes[name] >= left[other] for name in gives for other in gives)
    assert all(left[name] <= min(left[other] for other in gives) for name in {*sizes} - {*gives} if gives)


def test_workspaces_are_those_of_all_servers(serve: Serve) -> None:
    one, two = serve(max_workspaces=2), serve(max_workspaces=2)
    job = made(one, "/@a")
    made(two, "/@b")
    names = [row["name"] for row in ask(two, "GET", "/_mock/workspaces").json["workspaces"]]
    assert names == ["", "a", "b"]
    check_error(create(two, f"/@c{PATHS[0]}"), 503, "--max-workspaces")
    assert ask(two, "DELETE", "/_mock/workspaces/a").json == {"ended": ["a"]}
    assert poll(one, job, f"/@a{PATHS[0]}").status == 404
    assert made(one, "/@a")


def test_idle_workspaces_leave_the_store(serve: Serve) -> None:
    one = serve(workspace_idle="300ms")
    made(one, "/@gone")
    until(lambda: not one.common.workspaces.named())
    assert made(one)


def test_no_key_is_kept(serve: Serve, address: str, redis: Redis | None) -> None:
    server = serve(log_format="none")
    secret = "sk-very-secret-0123456789"
    body = body_for(prompt=f"with {secret} in it", api_key=secret)
    ask(server, "POST", PATHS[0], body, key=secret)
    ask(server, "GET", f"{PATHS[0]}?generation_id={secret}&token={secret}", key=secret)
    ask(server, "GET", f"/{secret}", key=secret)
    assert len(server.exchanges) == 3
    server.stop()
    if address.startswith("sqlite"):
        kept = b"".join(path.read_bytes() for path in Path(address[7:]).parent.iterdir())
    else:
        assert redis is not None
        backend = open_backend(address)
        assert backend is not None
        kept = b"".join(text for _, text in backend.records("").exchanges())
    assert b"very-secret" not in kept and b"generations" in kept


# Bad input


@pytest.mark.parametrize(
    "store",
    [
        "",
        "disk",
        "sqlite",
        "sqlite:",
        "redis://",
        "redis://h:99999/0",
        "redis://h/x",
        "mysql://h/0",
        "redis:h",
    ],
)
def test_an_address_that_cannot_be_read_is_refused(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="expected memory, sqlite:FILE or redis://HOST:PORT/DB"):
        Settings(store=store)
    assert main(["serve", "--store", store]) == 2
    assert "--store" in capsys.readouterr().err


def test_a_password_is_shown_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    address = "redis://user:hidden@127.0.0.1:1/0"
    assert main(["serve", "--store", address]) == 2
    assert "hidden" not in capsys.readouterr().err + repr(Settings(store=address)) + shown_store(address)


@pytest.mark.parametrize(
    ("address", "why", "to_do"),
    [
        ("redis://127.0.0.1:1/0", "refused", "Start Redis there, or give the address"),
        ("sqlite:nowhere/file.db", "unable to open", "Give a file that can be written"),
    ],
)
def test_a_store_that_is_away_at_the_start_is_told_once(
    address: str, why: str, to_do: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["serve", "--port", "0", "--store", address]) == 2
    said = capsys.readouterr().err
    assert address in said and why in said and to_do in said
    assert not caplog.records


@needs_redis
def test_a_wrong_password_is_an_error(tmp_path: Path) -> None:
    with running_redis(tmp_path, "--requirepass", "right") as guarded:
        for user in ("", ":wrong@"):
            with pytest.raises(StoreError, match="cannot be used"):
                open_backend(f"redis://{user}127.0.0.1:{guarded.port}/0")
        assert open_backend(f"redis://:right@127.0.0.1:{guarded.port}/0")


def test_a_file_of_something_else_or_of_another_version_is_refused_and_left(tmp_path: Path) -> None:
    text, other, newer = (tmp_path / name for name in ("text", "other.db", "newer.db"))
    text.write_bytes(b"no database " * 100)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    assert open_backend(f"sqlite:{newer}")
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    for file in (text, other):
        before = file.read_bytes()
        with pytest.raises(StoreError, match=str(file)):
            open_backend(f"sqlite:{file}")
        assert file.read_bytes() == before
    with pytest.raises(StoreError, match=r"another version of kling-mock \(form 99\): give another file"):
        open_backend(f"sqlite:{newer}")
    with pytest.raises(StoreError, match="unable to open"):
        open_backend(f"sqlite:{tmp_path}/none/mock.db")


@needs_redis
def test_a_database_of_another_version_is_refused_and_left(redis: Redis) -> None:
    redis.ask("FLUSHALL")
    redis.ask("SET kling-mock:format 99")
    with pytest.raises(StoreError, match=r"another version of kling-mock.*give another database"):
        open_backend(redis.url())
    assert b"99" in redis.ask("GET kling-mock:format") and b":1\r" in redis.ask("DBSIZE")
    redis.ask("FLUSHALL")


@needs_redis
@pytest.mark.parametrize(("policy", "warned"), [("allkeys-lru", 1), ("noeviction", 0), ("volatile-ttl", 0)])
def test_a_redis_that_drops_keys_is_warned_of(redis: Redis, policy: str, warned: int) -> None:
    redis.ask(f"CONFIG SET maxmemory-policy {policy}")
    try:
        backend = open_backend(redis.url())
        assert backend is not None
        said = list(backend.warnings())
        assert len(said) == warned and all(policy in one for one in said)
    finally:
        redis.ask("CONFIG SET maxmemory-policy noeviction")


# A store that is away, or full


@needs_redis
def test_a_store_that_is_away_is_503_until_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as redis:
        with MockServer(store=redis.url(), polls=(1, 1), log_format="none") as server:
            job = made(server)
            redis.end()
            for reply in (create(server), poll(server, job), create(server, f"/@new{PATHS[0]}")):
                check_error(reply, 503, "redis://127.0.0.1")
                assert reply.headers["retry-after"] == "1"
            assert ask(server, "GET", "/_mock/health").status == 503
            redis.start()
            until(lambda: poll(server, job).status == 200)
            assert status(server, job) == "generating" and made(server)
    said = [record.message for record in caplog.records]
    assert sum("is away" in one for one in said) == 1 and sum("is back" in one for one in said) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
@needs_redis
def test_a_store_that_nobody_closes_ends_its_connection(redis: Redis) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
        backend: Any = open_backend(redis.url())
        # Older than the socket of its second connection, and so finalized after it where both are garbage.
        gc.collect(0)
        backend.close()
        backend.workspaces()
        backend.itself = backend
        del backend
        gc.collect()
    assert not told


def test_a_full_disk_takes_no_creates_and_answers_polls(tmp_path: Path) -> None:
    with MockServer(store=f"sqlite:{tmp_path}/a.db", queued=0, generating=0, log_format="none") as server:
        job = made(server)
        backend: Any = server.common.backend
        pages = backend._connection.execute("PRAGMA page_count").fetchone()[0]
        backend._connection.execute(f"PRAGMA max_page_count = {pages}")
        refused = next(reply for _ in range(200) if (reply := create(server)).status != 200)
        check_error(refused, 503, "full")
        assert status(server, job) == "completed"
        backend._connection.execute("PRAGMA max_page_count = 1000000")
        assert made(server)


def test_a_file_that_may_only_be_read_answers_polls(tmp_path: Path) -> None:
    with MockServer(store=f"sqlite:{tmp_path}/a.db", queued=0, generating=0, log_format="none") as server:
        job = made(server)
        backend: Any = server.common.backend
        backend._connection.execute("PRAGMA query_only = 1")
        check_error(create(server), 503, "readonly")
        assert status(server, job) == "completed"


def test_a_store_belongs_to_the_server_from_its_start(tmp_path: Path) -> None:
    with MockServer(log_format="none") as server:
        with pytest.raises(SettingsError, match="before the server starts"):
            server.configure(store=f"sqlite:{tmp_path}/a.db")
    common = Common(Settings(store=f"sqlite:{tmp_path}/b.db"))
    assert common.backend is not None and common.backend.address.endswith("b.db")


def test_an_exchange_comes_back_as_it_was_shown(server: MockServer) -> None:
    job = made(server)
    for _ in range(3):
        poll(server, job)
    ask(server, "GET", f"/media/{job}/none.mp4")
    ask(server, "POST", PATHS[0], {"model": "nothing"})
    create(server, PATHS[0], {"X-Mock-Scenario": "gzip"}, duration="5", extra="ü€\x00")
    poll(server, "ü/é?", headers={"X-Api-Key": "abcdefgh12345"})
    for exchange in server.exchanges:
        again: Exchange = decode_exchange(exchange.number, encode_exchange(exchange))
        shown, before = again.as_dict(), exchange.as_dict()
        # Of a key four letters less are left.
        for name in ("authorization", "x-api-key"):
            assert shown["request"]["headers"].pop(name, "…").endswith("…")
            before["request"]["headers"].pop(name, None)
        assert shown == before
        assert again.known_id is exchange.known_id
