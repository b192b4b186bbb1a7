"""The space of behaviours: what a server can do to one job, as factors whose values come together in pairs.

A behaviour is a row of the space: the way to the end, a fault of a poll and the polls that it strikes, the
form of the id, the shape of the answers, how they travel, and what the create replies.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.timeline import Step

from .covering import Constraint, Row, Space
from .scenario_strategies import PLAIN, TROUBLES, WITHOUT_STATUS, faults_named, joined, part

__all__ = ["BEHAVIOURS", "FAULT", "LIMITED", "NOTHING", "OVER", "PLACES", "Behaviour", "behaviours"]

NOTHING = "plain"
"""What the plain value of a factor is called."""
FAULT = "fault"

WAYS: Mapping[str, Scenario] = {
    NOTHING: PLAIN,
    "skips generating": CATALOGUE["skips-generating"].replace(
        plan=(Step("queued", scale=10.0), Step("completed"))
    ),
    "at once": part("The first poll says completed.", plan=("completed",)),
    "backwards": CATALOGUE["backwards"],
    "waiting and active": CATALOGUE["waiting-active"],
    "unknown word": CATALOGUE["unknown-status"],
    "no status": WITHOUT_STATUS,
    "error": CATALOGUE["failed"],
    "error as text": CATALOGUE["failed"].replace(
        error="string", summary="The job ends with an error, a text."
    ),
    "error null": CATALOGUE["failed"].replace(
        error="null", summary="The job ends with an error that is null."
    ),
    "no URL": CATALOGUE["completed-without-url"].replace(plan=None),
}
"""Ways to the end."""
FAILED = ("error", "error as text", "error null")
PLACES: Mapping[str, tuple[int, int]] = {
    NOTHING: (0, 0),
    "poll 1": (0, 1),
    "poll 2": (1, 1),
    "poll 3": (2, 1),
    "polls 1 and 2": (0, 2),
}
"""The polls that meet the fault: how many go well before, and how many in a row do not."""
SHAPES = (
    "nulls",
    "absent",
    "extra-fields",
    "tokens-used",
    "no-usage",
    "poll-usage",
    "file-details",
    "signed-url",
)
AT_THE_END = ("file-details", "signed-url")
"""Shapes of an answer that has a video."""
TRANSPORTS = ("chunked", "gzip", "close-between-polls", "slow-drip")
LIMITED = "429 first"
"""The reply of a create that may come again."""
CREATES: Mapping[str, Scenario] = {
    NOTHING: PLAIN,
    "201": part("The create is accepted with 201.", create_code=201),
    "generating": part("The create already says generating.", create_status="generating"),
    "slow": part(
        "The create is answered after five seconds.", faults=(Fault("create", "slow", seconds=5.0),)
    ),
    LIMITED: part(
        "The create is answered 429 once, to wait 5 s.",
        faults=tuple(fault.replace(times=1) for fault in CATALOGUE["rate-limited"].faults),
    ),
    "completed": CATALOGUE["completed-in-create"],
    "error": CATALOGUE["failed-in-create"],
}
"""What the create replies."""
OVER = ("completed", "error")
"""Replies after which there is nothing to poll."""
LENIENT = ("unknown word", "no status", LIMITED)
"""Values at which a client may also end with a clear error."""


def _agree(fault: str, place: str) -> bool:
    return (fault == NOTHING) == (place == NOTHING)


BEHAVIOURS = Space(
    {
        "way": tuple(WAYS),
        "fault": (NOTHING, *TROUBLES),
        "place": tuple(PLACES),
        "id": (NOTHING, *(style for style in ID_STYLES if style != "nanoid")),
        "shape": (NOTHING, *SHAPES),
        "transport": (NOTHING, *TRANSPORTS),
        "create": tuple(CREATES),
    },
    (
        # A fault strikes somewhere, and what strikes somewhere is a fault.
        Constraint(("fault", "place"), _agree),
        # The polls that it strikes have to be sent: the end may have been told before.
        Constraint(("way", "place"), lambda way, place: way != "at once" or place in (NOTHING, "poll 1")),
        Constraint(("way", "place"), lambda way, place: way != "skips generating" or place != "poll 3"),
        Constraint(("create", "place"), lambda create, place: create not in OVER or place == NOTHING),
        # A job that the create calls ended has no way to go.
        Constraint(("create", "way"), lambda create, way: create not in OVER or way == NOTHING),
        # What stands beside the video needs one.
        Constraint(
            ("way", "shape"), lambda way, shape: way not in (*FAILED, "no URL") or shape not in AT_THE_END
        ),
        Constraint(("create", "shape"), lambda create, shape: create != "error" or shape not in AT_THE_END),
        # Of a job that is over in the create no poll shows what was used.
        Constraint(("create", "shape"), lambda create, shape: create not in OVER or shape != "poll-usage"),
    ),
)
"""What may come together; everything else is tried in pairs."""


@dataclass(frozen=True)
class Behaviour:
    """A row of the space, as a property keeps it with its trial."""

    row: Row
    strength: int = 2

    @functools.cached_property
    def named(self) -> dict[str, str]:
        """The names of its values, by factor."""
        return BEHAVIOURS.named(self.row)

    @property
    def odd(self) -> dict[str, str]:
        """The values that are not plain; a fault and its place count as one."""
        return {
            factor: value for factor, value in self.named.items() if value != NOTHING and factor != "place"
        }

    @property
    def failing(self) -> str:
        """Why the job ends without a video, empty where it ends with one."""
        if self.named["way"] in FAILED or self.named["create"] == "error":
            return "the job ended with an error"
        return "the job completed without a URL" if self.named["way"] == "no URL" else ""

    @property
    def lenient(self) -> bool:
        """True where a client may end with a clear error as well."""
        return any(value in LENIENT for value in self.named.values())

    @property
    def scenario(self) -> Scenario:
        """What the server does."""
        return _scenario(self.row)

    def at(self, row: Row) -> Behaviour:
        """The behaviour of another row."""
        return Behaviour(row, self.strength)


@functools.lru_cache(maxsize=4096)
def _scenario(row: Row) -> Scenario:
    named = BEHAVIOURS.named(row)
    ids = named["id"]
    shape = named["shape"]
    transport = named["transport"]
    return joined(
        [
            WAYS[named["way"]],
            _fault(named["fault"], named["place"]),
            PLAIN if ids == NOTHING else part(f"The id is of style {ids}.", ids=ids),
            PLAIN if shape == NOTHING else part(f"Answers: {shape}.", shapes=frozenset({shape})),
            PLAIN if transport == NOTHING else CATALOGUE[transport],
            CREATES[named["create"]],
        ]
    )


def _fault(name: str, place: str) -> Scenario:
    if name == NOTHING:
        return PLAIN
    after, times = PLACES[place]
    faults: list[Fault] = []
    for fault in faults_named(name):
        asked: dict[str, Any] = {"retry_after": 30.0, "retry_date": name == "poll-unavailable"}
        wait = {} if fault.retry_after is None else asked
        faults.append(fault.replace(after=after, times=times, **wait))
    # A third poll is only sent where the job takes long enough.
    longer = {"stretch": 1.5} if after > 1 else {}
    struck = f"{place[0].upper()}{place[1:]}"
    return part(f"{struck} of the job: {name.removeprefix('poll-')}.", faults=tuple(faults), **longer)


@functools.lru_cache(maxsize=8)
def behaviours(strength: int = 2, seed: int = 0) -> tuple[Behaviour, ...]:
    """Behaviours in which all that can come together does, in pairs or in triples; the plainest first."""
    rows = BEHAVIOURS.covering(strength, seed=seed)
    return tuple(Behaviour(row, strength) for row in sorted(rows, key=lambda row: (sum(map(bool, row)), row)))
