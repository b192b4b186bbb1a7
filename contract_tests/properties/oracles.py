"""Judgements that properties share: differing bodies, clear errors, delivered videos."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kling_mock.exchanges.exchange import Exchange
from kling_mock.validation.validator import undocumented_fields
from kling_mock.verdicts.shown import many
from kling_mock.wording import one_line, quoted

from ..generation.scenario_strategies import PLAIN
from ..running.models import Run
from ..running.wording import compared
from .base import Failure
from .contracts import goes_without_saying

__all__ = [
    "accepted",
    "after_words",
    "answered",
    "difference",
    "documented",
    "doing",
    "failed_clearly",
    "gave_up_early",
    "key_shown",
    "mentions",
    "not_delivered",
    "nulls",
    "told_with",
    "undocumented",
]

_AROUND = 40
"""Characters that are shown before and after a key."""
_UNANSWERED = {"reset": "reset", "dropped": "dropped", "hang": "never answered"}
EARLY = 240.0
"""Virtual seconds before which nobody may give up on a job that is under way: documented ones take longer."""


def not_delivered(run: Run) -> Failure | None:
    """The failure of a run that ought to end with the video; None where it did."""
    if run.delivered:
        return None
    last = run.trace[-1].number if run.trace else None
    if run.outcome.kind == "returned" and run.url is not None:
        value = run.outcome.value
        if not isinstance(value, str):
            return Failure(f"the video is {one_line(run.url, 300)}, but the client {run.brief()}", last)
        wanted, given = compared(run.url, value)
        return Failure(f"the video is {wanted}, but the client returned {run.redactor.text(given)}", last)
    if run.creates and not accepted(run) and not any(exchange.fault for exchange in run.creates):
        return Failure(f"the create was refused, and no job was made: the client {run.brief()}", last)
    return Failure(f"the job ends with a video, but the client {run.brief()}", last)


def told_with(run: Run, failure: Failure | None) -> Failure | None:
    """A failure with what its trial's server does said before it, where that is anything odd."""
    if failure is None or run.trial.scenario.name == PLAIN.name:
        return failure
    return Failure(f"{doing(run)}; {failure.says}", failure.exchange)


def doing(run: Run) -> str:
    """What a trial's server does, as a part of a sentence."""
    says = run.trial.scenario.summary.rstrip(".")
    return says[:1].lower() + says[1:]


def after_words(run: Run, failure: Failure | None) -> Failure | None:
    """A failure with the words before it by which polls were told how the job stood."""
    words = [word for word, _ in itertools.groupby(poll.word for poll in run.polls) if word is not None]
    if failure is None or not words:
        return failure
    return Failure(f"polls were told {', then '.join(map(quoted, words))}; {failure.says}", failure.exchange)


def answered(exchange: Exchange) -> str:
    """How a request was answered, in words: `answered 502 [html]`, `reset`, `never answered`."""
    fault = f" [{exchange.fault}]" if exchange.fault not in (None, "status") else ""
    if exchange.status is not None:
        return f"answered {exchange.status}{fault}"
    return _UNANSWERED.get(exchange.fault or "", f"not answered{fault}")


def failed_clearly(run: Run, why: str) -> Failure | None:
    """The failure of a run that ought to end with a clear error; `why` says what the client was told."""
    outcome = run.outcome
    last = run.trace[-1].number if run.trace else None
    if outcome.kind == "returned":
        return Failure(f"{why}, but the client {run.brief(outcome)} as if all were well", last)
    if outcome.kind == "stopped" or run.cut:
        return Failure(f"{why}, but the client did not end: {many(run.received, 'request')} came", last)
    if outcome.crashed:
        return Failure(f"{why}, and the client crashed: it {run.brief(outcome)}", last)
    return None


def gave_up_early(run: Run) -> Failure | None:
    """The failure of a run that ends with a video, unless the client's own budget was used up before."""
    if run.outcome.failed and not run.outcome.crashed and run.seconds > EARLY:
        return None
    return not_delivered(run)


def accepted(run: Run) -> list[Exchange]:
    """The creates that made a job."""
    return [exchange for exchange in run.creates if exchange.job_id is not None]


def mentions(text: str, run: Run) -> bool:
    """Return True if the text is in what the client raised or printed, escaped or not."""
    if not text:
        return True
    shown = run.outcome.everything
    plain = _plain(text)
    return text in shown or plain in _plain(shown) or json.dumps(text)[1:-1] in shown


def _plain(text: str) -> str:
    return " ".join(text.replace("\\n", " ").replace("\\", "").split())


def difference(sent: Any, given: Any, path: str = "", schema: Mapping[str, Any] | None = None) -> str | None:
    """The first difference of two JSON values in words, or None; a number and its string are the same.

    With a schema, so is a field that is not said and one that says its default.
    """
    here = path or "the body"
    fields: Mapping[str, Any] = (schema or {}).get("properties", {})
    if isinstance(given, dict) and isinstance(sent, dict):
        for name in given:
            inner = f"{path}.{name}" if path else name
            if name not in sent:
                return f"{inner} was given as {quoted(given[name])} and left out"
            found = difference(sent[name], given[name], inner, fields.get(name))
            if found:
                return found
        for name in sent:
            if name not in given and not goes_without_saying(sent[name], fields.get(name)):
                return f"{path + '.' if path else ''}{name} was not given and sent as {quoted(sent[name])}"
        return None
    if isinstance(given, list) and isinstance(sent, list):
        if len(given) != len(sent):
            return f"{here} was given with {many(len(given), 'item')} and sent with {len(sent)}"
        found_all = (
            difference(one, other, f"{path}[{i}]", (schema or {}).get("items"))
            for i, (one, other) in enumerate(zip(sent, given, strict=True))
        )
        return next((found for found in found_all if found), None)
    if _same(sent, given):
        return None
    before, after = compared(given, sent)
    return f"{here} was given as {before} and sent as {after}"


def _same(sent: Any, given: Any) -> bool:
    if isinstance(given, bool) or isinstance(sent, bool) or given is None or sent is None:
        return sent is given
    if isinstance(given, int | float) and isinstance(sent, str):
        try:
            return float(sent) == given
        except ValueError:
            return False
    return (type(given) is type(sent) and given == sent) or (
        isinstance(given, int | float) and isinstance(sent, int | float) and given == sent
    )


def key_shown(run: Run) -> str | None:
    """Where the key can be read in what the client shows, with the words around it; None where it cannot."""
    outcome = run.outcome
    error = "its error" if outcome.failed else "its result"
    shown = ((error, outcome.text), ("what it printed", outcome.output), ("its result", outcome.value))
    for place, text in shown:
        if isinstance(text, str) and run.key in text:
            before, _, after = text.partition(run.key)
            around = f"{before[-_AROUND:]}KEY{after[:_AROUND]}"
            return f"{place}: {quoted(run.redactor.text(around))}"
    return None


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """The paths at which a value holds null."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from nulls(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from nulls(inner, f"{path}[{place}]")


def undocumented(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """The paths of the keys that a schema does not document."""
    return iter(undocumented_fields(value, schema))


def documented(exchange: Exchange) -> bool:
    """Return True if a request went to a path that the API has."""
    return exchange.kind != "other" and "//" not in exchange.path
