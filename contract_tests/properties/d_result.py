"""D. Reading the result: the video's URL as it is, an error with its reason, nothing that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from kling_mock.exchanges.exchange import Exchange
from kling_mock.scenarios import CATALOGUE, Scenario
from kling_mock.scenarios.scenario import SHAPES, Shape
from kling_mock.wording import quoted

from ..generation import scenario_strategies
from ..generation.scenario_strategies import PLAIN
from ..running.met import unmet, unmet_in_polls
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import failed_clearly, key_shown, mentions, not_delivered, told_with
from .trials import behaving, each, every, fixed, stuck_trial

__all__ = ["SAID", "SECTION", "downloads", "fetches"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule


def _shaped(*names: Shape) -> Scenario:
    says = "; ".join(SHAPES[name] for name in names)
    return Scenario("generated", f"In answers: {says}.", shapes=frozenset(names))


@rule(
    "D1",
    trials=fixed(PLAIN, _shaped("nulls"), _shaped("absent")),
    first=each(_shaped("nulls"), _shaped("absent")),
    examples=8,
    plain=True,
)
def null_friendly(run: Run) -> Failure | None:
    return told_with(run, not_delivered(run))


@rule(
    "D2",
    trials=behaving(scenario_strategies.videos_missing),
    first=every(scenario_strategies.videos_missing),
    examples=8,
    plain=True,
)
def completed_without_url(run: Run) -> Failure | None:
    done = [exchange for exchange in run.polls if exchange.state == "completed"]
    answer = done[0].answer if done else None
    shown = f" ({_told('video', answer)})" if isinstance(answer, dict) else ""
    why = f"the job completed without a URL{shown}"
    if len(done) > 1:
        return Failure(f"{why}, and was polled again", done[1].number)
    return failed_clearly(run, why)


def _told(name: str, answer: dict[str, Any]) -> str:
    """A key of an answer as it was told: `"video": {}`, or that it is not there."""
    return f'"{name}": {quoted(answer[name], 60)}' if name in answer else f'no "{name}"'


SIGNS = CATALOGUE["failed"].replace(
    name="generated",
    error="signs",
    summary="The job ends with an error whose text has quotes, braces and percent signs.",
)


def _failing(context: Context) -> Iterator[Trial]:
    yield from each(SIGNS)(context)
    yield from every(scenario_strategies.failures)(context)


@rule(
    "D3",
    trials=behaving(scenario_strategies.failures),
    first=_failing,
    plain=True,
)
def error_shapes(run: Run) -> Failure | None:
    told = [exchange for exchange in run.trace if exchange.state == "error"]
    if not told:
        return None
    answer = told[-1].answer
    shown = f" ({_told('error', answer)})" if isinstance(answer, dict) else ""
    failure = failed_clearly(run, f"the job ended with an error{shown}")
    if failure is not None:
        return failure
    words = list(_texts(answer.get("error"))) if isinstance(answer, dict) else []
    if words and not any(mentions(word, run) for word in words):
        return Failure(f"the error said {quoted(words[0])}, the client {run.brief()}", told[-1].number)
    return None


def _texts(error: Any) -> list[str]:
    """The texts of an error in any of its shapes: its message, or else its name."""
    if isinstance(error, str):
        return [error]
    if not isinstance(error, dict):
        return []
    detail = error.get("detail")
    if isinstance(detail, list):
        return [part["msg"] for part in detail if isinstance(part, dict) and isinstance(part.get("msg"), str)]
    return [error[key] for key in ("message", "name") if isinstance(error.get(key), str)][:1]


@rule(
    "D4",
    trials=fixed(_shaped("extra-fields"), _shaped("extra-fields", "file-details")),
    first=each(_shaped("extra-fields"), _shaped("extra-fields", "file-details"), _shaped("long")),
    examples=6,
    plain=True,
)
def extra_fields_ignored(run: Run) -> Failure | None:
    return told_with(run, not_delivered(run))


@rule(
    "D5",
    trials=fixed(PLAIN, *(_shaped(name) for name in ("no-usage", "tokens-used", "poll-usage"))),
    first=each(*(_shaped(name) for name in ("no-usage", "tokens-used", "poll-usage"))),
    examples=8,
    plain=True,
)
def any_usage(run: Run) -> Failure | None:
    return told_with(run, not_delivered(run))


@rule(
    "D6",
    trials=fixed(PLAIN, _shaped("signed-url"), CATALOGUE["video-redirect"]),
    first=each(PLAIN, _shaped("signed-url"), CATALOGUE["video-redirect"]),
    examples=4,
    plain=True,
)
def url_verbatim(run: Run) -> Failure | None:
    if run.trial.scenario.name == "video-redirect" and run.outcome.failed:
        # Whether a download follows the redirect is the business of D12.
        return None
    return not_delivered(run)


def _elsewhere() -> st.SearchStrategy[Scenario]:
    failures = [CATALOGUE[name] for name in ("failed", "unauthorized", "bad-request")]
    return st.sampled_from([_shaped("signed-url"), CATALOGUE["video-redirect"], *failures])


SAID = tuple(
    CATALOGUE[name]
    for name in (
        "server-error",
        "bad-gateway-html",
        "create-lost-reply",
        "create-without-id",
        "failed-in-create",
        "completed-without-url",
    )
) + tuple(
    CATALOGUE[name].with_faults(times=1)
    for name in ("rate-limited", "poll-server-error", "poll-truncated", "poll-reset")
)
"""Where a client has something to say, also of what passes, and may say too much."""


def _shown(context: Context) -> Iterator[Trial]:
    yield from every(_elsewhere)(context)
    yield from every(scenario_strategies.lasting_refusals)(context)
    yield from each(*SAID)(context)
    if context.profile.gave_up:
        yield stuck_trial(context)


@rule(
    "D7",
    trials=behaving(_elsewhere),
    first=_shown,
    examples=10,
    missed=unmet,
)
def no_key_leak(run: Run) -> Failure | None:
    own = run.base_url.partition("://")[2].partition("/")[0]
    for exchange in run.trace:
        host = ", ".join(exchange.header_values(b"host"))
        if host != own and exchange.header_values(b"authorization"):
            return Failure(f"the key was sent to {host}; the API is at {own}", exchange.number)
        if exchange.kind == "video" and run.key.encode() in exchange.query_string:
            return Failure("the key was put into the video's URL", exchange.number)
    shown = key_shown(run)
    if shown is not None:
        return Failure(f"the key is in what the client shows, in {shown}")
    return None


def downloads(context: Context) -> str | None:
    """The reason why nothing can be tried with downloads; None for a client that makes some."""
    return None if context.profile.downloads else "does not download the video"


def fetches(run: Run) -> list[Exchange]:
    """The downloads of a run, broken ones and whole ones."""
    return [exchange for exchange in run.trace if exchange.kind == "video" and exchange.method == "GET"]


BROKEN = tuple(CATALOGUE[name] for name in ("video-expired", "video-truncated", "video-reset"))


@rule(
    "D8",
    trials=fixed(*BROKEN, watch_files=True),
    first=each(*BROKEN, watch_files=True),
    applies=downloads,
    examples=4,
)
def download_integrity(run: Run) -> Failure | None:
    fetched = [each for each in fetches(run) if each.fault]
    if not fetched:
        return None
    if run.half_files:
        kept = quoted(Path(run.half_files[0]).name)
        return Failure(
            f"the download went wrong ({fetched[0].fault}), and {kept} was left, which is no whole video",
            fetched[0].number,
        )
    if run.outcome.kind == "returned":
        return Failure(
            f"the download went wrong ({fetched[0].fault}), and nobody was told", fetched[0].number
        )
    return None
