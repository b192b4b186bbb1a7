"""The control API under /_mock/: what each endpoint does, and whom it answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from kling_mock import MockServer, Scenario, SettingsError
from kling_mock.catalog import CURRENT_PATHS, load_catalog
from kling_mock.scenarios import CATALOGUE, scenario_from_json

from .support import MODEL, PATHS, SOME_VARIANTS, Reply, ask, check_error, create, poll, wire


def get(server: MockServer, path: str) -> Any:
    reply = ask(server, "GET", path, key=None)
    assert reply.status == 200, reply.body
    return reply.json


def post(server: MockServer, path: str, body: Any, method: str = "POST") -> Reply:
    return ask(server, method, path, body, key=None)


def test_health_says_what_the_server_holds(server: MockServer) -> None:
    create(server)
    health = get(server, "/_mock/health")
    assert (health["status"], health["models"], health["jobs"], health["exchanges"]) == ("ok", 142, 1, 1)
    assert health["scenario"] == "completed" and health["seed"] == 1


def test_jobs_are_listed_and_shown_with_their_exchanges(server: MockServer) -> None:
    server.use("id-uuid-model")
    job_id = create(server).json["id"]
    poll(server, job_id)
    (listed,) = get(server, "/_mock/jobs")["jobs"]
    assert (listed["id"], listed["model"], listed["status"], listed["polls"]) == (
        job_id,
        MODEL,
        "generating",
        1,
    )
    shown = get(server, f"/_mock/jobs/{job_id}")
    assert [seen["kind"] for seen in shown["exchanges"]] == ["create", "poll"]
    assert ask(server, "GET", "/_mock/jobs/none", key=None).status == 404


def test_exchanges_are_filtered(server: MockServer) -> None:
    one, two = create(server).json["id"], create(server).json["id"]
    poll(server, one)
    poll(server, "unknown")
    assert len(get(server, "/_mock/exchanges")["exchanges"]) == 4
    assert [seen["job_id"] for seen in get(server, "/_mock/exchanges?kind=create")["exchanges"]] == [one, two]
    assert len(get(server, f"/_mock/exchanges?job_id={one}")["exchanges"]) == 2
    assert [seen["number"] for seen in get(server, "/_mock/exchanges?status=404")["exchanges"]] == [4]
    assert [seen["number"] for seen in get(server, "/_mock/exchanges?limit=1")["exchanges"]] == [4]
    assert get(server, "/_mock/exchanges?limit=0")["exchanges"] == []


@pytest.mark.parametrize("query", ["kinds=poll", "limit=x", "limit=-1", "limit=%C2%B2", "limit=" + "9" * 50])
def test_a_filter_that_is_none_is_named(server: MockServer, query: str) -> None:
    reply = ask(server, "GET", f"/_mock/exchanges?{query}", key=None)
    assert reply.status == 400 and "limit=N" in reply.json["message"]


def test_the_har_has_every_exchange(server: MockServer) -> None:
    create(server)
    poll(server, server.jobs[0].id)
    log = get(server, "/_mock/exchanges.har")["log"]
    assert log["version"] == "1.2" and len(log["entries"]) == 2
    first = log["entries"][0]
    assert first["request"]["method"] == "POST" and first["response"]["status"] == 200
    assert json.loads(first["response"]["content"]["text"])["id"] == server.jobs[0].id


def test_the_last_jobs_are_listed_alone(server: MockServer) -> None:
    made = [create(server).json["id"] for _ in range(3)]
    for limit, shown in (("", made), ("?limit=2", made[1:]), ("?limit=9", made), ("?limit=0", [])):
        assert [job["id"] for job in get(server, f"/_mock/jobs{limit}")["jobs"]] == shown
    check = ask(server, "GET", "/_mock/jobs?limit=few", key=None)
    assert check.status == 400 and "limit=N" in check.json["message"]


def test_an_exchange_is_found_by_the_name_that_its_row_has(server: MockServer) -> None:
    job_id = create(server).json["id"]
    create(server)
    (seen,) = get(server, f"/_mock/exchanges?job_id={job_id}")["exchanges"]
    assert seen["job_id"] == job_id


def test_a_job_tells_how_far_it_has_come(server: MockServer) -> None:
    create(server)
    server.clock.advance(until="completed")
    (job,) = get(server, "/_mock/jobs")["jobs"]
    assert (job["polls"], job["status"]) == (0, "completed")
    assert job["progress"] >= sum(span for _, span in job["plan"] if span is not None)


def test_charges_are_summed(server: MockServer) -> None:
    create(server)
    charges = get(server, "/_mock/charges")
    assert charges["charges"][0]["job_id"] == server.jobs[0].id
    assert charges["usd"] == (charges["charges"][0]["usd"] or 0)


def test_the_clock_is_shown_moved_and_frozen(timed: MockServer) -> None:
    create(timed)
    before = get(timed, "/_mock/clock")
    assert before["frozen"] and before["speed"] == 0
    assert post(timed, "/_mock/clock", {"advance": 15}).json["now"] == before["now"] + 15
    assert timed.jobs[0].status == "generating"
    assert post(timed, "/_mock/clock", {"until": "completed", "job_id": timed.jobs[0].id}).status == 200
    assert timed.jobs[0].status == "completed"
    assert post(timed, "/_mock/clock", {"speed": 2}).json["speed"] == 2
    assert post(timed, "/_mock/clock", {"speed": 0}).json["frozen"]


@pytest.mark.parametrize(("time", "seconds"), [("60s", 60), ("500ms", 0.5), ("1m", 60), (1.5, 1.5)])
def test_the_clock_is_moved_by_a_time_with_its_unit(
    timed: MockServer, time: str | float, seconds: float
) -> None:
    before = timed.clock.now()
    assert post(timed, "/_mock/clock", {"advance": time}).json["now"] == before + seconds


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "advance"),
        ({"advnce": 1}, "advance"),
        ({"advance": -1}, "forward"),
        ({"advance": "soon"}, "expected a time such as"),
        ({"advance": "-1s"}, "expected a finite time of 0 or more"),
        ({"advance": ["1s"]}, "number"),
        ({"advance": True}, "number"),
        ({"advance": 10**400}, "usable size"),
        ({"advance": 1e15}, "9999"),
        ({"speed": -1}, "speed"),
        ({"until": "done"}, "until"),
        ({"until": ["completed"]}, "until"),
        ({"until": "completed", "job_id": 5}, "job_id: expected a string"),
        ({"advance": 1, "until": "completed"}, "either"),
        ({"advance": 1, "job_id": "x"}, "either"),
        ([], "JSON object"),
        (5, "JSON object"),
        (b"", "empty"),
        (b"{", "Expected JSON"),
        (b"[" * 9_000, "levels"),
        (b"\xff", "UTF-8"),
    ],
)
def test_what_the_clock_cannot_do_is_answered_400(timed: MockServer, body: Any, says: str) -> None:
    before = timed.clock.now()
    reply = post(timed, "/_mock/clock", body)
    assert reply.status == 400 and says in reply.json["message"], reply.body
    assert timed.clock.now() == before


def test_a_refused_change_of_the_clock_changes_nothing(timed: MockServer) -> None:
    before = get(timed, "/_mock/clock")
    for body in (
        {"speed": 3, "advance": -1},
        {"speed": -1, "advance": 50},
        {"until": "completed", "job_id": 5},
    ):
        assert post(timed, "/_mock/clock", body).status == 400
    after = get(timed, "/_mock/clock")
    assert after["speed"] == before["speed"] and after["now"] - before["now"] < 40


def test_the_scenario_is_shown_and_set(server: MockServer) -> None:
    assert get(server, "/_mock/scenario") == {"scenario": "completed", "next": []}
    assert post(server, "/_mock/scenario", {"scenario": "failed"}).json["scenario"] == "failed"
    assert post(server, "/_mock/scenario", {"scenario": "nulls"}, "PUT").json["scenario"] == "nulls"
    assert post(server, "/_mock/scenario/next", {"scenario": "rate-limited"}).json["next"] == ["rate-limited"]
    assert [create(server).status for _ in range(2)] == [429, 200]
    assert server.jobs[0].scenario == "nulls"


@pytest.mark.parametrize("path", ["/_mock/scenario", "/_mock/scenario/next"])
def test_an_unknown_scenario_is_answered_with_the_nearest(server: MockServer, path: str) -> None:
    assert "'failed'" in post(server, path, {"scenario": "faild"}).json["message"]
    assert post(server, path, {"scenario": "poll-reset;times=-1"}).status == 400
    assert post(server, path, {"scenario": 5}).status == 400
    assert post(server, path, {"name": "failed"}).status == 400
    assert server.scenario.name == "completed"


def test_all_scenarios_are_listed_the_users_own_too() -> None:
    with MockServer(scenarios={"mine": Scenario("mine", "My own.")}) as server:
        rows = get(server, "/_mock/scenarios")["scenarios"]
    assert [row["name"] for row in rows] == [*CATALOGUE, "mine"]
    assert all(row["summary"] for row in rows) and rows[-1]["own"] and not rows[0]["own"]
    assert [scenario_from_json(row["scenario"]) for row in rows[:-1]] == list(CATALOGUE.values())


def test_reset_forgets_everything(server: MockServer) -> None:
    server.use("failed")
    server.next("nulls")
    create(server)
    assert post(server, "/_mock/reset", None).status == 200
    health = get(server, "/_mock/health")
    assert (health["jobs"], health["exchanges"], health["scenario"]) == (0, 0, "completed")
    assert get(server, "/_mock/scenario")["next"] == []


def test_events_stream_every_exchange(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = connection.makefile("rb")
        while b": connected" not in stream.readline():
            pass
        server.use("completed-in-create")
        reply = create(server)
        ask(server, "GET", reply.json["video"]["url"].partition(str(server.port))[2], key=None)
        events: list[dict[str, Any]] = []
        while len(events) < 2:
            line = stream.readline()
            assert line, "the stream ended"
            if line.startswith(b"event: "):
                kind = line[7:].strip()
            if line.startswith(b"data: ") and kind == b"exchange":
                events.append(json.loads(line[6:]))
        stream.close()
    assert [(seen["kind"], seen["status"], seen["job_id"]) for seen in events] == [
        ("create", 200, reply.json["id"]),
        ("video", 200, reply.json["id"]),
    ]


def test_options_are_shown_and_changed_by_the_one_table(server: MockServer) -> None:
    changed = ask(
        server, "POST", "/_mock/settings", {"queued": "2m", "strict": True, "api_key": "sk-secret-1"}
    )
    assert changed.status == 200
    shown = ask(server, "GET", "/_mock/settings").json["settings"]
    assert shown["queued"] == 120 and shown["strict"] is True and "polls" not in shown
    assert "sk-secret-1" not in changed.body.decode() + str(shown)
    assert server.settings.queued == 120 and server.settings.polls is None
    for body, says in (
        ({"queud": 1}, "queued"),
        ({"queued": "soon"}, "queued: expected a time such as"),
        ({"polls": [1, 1], "queued": 5}, "polls"),
        ({"port": 5}, "port: expected before the server starts"),
    ):
        refused = ask(server, "POST", "/_mock/settings", body)
        assert refused.status == 400 and says in refused.json["message"], refused.body
    server.reset()
    assert server.settings.polls == (1, 1)


def test_a_page_for_browsers(server: MockServer) -> None:
    reply = ask(server, "GET", "/_mock/", key=None)
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/html")


# Whom it answers

GUARDED = ["/_mock/", "/_mock/jobs/x", "/_mock/exchanges.har", "/_mock/scenario/next"]
GUARDED += [
    f"/_mock/{name}" for name in "jobs exchanges charges clock scenario scenarios reset events".split()
]


@pytest.mark.slow
@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.168.1.5"},
        {"Host": "["},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "["},
        {"Origin": "http://localhost:1"},
        {"Origin": ""},
    ],
)
def test_pages_of_other_origins_and_other_names_are_refused(
    server: MockServer, path: str, headers: dict[str, str]
) -> None:
    method = "POST" if path.endswith(("next", "reset")) else "GET"
    reply = ask(server, method, path, headers=headers, key=None)
    assert reply.status == 403, reply.body
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.0.0.1:80", "localhost:9", "[::1]", "[::1]:5"]
)
def test_loopback_names_are_answered(server: MockServer, host: str) -> None:
    assert ask(server, "GET", "/_mock/health", headers={"Host": host}, key=None).status == 200


def test_a_page_of_the_servers_own_is_answered(server: MockServer) -> None:
    assert ask(server, "GET", "/_mock/health", headers={"Origin": server.url}, key=None).status == 200


def test_a_preflight_is_not_granted(server: MockServer) -> None:
    reply = ask(server, "OPTIONS", "/_mock/reset", headers={"Origin": "http://evil.example"}, key=None)
    assert reply.status == 405 and "access-control-allow-origin" not in reply.headers


def test_a_token_opens_it_to_any_name_and_is_needed_then() -> None:
    with MockServer(control_token="sesame") as server:
        assert ask(server, "GET", "/_mock/jobs", key=None).status == 403
        assert ask(server, "GET", "/_mock/jobs", key="wrong").status == 403
        assert ask(server, "GET", "/_mock/jobs", key="sesame").status == 200
        assert ask(server, "GET", "/_mock/jobs", headers={"Host": "evil.example"}, key="sesame").status == 200


@pytest.mark.parametrize("token", ["", "  ", "two words", "schlüssel"])
def test_a_token_that_no_header_can_carry_is_refused_before_it_opens_anything(token: str) -> None:
    with pytest.raises(SettingsError, match="control_token: expected"):
        MockServer(control_token=token)


def test_a_token_is_given_as_bearer_and_not_bare() -> None:
    with MockServer(control_token="sesame") as server:
        bare = ask(server, "GET", "/_mock/jobs", headers={"Authorization": "sesame"}, key=None)
        assert bare.status == 403 and "/_mock/?token=" in bare.json["message"]


def test_a_browser_opens_the_page_with_the_token_once() -> None:
    with MockServer(control_token="sesame") as server:
        assert ask(server, "GET", "/_mock/?token=wrong", key=None).status == 403
        moved = ask(server, "GET", "/_mock/?token=sesame", key=None)
        assert (moved.status, moved.headers["location"]) == (303, "/_mock/")
        cookie, *attributes = moved.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=strict"} <= set(attributes)
        for path in ("/_mock/", "/_mock/jobs"):
            assert ask(server, "GET", path, headers={"Cookie": cookie}, key=None).status == 200
        assert ask(server, "GET", "/_mock/jobs?token=sesame", key=None).status == 403


def test_the_page_is_found_without_its_slash(server: MockServer) -> None:
    moved = ask(server, "GET", "/_mock", key=None)
    assert (moved.status, moved.headers["location"]) == (307, "/_mock/")


def test_the_api_itself_is_open_to_any_name(server: MockServer) -> None:
    assert create(server, headers={"Host": "evil.example", "Origin": "http://evil.example"}).status == 200


# The documents


@pytest.mark.slow
def test_one_document_for_all_variants_is_valid(server: MockServer) -> None:
    reply = ask(server, "GET", "/openapi.json", key=None)
    assert reply.headers["content-type"] == "application/json"
    validate(reply.json)
    # On an older path whose contract nobody documents, models are taken by their current one.
    older = {variant.older_path for variant in load_catalog().variants if variant.older_path}
    assert set(reply.json["paths"]) == {*CURRENT_PATHS, *older} >= set(PATHS)


@pytest.mark.slow
@pytest.mark.parametrize("variant", SOME_VARIANTS, ids=lambda variant: variant.model)
def test_each_variants_document_is_valid_and_resolved(server: MockServer, variant: Any) -> None:
    document = get(server, f"/openapi/{variant.model}.json")
    assert "$ref" not in json.dumps(document)
    assert document == load_catalog().document(variant.model, server_url=server.url)


@pytest.mark.parametrize("path", ["/openapi.json", f"/openapi/{MODEL}.json"])
def test_the_documents_name_this_server_first(server: MockServer, path: str) -> None:
    servers = ask(server, "GET", path, key=None).json["servers"]
    assert [one["url"] for one in servers] == [server.url, "https://api.aimlapi.com"]
    reply = ask(server, "GET", path, headers={"Host": "mock.example:8080"}, key=None)
    assert reply.json["servers"][0]["url"] == "http://mock.example:8080"
    assert ask(server, "GET", path, key=None).json["servers"] == servers


@pytest.mark.slow
def test_a_few_documents_of_variants_pass_the_validator(server: MockServer) -> None:
    for variant in load_catalog().variants[::15]:
        validate(get(server, f"/openapi/{variant.model}.json"))


def test_a_document_of_an_unknown_model_names_the_nearest(server: MockServer) -> None:
    check_error(ask(server, "GET", f"/openapi/{MODEL}s.json", key=None), 404, MODEL)


@pytest.mark.parametrize("path", ["/openapi.json", f"/openapi/{MODEL}.json", "/openapi/zz.json"])
def test_the_documents_are_for_pages_of_any_origin(server: MockServer, path: str) -> None:
    asked = {"Origin": "http://elsewhere.example", "Access-Control-Request-Headers": "x-own"}
    preflight = ask(server, "OPTIONS", path, headers=asked, key=None)
    assert preflight.status == 204 and preflight.headers["access-control-allow-headers"] == "x-own"
    reply = ask(server, "GET", path, headers={"Origin": "http://elsewhere.example"}, key=None)
    assert reply.headers["access-control-allow-origin"] == "*" and reply.headers["x-inference-id"]
    if path.endswith("zz.json"):
        check_error(reply, 404, "This mock knows no model 'zz'.")
        assert "GET /openapi" not in reply.json["message"]
