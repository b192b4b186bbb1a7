"""A test per property and model: `pytest --pyargs kling_mock.contract_tests --kling-client MODULE:NAME`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kling_mock.errors import KlingMockError
from kling_mock.units import parse_duration, parse_integer

from .properties import Property
from .pytest_suite import Suite
from .running.falsifier import Limits
from .running.session import Plan
from .running.xfails import Xfails, load_xfails

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
    xfails = config.getoption("kling_xfails")
    folder = config.invocation_params.dir
    plan = Plan(
        models=config.getoption("kling_model") or (),
        properties=config.getoption("kling_property") or (),
        level=config.getoption("kling_level"),
        limits=Limits(
            parse_integer(config.getoption("kling_max_examples")),
            parse_duration(config.getoption("kling_time_limit")),
        ),
        seed=parse_integer(config.getoption("kling_seed") or 0),
        xfails=load_xfails(folder / xfails) if xfails else Xfails(),
    )
    return Suite(target, plan, folder / Path(config.getoption("kling_save") or ".kling-mock"))


def test_contract(model: str, wanted: Property | None, request: pytest.FixtureRequest) -> None:
    """One property holds for one model."""
    __tracebackhide__ = True
    if wanted is None:
        pytest.fail(f"The options cannot be used: {model}", pytrace=False)
    suite = _suite_of(request.config)
    assert suite is not None
    suite.test(model, wanted)
