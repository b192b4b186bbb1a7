"""Scenarios as data: their composition, their windows, their text, and the order of their choice."""

from __future__ import annotations

import http.client
import math
import re
from functools import partial, reduce
from itertools import permutations
from operator import or_
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kling_mock import Fault, MockServer, Scenario, SettingsError, UnknownScenario, find_scenario
from kling_mock.scenarios import CATALOGUE, parse_scenario
from kling_mock.scenarios.fault import KINDS, PLACES, FaultKind, Place
from kling_mock.scenarios.scenario import ERROR_SHAPES, SHAPES, SINGLE
from kling_mock.scenarios.selection import MOST_COUNTED
from kling_mock.scenarios.strike import strike
from kling_mock.store import MemoryStore, at_once
from kling_mock.timeline import FINAL_STATUSES, PLAIN_PLAN, STATUSES, Step

from .support import FAMILIES, PATHS, ask, body_for, check_error, create, poll, raw

FAULTS = st.builds(
    Fault,
    st.sampled_from(PLACES),
    st.sampled_from(sorted(KINDS)),
    times=st.none() | st.integers(0, 5),
    after=st.integers(0, 5),
    seconds=st.floats(0.1, 10),
)
STEPS = st.lists(st.builds(Step, st.sampled_from(STATUSES)), min_size=2, max_size=3).map(tuple)
COURSES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict, create_status=st.sampled_from(STATUSES)),
    st.builds(dict, plan=st.none() | STEPS, stretch=st.sampled_from([None, 2.0, 10.0])),
    st.builds(dict, end=st.sampled_from(FINAL_STATUSES), stretch=st.sampled_from([None, 2.0])),
)
SCENARIOS = st.builds(
    lambda name, course, **values: Scenario(name, **course, **values),
    st.sampled_from(["a", "b", "c"]),
    COURSES,
    faults=st.lists(FAULTS, max_size=3).map(tuple),
    ids=st.none() | st.sampled_from(["nanoid", "digits", "awkward"]),
    shapes=st.frozensets(st.sampled_from(sorted(SHAPES)), max_size=3),
    error=st.none() | st.sampled_from(sorted(ERROR_SHAPES)),
    words=st.dictionaries(st.sampled_from(STATUSES), st.text(min_size=1, max_size=5), max_size=2),
)


def said(scenario: Scenario) -> Scenario:
    """A scenario without what it is called."""
    return scenario.replace(name="", summary="", words=dict(scenario.words))


def joined(*scenarios: Scenario) -> Scenario | None:
    """All of them at once; None where they cannot be joined."""
    try:
        return reduce(or_, scenarios)
    except SettingsError:
        return None


@given(SCENARIOS, SCENARIOS, SCENARIOS)
def test_composition_is_associative(a: Scenario, b: Scenario, c: Scenario) -> None:
    right = joined(b, c)
    assert joined(a, b, c) == (right and joined(a, right))


@given(SCENARIOS, SCENARIOS)
def test_the_order_of_composition_does_not_matter(a: Scenario, b: Scenario) -> None:
    one, other = joined(a, b), joined(b, a)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert set(one.faults) == set(other.faults)
        assert said(one).replace(faults=()) == said(other).replace(faults=())
        assert (one.course, one.ends) == (other.course, other.ends)


@given(SCENARIOS)
def test_a_scenario_that_says_nothing_changes_nothing(scenario: Scenario) -> None:
    nothing = Scenario("nothing")
    assert said(nothing | scenario) == said(scenario) == said(scenario | nothing)


@given(SCENARIOS, SCENARIOS)
def test_what_either_says_is_said_by_both(a: Scenario, b: Scenario) -> None:
    both = joined(a, b)
    assume(both is not None)
    assert both is not None
    for one in (a, b):
        for name in SINGLE:
            assert getattr(one, name) in (None, getattr(both, name))
        assert one.shapes <= both.shapes
        assert one.words.items() <= both.words.items()
    assert both.faults == a.faults + b.faults


@given(SCENARIOS, SCENARIOS)
def test_a_refusal_names_both_and_the_field(a: Scenario, b: Scenario) -> None:
    if joined(a, b) is not None:
        return
    with pytest.raises(SettingsError) as caught:
        _ = a | b
    fields = "|".join([*SINGLE, "faults", "shapes", "words"])
    says = f"The scenarios '{a.name}' and '{b.name}' cannot be joined: ({fields}): .+"
    assert re.match(says, str(caught.value))


def features(scenario: Scenario) -> set[tuple[str, object]]:
    """What a scenario of the catalogue is there for: the parts of it that are not as without it."""
    plain = Scenario(scenario.name)
    found: set[tuple[str, object]] = {
        (name, getattr(scenario, name))
        for name in ("ids", "error", "create_code", "ends")
        if getattr(scenario, name) != getattr(plain, name)
    }
    course = scenario.course or PLAIN_PLAN
    way = tuple(step.status for step in course[:-1])
    if way != ("queued", "generating"):
        found.add(("way", way))
    found |= {("scale", step.scale) for step in course if step.scale != 1}
    found |= {("shape", shape) for shape in scenario.shapes}
    found |= {("word", item) for item in scenario.words.items()}
    found |= {("fault", fault) for fault in scenario.faults}
    return found


def shown(scenario: Scenario) -> set[Fault]:
    """The faults that strike in a series of requests at each place."""
    met: set[Fault] = set()
    for place in get_args(Place):
        hits: dict[int, int] = {}
        for number in range(4):
            # With and without a job that is unfinished.
            met.update(strike(scenario, place, hits, 0.0, partial(int, number % 2)))
    return met


@pytest.mark.parametrize("left", CATALOGUE)
def test_two_of_the_catalogue_show_both_or_are_refused(left: str) -> None:
    one = CATALOGUE[left]
    for right, other in CATALOGUE.items():
        if right == left:
            continue
        try:
            both = one | other
        except SettingsError as error:
            assert f"'{left}' and '{right}' cannot be joined" in str(error)
            assert joined(other, one) is None
            continue
        assert features(both) == features(one) | features(other), right
        assert shown(both) == set(both.faults), right
        assert both.ends == (one.ends if other.ends == "completed" else other.ends), right


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("failed+completed", "'failed' and 'completed' cannot be joined: end: one says 'error', the other"),
        ("completed+failed-in-create", "create_status 'error', which ends the job, received 'completed'"),
        ("failed+failed-detail", "error: one says 'schema', the other 'detail'"),
        ("stuck-queued+failed", "end: expected none beside a plan that never ends, received 'error'"),
        ("stuck-queued+slow", "stretch: expected a plan of several statuses, received queued"),
        ("slow+completed-in-create", "stretch: expected none beside create_status 'completed'"),
        ("backwards+skips-generating", "plan: one says queued → generating → queued"),
        ("waiting-active+unknown-status", "words: 'generating' is called 'active' by one and 'processing'"),
        ("nulls+absent", "shapes: 'nulls' and 'absent' leave nothing of each other"),
        ("tokens-used+no-usage", "shapes: 'tokens-used' and 'no-usage'"),
        ("server-error+unavailable", "faults: 'status' takes every answer at 'create'"),
        ("id-digits+id-nanoid", "ids: one says 'digits', the other 'nanoid'"),
    ],
)
def test_scenarios_that_take_back_what_the_other_says_are_refused(
    server: MockServer, text: str, says: str
) -> None:
    for attempt in (server.use, server.next):
        with pytest.raises(SettingsError, match=re.escape(says)):
            attempt(text)
    check_error(create(server, headers={"X-Mock-Scenario": text}), 400, "cannot be joined")
    assert not server.jobs


@pytest.mark.parametrize(
    ("text", "course"),
    [
        ("slow+failed", [("queued", 10.0), ("generating", 10.0), ("error", 1.0)]),
        ("slow+stuck-generating", [("queued", 10.0), ("generating", 1.0)]),
        ("skips-generating+failed", [("queued", 1.0), ("error", 1.0)]),
        ("slow+skips-generating+failed", [("queued", 10.0), ("error", 1.0)]),
        ("failed+failed-in-create", [("error", 1.0)]),
        ("completed+completed-in-create", [("completed", 1.0)]),
    ],
)
def test_ways_ends_and_paces_come_together(text: str, course: list[tuple[str, float]]) -> None:
    for order in permutations(text.split("+")):
        steps = parse_scenario("+".join(order)).course
        assert steps is not None and [(step.status, step.scale) for step in steps] == course


def test_a_fault_that_strikes_always_lets_the_others_have_their_turn(server: MockServer) -> None:
    for text in ("poll-not-found+poll-server-error;times=2", "poll-server-error;times=2+poll-not-found"):
        server.use(text)
        job_id = create(server).json["id"]
        assert [poll(server, job_id).status for _ in range(4)] == [500, 500, 404, 404]


@given(SCENARIOS)
def test_composing_with_itself_keeps_single_values(scenario: Scenario) -> None:
    twice = joined(scenario, scenario)
    assume(twice is not None)
    assert twice is not None
    assert said(twice).replace(faults=()) == said(scenario).replace(faults=())


@given(
    times=st.none() | st.integers(0, 6),
    after=st.integers(0, 6),
    since=st.floats(0, 50),
    width=st.floats(0.1, 50),
    elapsed=st.floats(0, 120),
)
def test_a_fault_strikes_within_its_counts_and_its_window(
    times: int | None, after: int, since: float, width: float, elapsed: float
) -> None:
    fault = Fault("poll", "reset", times=times, after=after, since=since, until=since + width)
    for seen in range(15):
        counted = seen >= after and (times is None or seen < after + times)
        assert fault.strikes(seen, elapsed) == (counted and since <= elapsed < since + width)


@pytest.mark.parametrize(("name", "scenario"), CATALOGUE.items())
def test_the_catalogue_speaks_in_sentences(name: str, scenario: Scenario) -> None:
    assert scenario.name == name
    assert scenario.summary[0].isupper() and scenario.summary.endswith(".")
    assert parse_scenario(name) is scenario or parse_scenario(name) == scenario


def test_scenarios_are_frozen() -> None:
    with pytest.raises(AttributeError):
        find_scenario("failed").name = "x"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Fault("poll", "reset").times = 3  # type: ignore[misc]


def test_text_says_what_composition_says() -> None:
    named = find_scenario
    assert parse_scenario("id-awkward+poll-reset;times=2") == named("id-awkward") | named(
        "poll-reset", times=2
    )
    spaced = parse_scenario(" id-awkward | poll-reset ; times = 2 ")
    assert spaced == parse_scenario("id-awkward+poll-reset;times=2")
    assert parse_scenario("poll-reset;times=forever;after=1;since=2;until=9").faults == (
        Fault("poll", "reset", times=None, after=1, since=2.0, until=9.0),
    )
    assert parse_scenario("rate-limited;retry-after=7s;retry-date=yes").faults[0].retry_date
    assert parse_scenario("poll-slow;seconds=500ms;until=forever").faults[0].seconds == 0.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("complete", "'completed'"),
        ("poll-rest", "'poll-reset'"),
        ("", "no scenario ''"),
        ("completed+", "no scenario ''"),
        ("id-awkward+poll-rest", "'poll-reset'"),
        ("poll-reset;tims=2", "'times'"),
        ("poll-reset;times", "NAME=VALUE"),
        ("poll-reset;times=two", "times: expected a count of 0 or more or 'forever', received 'two'"),
        ("create-reset;job_made=ture", "job_made: expected true or false, received 'ture'"),
        ("poll-slow;seconds=soon", "seconds: expected a time such as"),
        ("poll-reset;times=-1", "times: expected a count of 0 or more"),
        ("poll-reset;after=-1", "after: expected a count of 0 or more"),
        ("poll-slow;seconds=-1", "seconds"),
        ("poll-slow;seconds=inf", "seconds"),
        ("poll-slow;seconds=nan", "seconds"),
        ("poll-reset;since=5;until=4", "until: expected a time after since"),
        ("server-error;status=99", "status: expected"),
        ("server-error;status=600", "status: expected"),
        ("poll-reset;at=everywhere", "at: expected one of"),
        ("poll-reset;kind=rest", "'reset'"),
        ("rate-limited;retry_after=-1", "retry_after"),
        ("completed;times=2", "has no fault"),
        ("failed;tims=2", "'times'"),
        ("poll-slow;seconds=0", "seconds: expected more than 0 for the kind 'slow'"),
        ("poll-reset;job_made=true", "job_made: expected at a create only, received it at 'poll'"),
    ],
)
def test_text_that_is_none_is_named_with_what_is_near(text: str, says: str) -> None:
    with pytest.raises((UnknownScenario, SettingsError)) as caught:
        parse_scenario(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"times": "2"}, "times"),
        ({"times": 1.5}, "times"),
        ({"times": True}, "times"),
        ({"after": "x"}, "after"),
        ({"after": None}, "after"),
        ({"since": "soon"}, "since"),
        ({"until": "later"}, "until"),
        ({"seconds": []}, "seconds"),
        ({"status": "500"}, "status"),
        ({"status": 299.5}, "status"),
        ({"retry_after": "-5s"}, "retry_after"),
        ({"message": 5}, "message"),
        ({"retry_date": 1}, "retry_date: expected true or false, received 1"),
        ({"at": "create", "job_made": "no"}, "job_made: expected true or false, received 'no'"),
    ],
)
def test_a_fault_of_a_wrong_type_is_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Fault(**({"at": "poll", "kind": "status"} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"ids": "uid"},
        {"error": "none"},
        {"create_status": "done"},
        {"shapes": frozenset({"null"})},
        {"words": {"done": "x"}},
        {"plan": ()},
        {"plan": ["done"]},
        {"plan": "queued"},
        {"plan": [5]},
        {"plan": 5},
        {"shapes": "nulls"},
        {"shapes": [["nulls"]]},
        {"shapes": 5},
        {"words": {"queued": 5}},
        {"words": {5: "x"}},
        {"words": [("queued", "x")]},
        {"faults": ["reset"]},
        {"faults": Fault("poll", "reset")},
        {"create_code": 200.0},
        {"create_code": []},
        {"create_status": []},
        {"ids": 5},
        {"summary": None},
    ],
)
def test_a_scenario_with_a_wrong_word_is_named(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=str(next(iter(values)))):
        Scenario("x", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"plan": ["completed"], "create_status": "error"}, "plan: expected none beside create_status"),
        ({"plan": ["queued"], "create_status": "completed"}, "plan: expected none beside create_status"),
        ({"end": "error", "create_status": "completed"}, "end: expected none beside create_status"),
        ({"stretch": 2, "create_status": "error"}, "stretch: expected none beside create_status"),
        ({"end": "error", "plan": ["queued"]}, "end: expected none beside a plan that never ends"),
        ({"end": "completed", "plan": ["queued", "error"]}, "a plan that ends as 'error'"),
        ({"stretch": 2, "plan": ["queued"]}, "stretch: expected a plan of several statuses"),
        ({"stretch": math.inf}, "stretch: expected a finite number of 0 or more"),
    ],
)
def test_a_way_that_leaves_no_room_for_itself_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Scenario("x", **values)


def test_a_plan_of_ones_own_wins_over_what_it_replaces() -> None:
    failed, at_once = find_scenario("failed"), find_scenario("failed-in-create")
    assert failed.replace(plan=["queued", "completed"]).ends == "completed"
    assert at_once.replace(plan=["queued", "completed"]).create_status is None
    assert find_scenario("stuck-queued").replace(end="error").ends == "error"
    assert find_scenario("slow").replace(create_status="completed").ends == "completed"
    slow = find_scenario("slow").replace(plan=["queued", "error"])
    assert slow.course == (Step("queued", scale=10.0), Step("error"))


def test_times_are_seconds_or_have_a_unit() -> None:
    fault = Fault("poll", "slow", seconds="500ms", since="1m", until="2m", retry_after="5s")
    assert fault == Fault("poll", "slow", seconds=0.5, since=60, until=120, retry_after=5)
    assert Fault("poll", "reset", times="forever") == Fault("poll", "reset")
    assert Step("queued", "30s") == Step("queued", 30)


def test_an_unknown_change_is_named() -> None:
    with pytest.raises(SettingsError, match="'times'"):
        find_scenario("poll-reset", time=2)
    with pytest.raises(UnknownScenario, match="'poll-reset'"):
        find_scenario("poll-rset")


# On the wire


def names(server: MockServer) -> list[str]:
    return [job.scenario for job in server.jobs]


def test_the_order_of_choice() -> None:
    with MockServer(scenario="nulls") as server:
        prompt, key, header = (
            "x [mock:id-uuid-model] y",
            "mock-id-digits",
            {"X-Mock-Scenario": "id-leading-dash"},
        )
        server.next("id-nanoid")
        create(server, prompt=prompt, key=key, headers=header)
        create(server, prompt=prompt, key=key, headers=header)
        create(server, prompt=prompt, key=key)
        create(server, prompt=prompt)
        create(server)
        assert names(server) == ["id-nanoid", "id-leading-dash", "id-digits", "id-uuid-model", "nulls"]


def test_next_queues_up_and_each_serves_one_create(server: MockServer) -> None:
    server.next("failed")
    server.next(find_scenario("id-digits") | find_scenario("nulls"))
    for _ in range(3):
        create(server)
    assert names(server) == ["failed", "id-digits+nulls", "completed"]


def test_a_queued_create_fault_strikes_as_often_as_it_says_then_goes(server: MockServer) -> None:
    server.next("rate-limited")
    server.next(find_scenario("server-error", times=2))
    assert [create(server).status for _ in range(5)] == [429, 500, 500, 200, 200]


def test_a_queued_fault_with_a_lifecycle_lasts_until_its_job(server: MockServer) -> None:
    server.next("rate-limited+failed")
    assert [create(server).status for _ in range(3)] == [429, 200, 200]
    assert names(server) == ["rate-limited+failed", "completed"]


def test_a_default_fault_strikes_for_ever_or_as_often_as_it_says(server: MockServer) -> None:
    server.use("server-error")
    assert [create(server).status for _ in range(3)] == [500, 500, 500]
    server.use("server-error;times=1;after=1")
    assert [create(server).status for _ in range(4)] == [200, 500, 200, 200]
    server.reset()
    assert server.scenario.name == "completed"


def test_counts_are_kept_for_each_scenario_that_is_asked_for(server: MockServer) -> None:
    header = {"X-Mock-Scenario": "server-error;times=1"}
    assert [create(server, headers=header).status for _ in range(2)] == [500, 200]
    server.reset()
    assert [create(server, headers=header).status for _ in range(2)] == [500, 200]


def test_poll_faults_are_counted_for_each_job(server: MockServer) -> None:
    server.use("poll-server-error;times=2;after=1")
    one, two = create(server).json["id"], create(server).json["id"]
    assert [poll(server, one).status for _ in range(5)] == [200, 500, 500, 200, 200]
    assert [poll(server, two).status for _ in range(5)] == [200, 500, 500, 200, 200]


def test_two_faults_come_one_after_the_other(server: MockServer) -> None:
    server.use("poll-server-error+poll-rate-limited;times=2")
    job_id = create(server).json["id"]
    assert [poll(server, job_id).status for _ in range(5)] == [500, 429, 429, 200, 200]


def test_a_window_on_the_clock_opens_and_closes(timed: MockServer) -> None:
    timed.use("poll-server-error;times=forever;since=10;until=20")
    job_id = create(timed).json["id"]
    seen = []
    for seconds in (0, 9, 1.5, 8, 2):
        timed.clock.advance(seconds)
        seen.append(poll(timed, job_id).status)
    assert seen == [200, 200, 500, 500, 200]


def test_a_window_of_a_create_counts_from_the_reset(timed: MockServer) -> None:
    timed.use("server-error;until=30")
    assert create(timed).status == 500
    timed.clock.advance(31)
    assert create(timed).status == 200
    timed.reset()
    timed.use("server-error;until=30")
    assert create(timed).status == 500


def test_a_poll_may_ask_for_a_fault(server: MockServer) -> None:
    job_id = create(server).json["id"]
    header = {"X-Mock-Scenario": "poll-rate-limited"}
    assert [poll(server, job_id, headers=header).status for _ in range(2)] == [429, 200]
    check_error(poll(server, job_id, headers={"X-Mock-Scenario": "poll-rate"}), 400, "'poll-rate-limited'")


def test_a_header_that_every_request_carries_does_not_undo_what_was_queued(server: MockServer) -> None:
    header = {"X-Mock-Scenario": "failed"}
    server.next("poll-server-error")
    job_id = create(server, headers=header).json["id"]
    assert [poll(server, job_id, headers=header).status for _ in range(2)] == [500, 200]
    assert names(server) == ["poll-server-error"]


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_header_is_none(server: MockServer, text: str) -> None:
    reply = create(server, headers={"X-Mock-Scenario": text})
    assert poll(server, reply.json["id"], headers={"X-Mock-Scenario": text}).status == 200


@pytest.mark.slow
def test_counts_of_texts_are_bounded(server: MockServer) -> None:
    for number in range(1, 1201):
        check_error(create(server, headers={"X-Mock-Scenario": f"server-error;times={number}"}), 500)
    store = server.space.store
    assert isinstance(store, MemoryStore) and len(store._selector._counted) == MOST_COUNTED == 1000
    # The first text was forgotten, so that it is counted anew; the last one was not.
    assert create(server, headers={"X-Mock-Scenario": "server-error;times=1199"}).status == 500


@pytest.mark.parametrize(
    "more", [{"headers": {"X-Mock-Scenario": "faild"}}, {"prompt": "[mock:faild]"}, {"key": "mock-faild"}]
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(server: MockServer, more: Any) -> None:
    check_error(create(server, **more), 400, "'failed'")
    assert not server.jobs


@pytest.mark.parametrize("text", ["retry_date=true;retry_after=1e300", "retry_after=1e18;retry_date=yes"])
def test_no_option_of_a_scenario_breaks_the_server(server: MockServer, text: str) -> None:
    reply = create(server, headers={"X-Mock-Scenario": f"rate-limited;{text}"})
    assert reply.status in (400, 429) and b"bug" not in reply.body


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(server: MockServer, status: int) -> None:
    job_id = create(server).json["id"]
    answer = raw(
        server,
        f"GET {PATHS[0]}?generation_id={job_id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        f"X-Mock-Scenario: poll-server-error;status={status}\r\nConnection: close\r\n\r\n".encode(),
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and body == b""
    assert b"content-length" not in head


@pytest.mark.parametrize(
    "name", "0123456789abcdef-xyz key api-key test token secret test-key user-1 kling server stuck".split()
)
def test_an_ordinary_key_that_starts_like_a_scenario_is_a_key(server: MockServer, name: str) -> None:
    assert create(server, key=f"mock-{name}").status == 200


def test_a_mistyped_scenario_in_a_key_says_that_the_key_is_meant(server: MockServer) -> None:
    check_error(create(server, key="mock-complete"), 400, "An API key that starts with 'mock-' may name")


def test_without_magic_keys_and_prompts_are_what_they_are() -> None:
    with MockServer(magic=False) as server:
        assert create(server, key="mock-failed", prompt="[mock:failed] [mock:nothing]").status == 200
        create(server, headers={"X-Mock-Scenario": "failed"})
        assert names(server) == ["completed", "failed"]


def test_a_final_status_of_the_create_is_final_in_any_composition(server: MockServer) -> None:
    for text in ("completed-in-create+gzip", "completed+completed-in-create"):
        server.use(text)
        reply = create(server)
        assert reply.json["status"] == "completed"
        assert poll(server, reply.json["id"]).json["status"] == "completed", text
        assert server.charges[-1].billed


def test_a_redirect_at_any_place_is_followed_to_an_answer(server: MockServer) -> None:
    server.use(Scenario("away", faults=(Fault("any", "redirect"),)))
    first = create(server)
    assert first.status == 307
    path = first.headers["location"].partition(str(server.port))[2]
    job_id = ask(server, "POST", path, body_for()).json["id"]
    away = poll(server, job_id)
    assert away.status == 307
    assert ask(server, "GET", away.headers["location"].partition(str(server.port))[2]).json["id"] == job_id


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"dropped", "hang", "reset", "truncated"}))
@pytest.mark.parametrize("path", [PATHS[0], f"/v2/generate/video/{FAMILIES[0]}/generation"])
def test_every_kind_of_fault_can_stand_at_every_place(server: MockServer, kind: FaultKind, path: str) -> None:
    for place in get_args(Place):
        fault = Fault(place, kind, status=503, seconds=0.001)
        server.use(Scenario("x", faults=(fault,), create_status="completed"))
        reply = create(server, path)
        assert reply.status in (200, 201, 307, 503), (place, reply.body)
        for job in server.jobs:
            seen = poll(server, job.id, path)
            assert seen.status in (200, 307, 503), (place, seen.body)
            answer = ask(server, "GET", _video(server, job.id), key=None)
            assert answer.status in (200, 307, 503), (place, answer.body)
        server.reset()


def test_a_dropped_connection_ends_with_no_answer_and_no_reset(server: MockServer) -> None:
    faults = tuple(Fault(place, "dropped", times=1) for place in get_args(Place))
    server.use(Scenario("x", faults=faults, create_status="completed"))
    with pytest.raises(http.client.RemoteDisconnected):
        create(server)
    job = create(server).json["id"]
    with pytest.raises(http.client.RemoteDisconnected):
        poll(server, job)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "GET", _video(server, job), key=None)
    assert [each.fault for each in server.exchanges] == ["dropped", None, "dropped", "dropped"]


def _video(server: MockServer, job_id: str) -> str:
    from kling_mock.api.job_json import video_path

    job = at_once(server.space.store.find_job(job_id))
    assert job is not None
    return video_path(job.plan)
