"""D. Reading the result: texts in any script, and keys that look like those of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.wording import quoted

from ..generation.payloads import fields_of, smallest_payload
from ..generation.scenario_strategies import PLAIN
from ..running.met import unmet_in_polls
from ..running.models import Run, Trial
from .base import Context, Failure, Section
from .oracles import failed_clearly, mentions, not_delivered, told_with
from .trials import each, fixed

__all__ = ["SECTION"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule

TEXT = "Une créature, 一只猫, кошка, قطة 🐈"
REFUSED = "Le texte est refusé: 内容不合规, запрещено 🚫"

FAILED = CATALOGUE["failed"].replace(
    name="generated",
    error="other-scripts",
    summary="The job ends with an error whose text is in several scripts.",
)
REFUSING = Scenario(
    "generated",
    "The create is refused, with a text in several scripts.",
    faults=(Fault("create", "status", status=400, message=REFUSED),),
)


def _in_scripts(context: Context) -> Iterator[Trial]:
    body = smallest_payload(context.model)
    if "prompt" in fields_of(context.model):
        body["prompt"] = TEXT
    return (Trial(context.model, body, scenario) for scenario in (PLAIN, FAILED, REFUSING))


@rule(
    "D9",
    trials=lambda context: st.sampled_from(list(_in_scripts(context))),
    first=_in_scripts,
    examples=1,
    plain=True,
)
def any_script(run: Run) -> Failure | None:
    if run.trial.scenario.name == PLAIN.name:
        return not_delivered(run)
    answers = [each for each in run.trace if each.state == "error" or (each.status or 0) >= 400]
    if not answers:
        return None
    if run.outcome.crashed and "Unicode" in run.outcome.error:
        return failed_clearly(run, "the API said in several scripts why there is no video")
    if run.outcome.crashed or not run.outcome.failed:
        # Whatever the text is written in: B4 and D3 speak of that.
        return None
    said = answers[-1].answer
    error = said.get("error", said) if isinstance(said, dict) else None
    text = error.get("message") if isinstance(error, dict) else None
    if isinstance(text, str) and _is_garbled(text, run):
        return Failure(f"the API said {quoted(text)}, the client {run.brief()}", answers[-1].number)
    return None


def _is_garbled(text: str, run: Run) -> bool:
    """True where the plain parts of a text are shown, and the whole of it is not."""
    parts = re.findall(r"[ -~]{4,}", text)
    return not mentions(text, run) and any(mentions(part, run) for part in parts)


def _decoys() -> Scenario:
    says = (
        "Answers have generation_id, request_id, url and output as well, which lead elsewhere, and a "
        "progress of 100 from the start."
    )
    return Scenario("generated", says, shapes=frozenset({"decoys"}))


@rule(
    "D10",
    trials=fixed(_decoys()),
    first=each(_decoys()),
    examples=1,
    plain=True,
)
def decoy_keys(run: Run) -> Failure | None:
    wrong = next((poll for poll in run.polls if not poll.known_id), None)
    if wrong is not None and run.jobs:
        return Failure(
            f"the id is {quoted(run.jobs[0])}, and {quoted(wrong.job_id)} was polled", wrong.number
        )
    return told_with(run, not_delivered(run))
