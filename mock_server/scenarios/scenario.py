"""What happens to a job from its create to its video, as one frozen, composable value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError, did_you_mean, nearest
from ..jobs.ids import ID_STYLES
from ..jobs.timeline import FINAL_STATUSES, STATUSES, Step
from .fault import Fault, check_fault_options
from .status_names import Words

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

    Compose with `|`: what the right one says wins, faults and shapes add up. `plan` is a sequence of `Step`,
    or of statuses, whose last one stays for ever. `words` gives statuses other names on the wire. Lists and
    sets become tuples and frozensets, a dictionary of words one that does not change. Raises `SettingsError`
    that names what cannot be.
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
    words: Mapping[str, str] = Words()

    def __post_init__(self) -> None:
        for name in ("name", "summary"):
            if not isinstance(getattr(self, name), str):
                raise SettingsError(f"{name}: expected a text, received {getattr(self, name)!r}.")
        object.__setattr__(self, "faults", _faults(self.faults))
        object.__setattr__(self, "shapes", _shapes(self.shapes))
        object.__setattr__(self, "words", _words(self.words))
        if self.plan is not None:
            object.__setattr__(self, "plan", _plan(self.plan))
        _check("ids", self.ids, ID_STYLES)
        _check("error", self.error, ERROR_SHAPES)
        _check("create_status", self.create_status, STATUSES)
        if self.create_code is not None and (
            type(self.create_code) is not int or self.create_code not in (200, 201)
        ):
            raise SettingsError(f"create_code: expected 200 or 201, received {self.create_code!r}.")

    def __or__(self, other: Scenario) -> Scenario:
        """Both at once: the other's single values win, faults and shapes add up.

        A plan of the other's also wins over a create that already said how the job ends.
        """
        if not isinstance(other, Scenario):
            return NotImplemented
        create_status = self.create_status if other.create_status is None else other.create_status
        if other.plan is not None and other.create_status is None and create_status in FINAL_STATUSES:
            # Said in so many words and not left out: the next one to be composed must find it said.
            create_status = "queued"
        return Scenario(
            name=f"{self.name}+{other.name}",
            summary=" ".join(part for part in (self.summary, other.summary) if part),
            faults=self.faults + other.faults,
            plan=self.plan if other.plan is None else other.plan,
            create_status=create_status,
            create_code=self.create_code if other.create_code is None else other.create_code,
            ids=self.ids if other.ids is None else other.ids,
            shapes=self.shapes | other.shapes,
            error=self.error if other.error is None else other.error,
            words=self.words if not other.words else Words({**self.words, **other.words}),
        )

    @staticmethod
    def named(name: str, **changes: object) -> Scenario:
        """A scenario of the catalogue, its faults changed by `times`, `after`, `seconds` and the like.

        Raises `UnknownScenario` with the nearest names, `SettingsError` for a value that cannot be.
        """
        from .builtin import find_scenario

        return find_scenario(name).with_faults(**changes)

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
        """A copy with other values, for example another `name` or a `plan` of its own."""
        known = tuple(field.name for field in dataclasses.fields(self))
        for name in changes:
            _check("part of a scenario", name, known)
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


def _faults(value: object) -> tuple[Fault, ...]:
    found = _items("faults", value, "Fault values such as [Fault('poll', 'reset')]")
    for fault in found:
        if not isinstance(fault, Fault):
            raise SettingsError(f"faults: expected Fault values, received {fault!r}.")
    return found


def _shapes(value: object) -> frozenset[str]:
    found = _items("shapes", value, "names such as ['nulls']")
    for shape in found:
        _check("shapes", shape, SHAPES, needed=True)
    return frozenset(found)


def _words(value: object) -> Words:
    if not isinstance(value, Mapping):
        raise SettingsError(f"words: expected a mapping such as {{'queued': 'waiting'}}, received {value!r}.")
    for status, word in value.items():
        _check("words", status, STATUSES, needed=True)
        if not isinstance(word, str):
            raise SettingsError(f"words: expected a text for {status!r}, received {word!r}.")
    return value if isinstance(value, Words) else Words(value)


def _plan(value: object) -> tuple[Step, ...]:
    found = _items("plan", value, "statuses such as ['queued', 'completed'] or Step values")
    for step in found:
        _check("plan", step.status if isinstance(step, Step) else step, STATUSES, needed=True)
    if not found:
        raise SettingsError("plan: expected at least one status, received none.")
    if all(isinstance(step, Step) for step in found):
        return found
    return tuple(step if isinstance(step, Step) else Step(step) for step in found)


def _items(what: str, value: object, expected: str) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise SettingsError(f"{what}: expected {expected}, received {value!r}.")
    return tuple(value)


def _check(
    what: str, word: object, known: Mapping[str, object] | tuple[str, ...], *, needed: bool = False
) -> None:
    if (needed or word is not None) and (not isinstance(word, str) or word not in known):
        hint = did_you_mean(nearest(str(word), known))
        raise SettingsError(f"{what}: expected one of {', '.join(known)}, received {word!r}.{hint}")
