"""A test per property and model: `pytest --pyargs kling_mock.contract_tests --kling-client MODULE:NAME`."""

from __future__ import annotations

import pytest

from kling_mock.errors import KlingMockError

from .properties import Property
from .pytest_suite import Suite
from .running.options import contract_options, written_as_here
from .running.session import plan_of

__all__: list[str] = []

_NO_CLIENT = "no client: give one with --kling-client MODULE:FUNCTION or --kling-command 'node client.js'"
_SUITE: pytest.StashKey[Suite | None] = pytest.StashKey()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test per property and model, for the client that the options name."""
    if "wanted" not in metafunc.fixturenames:
        return
    try:
        suite = _suite_of(metafunc.config)
    except KlingMockError as error:
        metafunc.parametrize(("model", "wanted"), [pytest.param(str(error), None, id="options")])
        return
    if suite is None:
        skipped = pytest.param("", None, id="no-client", marks=pytest.mark.skip(reason=_NO_CLIENT))
        metafunc.parametrize(("model", "wanted"), [skipped])
        return
    metafunc.parametrize(("model", "wanted"), suite.cases)


def _suite_of(config: pytest.Config) -> Suite | None:
    if _SUITE not in config.stash:
        config.stash[_SUITE] = _made(config)
    return config.stash[_SUITE]


def _made(config: pytest.Config) -> Suite | None:
    target = config.getoption("kling_client") or config.getoption("kling_command")
    if not target:
        return None
    folder = config.invocation_params.dir
    options = contract_options(config)
    with written_as_here(config):
        return Suite(target, plan_of(options, folder), folder / options["save"])


def test_contract(model: str, wanted: Property | None, request: pytest.FixtureRequest) -> None:
    """One property holds for one model."""
    __tracebackhide__ = True
    if wanted is None:
        pytest.fail(f"The options cannot be used: {model}", pytrace=False)
    suite = _suite_of(request.config)
    assert suite is not None
    suite.test(model, wanted)
