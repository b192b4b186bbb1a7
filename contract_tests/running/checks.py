"""Checking properties of one client one after the other: what one has shown is known to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kling_mock.catalog import load_catalog
from kling_mock.errors import KlingMockError, TargetError

from ..driving.engine import Engine, StrayRequests
from ..generation.contract_view import ContractView, current_view, viewed
from ..properties import PROPERTIES, Context, Profile, Property
from ..properties.b_create import made_again
from ..properties.contracts import on_older_path
from .causes import EVERYWHERE, UNNAMED, cause_of
from .events import Counterexample, Result
from .falsifier import Limits, check
from .models import Run, Trial
from .rehearsal import OF_BUDGET, follow_rhythm, measure_budget, rehearse
from .xfails import Xfails

__all__ = ["ONE_CREATE", "Checks", "Plan", "SecondCreate", "in_order"]

ONE_CREATE = "B1"
OWN_JOB = "B14"
"""The property that names a client whose calls leave something behind that blocks the next one."""


LEFT_BLOCKED = "after a call that failed, the next one sent nothing and waited for ever"
JAMMED = f"see {OWN_JOB}: calls wait for ever, and send nothing"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The properties and models to check, and how thoroughly; both are ids or globs, none for the default."""

    models: Sequence[str] = ()
    properties: Sequence[str] = ()
    ignore: Sequence[str] = ()
    level: str = "required"
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    xfails: Xfails = field(default_factory=Xfails)
    redact: Sequence[str] = ()
    """Names whose values are hidden in reports as well."""
    fields: Sequence[str] = ()
    """The fields that the client takes; none for those of its signature, or else for all."""
    strength: int = 2
    """How many behaviours come together in all ways."""
    specs: Sequence[str] = ()
    """The folders of documents beside the vendored ones."""
    server: str | None = None
    """Where the server is that the client meets; None for one of this process."""
    prices: str | None = None
    """A file of prices."""
    budget: float | None = None
    """US dollars that one run of the client may cost."""

    @property
    def strict(self) -> bool:
        """True where the strict rules are checked as well."""
        return self.level == "strict"

    @property
    def view(self) -> ContractView:
        """The whole contract of the models that there are."""
        return ContractView(catalog=load_catalog(self.specs))


def in_order(properties: Sequence[Property], cause: str) -> list[Property]:
    """The properties with causes before what they cause; B14 and B1 last, for every run may break them."""

    first, last = (EVERYWHERE, cause, UNNAMED), (OWN_JOB, ONE_CREATE)

    def place(one: Property) -> tuple[int, int, str, int]:
        rank = first.index(one.id) if one.id in first else len(first)
        return last.index(one.id) + 1 if one.id in last else 0, rank, one.id[0], len(one.after)

    return sorted(properties, key=place)


@dataclass(frozen=True)
class SecondCreate:
    """A trial of the property `by` in which a job was made although one was known to be there."""

    by: str
    trial: Trial


class Checks:
    """The checks of one client; makes its first runs. Raises `TargetError` where it cannot be checked."""

    def __init__(self, engine: Engine, plan: Plan, properties: Sequence[Property], model: str) -> None:
        self._engine = engine
        self._plan = plan
        self._of_budget = any(one.id in OF_BUDGET for one in properties)
        self._profile = Profile()
        self._plain = follow_rhythm(engine, model, rehearse(engine, model, self._profile))
        # The contract of the path that the client was seen to use.
        older = any(map(on_older_path, self._plain.creates))
        self._view = dataclasses.replace(current_view(), legacy=older)
        self._properties = {one.id: one for one in properties}
        self._broken: dict[str, Property] = {}
        self.second_create: SecondCreate | None = None
        """The smallest trial of this model so far in which a job was made again."""
        self.jam: tuple[str, Run] | None = None
        """The first run that earlier ones kept from sending anything, and the property that was tried."""
        self.cause = self._cause(cause_of(self._plain))
        """The property that names why already a plain job fails; empty where it does not."""
        self.context = self._context(model)

    def _cause(self, named: str) -> str:
        """Of those that are checked, the property that shows why a plain job fails: one has to."""
        if not named:
            return ""
        some = [named, UNNAMED, *(one.id for one in self._properties.values() if one.plain)]
        return next((id for id in some if id in self._properties), "")

    def _context(self, model: str) -> Context:
        plan = self._plan
        context = Context(model, self._engine.client, self._profile, plan.strict, plan.strength)
        if self._of_budget:
            with viewed(self._view):
                measure_budget(self._engine, context)
        return context

    def begin(self, model: str, part: tuple[int, int] = (0, 1), known: Sequence[str] = ()) -> None:
        """Go on with a model; `part` says which of how many parts of the covering behaviours is tried.

        `known` are properties of it that others have found to be broken.
        """
        if model != self.context.model:
            self.context = self._context(model)
            self._broken = {}
            self.second_create = None
        self._broken |= {id: PROPERTIES[id] for id in known}
        self.context = dataclasses.replace(self.context, part=part)

    def check(self, one: Property, watch: Callable[[Run], None] = lambda run: None) -> Result:
        """Try one property, and hold the result against the known failures.

        What goes wrong in the kit itself is the result of this property alone. Raises `TargetError` where
        the client cannot be run on.
        """
        context = self.context
        try:
            with viewed(self._view):
                result = self._result(one, watch)
        except StrayRequests as error:
            result = Result(one.rule, context.model, "error", str(error))
        except KlingMockError:
            raise
        except Exception as error:
            says = f"the check itself failed with {type(error).__name__}: {error}"
            result = Result(one.rule, context.model, "error", says)
        known = self._plan.xfails.reason(one.id, context.model)
        if known is not None and result.result in ("passed", "failed"):
            result.result = "xpassed" if result.result == "passed" else "xfailed"
            result.reason = known
        self._note(one, result)
        return result

    @property
    def unnamed(self) -> str:
        """That already a plain job fails, where nothing that was checked is broken by it."""
        if self._plain.delivered or self._broken or not any(map(self._gated, self._properties.values())):
            return ""
        key = " Does each call use the key that it is given?" if self._engine.stray_requests else ""
        return f"Already a plain job fails: the client {self._plain.brief()}.{key}"

    def _gated(self, one: Property) -> bool:
        """True for a property that a client which fails already in a plain job cannot show."""
        return one.plain and not self._plain.delivered and one.id != self.cause

    def _note(self, one: Property, result: Result) -> None:
        if result.result in ("failed", "xfailed"):
            self._broken[one.id] = one
        elif one.id == self.cause:
            # Not what it seemed to be: a property that asks for the video alone has to show it.
            self.cause = self._cause(UNNAMED) if one.id != UNNAMED else ""

    def _result(self, one: Property, watch: Callable[[Run], None]) -> Result:
        def see(run: Run) -> None:
            watch(run)
            self._look_for_a_second_create(one, run)
            if run.jammed and self.jam is None:
                self.jam = one.id, run

        reason = self._reason_to_skip(one)
        if self.jam is not None and one.id == OWN_JOB:
            return self._jammed(one, *self.jam)
        if reason is not None:
            return Result(one.rule, self.context.model, "skipped", reason)
        plan = self._plan
        result = check(
            self._engine,
            one,
            self.context,
            seed=plan.seed,
            limits=plan.limits,
            watch=see,
            broken=self._broken,
        )
        if self.jam is not None and result.result != "failed":
            if OWN_JOB not in self._properties:
                raise TargetError(f"{self._engine.client.name} cannot be checked further: {LEFT_BLOCKED}.")
            result = self._jammed(one, *self.jam) if one.id == OWN_JOB else self._after_a_jam(one)
        if one.id == ONE_CREATE and self.second_create is not None and result.result != "failed":
            self._fail_one_create(result, self.second_create)
        if result.counterexample is not None:
            example = result.counterexample
            says = example.run.redactor.text(example.says)
            result.counterexample = dataclasses.replace(example, says=says)
        return result

    def _reason_to_skip(self, one: Property) -> str | None:
        """The reason to skip a property for a client whose plain job went as it did; None to check it."""
        plain = self._plain
        if self.jam is not None:
            return JAMMED
        if not plain.received and one.id not in ("F1", self.cause):
            return f"nothing arrives at the mock (see {self.cause or 'F1'})"
        if self._gated(one):
            if self.cause in self._broken:
                return f"see {self.cause}: already a plain job fails"
            return f"already a plain job fails: the client {plain.brief()}"
        return None

    def _after_a_jam(self, one: Property) -> Result:
        return Result(one.rule, self.context.model, "skipped", JAMMED)

    def _jammed(self, one: Property, by: str, run: Run) -> Result:
        """Break B14 with a run that was blocked before it sent anything, as another property was tried."""
        example = Counterexample(run.trial, run, LEFT_BLOCKED, None, self._plan.seed)
        found_by = "" if by == one.id else by
        return Result(
            one.rule, self.context.model, "failed", counterexample=example, found_by=found_by, examples=1
        )

    def _look_for_a_second_create(self, one: Property, run: Run) -> None:
        if one.id == ONE_CREATE or made_again(run) is None:
            return
        before = self.second_create
        if before is None or run.trial.weight < before.trial.weight:
            self.second_create = SecondCreate(one.id, run.trial)

    def _fail_one_create(self, result: Result, second_create: SecondCreate) -> None:
        """Break B1 with the trial of another property, where it shows again that a job was made twice."""
        run = self._engine.run(second_create.trial, fresh=True)
        failure = made_again(run)
        if failure is None:
            return
        result.result, result.found_by = "failed", second_create.by
        says = f"{failure.says}, as {second_create.by} was tried"
        result.counterexample = Counterexample(
            second_create.trial, run, says, failure.exchange, self._plan.seed
        )
