"""Several suites on one server: each finds its workspace by its URL or its key, and no other one notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock import MockServer, Settings, SettingsError
from kling_mock.errors import NoWorkspace
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.server import ServedWorkspace
from kling_mock.traffic import Traffic
from kling_mock.workspaces import Workspaces, name_of_key

from .support import PATHS, ask, body_for, check_error, until, wire

FIELDS = ("jobs", "exchanges", "charges")


@pytest.fixture(scope="module")
def shared() -> Iterator[MockServer]:
    with MockServer(polls=(1, 1), seed=1, log_format="none", max_workspaces=400) as server:
        yield server


def create(server: MockServer, prefix: str = "", **options: Any) -> Any:
    return ask(server, "POST", f"{prefix}{PATHS[0]}", body_for(), **options).json


def poll(server: MockServer, job: str, prefix: str = "", **options: Any) -> Any:
    return ask(server, "GET", f"{prefix}{PATHS[0]}?generation_id={job}", **options)


def test_the_base_url_is_all_that_a_client_needs(shared: MockServer) -> None:
    shared.workspace("a").reset()
    job = create(shared, "/@a")["id"]
    shown = [poll(shared, job, "/@a").json for _ in range(3)]
    assert [one["status"] for one in shown] == ["queued", "generating", "completed"]
    video = urlsplit(shown[-1]["video"]["url"])
    assert video.path.startswith("/@a/media/")
    assert ask(shared, "GET", video.path, key=None).status == 200
    assert ask(shared, "GET", video.path.removeprefix("/@a"), key=None).status == 404
    check_error(poll(shared, job, "/@b"), 404, "Generation not found")
    check_error(poll(shared, job), 404, "Generation not found")
    # What it is told of itself is what a server of its own would tell it.
    assert {exchange.path for exchange in shared.workspace("a").exchanges} == {PATHS[0], video.path[3:]}


def test_the_control_api_of_a_workspace_is_below_its_prefix(shared: MockServer) -> None:
    for prefix in ("/@c1", "/@c2"):
        ask(shared, "POST", f"{prefix}/_mock/reset")
        create(shared, prefix)
    assert ask(shared, "POST", "/@c1/_mock/scenario", {"scenario": "failed"}).status == 200
    assert ask(shared, "POST", "/@c1/_mock/clock", {"advance": "1h"}).status == 200
    assert ask(shared, "POST", "/@c1/_mock/settings", {"strict": True}).status == 200
    health = [ask(shared, "GET", f"{prefix}/_mock/health").json for prefix in ("/@c1", "/@c2", "")]
    assert [one["scenario"] for one in health] == ["failed", "completed", "completed"]
    clocks = [ask(shared, "GET", f"{prefix}/_mock/clock").json["now"] for prefix in ("/@c1", "/@c2")]
    assert clocks[0] - clocks[1] > 3500
    assert not ask(shared, "GET", "/@c2/_mock/settings").json["settings"].get("strict")
    ask(shared, "POST", "/@c1/_mock/reset")
    totals = [ask(shared, "GET", f"{prefix}/_mock/jobs").json["total"] for prefix in ("/@c1", "/@c2")]
    assert totals == [0, 1]
    page = ask(shared, "GET", "/@c2/_mock")
    assert page.status == 307 and page.headers["location"] == "/@c2/_mock/"
    assert b"<title>kling-mock" in ask(shared, "GET", "/@c2/_mock/").body
    entries = ask(shared, "GET", "/@c2/_mock/exchanges.har").json["log"]["entries"]
    assert [urlsplit(entry["request"]["url"]).path for entry in entries] == [f"/@c2{PATHS[0]}"]


def test_events_are_those_of_the_workspace(shared: MockServer) -> None:
    with wire(shared) as stream:
        stream.sendall(b"GET /@ev/_mock/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while b": connected" not in received:
            received += stream.recv(65536)
        create(shared)
        create(shared, "/@other")
        job = create(shared, "/@ev")["id"]
        while b"event: exchange" not in received:
            received += stream.recv(65536)
        assert received.count(b"event: job-made") == 1 and job.encode() in received


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "ü", "a/b", "a~", "a\n"])
@pytest.mark.parametrize("path", [PATHS[0], "/_mock/health", "/nowhere"])
def test_what_is_no_name_is_400(shared: MockServer, name: str, path: str) -> None:
    quoted = name.replace(" ", "%20").replace("ü", "%C3%BC").replace("\n", "%0A")
    before = len(shared.common.workspaces.named())
    for method in ("GET", "POST"):
        answer = ask(shared, method, f"/@{quoted}{path}", {} if method == "POST" else None)
        if name == "a/b":
            # The name ends with the slash: a path that there is not.
            assert answer.status == 404
            continue
        assert answer.status == 400, answer.body
        assert "1 to 64 letters, digits" in answer.json["message"]
    assert len(shared.common.workspaces.named()) - before <= 1


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=300), max_size=70))
def test_a_name_is_one_or_a_sentence(name: str) -> None:
    spaces = Workspaces(Settings(), Traffic())
    good = 1 <= len(name) <= 64 and name.isascii() and all(c.isalnum() or c in "._-" for c in name)
    if good:
        assert spaces.find(name) is spaces.find(name)
    else:
        with pytest.raises(NoWorkspace) as caught:
            spaces.find(name)
        assert caught.value.status == 400


def test_beyond_the_most_the_answer_says_so() -> None:
    with MockServer(max_workspaces=2, log_format="none") as server:
        for name in "ab":
            create(server, f"/@{name}")
        for path, method in ((PATHS[0], "POST"), (PATHS[0], "GET"), ("/_mock/reset", "POST")):
            refused = ask(server, method, f"/@c{path}", body_for() if method == "POST" else None)
            assert refused.status == 503
            assert "2 workspaces (--max-workspaces)" in refused.json["message"]
        assert "id" in create(server) and "id" in create(server, "/@a")
        assert ask(server, "DELETE", "/_mock/workspaces/a").json == {"ended": ["a"]}
        assert "id" in create(server, "/@c")
        with pytest.raises(NoWorkspace, match="max-workspaces"):
            server.workspace("d")


def test_workspaces_are_listed_and_ended(shared: MockServer) -> None:
    for space in shared.common.workspaces.named():
        shared.common.workspaces.end(space.name)
    job = create(shared, "/@x")["id"]
    create(shared, "/@y")
    rows = ask(shared, "GET", "/_mock/workspaces").json["workspaces"]
    assert [(row["name"], row["jobs"]) for row in rows if row["name"]] == [("x", 1), ("y", 1)]
    # The default one has no moment of its first use.
    assert all(row["idle"] >= 0 for row in rows)
    own = ask(shared, "GET", "/@x/_mock/workspaces").json["workspaces"]
    assert [row["name"] for row in own] == ["x"]
    check = ask(shared, "DELETE", "/@x/_mock/workspaces/y")
    assert check.status == 404
    assert ask(shared, "DELETE", "/@x/_mock/workspaces").json == {"ended": ["x"]}
    assert poll(shared, job, "/@x").status == 404
    assert ask(shared, "DELETE", "/_mock/workspaces").json == {"ended": ["y", "x"]}
    assert ask(shared, "DELETE", "/_mock/workspaces/x").status == 404


class Time:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("kling_mock.workspaces.real_time", time)
    return time


def test_a_workspace_ends_when_nobody_has_used_it_for_long(moved: Time) -> None:
    spaces = Workspaces(Settings(workspace_idle="1h"), Traffic())
    used, unused = spaces.find("used"), spaces.find("unused")
    ended: list[str] = []
    spaces.on_end.append(lambda space: ended.append(space.name))
    for _ in range(30):
        moved.now += 300
        assert spaces.find("used") is used
    assert ended == ["unused"] and spaces.named() == [used]
    assert spaces.find("unused") is not unused
    moved.now += 3600 * 1.2
    spaces.look()
    moved.now += 3600 * 1.2
    spaces.look()
    assert spaces.named() == [] and spaces.values() == [spaces.default]


def test_one_with_a_held_answer_or_a_reader_is_used(moved: Time) -> None:
    spaces = Workspaces(Settings(workspace_idle="1s", speed=0), Traffic())
    held = spaces.find("held")
    held.holds._sleepers[object()] = object()  # type: ignore[index, assignment]
    for _ in range(50):
        moved.now += 0.5
        spaces.look()
    assert spaces.named() == [held]
    held.holds._sleepers.clear()
    for _ in range(50):
        moved.now += 0.5
        spaces.look()
    assert not spaces.named()


def test_a_running_server_ends_idle_ones_by_itself() -> None:
    with MockServer(workspace_idle="100ms", log_format="none") as server:
        create(server, "/@gone")
        create(server)
        until(lambda: not server.common.workspaces.named())
        assert len(server.jobs) == 1


def test_each_key_has_a_workspace_of_its_own() -> None:
    with MockServer(workspace_per_key=True, polls=(0, 0), log_format="none") as server:
        one, two = (create(server, key=key)["id"] for key in ("first-key", "second-key"))
        done = poll(server, one, key="first-key")
        assert done.json["status"] == "completed"
        assert poll(server, one, key="second-key").status == 404
        assert poll(server, two, key="second-key").status == 200
        video = urlsplit(done.json["video"]["url"]).path
        assert video.startswith(f"/@{name_of_key('first-key')}/media/")
        assert ask(server, "GET", video, key=None).status == 200
        assert ask(server, "GET", "/_mock/jobs", key="first-key").json["jobs"][0]["id"] == one
        assert ask(server, "POST", "/_mock/reset", key="first-key").status == 200
        assert poll(server, two, key="second-key").status == 200
        check_error(ask(server, "POST", PATHS[0], body_for(), key=None), 401)
        # No key can be told from what is shown.
        assert "first-key" not in json.dumps(ask(server, "GET", "/_mock/workspaces").json)
        # A prefix says more than the key.
        assert create(server, "/@named", key="first-key") and len(server.workspace("named").jobs) == 1


def test_a_key_that_is_not_accepted_makes_no_workspace() -> None:
    with MockServer(workspace_per_key=True, api_key="good", log_format="none") as server:
        for key in ("bad", "worse", None):
            check_error(ask(server, "POST", PATHS[0], body_for(), key=key), 401)
        assert not server.common.workspaces.named()
        assert create(server, key="good") and len(server.common.workspaces.named()) == 1


# The facade


def test_a_workspace_has_the_facade_of_the_server(shared: MockServer) -> None:
    space = shared.workspace("facade")
    for name in (name for name in dir(MockServer) if not name.startswith("_")):
        assert hasattr(space, name), name
    space.use("failed")
    space.configure(polls=(0, 0))
    job = create(shared, "/@facade")["id"]
    assert poll(shared, job, "/@facade").json["status"] == "error"
    assert space.base_url == f"{shared.url}/@facade/v2"
    assert [job.status for job in space.jobs] == ["error"] and len(space.exchanges) == 2
    assert [charge.billed for charge in space.charges] == [False]
    space.clock.freeze()
    assert not shared.clock.frozen
    space.reset()
    assert not space.jobs and space.scenario.name == "completed" and not space.clock.frozen
    space.end()
    assert "facade" not in [one.name for one in shared.common.workspaces.named()]
    with pytest.raises(NoWorkspace):
        shared.workspace("no/name")


@pytest.mark.parametrize("option", ["workspace_idle", "max_workspaces", "workspace_per_key"])
def test_options_of_all_workspaces_stay(shared: MockServer, option: str) -> None:
    changed: Any = {option: 7 if option != "workspace_per_key" else True}
    with pytest.raises(SettingsError, match="before the server starts"):
        shared.workspace("bound").configure(**changed)


def begin(server: MockServer, prefix: str) -> Any:
    """A create whose body is not whole yet."""
    connection = wire(server)
    head = f"POST {prefix}{PATHS[0]} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\nContent-Length: 99\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
    return connection


def test_a_reset_breaks_off_requests_of_its_own_workspace_alone(shared: MockServer) -> None:
    spaces: list[MockServer | ServedWorkspace] = [shared, shared.workspace("r1"), shared.workspace("r2")]
    connections = [begin(shared, prefix) for prefix in ("", "/@r1", "/@r2")]
    try:
        until(lambda: shared.traffic.open >= 3)
        spaces[1].reset()
        assert connections[1].recv(100) == b""
        for connection in (connections[0], connections[2]):
            connection.sendall(b"}" + b" " * 97)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    finally:
        for connection in connections:
            connection.close()


def test_a_held_answer_of_one_is_no_matter_of_another(shared: MockServer) -> None:
    slow, other = shared.workspace("slow"), shared.workspace("quick")
    slow.use("poll-hangs")
    job = create(shared, "/@slow")["id"]
    with wire(shared) as connection:
        head = (
            f"GET /@slow{PATHS[0]}?generation_id={job} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer k\r\n\r\n"
        )
        connection.sendall(head.encode())
        until(lambda: shared.traffic.held)
        other.reset()
        shared.reset()
        assert shared.traffic.held == 1
        slow.reset()
        until(lambda: not shared.traffic.held)


def test_lines_of_the_log_say_whose_they_are(shared: MockServer) -> None:
    shared.workspace("log").reset()
    create(shared, "/@log")
    (exchange,) = shared.workspace("log").exchanges
    log = ExchangeLog(form="text", colour=False)
    assert f" /@log{PATHS[0]} 200" in log.text_line(exchange, "log")
    assert json.loads(log.json_line(exchange, "log"))["workspace"] == "log"
    assert "workspace" not in json.loads(log.json_line(exchange))


def test_a_workspace_has_ids_of_its_own_from_the_same_seed() -> None:
    found = []
    for _ in range(2):
        with MockServer(seed=7, log_format="none") as server:
            found.append([create(server, prefix)["id"] for prefix in ("", "/@a", "/@b", "/@a")])
    assert found[0] == found[1] and len(set(found[0])) == 4


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_names_without_a_key_keep_nobody_out(store: str, tmp_path: Path) -> None:
    address = "memory" if store == "memory" else f"sqlite:{tmp_path}/mock.db"
    with MockServer(max_workspaces=3, api_key="right", store=address, log_format="none") as server:
        server.workspace("controlled").use("failed")
        right = {"Authorization": "Bearer right"}
        assert ask(server, "POST", f"/@used{PATHS[0]}", body_for(), right).status == 200
        for number in range(12):
            for key in (None, "wrong"):
                check_error(ask(server, "GET", f"/@stranger-{number}{PATHS[0]}", key=key), 401)
            assert ask(server, "GET", f"/@other-{number}/v1/models", key=None).status == 200
        assert ask(server, "POST", f"/@late{PATHS[0]}", body_for(), right).status == 200
        names = {space.name for space in server.common.workspaces.named()}
        assert names == {"controlled", "used", "late"}
        assert ask(server, "GET", f"/@one-more{PATHS[0]}", None, right).status == 503
        assert server.workspace("controlled").scenario.name == "failed"
