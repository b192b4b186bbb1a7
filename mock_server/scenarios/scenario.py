"""What happens to a job from its create to its video, as one frozen, composable value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

from ..errors import SHOWN, SettingsError
from ..field_kinds import Count, FieldError, Items, Kept, Names, Number, Text, Word
from ..fields import Record, about, check_fields, fields_of, said
from ..timeline import (
    FINAL_STATUSES,
    PLAIN_PLAN,
    STATUSES,
    FinalStatus,
    JobStatus,
    ProgressBy,
    Step,
    check_progress,
    is_final,
)
from .fault import Fault, Place, check_fault_options
from .status_names import StatusNames

__all__ = ["ERROR_SHAPES", "SHAPES", "ErrorShape", "IdStyle", "Scenario", "Shape"]

Shape = Literal[
    "nulls",
    "absent",
    "extra-fields",
    "tokens-used",
    "file-details",
    "no-usage",
    "poll-usage",
    "signed-url",
    "no-status",
    "without-url",
    "null-video",
    "decoys",
    "other-scripts",
    "long",
]
ErrorShape = Literal["schema", "detail", "string", "null", "no-message", "other-scripts", "signs"]
IdStyle = Literal["nanoid", "leading-dash", "digits", "leading-zeros", "uuid", "uuid-model", "awkward"]
"""One of `jobs.ids.ID_STYLES`."""

SHAPES: Mapping[Shape, str] = {
    "nulls": "keys with nothing to say are null",
    "absent": "keys with nothing to say are absent, meta included",
    "extra-fields": "unknown keys at every level",
    "tokens-used": "usage as tokens_used, the older name",
    "file-details": "content_type, file_name and file_size beside the URL",
    "no-usage": "no usage anywhere",
    "poll-usage": "usage on every poll too",
    "signed-url": "a long signed URL on another host name",
    "no-status": "pending answers have no status",
    "without-url": "completed with a video object that has no url",
    "null-video": "completed with video null",
    "decoys": "generation_id, request_id, url and output, which lead elsewhere, and a progress of 100",
    "other-scripts": "an unknown key whose text is in several scripts",
    "long": "an unknown key whose text has a hundred thousand characters",
}
ERROR_SHAPES: Mapping[ErrorShape, str] = {
    "schema": "an object with name and message",
    "detail": "an object with a list of details, as real runs show it",
    "string": "a string",
    "null": "null",
    "no-message": "an object without a message",
    "other-scripts": "an object whose message is in several scripts",
    "signs": "an object whose message has quotes, braces and percent signs",
}
_EXCLUDING: tuple[tuple[Shape, Shape], ...] = (
    ("nulls", "absent"),
    ("absent", "tokens-used"),
    ("absent", "poll-usage"),
    ("no-usage", "tokens-used"),
    ("no-usage", "poll-usage"),
    ("without-url", "null-video"),
    ("without-url", "signed-url"),
    ("without-url", "file-details"),
    ("null-video", "signed-url"),
    ("null-video", "file-details"),
)
"""Shapes of which one leaves nothing of the other, so that they are not joined."""
SINGLE = ("plan", "end", "stretch", "create_status", "create_code", "ids", "error")
"""Fields of which two scenarios that are joined can only say the same."""
MOST_FAULTS = 100
"""How many faults one scenario may have: each is looked at for each request."""
LONGEST_SUMMARY = 2000
"""Characters of a joined summary at most: scenarios joined with themselves, again and again, double it."""
_STEP = "a status or {status = …, span = …}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the create answers, how the job goes on, what polls and the video download meet, which id it has.

    Join two with `|`: faults, shapes and words add up, and where both say something about one other field
    it must be the same. `plan` is a sequence of `Step`, or of statuses, whose last one stays for ever.
    `words` gives statuses other names on the wire. Lists and sets become tuples and frozensets, a dictionary
    of words one that does not change. Raises `SettingsError` that names what cannot be.
    """

    name: str = field(metadata=about(Text(), "what it is called"))
    summary: str = said("", Text(), "a sentence that says what happens")
    faults: Kept[Iterable[Fault], tuple[Fault, ...]] = said(
        (),
        Items(Record(Fault, "fault", "a fault with at and kind"), "a list of faults", most=MOST_FAULTS),
        "what goes wrong",
    )
    plan: Kept[Iterable[Step | JobStatus] | None, tuple[Step, ...] | None] = said(
        None,
        Items(Record(Step, "step of a plan", _STEP, short=True), "a list of statuses", least="status"),
        "statuses in order, the last one for ever",
    )
    end: FinalStatus | None = said(
        None, Word(FINAL_STATUSES), "how the job ends, in place of the completed of its plan"
    )
    stretch: float | None = said(
        None, Number(), "how many times as long as otherwise each status shows, the server's own times too"
    )
    create_status: JobStatus | None = said(
        None, Word(STATUSES), "the status in the create's answer; a final one ends the job there"
    )
    create_code: Literal[200, 201] | None = said(
        None,
        Count(200, 201, "200 or 201"),
        "the HTTP status of a create that is accepted, in place of what its path documents",
    )
    ids: IdStyle | None = said(None, Word(get_args(IdStyle)), "the form of the id")
    shapes: Kept[Iterable[Shape], frozenset[Shape]] = said(
        frozenset(),
        Items(Word(tuple(SHAPES)), "a list such as ['nulls']", keep=frozenset),
        "what stands in the bodies",
    )
    error: ErrorShape | None = said(None, Word(tuple(ERROR_SHAPES)), "the form of the error")
    words: Kept[Mapping[JobStatus, str], StatusNames] = said(
        StatusNames(),
        Names(STATUSES, lambda names: _kept_names(names), "{'queued': 'waiting'}"),
        "a status to the word that answers say instead",
    )

    def __post_init__(self) -> None:
        check_fields(self)
        _check_course(self)

    def __or__(self, other: Scenario) -> Scenario:
        """Both at once, in any order.

        Raises `SettingsError` that names both and the field where one would take back what the other says.
        """
        if not isinstance(other, Scenario):
            return NotImplemented
        try:
            return Scenario(
                name=f"{self.name}+{other.name}",
                summary=_joined_summaries(self.summary, other.summary),
                faults=_joined_faults(self.faults, other.faults),
                shapes=_joined_shapes(self.shapes, other.shapes),
                words=_joined_words(self.words, other.words),
                **{name: _one(name, getattr(self, name), getattr(other, name)) for name in SINGLE},
            )
        except SettingsError as error:
            names = f"{_short(self.name)} and {_short(other.name)}"
            raise SettingsError(f"The scenarios {names} cannot be joined: {error}") from None

    def with_faults(self, **changes: object) -> Scenario:
        """A copy whose faults have other values; an error where it has no fault to change."""
        if not changes:
            return self
        check_fault_options(changes)
        if not self.faults:
            listed = ", ".join(changes)
            raise SettingsError(f"The scenario {self.name!r} has no fault, so it takes no {listed}.")
        return self.replace(faults=tuple(fault.replace(**changes) for fault in self.faults))

    def replace(self, **changes: Any) -> Scenario:
        """A copy with other values, for example another `name` or a `plan` of its own.

        What the changes contradict goes: a `plan` says anew how the job ends, and a final `create_status`
        leaves no way to go.
        """
        known = Word(tuple(fields_of(Scenario)))
        for name in changes:
            try:
                known.check(name)
            except FieldError as error:
                raise FieldError(error.problem, option="part of a scenario") from None
        return dataclasses.replace(self, **{**_given_up(self, changes), **changes})

    def at(self, place: Place) -> tuple[tuple[int, Fault], ...]:
        """The faults that concern `create`, `poll` or `video`, with their index in `faults`.

        In the order in which they are said, but for those that no count ends: they come last, so that each
        of the others has its turn.
        """
        found = [(index, fault) for index, fault in enumerate(self.faults) if fault.concerns(place)]
        if len(found) > 1:
            found.sort(key=lambda item: item[1].rank)
        return tuple(found)

    @property
    def course(self) -> tuple[Step, ...] | None:
        """The plan that a job follows, with its end and its times; None for the plain one."""
        plain = self.plan is None and self.stretch is None and self.end != "error"
        if plain and not (self.create_status and is_final(self.create_status)):
            return None
        return _course(self.plan, self.end, self.stretch, self.create_status)

    @property
    def ends(self) -> FinalStatus | None:
        """The status that the job comes to rest in: completed, error, or None where it stays pending."""
        course = self.course
        last = course[-1].status if course else "completed"
        return last if last == "completed" or last == "error" else None

    def check_progress(self, by: ProgressBy) -> None:
        """Refuse a plan whose times are in the other unit than the server's; raises `SettingsError`."""
        if self.plan is not None:
            try:
                check_progress(self.plan, by)
            except SettingsError as error:
                raise SettingsError(f"The scenario {_short(self.name)} does not fit: {error}") from None


@lru_cache(maxsize=1024)
def _course(
    plan: tuple[Step, ...] | None,
    end: FinalStatus | None,
    stretch: float | None,
    create_status: JobStatus | None,
) -> tuple[Step, ...]:
    if create_status is not None and is_final(create_status):
        return (Step(create_status),)
    steps = PLAIN_PLAN if plan is None else plan
    last = steps[-1] if end is None else Step(end)
    if stretch is None:
        return (*steps[:-1], last)
    return (*(dataclasses.replace(step, scale=step.scale * stretch) for step in steps[:-1]), last)


def _check_course(scenario: Scenario) -> None:
    """Refuse what would be taken and do nothing: one part of the way that another part leaves no room for."""
    plan, end, create_status = scenario.plan, scenario.end, scenario.create_status
    last = plan[-1].status if plan else None
    if is_final(create_status):
        says = f"beside create_status {create_status!r}, which ends the job"
        if plan is not None and (len(plan) > 1 or last != create_status):
            raise _wrong("plan", f"expected none {says}, received {_way(plan)}.")
        if end not in (None, create_status):
            raise _wrong("end", f"expected none {says}, received {end!r}.")
        if scenario.stretch is not None:
            raise _wrong("stretch", f"expected none {says}, received {scenario.stretch:g}.")
    elif end is not None and last not in (None, "completed", end):
        rests = "never ends" if not is_final(last) else f"ends as {last!r}"
        raise _wrong("end", f"expected none beside a plan that {rests}, received {end!r}.")
    if scenario.stretch is not None and plan is not None and len(plan) == 1:
        raise _wrong("stretch", f"expected a plan of several statuses, received {_way(plan)}.")


def _given_up(scenario: Scenario, changes: Mapping[str, Any]) -> dict[str, None]:
    """The parts of the way that changes take back without naming them."""
    gone: set[str] = set()
    if "plan" in changes:
        gone.add("end")
    if is_final(changes.get("create_status")):
        gone |= {"plan", "end", "stretch"}
    elif changes.get("plan") is not None or "stretch" in changes or "end" in changes:
        gone |= {"create_status"} if is_final(scenario.create_status) else set()
    end = changes.get("end")
    if end is not None and scenario.plan and scenario.plan[-1].status not in ("completed", end):
        gone.add("plan")
    return {name: None for name in gone if name not in changes}


def _joined_summaries(mine: str, theirs: str) -> str:
    joined = " ".join(part for part in (mine, theirs) if part)
    return joined if len(joined) <= LONGEST_SUMMARY else joined[: LONGEST_SUMMARY - 1] + "…"


def _joined_faults(mine: tuple[Fault, ...], theirs: tuple[Fault, ...]) -> tuple[Fault, ...]:
    if len(mine) + len(theirs) > MOST_FAULTS:
        raise _wrong("faults", f"expected at most {MOST_FAULTS} of them, received {len(mine) + len(theirs)}.")
    for one in mine:
        for other in theirs:
            first, later = (one, other) if one.rank <= other.rank else (other, one)
            if first.hides(later) and first != later and later.times != 0:
                raise _wrong(
                    "faults",
                    f"{first.kind!r} takes every answer at {first.at!r}, so that {later.kind!r} never "
                    "strikes; say how often the first one does, such as times=1.",
                )
    return mine + theirs


def _joined_shapes(mine: frozenset[Shape], theirs: frozenset[Shape]) -> frozenset[Shape]:
    for pair in _EXCLUDING:
        for one, other in (pair, pair[::-1]):
            if one in mine and other in theirs:
                raise _wrong("shapes", f"{one!r} and {other!r} leave nothing of each other.")
    return mine | theirs


def _joined_words(mine: StatusNames, theirs: StatusNames) -> StatusNames:
    for status, word in theirs.items():
        if mine.get(status, word) != word:
            raise _wrong("words", f"{status!r} is called {mine[status]!r} by one and {word!r} by the other.")
    return StatusNames({**mine, **theirs}) if mine and theirs else mine or theirs


def _one(name: str, mine: Any, theirs: Any) -> Any:
    if mine is None or theirs is None or mine == theirs:
        return theirs if mine is None else mine
    shown = (_way(mine), _way(theirs)) if name == "plan" else (repr(mine), repr(theirs))
    raise _wrong(name, f"one says {shown[0]}, the other {shown[1]}.")


def _kept_names(names: Mapping[JobStatus, str]) -> StatusNames:
    return names if isinstance(names, StatusNames) else StatusNames(names)


def _way(plan: tuple[Step, ...]) -> str:
    return " → ".join(step.status for step in plan)


def _short(name: str) -> str:
    return repr(name if len(name) <= SHOWN else name[:SHOWN] + "…")


def _wrong(name: str, problem: str) -> FieldError:
    return FieldError(problem, option=name, path=(name,))
