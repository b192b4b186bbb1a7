"""The properties as tests of pytest, one per property and model, in the kit's module or in a user's."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack

import pytest

from kling_mock.command_options import ContractOptions
from kling_mock.errors import KlingMockError
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.options import given_options

from .driving.clients import CallableClient, Client, load_callable
from .driving.commands import CommandClient
from .driving.engine import Engine
from .generation.contract_view import WHOLE, viewed
from .properties import Property
from .reporting.artifacts import Artifacts
from .reporting.console import explain
from .running.checks import Checks, Plan
from .running.events import Result, Started
from .running.session import check_fields, plan_of, ready_engine, select_models, select_properties, view_of
from .running.spending import Spending

__all__ = ["Suite", "contract_test"]

Target = str | Sequence[str] | Callable[..., Any]


class Suite:
    """A client and what is checked of it; `cases` are its tests, `test` runs one of them."""

    def __init__(self, target: Target, plan: Plan, save: Path = Path(".kling-mock")) -> None:
        self.plan = plan
        with viewed(plan.view):
            self.models = select_models(plan.models)
            check_fields(plan, self.models)
        self.properties = select_properties(plan.properties, plan.level, plan.ignore)
        self._target = target
        self._artifacts = Artifacts(save)
        self._engine: Engine | None = None
        self._checks: Checks | None = None
        self._view = WHOLE
        self._problem = ""
        self._over_budget = ""
        """What the last check said of a run of the client that cost too much."""

    @property
    def cases(self) -> list[Any]:
        """Pairs of a model and a property, as parameters with ids such as `B1-klingai/avatar-pro`."""
        return [
            pytest.param(model, one, id=f"{one.id}-{model}")
            for model in self.models
            for one in self.properties
        ]

    def test(self, model: str, wanted: Property) -> None:
        """Try one property on one model, and fail, skip or pass this test."""
        __tracebackhide__ = True
        result = None
        if not self._problem:
            try:
                result = self._result(model, wanted)
            except KlingMockError as error:
                said = Redactor(environment_keys())(str(error))
                self._problem = f"The client could not be checked. {said}"
        if result is None:
            pytest.fail(self._problem, pytrace=False)
        self._tell(result)

    def _result(self, model: str, wanted: Property) -> Result:
        if self._engine is None:
            with viewed(self.plan.view):
                client = _client_of(self._target)
                self._view = view_of(client, self.plan, self.models)
            with viewed(self._view), ready_engine(client, self.plan, self.models[0]) as engine:
                self._engine = engine
        with viewed(self._view), self._engine as engine:
            if self._checks is None:
                self._checks = Checks(engine, self.plan, self.properties, self.models[0])
            self._checks.begin(model)
            spending = Spending()
            result = self._checks.check(wanted, spending.see)
            self._over_budget = spending.beyond(self.plan.budget)
            return result

    def _tell(self, result: Result) -> None:
        __tracebackhide__ = True
        if result.result == "failed":
            assert self._engine is not None
            started = Started(
                self._engine.client.name,
                tuple(self.models),
                (),
                self.plan.seed,
                self.plan.level,
                self._engine.client.target,
            )
            text = "\n".join(explain(started, result, self._artifacts.save(result)))
            text += f"\n  {self._artifacts.problem}" if self._artifacts.problem else ""
            if result.advisory:
                pytest.skip(f"advice: {text}")
            pytest.fail(text, pytrace=False)
        if result.result == "xpassed":
            pytest.fail(
                f"{result.id} is kept, though it is listed as a known failure: {result.reason}", pytrace=False
            )
        if result.result == "xfailed":
            pytest.xfail(result.reason)
        if self._over_budget:
            pytest.fail(self._over_budget, pytrace=False)
        if result.result == "skipped":
            pytest.skip(result.reason)
        if result.thin or result.result == "error":
            pytest.fail(f"{result.id} was cut short: {result.reason}", pytrace=False)


def _client_of(target: Target) -> Client:
    if callable(target):
        return CallableClient(target)
    if isinstance(target, str) and ":" in target and " " not in target:
        return load_callable(target)
    return CommandClient(shlex.split(target) if isinstance(target, str) else target)


def contract_test(client: Target, **options: Unpack[ContractOptions]) -> Callable[..., None]:
    """A test function for a test file of one's own: `test_contract = contract_test("my_client:generate")`.

    `client` is a callable, its `MODULE:FUNCTION`, or a command as a string or words; the options are those
    of `kling-mock verify` (`models`, `properties`, `ignore`, `level`, `max_examples`, `timeout`, `seed`,
    `xfails`, `save`). Raises `UnknownModel` and `SettingsError` for what does not exist.
    """
    given = given_options(ContractOptions, options)
    suite = Suite(client, plan_of(given), Path(given["save"]))

    @pytest.mark.parametrize(("model", "wanted"), suite.cases)
    def test_contract(model: str, wanted: Property) -> None:
        __tracebackhide__ = True
        suite.test(model, wanted)

    return test_contract
