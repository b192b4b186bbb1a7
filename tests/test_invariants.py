"""What a trace shows against a client, rule by rule: what was sent, how the job was made and polled."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from urllib.parse import quote_plus, urlsplit

import pytest

from kling_mock import MockServer, find_scenario
from kling_mock.trace_rules import check_trace

from .support import MODEL, PATHS, ask, body_for, create, poll
from .tracing import broken, job_id, numbers, raw_poll

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
    ask(server, "POST", PATHS[0], body_for() | {"model": MODEL + "s"})
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
    assert breach.says.startswith(f'the field "seeed" is none of {MODEL}')


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
    server.use(find_scenario("poll-empty", kind=fault, after=2))
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
    server.use(find_scenario("poll-rate-limited", **shape))
    made = job_id(create(server))
    poll(server, made)
    server.clock.advance(2)
    poll(server, made)
    (breach,) = check_trace(server.exchanges)
    assert (breach.id, breach.exchanges) == ("C8", (2, 3))
    # The clock is a real one: a busy machine adds a little to the two seconds.
    assert re.search(r"came after [2-4](\.\d)? s", breach.says)


def test_b6_sees_a_create_that_comes_too_early(server: MockServer) -> None:
    server.use("rate-limited;times=1")
    create(server)
    create(server)
    assert broken(server) == ["B6"]
    assert numbers(server, "B6") == (1, 2)


@pytest.mark.parametrize("fault", ["video-expired", "video-truncated", "video-reset"])
def test_c1_lets_a_client_ask_for_a_new_url_after_a_failed_download(server: MockServer, fault: str) -> None:
    server.use(f"{fault};times=1+completed-in-create")
    answer = create(server)
    poll(server, job_id(answer))
    with contextlib.suppress(OSError, http.client.HTTPException):
        ask(server, "GET", urlsplit(answer.json["video"]["url"]).path, key=None)
    poll(server, job_id(answer))
    assert broken(server) == []
    poll(server, job_id(answer))
    assert broken(server) == ["C1"]


@pytest.mark.parametrize("model", ["klingai/video-v4-pro-text-to-video", "google/veo-9", "new-vendor/one"])
def test_a1_says_nothing_of_models_without_a_document(server: MockServer, model: str) -> None:
    answer = ask(server, "POST", PATHS[0], {**body_for(), "model": model})
    assert answer.status == 400 and "specs add" in answer.json["message"]
    assert broken(server) == []


@pytest.mark.parametrize("model", ["klingai/video-v3-pro-text-to-vidoe", "google/veo-3.1-t2w", "none", ""])
def test_a1_is_broken_by_a_slip_in_a_models_name(server: MockServer, model: str) -> None:
    ask(server, "POST", PATHS[0], {**body_for(), "model": model})
    assert broken(server) == ["A1"]


@pytest.mark.parametrize("retry_date", [False, True])
@pytest.mark.parametrize("asked", [5.0, 600.0])
def test_c8_is_content_with_a_client_that_waits(server: MockServer, asked: float, retry_date: bool) -> None:
    server.use(find_scenario("poll-rate-limited", retry_after=asked, retry_date=retry_date))
    made = job_id(create(server))
    poll(server, made)
    server.clock.advance(min(asked, 30.0))
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
