"""A client before it is checked: can it be run, how does it poll, when does it give up?"""

from __future__ import annotations

import re

from kling_mock.errors import TargetError

from ..driving.client_time import VirtualTime
from ..driving.egress_guard import sentence
from ..driving.engine import SPANS, Engine
from ..generation.payloads import smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..properties import Context, Profile
from ..properties.retry_after import ASKING, own_cap
from ..properties.trials import stuck_trial
from .models import Run, Trial
from .rhythm import measuring, rhythm_of, tells_its_rhythm

__all__ = ["OF_BUDGET", "follow_rhythm", "measure_budget", "rehearse"]

_SPEAKS = re.compile(
    r"connect|refused|resolv|getaddrinfo|unreachable|time.?out|timed out|fetch|network", re.I
)
"""Words of a program that has tried to reach another host than the mock: F1 is about it."""
_OF_MAIN_THREADS = re.compile(r"only works? in (the )?main thread")

OF_BUDGET = ("B14", "C4", "C5", "C8", "C14", "C17", "C18", "C21", "C22", "D7")
"""Properties that need to know when the client gives up a job, or how long it waits when asked to."""


def rehearse(engine: Engine, model: str, profile: Profile) -> Run:
    """Run the client on the simplest trial, to see whether it can be run at all.

    Raises `TargetError` where it cannot: it hangs, exits, returns no string, never calls the mock.
    """
    client = engine.client
    payload = smallest_payload(model)
    run = engine.run(Trial(model, payload, PLAIN, note="a plain job"))
    profile.downloads = any(one.kind == "video" and one.method == "GET" for one in run.trace)
    profile.polls = bool(run.polls) or run.delivered or run.outcome.crashed
    profile.seconds = run.seconds
    _refuse_unending(engine, run)
    if client.kind == "command":
        _refuse_program(engine, run)
    else:
        _refuse_function(engine, run)
    return run


def _refuse_unending(engine: Engine, run: Run) -> None:
    """Refuse what does not run, or does not end as a client does."""
    client, outcome = engine.client, run.outcome
    if run.unsupported:
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief()}, for the smallest payload that there is. "
            "Expected a model that it supports (--model)."
        )
    if outcome.kind == "stopped" or run.received > run.trial.requests:
        why = f"{run.received} requests came and no end" if run.cut == "requests" else "it did not come back"
        raise TargetError(f"{client.name} cannot be checked: on a plain job {why}, and it was stopped.")
    if outcome.status in (126, 127) and not run.received:
        raise TargetError(f"{client.name} cannot be run: it {run.brief(outcome)}.")
    if outcome.kind == "exited":
        raise TargetError(
            f"{client.name} cannot be checked: it called {run.redactor(outcome.text)}; expected an exception."
        )


def _refuse_program(engine: Engine, run: Run) -> None:
    """Refuse a program that does not ask the mock; note whether only its sleeps follow the clock."""
    client, outcome = engine.client, run.outcome
    if not (run.received or engine.others or _SPEAKS.search(outcome.everything)):
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief(outcome)}, and no request came to "
            f"{run.base_url}. Does it read KLING_BASE_URL, and the payload from stdin?"
        )
    if engine.environment.partly():
        client.virtual_time = VirtualTime.SLEEPS


def _refuse_function(engine: Engine, run: Run) -> None:
    """Refuse a function that gives no URL, or does not ask the mock."""
    client, outcome = engine.client, run.outcome
    if outcome.kind == "returned" and not isinstance(outcome.value, str):
        received = type(outcome.value).__name__
        raise TargetError(
            f"{client.name} cannot be checked: expected the video's URL as a string, received {received}."
        )
    if _OF_MAIN_THREADS.search(outcome.text):
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief()}. A callable runs in a thread of its own, "
            "where signals cannot be handled: hand it in as a command, kling-mock verify -- python client.py."
        )
    if not run.received and not run.stale:
        asked = outcome.kind == "returned" or _SPEAKS.search(outcome.text)
        hint = sentence(engine.others) or ("Does it use base_url?" if asked else "")
        raise TargetError(
            f"{client.name} cannot be checked: it {run.brief()}, and no request came to {run.base_url}. "
            f"{hint}".strip()
        )


def follow_rhythm(engine: Engine, model: str, plain: Run) -> Run:
    """Have the engine stretch behaviour to the client's rhythm, and return how a plain job goes then.

    The client has shown it by a plain job, or does by one that takes long.
    """
    if not engine.client.virtual_time or not plain.polls:
        return plain
    payload, run = smallest_payload(model), plain
    if plain.delivered and not tells_its_rhythm(plain):
        run = engine.run(Trial(model, payload, measuring(plain), note="a job that takes long"))
    engine.follow(rhythm_of(run, SPANS))
    # A client that ends at the first answer which says that a job is under way: that is plain enough.
    ended = len(run.polls) == 1 and not run.delivered
    return run if ended else engine.run(plain.trial)


def measure_budget(engine: Engine, context: Context) -> None:
    """Note when the client polls a job that never ends, whether it gives up, and how long it can wait."""
    if not engine.client.virtual_time:
        return
    payload = smallest_payload(context.model)
    run = engine.run(stuck_trial(context, payload))
    start = run.creates[0].at if run.creates else run.started
    profile = context.profile
    profile.gave_up = run.outcome.failed and not run.cut
    profile.last_polls = tuple(exchange.at - start for exchange in run.polls[-2:])
    if engine.client.virtual_time is VirtualTime.SLEEPS and run.out_of_time:
        # Every request is a program of its own, and it sends many: that takes too long.
        engine.client.virtual_time = VirtualTime.NONE
        return
    profile.patience = own_cap(engine.run(Trial(context.model, payload, ASKING)))
