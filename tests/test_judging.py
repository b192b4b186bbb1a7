"""The bodies of creates that come again: known bodies are answered as new ones are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.api.judged import LARGEST_KEPT, MOST_KEPT, Judged, KeptJudged
from kling_mock.catalog import load_catalog
from kling_mock.store import at_once

from .support import MODEL, PATHS, ask, body_for, create

TOLERATED = body_for(duration="5", extra=1)
BODIES: list[Any] = [
    body_for(),
    TOLERATED,
    body_for(prompt="another"),
    body_for(cfg_scale=2),
    {"model": MODEL.upper()},
    {"model": "kling-video/v9/none"},
    [],
]
CATALOG = load_catalog()
VARIANT = CATALOG.find(MODEL)
OLDER = VARIANT.older_path or PATHS[0]
OF_ITS_OWN = ("id", "generation_id", "requestId", "timestamp")
requests = st.tuples(
    st.sampled_from(BODIES),
    st.sampled_from([*PATHS, OLDER]),
    st.sampled_from(["application/json", "application/json; charset=utf-8", "text/plain"]),
    st.booleans(),
)


def told(server: MockServer, body: Any, path: str, media_type: str, strict: bool) -> tuple[Any, ...]:
    """What is answered and noted of a create, but for what differs from one to the next."""
    server.configure(strict=strict)
    reply = ask(server, "POST", path, body, headers={"Content-Type": media_type})
    answer = {name: value for name, value in reply.json.items() if name not in OF_ITS_OWN}
    exchange = server.exchanges[-1]
    jobs = at_once(server.space.store.jobs(1)) if reply.status < 400 else []
    job = [(plan.model, plan.clip, plan.credits, plan.image_url) for plan, _ in jobs]
    return reply.status, answer, exchange.model, exchange.findings, exchange.violations, job


@settings(max_examples=25, deadline=None)
@given(asked=st.lists(requests, min_size=2, max_size=12))
def test_a_body_that_comes_again_is_answered_as_the_first_time(asked: list[tuple[Any, ...]]) -> None:
    with MockServer() as remembers, MockServer() as forgets:
        for one in asked:
            forgets.common.contracts.judged = KeptJudged()
            assert told(remembers, *one) == told(forgets, *one)


def test_what_was_tolerated_is_noted_each_time(server: MockServer) -> None:
    for _ in range(3):
        create(server, duration="5", extra=1)
    first, *others = [exchange.findings for exchange in server.exchanges]
    assert first and all(findings == first for findings in others)


def test_few_bodies_are_kept_and_no_large_ones() -> None:
    kept: KeptJudged = KeptJudged()
    judged = Judged({}, VARIANT, CATALOG.facts(MODEL), 200, legacy=False, model=MODEL, findings=())
    for number in range(MOST_KEPT + 1):
        kept.keep((b"%d" % number, b"", "", False, 1), judged)
    assert kept.find((b"0", b"", "", False, 1)) is None
    assert kept.find((b"1", b"", "", False, 1)) is judged

    for size in (LARGEST_KEPT, LARGEST_KEPT + 1):
        kept.keep((b"x" * size, b"", "", False, 1), judged)
    assert kept.find((b"x" * LARGEST_KEPT, b"", "", False, 1)) is judged
    assert kept.find((b"x" * (LARGEST_KEPT + 1), b"", "", False, 1)) is None


@pytest.mark.parametrize("change", [{"strict": True}, {"max_json_values": 2}])
def test_a_kept_body_is_judged_anew_under_other_options(server: MockServer, change: dict[str, Any]) -> None:
    assert ask(server, "POST", PATHS[0], TOLERATED).status == 200
    server.configure(**change)
    assert ask(server, "POST", PATHS[0], TOLERATED).status == 400
