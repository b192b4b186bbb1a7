"""The OpenAPI document of the control API, held against the server by schemathesis."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as hypothesis_given
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance

from kling_mock import MockServer, Settings
from kling_mock.common import Common
from kling_mock.control.described.operations import OPERATIONS, Operation
from kling_mock.control.routes import control_routes

from .support import KEY, mostly_long

BODY = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}
STREAMS = ("events",)
"""Operations whose answers have no end."""
BY_STATE = ("use", "putScenario", "next", "moveClock", "configure", "patchSettings")
"""Operations that may refuse what their schema takes: there is no such scenario, the status never comes, …"""
PROBED = [one for one in OPERATIONS if one.name not in STREAMS]


@pytest.fixture(scope="module")
def target() -> Iterator[MockServer]:
    with MockServer(polls=(0, 0), seed=1, max_jobs=50, max_exchanges=50) as server:
        yield server


@pytest.fixture(scope="module")
def schema(target: MockServer) -> Any:
    return schemathesis.openapi.from_url(f"{target.url}/_mock/openapi.json")


def asked(target: MockServer, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{target.url}{path}", data, KEY | {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_it_is_openapi_and_names_the_server_that_gives_it(target: MockServer) -> None:
    document = asked(target, "/_mock/openapi.json")
    validate(document)
    assert document["servers"] == [{"url": target.url}]
    below = asked(target, "/@a/_mock/openapi.json")
    assert below == document | {"servers": [{"url": f"{target.url}/@a"}]}


def test_every_route_is_described_and_no_other() -> None:
    routes = {
        (method.lower(), re.sub(r":\w+", "", route.path))
        for route in control_routes(Common(Settings()))
        for method in route.methods or ()
        if method not in ("HEAD", "OPTIONS") and route.path.startswith("/_mock/")
    }
    assert routes == {(one.method, one.path) for one in OPERATIONS}
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("operation", mostly_long([pytest.param(one, id=one.name) for one in PROBED], 3))
def test_schemathesis_finds_nothing(schema: Any, target: MockServer, operation: Operation) -> None:
    described = schema[operation.path][operation.method]
    job = asked(target, "/v2/video/generations", BODY)["id"]
    asked(target, f"/v2/video/generations?generation_id={job}")
    excluded = [positive_data_acceptance] if operation.name in BY_STATE else []
    can_be_wrong = "$ref" in (operation.body or {}) or any(
        parameter["in"] == "query" for parameter in operation.parameters
    )
    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        if mode.is_negative and not can_be_wrong:
            continue

        @settings(
            max_examples=8 if can_be_wrong else 2,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis_given(case=described.as_strategy(generation_mode=mode))
        def probe(case: Any) -> None:
            case.call_and_validate(excluded_checks=excluded)

        probe()
