"""The served /openapi.json, held against the server by an independent tester (schemathesis)."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as hypothesis_given

from kling_mock import MockServer

from .support import KEY

pytestmark = pytest.mark.slow

PHASES = (Phase.explicit, Phase.generate)


@pytest.fixture(scope="module")
def target() -> Any:
    with MockServer(queued=0, generating=0, seed=1, max_jobs=500, api_key=("test-key",)) as server:
        yield server


@pytest.fixture(scope="module")
def schema(target: MockServer) -> Any:
    return schemathesis.openapi.from_url(f"{target.url}/openapi.json")


OPERATIONS = [
    (method, path)
    for path in (
        "/v2/video/generations",
        "/v2/generate/video/kling/generation",
        "/v2/generate/video/google/generation",
        "/v1/video/generations",
        "/video/generations",
    )
    for method in ("get", "post")
]


TRIED = [
    *[(*each, 12) for each in OPERATIONS[::3]],
    *[
        pytest.param(method, path, 60 if path.startswith("/v2") else 15, marks=pytest.mark.long)
        for method, path in OPERATIONS
    ],
]


@pytest.mark.parametrize(("method", "path", "examples"), TRIED)
def test_schemathesis_finds_nothing(
    schema: Any, target: MockServer, method: str, path: str, examples: int
) -> None:
    operation = schema[path][method]

    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis_given(case=operation.as_strategy(generation_mode=mode))
        def probe(case: Any) -> None:
            case.call_and_validate(headers=KEY)

        probe()
    assert target.running


@pytest.mark.long
def test_its_command_line_finds_nothing_in_any_phase(target: MockServer) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{target.url}/openapi.json"]
    options = ["-H", "Authorization: Bearer test-key", "-n", "5", "-c", "all", "--generation-database=none"]
    options += ["--include-path", "/v2/video/generations"]
    run = subprocess.run(command + options, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert "Coverage" in run.stdout and "Stateful" in run.stdout


def test_every_documented_operation_is_probed(schema: Any) -> None:
    found = {(result.ok().method, result.ok().path) for result in schema.get_all_operations()}
    assert found == set(OPERATIONS)
