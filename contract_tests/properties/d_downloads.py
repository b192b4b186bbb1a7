"""D. Reading the result: clients that download the video."""

from __future__ import annotations

from pathlib import Path

from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.scenarios.fault import FaultKind
from kling_mock.wording import quoted

from ..running.met import unmet, unmet_in_polls
from ..running.models import Run
from .base import Failure, Section
from .d_result import downloads, fetches
from .e_transport import TOO_LONG, held
from .oracles import not_delivered, told_with
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
    return told_with(run, not_delivered(run))


def _broken_once(kind: FaultKind, *others: Fault) -> Scenario:
    return Scenario("generated", "One download breaks off.", faults=(Fault("video", kind, times=1), *others))


WHOLE_AGAIN = Fault("video", "slow", after=1, seconds=1.0)
"""The next download comes whole, also to whoever asks for its rest alone: with 200 instead of 206."""
RESUMED = (
    _broken_once("truncated"),
    _broken_once("truncated", WHOLE_AGAIN),
    _broken_once("reset"),
    _broken_once("expired"),
    CATALOGUE["video-changed"],
)


def _asked_once(run: Run) -> str | None:
    return unmet(run) or (None if len(fetches(run)) > 1 else "asked once for the video alone")


@rule(
    "D14",
    trials=fixed(*RESUMED, watch_files=True),
    first=each(*RESUMED, watch_files=True),
    applies=downloads,
    examples=4,
    missed=_asked_once,
)
def resumed_download(run: Run) -> Failure | None:
    fetched = fetches(run)
    if len(fetched) < 2 or not run.half_files or run.outcome.kind != "returned":
        return None  # a half file that is left, or hushed up, is the business of D8
    kept, last = quoted(Path(run.half_files[0]).name), fetched[-1]
    says = f"the download broke off ({fetched[0].fault}), it was asked for again and answered {last.status}"
    if last.fault == "changed":
        tag = ", ".join(value.decode("latin-1") for name, value in last.answer_headers if name == b"etag")
        how = "with" if last.header_values(b"if-range") else "without"
        says += f" with another video (ETag: {tag}; asked {how} If-Range)"
    return Failure(f"{says}, and {kept} is not the video", last.number)
