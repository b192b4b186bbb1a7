"""F. The process: what is asked of a client that is a command."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import CATALOGUE, Scenario
from kling_mock.verdicts.shown import many
from kling_mock.wording import one_line, quoted

from ..generation.scenario_strategies import PLAIN
from ..running.met import always_met
from ..running.models import Run
from ..running.wording import compared
from .base import Context, Failure, Section
from .d_result import SAID
from .oracles import doing, key_shown
from .trials import behaving, each, every, fixed

__all__ = ["SECTION"]

SECTION = Section()
rule = SECTION.rule
_Sent = tuple[str, str, bytes, bytes]
"""A request: its method, path, query and body."""


def _command(context: Context) -> str | None:
    return None if context.client.kind == "command" else "is about commands"


@rule(
    "F1",
    trials=fixed(PLAIN),
    applies=_command,
    examples=1,
    missed=always_met,
)
def honours_base_url(run: Run) -> Failure | None:
    own = run.base_url.partition("://")[2].partition("/")[0]
    for exchange in run.trace:
        host = ", ".join(exchange.header_values(b"host"))
        if host != own:
            return Failure(f"the base URL is {run.base_url}, and {host} was asked", exchange.number)
    if run.received:
        return None
    return Failure(f"nothing arrived at {run.base_url}: the client {run.brief()}")


def _endings() -> st.SearchStrategy[Scenario]:
    names = ("failed", "unauthorized", "completed-without-url", "create-empty")
    return st.sampled_from([PLAIN, *(CATALOGUE[name] for name in names)])


@rule(
    "F2",
    trials=behaving(_endings),
    first=every(_endings),
    applies=_command,
    examples=8,
)
def exit_code(run: Run) -> Failure | None:
    outcome = run.outcome
    if run.trial.scenario.name == "completed":
        if outcome.kind == "raised":
            return Failure(f"the job completed, but the client {run.brief()}")
        if run.url is not None and outcome.value != run.url:
            return Failure(f"the last line of stdout is {quoted(outcome.value)}, not the video's URL")
        return None
    if outcome.kind == "returned":
        return Failure(f"{doing(run)}, but the client {run.brief()} as if all were well")
    return None


@rule(
    "F3",
    trials=behaving(
        lambda: st.sampled_from([PLAIN, CATALOGUE["unauthorized"], CATALOGUE["failed"]]), inspect=True
    ),
    first=each(PLAIN, CATALOGUE["unauthorized"], CATALOGUE["failed"], *SAID),
    applies=_command,
    examples=4,
)
def key_not_shown(run: Run) -> Failure | None:
    shown = key_shown(run)
    if shown is not None:
        return Failure(f"the key is in what the client prints, in {shown}")
    if run.key in run.arguments:
        return Failure("the key is among the arguments of a process")
    return None


@rule(
    "F4",
    trials=fixed(PLAIN, CATALOGUE["failed"], twice=True),
    applies=_command,
    examples=2,
)
def deterministic_trace(run: Run) -> Failure | None:
    first, second = _shape(run.trace), _shape(run.again.trace if run.again else run.trace)
    if first != second:
        return Failure(f"the same was tried twice, and the client {_changed(first, second)}")
    return None


def _changed(first: Sequence[_Sent], second: Sequence[_Sent]) -> str:
    """What is not the same in the requests of two runs, in words."""
    if len(first) != len(second):
        return f"sent {many(len(first), 'request')}, then {len(second)}"
    place = next(place for place, sent in enumerate(first) if sent != second[place])
    one, other = first[place], second[place]
    if one[:3] != other[:3]:
        return f"asked for {_target(one)}, then for {_target(other)}"
    before, after = (sent[3].decode("utf-8", "replace") for sent in (one, other))
    return "sent the body {}, then {}".format(*compared(before, after))


def _target(sent: _Sent) -> str:
    method, path, query, _ = sent
    return one_line(f"{method} {path}{'?' if query else ''}{query.decode('utf-8', 'replace')}")


def _shape(trace: list[Exchange]) -> list[_Sent]:
    return [(exchange.method, exchange.path, exchange.query_string, exchange.body) for exchange in trace]
