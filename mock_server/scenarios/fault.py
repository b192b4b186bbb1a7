"""One thing that goes wrong with an answer: where, what, how often and when."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..field_kinds import Count, FieldError, Flag, Kept, Seconds, Text, Word
from ..fields import about, check_fields, fields_of, said

__all__ = [
    "CONTENT",
    "FAULT_OPTIONS",
    "KINDS",
    "MODIFIERS",
    "PLACES",
    "REPLACEMENTS",
    "REWRITING",
    "TRANSPORT",
    "UNANSWERED",
    "WITHOUT_JSON",
    "Content",
    "Fault",
    "FaultKind",
    "FaultPlace",
    "Place",
    "Replacement",
    "Rewriting",
    "Transport",
    "check_fault_options",
]

Place = Literal["create", "poll", "video"]
"""A kind of answer that a fault can strike."""
FaultPlace = Literal[Place, "any"]
"""Where a fault strikes; `any` is creates and polls, not videos."""
Replacement = Literal[
    "status",
    "html",
    "empty",
    "not-json",
    "without-id",
    "empty-id",
    "truncated",
    "reset",
    "dropped",
    "hang",
    "redirect",
    "expired",
]
Transport = Literal["slow", "drip", "chunked", "gzip", "close"]
Rewriting = Literal["wrong-content-type", "duplicate-keys", "byte-order-mark"]
Content = Literal["changed"]
FaultKind = Literal[Replacement, Transport, Rewriting, Content]

REPLACEMENTS: Mapping[FaultKind, str] = {
    "status": "an HTTP error with the API's error body",
    "html": "an HTTP error with a gateway's HTML page",
    "empty": "status 200 and no body",
    "not-json": "status 200 and plain text",
    "without-id": "the answer without its id",
    "empty-id": "the answer with an id of no characters",
    "truncated": "half the body, then the connection is closed",
    "reset": "the connection is reset and nothing is answered",
    "dropped": "the connection is closed and nothing is answered",
    "hang": "the request is read and nothing is ever answered",
    "redirect": "307 to the same path on another host name",
    "expired": "403 as a CDN answers a signature that ran out",
}
"""Kinds that take an answer's place, or break it off."""
TRANSPORT: Mapping[FaultKind, str] = {
    "slow": "the answer comes after `seconds`",
    "drip": "the body comes in small pieces over `seconds`",
    "chunked": "the body comes in chunks, without a length",
    "gzip": "the body is compressed",
    "close": "the connection is closed after the answer",
}
"""Kinds that leave an answer whole: they change how it travels, and nothing that a client reads."""
REWRITING: Mapping[FaultKind, str] = {
    "wrong-content-type": "JSON that says text/plain",
    "duplicate-keys": "JSON that says its first key twice",
    "byte-order-mark": "JSON behind a byte order mark",
}
"""Kinds that change what a client reads of an answer that still arrives."""
CONTENT: Mapping[FaultKind, str] = {
    "changed": "another video stands at the URL, with its own ETag; at a create or poll nothing",
}
"""Kinds that put another file in the place of a video, and answer all that is asked of it."""
MODIFIERS: Mapping[FaultKind, str] = {**TRANSPORT, **REWRITING, **CONTENT}
"""Kinds that change an answer that goes on; the replacements take its place."""
UNANSWERED: frozenset[FaultKind] = frozenset({"reset", "dropped", "hang"})
"""Kinds that leave a request without an answer: not a byte of one goes out."""
WITHOUT_JSON: frozenset[FaultKind] = UNANSWERED | {"html", "empty", "not-json", "redirect", "expired"}
"""Kinds that leave no JSON to be rewritten: what rewrites it waits for another answer."""
KINDS: Mapping[FaultKind, str] = {**REPLACEMENTS, **MODIFIERS}
"""Every kind with its meaning.

Several modifiers of one answer act in this order, whichever order they are named in.
"""
PLACES: tuple[FaultPlace, ...] = get_args(FaultPlace)

LONGEST_RETRY = 1e9
"""Seconds of a Retry-After at most: as a date it must lie in a year of four digits."""
FOR_SECONDS = ("slow", "drip")
"""Kinds that do nothing without `seconds`."""
_IN_TURN = {kind: turn for turn, kind in enumerate(KINDS)}
_OWN_STATUS: Mapping[FaultKind, int] = {"expired": 403, "empty": 200}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at `at` (`create`, `poll`, `video`, `any`): the first `after` go well, then `times` do not.

    `times=None` is for ever. `since` and `until` bound it on the clock, in seconds from the job's making
    (for a create: from the server's start or reset). Counts are per job, for a create per scenario, and of
    the requests within these bounds alone. Times are seconds, or texts with a unit such as `"500ms"`.
    Raises `SettingsError` that names the field that cannot be.
    """

    at: FaultPlace = field(metadata=about(Word(PLACES), "where it strikes"))
    kind: FaultKind = field(metadata=about(Word(tuple(KINDS)), "what goes wrong"))
    times: Kept[int | Literal["forever"] | None, int | None] = said(
        None, Count(endless=True), "how many requests meet it"
    )
    after: int = said(0, Count(), "how many requests go well first")
    since: Kept[float | str, float] = said(0.0, Seconds(), "from when on it strikes")
    until: Kept[float | str, float] = said(math.inf, Seconds(endless=True), "from when on it is over")
    status: int | None = said(
        None,
        Count(200, 599, "an HTTP status from 200 to 599"),
        "of an answer in another's place; without it its kind's: 200 for empty, 403 for expired, else 500",
    )
    message: str = said("", Text(), "what the error body says")
    retry_after: Kept[float | str | None, float | None] = said(
        None, Seconds(LONGEST_RETRY), "what the Retry-After header asks for"
    )
    retry_date: bool = said(False, Flag(), "say Retry-After as an HTTP date instead of in seconds")
    seconds: Kept[float | str, float] = said(
        0.0, Seconds(), "how long slow and drip take: more than 0 for them"
    )
    unfinished: int | None = said(
        None,
        Count(1, what="a count of 1 or more"),
        "at a create: strikes only while so many jobs, or more, are unfinished",
    )
    job_made: bool = said(
        False, Flag(), "at a create: the job is made and charged although the answer goes wrong"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        self._check_use()

    def _check_use(self) -> None:
        """Refuse what would be taken and do nothing."""
        if not self.until > self.since:
            problem = f"expected a time after since ({self.since}), received {self.until!r}."
            raise FieldError(problem, option="until", path=("until",))
        if self.kind in FOR_SECONDS and not self.seconds:
            problem = f"expected more than 0 for the kind {self.kind!r}, received 0."
            raise FieldError(problem, option="seconds", path=("seconds",))
        if self.unfinished is not None and self.at != "create":
            problem = f"expected at a create only, received it at {self.at!r}."
            raise FieldError(problem, option="unfinished", path=("unfinished",))
        if self.job_made and self.at not in ("create", "any"):
            problem = f"expected at a create only, received it at {self.at!r}."
            raise FieldError(problem, option="job_made", path=("job_made",))

    @property
    def modifies(self) -> bool:
        """Whether the answer still goes out, changed, instead of another in its place."""
        return self.kind in MODIFIERS

    @property
    def leaves_answer_whole(self) -> bool:
        """Whether a client still reads what it would have read without it."""
        return self.kind in TRANSPORT

    @property
    def answer_status(self) -> int:
        """The HTTP status of the answer in another's place: `status`, or what its kind says by itself."""
        return _OWN_STATUS.get(self.kind, 500) if self.status is None else self.status

    @property
    def rank(self) -> tuple[float, ...]:
        """Where it stands among the faults of its place, least first: what no count ends comes last.

        Of those, what begins later or ends earlier comes first, and what strikes at any place last: so each
        has its turn, in whichever order they are said.
        """
        if self.modifies or self.times is not None or self.unfinished is not None:
            return (0,)
        return (1, self.at == "any", -self.since, -self.after, self.until)

    @property
    def turn(self) -> int:
        """Its place among the faults of one answer: what replaces it comes first, then the modifiers."""
        return _IN_TURN[self.kind] if self.modifies else -1

    def is_open(self, elapsed: float) -> bool:
        """Whether its bounds on the clock hold, `elapsed` virtual seconds in."""
        return self.since <= elapsed < self.until

    def concerns(self, place: Place) -> bool:
        """Whether it can strike at `create`, `poll` or `video`; `any` is every answer of the API."""
        return self.at == place or (self.at == "any" and place != "video")

    def strikes(self, seen: int, elapsed: float) -> bool:
        """Whether it strikes the next request, `elapsed` virtual seconds in.

        `seen` counts the earlier requests that came while it was open.
        """
        if seen < self.after or not self.is_open(elapsed):
            return False
        return self.times is None or seen < self.after + self.times

    def hides(self, other: Fault) -> bool:
        """Whether the other one can never strike where this one comes before it."""
        covered = self.at == other.at or (self.at == "any" and other.at in ("create", "poll"))
        return (
            covered
            and not (self.modifies or other.modifies)
            and self.times is None
            and self.unfinished is None
            and self.after <= other.after
            and self.since <= other.since
            and self.until >= other.until
        )

    def replace(self, **changes: object) -> Fault:
        """A copy with other values; an unknown name is an error that shows the nearest ones."""
        check_fault_options(changes)
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


FAULT_OPTIONS = tuple(fields_of(Fault))
"""What a fault can be told, by name."""


def check_fault_options(names: Iterable[str]) -> None:
    """Refuse what no fault can be told, naming the nearest that one can."""
    known = Word(FAULT_OPTIONS)
    for name in names:
        try:
            known.check(name)
        except FieldError as error:
            raise FieldError(error.problem, option="fault option") from None
