"""One thing that goes wrong with an answer: where, what, how often and when."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import SettingsError, did_you_mean, nearest

__all__ = [
    "COUNTS",
    "FLAGS",
    "FOREVER",
    "FOR_SECONDS",
    "KINDS",
    "MODIFIERS",
    "PLACES",
    "TIMES",
    "Fault",
    "check_fault_options",
]

LONGEST_RETRY = 1e9
"""Seconds of a Retry-After at most: as a date it must lie in a year of four digits."""
PLACES = ("create", "poll", "video", "any")
COUNTS = ("times", "after", "status")
"""The options of a fault that are whole numbers, in text and in TOML."""
TIMES = ("since", "until", "seconds", "retry_after")
FLAGS = ("retry_date", "job_made")
FOREVER = ("forever", "always", "none")
"""Words for `times` that mean no end."""
FOR_SECONDS = ("slow", "drip")
"""Kinds that do nothing without `seconds`."""

REPLACEMENTS = {
    "status": "an HTTP error with the API's error body",
    "html": "an HTTP error with a gateway's HTML page",
    "empty": "status 200 and no body",
    "not-json": "status 200 and plain text",
    "without-id": "the answer without its id",
    "empty-id": "the answer with an id of no characters",
    "truncated": "half the body, then the connection is closed",
    "reset": "the connection is reset and nothing is answered",
    "hang": "the request is read and nothing is ever answered",
    "redirect": "307 to the same path on another host name",
    "expired": "403 as a CDN answers a signature that ran out",
}
MODIFIERS = {
    "slow": "the answer comes after `seconds`",
    "drip": "the body comes in small pieces over `seconds`",
    "chunked": "the body comes in chunks, without a length",
    "gzip": "the body is compressed",
    "close": "the connection is closed after the answer",
    "wrong-content-type": "JSON that says text/plain",
    "duplicate-keys": "JSON that says its first key twice",
    "byte-order-mark": "JSON behind a byte order mark",
}
KINDS = REPLACEMENTS | MODIFIERS
"""Every kind with its meaning. Modifiers change an answer that goes on; the others take its place.

Several modifiers of one answer act in this order, whichever order they are named in.
"""
_IN_TURN = {kind: turn for turn, kind in enumerate(KINDS)}
_OWN_STATUS = {"expired": 403}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at `at` (`create`, `poll`, `video`, `any`): the first `after` go well, then `times` do not.

    `times=None` is for ever. `since` and `until` bound it on the clock, in seconds from the job's making
    (for a create: from the server's start or reset). Counts are per job, for a create per scenario, and of
    the requests within these bounds alone.
    """

    at: str
    kind: str
    times: int | None = None
    after: int = 0
    since: float = 0.0
    until: float = math.inf
    status: int | None = None
    """Of an HTTP error; None is the kind's own, 403 for `expired` and 500 for the others."""
    message: str = ""
    retry_after: float | None = None
    """Seconds of a Retry-After header."""
    retry_date: bool = False
    """Say Retry-After as an HTTP date instead of in seconds."""
    seconds: float = 0.0
    """How long `slow` and `drip` take: more than 0 for them."""
    job_made: bool = False
    """At a create: the job is made and charged although the answer goes wrong."""

    def __post_init__(self) -> None:
        _check_word("at", self.at, PLACES)
        _check_word("kind", self.kind, tuple(KINDS))
        if self.times is not None and not _is_count(self.times):
            raise SettingsError(
                f"times: expected a count of 0 or more, or none for ever, received {self.times!r}."
            )
        if not _is_count(self.after):
            raise SettingsError(f"after: expected a finite number of 0 or more, received {self.after!r}.")
        for name in ("since", "seconds"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value < math.inf:
                raise SettingsError(f"{name}: expected a finite number of 0 or more, received {value!r}.")
        if not _is_number(self.until) or not self.until > self.since:
            raise SettingsError(
                f"until: expected a time after since ({self.since}), received {self.until!r}."
            )
        if self.status is not None and not (_is_count(self.status) and 200 <= self.status <= 599):
            raise SettingsError(f"status: expected an HTTP status from 200 to 599, received {self.status!r}.")
        if not isinstance(self.message, str):
            raise SettingsError(f"message: expected a text, received {self.message!r}.")
        wait = self.retry_after
        if wait is not None and (not _is_number(wait) or not 0 <= wait <= LONGEST_RETRY):
            raise SettingsError(
                f"retry_after: expected seconds from 0 to {LONGEST_RETRY:.0f}, received {wait!r}."
            )
        for name in FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name}: expected True or False, received {getattr(self, name)!r}.")
        self._check_use()

    def _check_use(self) -> None:
        """Refuse what would be taken and do nothing."""
        if self.kind in FOR_SECONDS and not self.seconds:
            raise SettingsError(f"seconds: expected more than 0 for the kind {self.kind!r}, received 0.")
        if self.job_made and self.at not in ("create", "any"):
            raise SettingsError(f"job_made: expected at a create only, received it at {self.at!r}.")

    @property
    def modifies(self) -> bool:
        """Whether the answer still goes out, changed, instead of another in its place."""
        return self.kind in MODIFIERS

    @property
    def answer_status(self) -> int:
        """The HTTP status of the answer in another's place: `status`, or what its kind says by itself."""
        return _OWN_STATUS.get(self.kind, 500) if self.status is None else self.status

    @property
    def turn(self) -> int:
        """Its place among the faults of one answer: what replaces it comes first, then the modifiers."""
        return _IN_TURN[self.kind] if self.modifies else -1

    def is_open(self, elapsed: float) -> bool:
        """Whether its bounds on the clock hold, `elapsed` virtual seconds in."""
        return self.since <= elapsed < self.until

    def concerns(self, place: str) -> bool:
        """Whether it can strike at `create`, `poll` or `video`; `any` is every answer of the API."""
        return self.at == place or (self.at == "any" and place != "video")

    def strikes(self, seen: int, elapsed: float) -> bool:
        """Whether it strikes the next request, `elapsed` virtual seconds in.

        `seen` counts the earlier requests that came while it was open.
        """
        if seen < self.after or not self.is_open(elapsed):
            return False
        return self.times is None or seen < self.after + self.times

    def replace(self, **changes: object) -> Fault:
        """A copy with other values; an unknown name is an error that shows the nearest ones."""
        check_fault_options(changes)
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def check_fault_options(names: Iterable[str]) -> None:
    """Refuse what no fault can be told, naming the nearest that one can."""
    known = tuple(field.name for field in dataclasses.fields(Fault))
    for name in names:
        _check_word("fault option", name, known)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_word(what: str, word: object, known: tuple[str, ...]) -> None:
    if not isinstance(word, str) or word not in known:
        hint = did_you_mean(nearest(str(word), known))
        raise SettingsError(f"{what}: expected one of {', '.join(known)}, received {word!r}.{hint}")
