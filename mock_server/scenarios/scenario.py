"""What happens to a job from its create to its video, as one frozen, composable value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mock_server.errors import SettingsError, did_you_mean, nearest
from mock_server.ids import ID_STYLES
from mock_server.lifecycle import FINAL_STATUSES, STATUSES, Step
from mock_server.scenarios.fault import Fault

__all__ = ["ERROR_SHAPES", "SHAPES", "Scenario"]

SHAPES = {
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
}
ERROR_SHAPES = {
    "schema": "an object with name and message",
    "detail": "an object with a list of details, as real runs show it",
    "string": "a string",
    "null": "null",
    "no-message": "an object without a message",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the create answers, how the job goes on, what polls and the video download meet, which id it has.

    Compose with `|`: what the right one says wins, faults and shapes add up. `plan` is a sequence of `Step`
    whose last one stays for ever. `words` gives statuses other names on the wire.
    """

    name: str
    summary: str = ""
    faults: tuple[Fault, ...] = ()
    plan: tuple[Step, ...] | None = None
    create_status: str | None = None
    """The status in the create's answer; a final one ends the job in its create."""
    create_code: int | None = None
    """The HTTP status of a create that is accepted, 200 or 201; None for what its path documents."""
    ids: str | None = None
    shapes: frozenset[str] = frozenset()
    error: str | None = None
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        _check("ids", self.ids, ID_STYLES)
        _check("error", self.error, ERROR_SHAPES)
        _check("create_status", self.create_status, STATUSES)
        if self.create_code not in (None, 200, 201):
            raise SettingsError(f"create_code: expected 200 or 201, received {self.create_code!r}.")
        for shape in self.shapes:
            _check("shapes", shape, SHAPES)
        for word in self.words:
            _check("words", word, STATUSES)
        for step in self.plan or ():
            _check("plan", step.status, STATUSES)
        if self.plan is not None and not self.plan:
            raise SettingsError("plan: expected at least one status, received none.")

    def __or__(self, other: Scenario) -> Scenario:
        """Both at once: the other's single values win, faults and shapes add up."""
        if not isinstance(other, Scenario):
            return NotImplemented
        return Scenario(
            name=f"{self.name}+{other.name}",
            summary=" ".join(part for part in (self.summary, other.summary) if part),
            faults=self.faults + other.faults,
            plan=self.plan if other.plan is None else other.plan,
            create_status=self.create_status if other.create_status is None else other.create_status,
            create_code=self.create_code if other.create_code is None else other.create_code,
            ids=self.ids if other.ids is None else other.ids,
            shapes=self.shapes | other.shapes,
            error=self.error if other.error is None else other.error,
            words={**self.words, **other.words},
        )

    @staticmethod
    def named(name: str, **changes: object) -> Scenario:
        """A scenario of the catalogue, its faults changed by `times`, `after`, `seconds` and the like.

        Raises `UnknownScenario` with the nearest names, `SettingsError` for a value that cannot be.
        """
        from mock_server.scenarios.catalogue import find_scenario

        return find_scenario(name).with_faults(**changes)

    def with_faults(self, **changes: object) -> Scenario:
        """A copy whose faults have other values; an error where it has no fault to change."""
        if not changes:
            return self
        if not self.faults:
            listed = ", ".join(changes)
            raise SettingsError(f"The scenario {self.name!r} has no fault, so it takes no {listed}.")
        return self.replace(faults=tuple(fault.replace(**changes) for fault in self.faults))

    def replace(self, **changes: Any) -> Scenario:
        """A copy with other values, for example another `name` or a `plan` of its own."""
        return dataclasses.replace(self, **changes)

    def at(self, place: str) -> tuple[tuple[int, Fault], ...]:
        """The faults that concern `create`, `poll` or `video`, with their index in `faults`."""
        return tuple((index, fault) for index, fault in enumerate(self.faults) if fault.concerns(place))

    @property
    def ends(self) -> str | None:
        """The status that the job comes to rest in: completed, error, or None where it stays pending."""
        if self.create_status in FINAL_STATUSES:
            return self.create_status
        last = self.plan[-1].status if self.plan else "completed"
        return last if last in FINAL_STATUSES else None


def _check(what: str, word: str | None, known: Mapping[str, object] | tuple[str, ...]) -> None:
    if word is not None and word not in known:
        hint = did_you_mean(nearest(str(word), known))
        raise SettingsError(f"{what}: expected one of {', '.join(known)}, received {word!r}.{hint}")
