"""Creates that are sent again after a lost reply: what one program would have paid twice."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mock.exchanges.exchange import Exchange
from kling_mock.trace_rules import Breach, Trace, check_trace
from tests.running import python, run
from tests.support import recorded


def _create(at: float, body: bytes = b'{"model": "m"}', **made: Any) -> Exchange:
    facts: dict[str, Any] = {"status": 200, "job_id": f"job-{at}", "ended_at": at + 0.5, **made}
    return recorded(**{"method": "POST"} | facts, at=at, kind="create", number=int(at), **_body(body))


def _body(body: bytes) -> dict[str, Any]:
    return {"body": body, "body_size": len(body)}


def blind_reposts(exchanges: list[Exchange], **known: Any) -> list[Breach]:
    return [breach for breach in check_trace(Trace(exchanges, **known)) if breach.id == "B2"]


LOST: dict[str, Any] = {"status": None, "fault": "reset"}


def test_the_same_body_after_a_lost_reply_is_broken() -> None:
    (breach,) = blind_reposts([_create(1, **LOST), _create(2, **LOST), _create(3)])
    assert (breach.id, breach.level, breach.exchanges) == ("B2", "R", (1, 2, 3))
    assert breach.says == "the same body was sent 3 times after a lost reply: would have been paid 3 times."


def test_the_same_json_in_other_words_is_the_same_body() -> None:
    one, other = b'{"model": "m", "loras": [{"a": 1}]}', b'{"loras":[{"a":1}],"model":"m"}'
    assert blind_reposts([_create(1, one, **LOST), _create(2, other)])


@pytest.mark.parametrize(
    "creates",
    [
        [_create(1), _create(2)],
        [_create(1, **LOST), _create(2, b'{"model": "n"}')],
        [_create(1, **LOST), _create(2, b'{"model": true}'), _create(3, b'{"model": 1}')],
        [_create(1, status=None, fault="reset", job_id=None), _create(2)],
        [_create(1, status=429, fault="status", job_id=None), _create(2)],
        [_create(1, fault="gzip"), _create(2)],
        [_create(1, **LOST), _create(1.2)],
        [_create(1, **LOST), _create(2, path="/v1/video/generations")],
        [_create(1, **LOST), _create(2, raw_headers=((b"authorization", b"Bearer another"),))],
        [_create(1, **LOST), _create(2, raw_headers=((b"x-mock-scenario", b"failed"),))],
    ],
)
def test_what_was_not_lost_or_not_sent_again_is_not(creates: list[Exchange]) -> None:
    assert blind_reposts(creates) == []


def test_a_client_that_gave_a_late_reply_up_has_sent_it_again() -> None:
    late = _create(1, status=None, fault="slow", ended_at=40.0)
    assert blind_reposts([late, _create(12)])
    assert not blind_reposts([_create(1, fault="slow", ended_at=40.0), _create(12)])


def test_what_a_test_does_in_between_makes_it_another_wish() -> None:
    creates = [_create(1, **LOST), _create(2), _create(3)]
    assert blind_reposts(creates, steps=frozenset({1})) == []
    (breach,) = blind_reposts(creates, steps=frozenset({2}))
    assert breach.exchanges == (1, 2)


def test_of_several_tests_together_it_is_advice() -> None:
    (breach,) = blind_reposts([_create(1, **LOST), _create(2)], one=False)
    assert (breach.id, breach.level) == ("B2", "A")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["create-lost-reply", "create-truncated", "create-not-json"])
def test_a_run_that_would_have_paid_twice_fails_its_check(scenario: str) -> None:
    source = """
import requests
url = "https://api.aimlapi.com/v2/video/generations"
data = {"model": "kling-video/v1/standard/text-to-video", "prompt": "x", "duration": 5}
for _ in range(3):
    try:
        print(requests.post(url, json=data, headers={"Authorization": "Bearer k"}, timeout=30).json()["id"])
        break
    except requests.RequestException:
        pass
"""
    done = run("--check", "--fast-forward", "--offline", "--scenario", scenario, *python(source))
    assert done.returncode == 1
    assert b"B2 no-blind-repost (R): the same body was sent" in done.stderr
