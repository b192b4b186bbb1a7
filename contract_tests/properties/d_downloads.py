"""D. Reading the result: clients that download the video."""

from __future__ import annotations

from kling_mock.scenarios import CATALOGUE, Fault, Scenario

from ..running.met import unmet_in_polls
from ..running.models import Run
from .base import Failure, Section
from .d_result import downloads
from .e_transport import TOO_LONG, held
from .oracles import not_delivered
from .trials import LONG, each, fixed

__all__ = ["SECTION"]

SECTION = Section(unmet_in_polls)
rule = SECTION.rule

HANGING = Scenario("generated", "The download is never answered.", faults=(Fault("video", "hang"),))


@rule(
    "D11",
    trials=fixed(HANGING, seconds=LONG),
    first=each(HANGING, seconds=LONG),
    applies=downloads,
    virtual=True,
    examples=1,
)
def hanging_video(run: Run) -> Failure | None:
    for exchange in run.trace:
        if exchange.kind == "video" and exchange.status is None and held(exchange, run) > TOO_LONG:
            return Failure(
                "the download was not answered, and the client waited for more than an hour", exchange.number
            )
    return None


WITHOUT_LENGTH = Scenario(
    "generated", "The video comes in chunks, without a length.", faults=(Fault("video", "chunked"),)
)
WAYS = (CATALOGUE["video-redirect"], CATALOGUE["video-slow"], WITHOUT_LENGTH)
"""How a content delivery network may give a video."""


@rule(
    "D12",
    trials=fixed(*WAYS),
    first=each(*WAYS),
    applies=downloads,
    examples=1,
    plain=True,
)
def moved_video(run: Run) -> Failure | None:
    if run.trial.scenario is WITHOUT_LENGTH and run.outcome.failed and not run.outcome.crashed:
        return None  # who cannot tell whether it came whole may say so
    return not_delivered(run)
