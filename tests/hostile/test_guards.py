"""Control's guards: who gets in, by which headers, how much at once; and what a server leaves behind."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kling_mock import MockServer, SettingsError
from kling_mock.api import create as create_module
from kling_mock.api import judging
from kling_mock.control.body import LONGEST_PAGE, PAGE
from kling_mock.jobs.plan import Job, JobPlan
from kling_mock.serving.asgi_server import protocol_config
from kling_mock.settings import ServerOptions
from kling_mock.store import AddResult, at_once

from ..support import PATHS, Reply, ask, body_for, create, poll, raw, until, wire

PAYLOAD = body_for()
NOSNIFF = ("x-content-type-options", "nosniff")


def get(server: MockServer, path: str, **headers: str) -> Reply:
    return ask(server, "GET", path, headers=headers, key=None)


# Who gets in


def test_no_header_says_where_a_client_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with MockServer() as server:
        elsewhere = {"X-Forwarded-For": "192.0.2.2", "X-Forwarded-Host": "evil.example"}
        assert get(server, "/_mock/jobs", **elsewhere).status == 200
        # No middleware stands in front that would believe them.
        assert protocol_config(server.app).loaded_app is server.app


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_pages_of_other_origins_stay_out_with_a_token_too(origin: str) -> None:
    with MockServer(control_token="sesame") as server:
        for headers in ({"Cookie": "kling-mock-token=sesame"}, {"Authorization": "Bearer sesame"}):
            refused = ask(server, "POST", "/_mock/reset", headers={**headers, "Origin": origin}, key=None)
            assert refused.status == 403 and "another origin" in refused.json["message"]
            own = {**headers, "Origin": server.url}
            assert ask(server, "POST", "/_mock/reset", headers=own, key=None).status == 200


def test_a_stranger_learns_that_the_server_runs_and_no_more(server: MockServer) -> None:
    for host in ("mock:8000", "192.0.2.7", "evil.example"):
        reply = get(server, "/_mock/health", Host=host)
        assert (reply.status, reply.json) == (200, {"status": "ok"})
    assert get(server, "/_mock/health", Origin="http://evil.example").status == 403
    assert "jobs" in get(server, "/_mock/health").json
    with MockServer(control_token="sesame") as guarded:
        assert get(guarded, "/_mock/health").json == {"status": "ok"}
        assert "jobs" in get(guarded, "/_mock/health", Authorization="Bearer sesame").json


def test_a_browser_is_told_what_it_may_do_with_the_page(server: MockServer) -> None:
    page = get(server, "/_mock/")
    policy = page.headers["content-security-policy"].split("; ")
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy
    for path in ("/_mock/", "/_mock/jobs", "/_mock/jobs/none", "/_mock/exchanges.har", "/_mock/jobs?x=1"):
        assert NOSNIFF in get(server, path).lines
    assert NOSNIFF in get(server, "/_mock/jobs", Host="evil.example").lines


@pytest.mark.skipif(
    not socket.has_dualstack_ipv6(), reason="this machine has no sockets for both versions of IP"
)
def test_a_server_on_all_addresses_is_controlled_by_the_older_loopback_too() -> None:
    with MockServer(host="::") as server:
        answer = raw(server, b"GET /_mock/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_body_of_the_control_api_is_bounded(server: MockServer) -> None:
    reply = ask(server, "POST", "/_mock/clock", b'{"advance": 1' + b" " * 70_000 + b"}", key=None)
    assert reply.status == 400 and "at most 65536 bytes" in reply.json["message"]


# Pages of lists


def plans(count: int) -> Iterator[JobPlan]:
    with MockServer(polls=(0, 0)) as server:
        create(server)
        plan = server.jobs[0]._last.plan
    for number in range(count):
        yield JobPlan(f"job-{number}", plan.model, plan.scenario, plan.timeline, plan.made_at, 7, plan.clip)


@pytest.fixture(scope="module")
def many() -> Iterator[MockServer]:
    """A server with 1,000 jobs, 500 more that made room, and 1,500 exchanges."""
    with MockServer(polls=(0, 0), max_jobs=1000, log_format="none") as server:
        for plan in plans(1500):
            assert at_once(server.space.store.add_job(plan)) is AddResult.ADDED
        for number in range(500):
            poll(server, f"job-{1000 + number % 500}")
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "name", "total", "id_of"),
    [
        ("jobs", "jobs", 1000, "id"),
        ("charges", "charges", 1500, "job_id"),
        ("exchanges", "exchanges", 500, "number"),
        ("exchanges?kind=poll", "exchanges", 500, "number"),
    ],
)
@pytest.mark.parametrize("limit", [None, 70])
def test_a_list_is_read_page_by_page(
    many: MockServer, path: str, name: str, total: int, id_of: str, limit: int | None
) -> None:
    seen: list[Any] = []
    before = None
    mark = "&" if "?" in path else "?"
    while True:
        query = [f"limit={limit}"] if limit else []
        query += [f"before={before}"] if before else []
        shown = get(many, f"/_mock/{path}{mark if query else ''}{'&'.join(query)}").json
        assert shown["total"] == total
        assert len(shown[name]) == min(limit or PAGE, total - len(seen))
        seen = [entry[id_of] for entry in shown[name]] + seen
        before = shown["before"]
        if before is None:
            break
        assert before == shown[name][0][id_of]
    numbers = [entry if isinstance(entry, int) else int(entry.removeprefix("job-")) for entry in seen]
    assert numbers == list(range(numbers[0], numbers[0] + total))


def test_a_page_is_bounded(many: MockServer) -> None:
    for name in ("jobs", "charges"):
        assert len(get(many, f"/_mock/{name}?limit=100000").json[name]) == LONGEST_PAGE
    assert get(many, "/_mock/jobs?before=none").json == {"jobs": [], "total": 1000, "before": None}
    for query in ("exchanges?before=x", "exchanges?before=-1", "jobs?after=1"):
        assert get(many, f"/_mock/{query}").status == 400


def test_no_more_jobs_are_looked_at_than_are_shown(many: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def shown(job: Job, _now: float) -> dict[str, str]:
        looked.append(job.plan.id)
        return {"id": job.plan.id}

    monkeypatch.setattr(Job, "as_dict", shown)
    get(many, "/_mock/jobs?limit=20")
    assert len(looked) == 20


# A reset


def test_a_create_that_is_being_judged_counts_as_before_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large body takes the loop a while: the reset does not wait for it."""
    judged, reset = threading.Event(), threading.Event()
    checked = judging.judge

    def slowly(*given: Any) -> Any:
        found = checked(*given)
        judged.set()
        assert reset.wait(20)
        return found

    with MockServer(polls=(0, 0)) as server:
        monkeypatch.setattr(create_module, "judge", slowly)
        large = {**PAYLOAD, "prompt": "x" * 200, "extra": "y" * 3_000_000}
        replies: list[Any] = []

        def make() -> None:
            try:
                replies.append(ask(server, "POST", PATHS[0], large))
            except OSError as error:
                replies.append(error)

        making = threading.Thread(target=make)
        making.start()
        assert judged.wait(20)
        server.reset()
        reset.set()
        making.join(20)
        monkeypatch.undo()
        assert not server.jobs and not server.charges and not server.exchanges
        assert not isinstance(replies[0], Reply) or replies[0].status == 503
        assert create(server).status == 200 and len(server.jobs) == 1


# What a server leaves behind


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_port() -> None:
    server = MockServer()
    server.start()
    connection = wire(server)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        server.stop()
        assert connection.recv(1) == b""
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=20)
        server.start()
        assert create(server).status == 200
    finally:
        server.stop()
        connection.close()
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_a_seed_repeats_the_ids_of_another_server_unless_told_otherwise() -> None:
    def ids(**options: Any) -> set[str]:
        with MockServer(seed=7, **options) as server:
            first = create(server).json["id"]
            server.reset()
            # After a reset the ids are those of the same server again.
            assert create(server).json["id"] == first
            return {first, create(server).json["id"]}

    assert ids() == ids()
    assert len(ids(repeat_ids=False) | ids(repeat_ids=False)) == 4


def test_the_host_that_is_kept_with_a_job_is_bounded(server: MockServer) -> None:
    job_id = create(server).json["id"]
    for _ in range(3):
        reply = poll(server, job_id, headers={"Host": "h" * 30_000})
    assert reply.json["video"]["url"].startswith(f"http://127.0.0.1:{server.port}/")
    assert all(len(kept[0][1]) < 300 for kept in server.space.kept_answers.values())
    assert poll(server, job_id, headers={"Host": "h" * 253}).json["video"]["url"].startswith("http://hhh")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Encoding": "gzip"}, b"\x1f\x8b\x08"),
        ({"Content-Encoding": "br"}, b"\x0b"),
        ({}, b"\x1f\x8b\x08"),
    ],
)
def test_a_body_of_another_coding_is_named(server: MockServer, headers: dict[str, str], body: bytes) -> None:
    reply = ask(server, "POST", PATHS[0], body, {"Content-Type": "application/json", **headers})
    coding = headers.get("Content-Encoding", "gzip")
    assert reply.status == 400
    assert f"Content-Encoding: Expected a body without coding, received {coding}" in reply.json["message"]


def test_options_of_the_server_itself_stay(server: MockServer) -> None:
    changes: list[ServerOptions] = [{"max_memory_bodies": 5}, {"idle_timeout": 5}, {"max_connections": 5}]
    for options in changes:
        with pytest.raises(SettingsError, match="before the server starts"):
            server.configure(**options)


# Streams of events


def use_often(server: MockServer, times: int) -> None:
    for _ in range(times):
        server.use("completed")


def test_streams_that_nobody_reads_lose_events_knowingly(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = connection.makefile("rb")
        while b": connected" not in stream.readline():
            pass
        start = server.space.bus.number
        # More than is kept for those who are slow, in one round of the loop, so that nobody reads meanwhile.
        assert server.loop is not None
        server.loop.call_soon_threadsafe(use_often, server, 10_000)
        last, gaps = start, 0
        while last < start + 10_000:
            line = stream.readline()
            if line.startswith(b"event: "):
                kind = line[7:].strip()
            elif line.startswith(b"id: "):
                number = int(line[4:])
            elif line.startswith(b"data: "):
                missed = json.loads(line[6:])["missed"] if kind == b"gap" else 1
                gaps += kind == b"gap"
                assert number == last + missed
                last = number
        stream.close()
    assert gaps


def test_streams_share_what_they_send(server: MockServer) -> None:
    with wire(server) as one, wire(server) as two:
        received = []
        for connection in (one, two):
            connection.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stream = connection.makefile("rb")
            while b": connected" not in stream.readline():
                pass
            received.append(stream)
        until(lambda: len(server.space.bus._readers) == 1)
        # What an earlier request still had to tell may have come to the first of them alone.
        before = server.space.bus.number
        for _ in range(5):
            poll(server, "unknown")
        seen = []
        for stream in received:
            numbers: list[int] = []
            while len(numbers) < 5:
                line = stream.readline()
                if line.startswith(b"id: ") and int(line[4:]) > before:
                    numbers.append(int(line[4:]))
            seen.append(numbers)
            stream.close()
        assert seen[0] == seen[1]
    until(lambda: not server.space.bus._readers)
