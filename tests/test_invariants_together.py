"""All rules of a trace together: whom they never accuse, and what hides no breach."""

from __future__ import annotations

import contextlib
import gzip
import http.client

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kling_mock import MockServer, SettingsError
from kling_mock.scenarios import CATALOGUE
from kling_mock.trace_rules import INVARIANTS, RULES, check_trace
from kling_mock.verdicts.evidence import trace_of

from .support import PATHS, Reply, ask, body_for, create, poll, until, wire
from .tracing import broken, job_id, numbers

DIGITS = "789392067490349060"
AWKWARD = "V1StGXR8+a&b=c#d%2Fe f/é…k2Wq"
COMPOUND = "b906d239-565b-4012-9234-246189283143:kling-video/v2.1/master/image-to-video"


# All of them


def careful_client(server: MockServer, payload: dict[str, object]) -> None:
    """A client that keeps every invariant, its waits told to the server's clock."""
    for _ in range(3):
        try:
            made = ask(server, "POST", PATHS[0], payload)
        except (http.client.HTTPException, OSError):
            return
        if made.status not in (429, 503):
            break
        server.clock.advance(float(made.headers.get("retry-after", 5)) + 0.1)
    try:
        issued = made.json["id"]
        ended = made.json["status"] in ("completed", "error")
    except (ValueError, KeyError):
        return
    for _ in range(8):
        if ended:
            return
        server.clock.advance(10)
        try:
            answer = poll(server, issued)
            ended = answer.status in (401, 403) or answer.json.get("status") in ("completed", "error")
        except (http.client.HTTPException, OSError, ValueError):
            continue


NEVER_ANSWERED = ("create-hangs", "poll-hangs", "create-slow", "poll-slow", "slow-drip")


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in NEVER_ANSWERED])
def test_a_careful_client_is_never_accused(server: MockServer, name: str) -> None:
    server.use(name)
    careful_client(server, body_for())
    assert server.exchanges
    assert broken_in_all(server) == []


@given(
    names=st.lists(
        st.sampled_from([name for name in CATALOGUE if name not in NEVER_ANSWERED]), min_size=2, max_size=3
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_a_careful_client_is_not_accused_whatever_comes_together(
    server: MockServer, names: list[str]
) -> None:
    server.reset()
    try:
        server.use("+".join(names))
    except SettingsError:
        assume(False)
    careful_client(server, body_for())
    assert broken_in_all(server) == []


def broken_in_all(server: MockServer) -> list[str]:
    """What is told of a client that has ended; that it met not all that was armed is its test's affair."""
    trace = trace_of(server.space, one=True, over=True, armed=())
    return [str(breach) for breach in check_trace(trace)]


def test_one_breach_that_shows_twice_is_told_once(server: MockServer) -> None:
    for _ in range(3):
        create(server, colour="blue")
    assert numbers(server, "A3") == (1, 2, 3)


def test_ignored_ones_are_not_checked(server: MockServer) -> None:
    create(server, colour="blue", cfg_scale=3)
    assert broken(server) == ["A1", "A3"]
    assert [breach.id for breach in check_trace(server.exchanges, ignore={"A1"})] == ["A3"]


def test_they_are_those_that_a_trace_can_show() -> None:
    ids = [invariant.id for invariant in INVARIANTS]
    assert ids == [id for id, rule in RULES.items() if rule.in_trace]
    assert all(invariant.check.__doc__ for invariant in INVARIANTS)


def test_an_empty_trace_breaks_nothing() -> None:
    assert check_trace([]) == []


# What changes how an answer travels hides no breach


TRAVELS = ("gzip", "chunked", "close-between-polls", "slow-drip")


@pytest.mark.parametrize("scenario", TRAVELS)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_c1_sees_through_an_unusual_way_of_an_answer(server: MockServer, scenario: str, coding: str) -> None:
    server.configure(polls=(0, 0))
    server.clock.speed = 1e6
    server.use(f"{scenario}+failed")
    made = job_id(decoded(create(server, headers={"Accept-Encoding": coding})))
    for _ in range(2):
        poll(server, made, headers={"Accept-Encoding": coding})
    assert numbers(server, "C1") == (2, 3)


def decoded(reply: Reply) -> Reply:
    if reply.headers.get("content-encoding") == "gzip":
        reply.body = gzip.decompress(reply.body)
    return reply


@pytest.mark.parametrize("scenario", TRAVELS)
def test_b1_sees_through_an_unusual_way_of_an_answer(server: MockServer, scenario: str) -> None:
    server.clock.speed = 1e6
    server.use(f"poll-server-error+{scenario}")
    made = job_id(decoded(create(server)))
    assert poll(server, made).status == 500
    again = job_id(decoded(create(server)))
    poll(server, again)
    assert numbers(server, "B1") == (1, 2, 3)


@pytest.mark.parametrize("scenario", TRAVELS)
def test_an_unusual_way_of_an_answer_is_no_trouble(server: MockServer, scenario: str) -> None:
    """The same video twice, the first one not waited for."""
    server.clock.speed = 1e6
    server.use(scenario)
    for _ in range(2):
        poll(server, job_id(decoded(create(server))))
    assert broken(server) == []


@pytest.mark.parametrize("more", ["poll-wrong-content-type", "poll-byte-order-mark", "poll-truncated"])
def test_c1_is_silent_where_the_answer_could_not_be_read(server: MockServer, more: str) -> None:
    """Though the exchange may name the harmless one of two faults."""
    server.configure(polls=(0, 0))
    server.use(f"gzip+failed+{more};times=5")
    made = job_id(create(server))
    for _ in range(2):
        with contextlib.suppress(http.client.IncompleteRead):
            poll(server, made, headers={"Accept-Encoding": "gzip"})
    assert broken(server) == []


def test_c1_counts_no_answer_that_its_client_left(server: MockServer) -> None:
    server.configure(polls=(0, 0))
    server.use("poll-slow+failed")
    made = job_id(create(server))
    with wire(server) as connection:
        request = (
            f"GET {PATHS[0]}?generation_id={made} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n"
        )
        connection.sendall(request.encode())
        until(lambda: len(server.exchanges) == 2 and server.traffic.held)
    until(lambda: server.exchanges[1].status is None)
    server.clock.speed = 1e6
    poll(server, made)
    assert broken(server) == []


def test_a7_lets_a_client_drop_its_key_at_another_host(server: MockServer) -> None:
    server.use("redirect")
    target = create(server).headers["location"].split("/", 3)[3]
    assert ask(server, "POST", f"/{target}", body_for(), key=None).status == 401
    assert broken(server) == []


def test_a7_says_what_is_true_of_lower_case(server: MockServer) -> None:
    made = job_id(create(server))
    reply = ask(
        server,
        "GET",
        f"{PATHS[0]}?generation_id={made}",
        headers={"Authorization": "bearer abcdef"},
        key=None,
    )
    (breach,) = check_trace(server.exchanges)
    assert (reply.status, breach.id) == (200, "A7")
    assert "401" not in breach.says and '"bearer"' in breach.says
