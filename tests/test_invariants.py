"""The passive checks: each breach is seen, and no right client is accused."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_server import MockServer, Scenario
from mock_server.invariants import INVARIANTS, check_trace
from mock_server.invariants.mangling import lost_digits, mangled
from mock_server.scenarios import CATALOGUE

from .support import MODEL, PATHS, Reply, ask, body_for, create, poll, until, wire

DIGITS = "789392067490349060"
AWKWARD = "V1StGXR8+a&b=c#d%2Fe f/é…k2Wq"
COMPOUND = "b906d239-565b-4012-9234-246189283143:kling-video/v2.1/master/image-to-video"


def broken(server: MockServer) -> list[str]:
    """The ids of what the trace of a server breaks."""
    return [breach.id for breach in check_trace(server.exchanges)]


def numbers(server: MockServer, name: str) -> tuple[int, ...]:
    """The exchanges that show a breach, which is the only one."""
    (breach,) = check_trace(server.exchanges)
    assert breach.id == name
    return breach.exchanges


def job_id(reply: Reply) -> str:
    """The id in an answer."""
    return str(reply.json["id"])


def raw_poll(server: MockServer, written: str) -> Reply:
    """A poll whose id stands in the URL as it is written here."""
    return ask(server, "GET", f"{PATHS[0]}?generation_id={written}")


# A1, A3, A7, A8: what is sent


def test_a1_names_the_field_that_the_api_refuses(server: MockServer) -> None:
    create(server, cfg_scale=1.5)
    (breach,) = check_trace(server.exchanges)
    assert str(breach) == (
        "A1 payload-valid: the API refuses this body, so there is no video: "
        "cfg_scale: Expected a number of at most 1, received 1.5. (exchange 1)"
    )


def test_a1_sees_an_unknown_model(server: MockServer) -> None:
    create(server)
    ask(server, "POST", PATHS[0], body_for() | {"model": "kling-video/v99"})
    assert numbers(server, "A1") == (2,)


def test_a1_does_not_mind_what_the_provider_takes(server: MockServer) -> None:
    create(server, duration="5")
    assert broken(server) == []


@pytest.mark.parametrize("strict", [False, True])
def test_a3_names_an_undocumented_field(server: MockServer, strict: bool) -> None:
    server.configure(strict=strict)
    create(server, seeed=5)
    (breach,) = check_trace(server.exchanges)
    assert (breach.id, breach.level, breach.exchanges) == ("A3", "R", (1,))
    assert breach.says.startswith(f"seeed is not a field of {MODEL}")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "test-key"}, {"Authorization": "Key test-key"}, {"Authorization": "Bearer "}],
)
def test_a7_wants_a_bearer_on_polls_and_creates(server: MockServer, headers: dict[str, str]) -> None:
    made = job_id(create(server))
    ask(server, "GET", f"{PATHS[0]}?generation_id={made}", headers=headers, key=None)
    assert numbers(server, "A7") == (2,)


def test_a7_wants_one_bearer_only(server: MockServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("GET", f"{PATHS[0]}?generation_id=x")
    connection.putheader("Authorization", "Bearer test-key")
    connection.putheader("Authorization", "Bearer test-key")
    connection.endheaders()
    connection.getresponse().read()
    connection.close()
    assert numbers(server, "A7") == (1,)


def test_a7_sees_the_key_in_the_url(server: MockServer) -> None:
    made = job_id(create(server, key="a key+more"))
    ask(server, "GET", f"{PATHS[0]}?generation_id={made}&k={quote_plus('a key+more')}", key="a key+more")
    assert numbers(server, "A7") == (2,)


def test_a7_lets_the_catalogue_and_the_video_go_without(server: MockServer) -> None:
    ask(server, "GET", "/v1/models", key=None)
    server.use("completed-in-create")
    url = create(server).json["video"]["url"]
    ask(server, "GET", "/" + url.split("/", 3)[3], key=None)
    assert broken(server) == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json; charset=latin-1", "multipart/form-data"]
)
def test_a8_wants_the_content_type_of_json(server: MockServer, content_type: str) -> None:
    body = json.dumps(body_for()).encode()
    ask(server, "POST", PATHS[0], body, {"Content-Type": content_type})
    assert numbers(server, "A8") == (1,)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"model=x",
        b'{"model": "x", "cfg_scale": NaN}',
        b'{"model": "x", "model": "y"}',
        b"\xef\xbb\xbf{}",
        b'{"model": "\xe9"}',
    ],
)
def test_a8_wants_strict_json(server: MockServer, body: bytes) -> None:
    ask(server, "POST", PATHS[0], body, {"Content-Type": "application/json"})
    assert numbers(server, "A8") == (1,)


def test_a8_takes_json_however_it_is_announced(server: MockServer) -> None:
    body = json.dumps(body_for(), ensure_ascii=False).encode()
    ask(server, "POST", PATHS[0], body, {"Content-Type": 'application/json;charset="UTF-8"'})
    assert broken(server) == []


# B1, B4: making the job


@pytest.mark.parametrize(
    "trouble", ["poll-server-error", "poll-rate-limited;retry_after=0", "poll-reset", "poll-empty"]
)
def test_b1_sees_a_job_made_again_after_trouble(server: MockServer, trouble: str) -> None:
    server.use(trouble)
    made = job_id(create(server))
    try:
        poll(server, made)
    except ConnectionError:
        pass
    create(server)
    assert numbers(server, "B1") == (1, 2, 3)


def test_b1_does_not_accuse_two_jobs_that_are_both_waited_for(server: MockServer) -> None:
    server.use("poll-server-error")
    first = job_id(create(server))
    poll(server, first)
    second = job_id(create(server))
    for made in (second, first):
        poll(server, made)
    assert broken(server) == []


def test_b1_does_not_accuse_a_second_job_after_the_end_of_the_first(server: MockServer) -> None:
    server.use("poll-server-error")
    made = job_id(create(server))
    for _ in range(4):
        poll(server, made)
    create(server)
    assert broken(server) == []


def test_b1_does_not_accuse_a_test_that_tries_one_scenario_after_the_other(server: MockServer) -> None:
    for name in ("poll-server-error", "poll-empty", "poll-unauthorized"):
        server.use(name)
        poll(server, job_id(create(server)))
    assert broken(server) == []


def test_b1_does_not_accuse_another_payload(server: MockServer) -> None:
    server.use("poll-server-error")
    poll(server, job_id(create(server)))
    poll(server, job_id(create(server, prompt="another")))
    assert broken(server) == []


@pytest.mark.parametrize("refusal", ["bad-request", "unauthorized", "no-credits", "not-found"])
def test_b4_sees_a_refused_create_sent_again(server: MockServer, refusal: str) -> None:
    server.use(refusal)
    create(server)
    create(server)
    assert numbers(server, "B4") == (1, 2)


@pytest.mark.parametrize("asked", ["undefined", "None", "null", "NaN", ""])
def test_b4_sees_a_poll_for_no_id_after_a_refusal(server: MockServer, asked: str) -> None:
    server.use("no-credits")
    create(server)
    raw_poll(server, asked)
    assert numbers(server, "B4") == (1, 2)


def test_b4_lets_a_client_do_better(server: MockServer) -> None:
    server.next("unauthorized")
    create(server)
    create(server, key="another-key")
    server.next("bad-request")
    create(server)
    create(server, prompt="another")
    server.next("server-error")
    create(server)
    create(server)
    assert broken(server) == []


def test_b4_lets_a_test_ask_for_an_unknown_job(server: MockServer) -> None:
    server.use("no-credits")
    create(server)
    raw_poll(server, "does-not-exist")
    assert broken(server) == []


# C1, C8: polling


@pytest.mark.parametrize("scenario", ["completed", "failed", "completed-without-url"])
def test_c1_sees_a_poll_after_the_end(server: MockServer, scenario: str) -> None:
    server.use(scenario)
    made = job_id(create(server))
    for _ in range(5):
        poll(server, made)
    assert numbers(server, "C1") == (4, 5, 6)


@pytest.mark.parametrize("fault", ["truncated", "byte-order-mark", "empty", "duplicate-keys"])
def test_c1_lets_a_client_ask_again_where_the_end_was_not_told_plainly(
    server: MockServer, fault: str
) -> None:
    server.use(Scenario.named("poll-empty", kind=fault, after=2))
    made = job_id(create(server))
    for _ in range(4):
        try:
            poll(server, made)
        except (http.client.IncompleteRead, ConnectionError):
            pass
    assert broken(server) == []


def test_c1_lets_a_client_go_on_after_a_word_it_need_not_know(server: MockServer) -> None:
    server.use("succeeded")
    made = job_id(create(server))
    for _ in range(4):
        poll(server, made)
    assert broken(server) == []


@pytest.mark.parametrize("shape", [{}, {"retry_date": True}, {"status": 503}])
def test_c8_sees_a_poll_that_comes_too_early(server: MockServer, shape: dict[str, object]) -> None:
    server.use(Scenario.named("poll-rate-limited", **shape))
    made = job_id(create(server))
    poll(server, made)
    server.clock.advance(2)
    poll(server, made)
    (breach,) = check_trace(server.exchanges)
    assert (breach.id, breach.exchanges) == ("C8", (2, 3))
    # The clock is a real one: a busy machine adds a little to the two seconds.
    assert re.search(r"came after [2-4](\.\d)? s", breach.says)


def test_c8_sees_a_create_that_comes_too_early(server: MockServer) -> None:
    server.use("rate-limited;times=1")
    create(server)
    create(server)
    assert numbers(server, "C8") == (1, 2)


@pytest.mark.parametrize("retry_date", [False, True])
@pytest.mark.parametrize("asked", [5.0, 600.0])
def test_c8_is_content_with_a_client_that_waits(server: MockServer, asked: float, retry_date: bool) -> None:
    server.use(Scenario.named("poll-rate-limited", retry_after=asked, retry_date=retry_date))
    made = job_id(create(server))
    poll(server, made)
    server.clock.advance(min(asked + retry_date, 30.0))
    poll(server, made)
    assert broken(server) == []


def test_c8_says_nothing_of_a_clock_that_stands_still(timed: MockServer) -> None:
    timed.use("poll-rate-limited")
    made = job_id(create(timed))
    poll(timed, made)
    poll(timed, made)
    assert broken(timed) == []


def test_c8_says_nothing_of_another_job(server: MockServer) -> None:
    server.use("poll-rate-limited")
    first, second = job_id(create(server)), job_id(create(server))
    poll(server, first)
    poll(server, second)
    assert broken(server) == []


# C11, C12: ids


@pytest.mark.parametrize(
    "written",
    [
        quote("V1StGXR8+a&b=c#d%2Fe f/é…k2Wq"[:15], safe="+&="),
        quote(AWKWARD, safe="+"),
        quote(AWKWARD, safe="%"),
        quote(quote(AWKWARD, safe=""), safe=""),
        quote(AWKWARD.partition("#")[0], safe=""),
        quote(AWKWARD.partition("&")[0], safe=""),
        quote(AWKWARD.encode().decode("latin-1"), safe=""),
    ],
)
def test_c11_sees_an_id_that_was_not_encoded(written: str, server: MockServer) -> None:
    server.use("id-awkward")
    made = job_id(create(server))
    issued = server.jobs[0].id
    raw_poll(server, written.replace("V1StGXR8", quote(issued[:8])).replace("k2Wq", quote(issued[-4:])))
    assert made == issued
    assert numbers(server, "C11") == (1, 2)


def test_c11_sees_a_dash_that_was_lost(server: MockServer) -> None:
    server.use("id-leading-dash")
    raw_poll(server, job_id(create(server)).lstrip("-"))
    assert numbers(server, "C11") == (1, 2)


def test_c12_sees_an_id_that_was_a_number_for_a_while(server: MockServer) -> None:
    server.use("id-digits")
    made = job_id(create(server))
    raw_poll(server, str(int(float(made))))
    assert numbers(server, "C12") == (1, 2)


def test_ids_that_come_back_whole_are_right(server: MockServer) -> None:
    for name in (name for name in CATALOGUE if name.startswith("id-")):
        server.use(name)
        poll(server, job_id(create(server)))
    assert broken(server) == []


@pytest.mark.parametrize(
    ("issued", "asked"),
    [
        (DIGITS, "789392067490349000"),
        (DIGITS, "789392067490349056"),
        (DIGITS, "7.89392067490349e+17"),
        (DIGITS, "7.89392067490349e17"),
        (DIGITS, "7.89392e+17"),
        ("0012345678", "12345678"),
        ("0012345678", "12345678.0"),
        (COMPOUND, COMPOUND[:36]),
        (COMPOUND, COMPOUND[37:]),
        (COMPOUND, COMPOUND.upper()),
        ("V1StGXR8_Z5jdHi6B-myT", "v1stgxr8_z5jdhi6b-myt"),
    ],
)
def test_what_becomes_of_an_id_that_is_taken_for_more_than_a_string(issued: str, asked: str) -> None:
    assert lost_digits(issued, asked)
    assert not mangled(issued, asked)


@pytest.mark.parametrize(
    ("issued", "asked"),
    [
        (DIGITS, "789392067490350000"),
        (DIGITS, "inf"),
        (DIGITS, "unknown"),
        (AWKWARD, AWKWARD),
        (AWKWARD, "V1"),
        (COMPOUND, "b906d239-565b-4012-9234-246189283144"),
        ("V1StGXR8_Z5jdHi6B-myT", "V1StGXR8_Z5jdHi6B"),
        ("V1StGXR8_Z5jdHi6B-myT", "does-not-exist"),
    ],
)
def test_another_id_is_not_a_form_of_this_one(issued: str, asked: str) -> None:
    assert not lost_digits(issued, asked)
    assert not mangled(issued, asked)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_an_id_is_never_its_own_altered_form(issued: str, asked: str) -> None:
    assert not mangled(issued, issued)
    assert not lost_digits(issued, issued)
    assert mangled(issued, asked) in (True, False)


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
        server.clock.advance(float(made.headers["retry-after"]) + 0.1)
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
    assert broken(server) == []


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
    server.use("+".join(names))
    careful_client(server, body_for())
    assert broken(server) == []


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
    assert ids == ["A1", "A3", "A7", "A8", "B1", "B4", "C1", "C8", "C11", "C12"]
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
        until(lambda: server.traffic.held)
    until(lambda: not server.traffic.held)
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
    assert "401" not in breach.says and "'bearer'" in breach.says
