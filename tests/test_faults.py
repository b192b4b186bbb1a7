"""Faults on the wire: their windows, their own statuses, and several of them on one answer."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from kling_mock import Fault, MockServer, Scenario, SettingsError
from kling_mock.scenarios.expression import parse_scenario
from kling_mock.scenarios.fault import KINDS, FaultKind, FaultPlace

from .support import PATHS, ask, create, poll, raw


def polled(server: MockServer, job_id: str, *moments: float) -> list[int]:
    """The statuses of polls, each after so many more seconds."""
    statuses = []
    for seconds in moments:
        server.clock.advance(seconds)
        statuses.append(poll(server, job_id).status)
    return statuses


def test_requests_outside_of_a_window_do_not_use_up_the_times(timed: MockServer) -> None:
    timed.use("poll-server-error;since=10;until=20")
    job_id = create(timed).json["id"]
    assert polled(timed, job_id, 0, 0, 11, 0, 0) == [200, 200, 500, 200, 200]


def test_requests_outside_of_a_window_do_not_count_for_after(timed: MockServer) -> None:
    timed.use("poll-server-error;since=10;after=1;times=2")
    job_id = create(timed).json["id"]
    assert polled(timed, job_id, 0, 0, 11, 0, 0, 0) == [200, 200, 200, 500, 500, 200]


def test_a_queued_create_fault_waits_for_its_window_and_goes_when_it_is_past(timed: MockServer) -> None:
    timed.next("server-error;since=10;until=20")
    assert create(timed).status == 200
    timed.clock.advance(11)
    assert [create(timed).status for _ in range(2)] == [500, 200]
    timed.next("server-error;since=15;until=20")
    timed.clock.advance(20)
    assert create(timed).status == 200
    assert timed.space.queue == []


def test_a_kind_has_its_own_status() -> None:
    statuses = {kind: Fault("poll", kind, seconds=1).answer_status for kind in KINDS}
    assert statuses.pop("expired") == 403
    assert statuses.pop("empty") == 200
    assert set(statuses.values()) == {500}
    assert Fault("video", "expired", status=410).answer_status == 410


def test_an_expired_url_of_ones_own_answers_403(server: MockServer) -> None:
    server.use(
        Scenario("x", faults=(Fault("video", "expired"),), plan=("completed",), create_status="completed")
    )
    url = create(server).json["video"]["url"]
    assert ask(server, "GET", urlsplit(url).path, key=None).status == 403


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_fault_that_takes_no_time_is_refused(kind: FaultKind) -> None:
    with pytest.raises(SettingsError, match=f"seconds: expected more than 0 for the kind '{kind}'"):
        Fault("any", kind)


@pytest.mark.parametrize("place", ["poll", "video"])
def test_only_a_create_makes_a_job(place: FaultPlace) -> None:
    with pytest.raises(SettingsError, match=f"job_made: expected at a create only, received it at '{place}'"):
        Fault(place, "reset", job_made=True)


@pytest.mark.parametrize(
    "text", ["poll-byte-order-mark+poll-duplicate-keys", "poll-duplicate-keys+poll-byte-order-mark"]
)
def test_modifiers_act_in_one_order(server: MockServer, text: str) -> None:
    server.use(text)
    body = poll(server, create(server).json["id"]).body
    assert body.startswith(b"\xef\xbb\xbf{")
    keys = [key for key, _ in json.loads(body[3:], object_pairs_hook=lambda pairs: pairs)]
    assert keys[:2] == ["id", "id"]


@pytest.mark.parametrize("cut", ["poll-truncated+gzip", "gzip+poll-truncated"])
@pytest.mark.parametrize("more", ["", "+chunked", "+slow-drip;seconds=0.01", "+close-between-polls"])
def test_half_of_an_answer_is_half_of_what_would_go_over_the_wire(
    server: MockServer, cut: str, more: str
) -> None:
    server.use(cut + more)
    job_id = create(server).json["id"]
    request = f"GET {PATHS[0]}?generation_id={job_id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    answer = raw(server, f"{request}Accept-Encoding: gzip\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head and b"\x1f\x8b" in body
    if "chunked" in more:
        assert b"transfer-encoding: chunked" in head and b"\r\n0\r\n" not in body
    else:
        assert b"content-length: %d" % (len(body) * 2) in head or b": %d" % (len(body) * 2 + 1) in head
    assert (b"connection: close" in head) == ("close" in more)


def test_a_key_is_doubled_whatever_its_value_holds(server: MockServer) -> None:
    server.use(Scenario("x", faults=(Fault("create", "duplicate-keys"),), words={"queued": 'a,"b'}))
    pairs = json.loads(create(server).body, object_pairs_hook=lambda pairs: pairs)
    assert [key for key, _ in pairs][:3] == ["id", "id", "status"]


def test_the_text_of_a_scenario_keeps_the_order_it_says() -> None:
    faults = parse_scenario("poll-byte-order-mark+poll-duplicate-keys").faults
    assert [fault.kind for fault in faults] == ["byte-order-mark", "duplicate-keys"]
