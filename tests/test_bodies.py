"""What stands in answers when several shapes are asked for at once."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mock import MockServer, Scenario, find_scenario
from kling_mock.scenarios.scenario import Shape

from .support import create, poll


def answers(server: MockServer, scenario: Scenario | str) -> list[dict[str, Any]]:
    """The bodies of a create and of the polls until its job has ended."""
    server.use(scenario)
    made: dict[str, Any] = create(server).json
    return [made, *(poll(server, made["id"]).json for _ in range(3))]


@pytest.mark.parametrize("other", ["tokens-used", "poll-usage"])
@pytest.mark.parametrize("without", ["no-usage", "absent"])
def test_no_answer_says_usage_where_none_is_to_say_it(
    server: MockServer, other: Shape, without: Shape
) -> None:
    scenario = Scenario("x", shapes=frozenset({without, other}))
    assert all("meta" not in body for body in answers(server, scenario))
    with_it = answers(server, Scenario("x", shapes=frozenset({other})))
    assert all("usage" in body["meta"] for body in with_it)


def objects(value: Any) -> list[dict[str, Any]]:
    """Every object in a body but those that are extras themselves."""
    if isinstance(value, list):
        return [found for item in value for found in objects(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(found for key, item in value.items() if key != "extra" for found in objects(item))]


@pytest.mark.parametrize("end", ["completed", "failed", "failed-detail"])
def test_extra_fields_are_in_every_object(server: MockServer, end: str) -> None:
    bodies = answers(server, find_scenario(end) | Scenario("x", shapes={"extra-fields", "poll-usage"}))
    for body in bodies:
        assert all("extra" in found for found in objects(body)), body
    assert len(objects(bodies[0])) == 3
    assert len(objects(bodies[-1])) >= 4


def test_words_with_signs_are_json(server: MockServer) -> None:
    server.use(Scenario("x", words={"queued": 'a"b\\', "generating": "\ud800"}))
    made = create(server).json
    assert made["status"] == 'a"b\\'
    assert poll(server, made["id"]).json["status"] == 'a"b\\'
