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


@rule(
    "D12",
    trials=fixed(CATALOGUE["video-redirect"], CATALOGUE["video-slow"]),
    first=each(CATALOGUE["video-redirect"], CATALOGUE["video-slow"]),
    applies=downloads,
    examples=1,
    plain=True,
)
def moved_video(run: Run) -> Failure | None:
    return not_delivered(run)
