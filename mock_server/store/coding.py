"""Records of a store outside of this process: plain JSON, which any version of Python reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..jobs.charges import Charge, Completion
from ..jobs.plan import JobCounters, JobPlan
from ..scenarios import Scenario, scenario_as_json, scenario_from_json
from ..scenarios.strike import Hits
from ..timeline import Timeline

__all__ = [
    "Kept",
    "Progress",
    "Sums",
    "decode_completion",
    "decode_plan",
    "encode_completion",
    "encode_plan",
    "scenario_text",
    "text_scenario",
]

MOST_KEPT_TEXTS = 512


class Kept:
    """Texts of values that many records share, such as scenarios: by identity, the oldest ones go."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        self._write = write
        self._texts: dict[int, tuple[Any, str]] = {}

    def text(self, value: Any) -> str:
        """The text of a value."""
        found = self._texts.get(id(value))
        if found is None or found[0] is not value:
            if len(self._texts) >= MOST_KEPT_TEXTS:
                self._texts.clear()
            found = self._texts[id(value)] = (value, self._write(value))
        return found[1]


_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_scenarios = Kept(lambda scenario: _dump(scenario_as_json(scenario)))
_timelines = Kept(lambda line: _dump([line.steps, line.last, line.by]))


def scenario_text(scenario: Scenario) -> str:
    """A scenario as JSON."""
    return _scenarios.text(scenario)


def text_scenario(data: Any) -> Scenario:
    """The scenario of such JSON, read."""
    return scenario_from_json(data)


def encode_plan(plan: JobPlan, line: int) -> bytes:
    """A job's plan, which never changes, with its place in line."""
    credits = "null" if plan.credits is None else plan.credits
    rest = f"{_quote(plan.id)},{_quote(plan.model)},{plan.made_at!r},{credits},{_quote(plan.clip)}"
    image = _quote(plan.image_url) if plan.image_url else '""'
    answers = _dump(plan.answers) if plan.answers else "[]"
    rest = f"[{rest},{image},{answers},{line}]"
    return f"[{rest},{_timelines.text(plan.timeline)},{_scenarios.text(plan.scenario)}]".encode()


def decode_plan(text: bytes) -> tuple[JobPlan, int]:
    """The plan of such a text, and the place."""
    (job_id, model, made_at, credits, clip, image, answers, line), (steps, last, by), scenario = json.loads(
        text
    )
    timeline = Timeline(tuple((status, span) for status, span in steps), last, by)
    plan = JobPlan(
        job_id, model, text_scenario(scenario), timeline, made_at, credits, clip, image, tuple(answers)
    )
    return plan, line


class Progress:
    """What is counted of a job; `at` is the last moment at which somebody was told where it stands.

    Clocks of several machines differ a little: no poll is told of an earlier moment than the one before it.
    """

    __slots__ = ("answered", "asked_hits", "at", "expires_at", "hits", "polls", "skipped")

    def __init__(self, text: bytes | None = None) -> None:
        self.polls, self.answered, self.skipped = 0, 0, 0.0
        self.expires_at: float | None = None
        self.at = 0.0
        self.hits: Hits = {}
        self.asked_hits: dict[str, Hits] = {}
        if text is not None:
            values = json.loads(text)
            self.polls, self.answered, self.skipped, self.expires_at, self.at = values[:5]
            if len(values) > 5:
                self.hits = _hits(values[5])
                self.asked_hits = {asked: _hits(hits) for asked, hits in values[6]}

    def encode(self) -> bytes:
        """The text of it."""
        expires = "null" if self.expires_at is None else repr(self.expires_at)
        if not self.hits and not self.asked_hits:
            # By hand: nearly every poll writes this. What is infinite JSON has another word for.
            text = f"[{self.polls},{self.answered},{self.skipped!r},{expires},{self.at!r}]"
            if "inf" not in text:
                return text.encode()
        values: list[Any] = [self.polls, self.answered, self.skipped, self.expires_at, self.at]
        values += [
            list(self.hits.items()),
            [(key, list(hits.items())) for key, hits in self.asked_hits.items()],
        ]
        return _dump(values).encode()

    def counters(self) -> JobCounters:
        """The counters as the rest of the program knows them."""
        return JobCounters(self.polls, self.answered, self.skipped, self.expires_at)


def _hits(pairs: list[list[int]]) -> Hits:
    return {index: count for index, count in pairs}


class Sums:
    """What is counted of a workspace's jobs together.

    `number` is the last one that was given to an id, `line` the last place in the order of jobs, `spent` what
    jobs have cost that have come to rest and made room.
    """

    __slots__ = ("billed", "credits", "dropped", "kept", "line", "made", "number", "priced", "spent")

    def __init__(self, *values: int) -> None:
        self.number, self.line, self.made, self.kept, self.dropped = values[:5] or (0,) * 5
        self.billed, self.priced, self.credits, self.spent = values[5:] or (0,) * 4

    @classmethod
    def read(cls, text: bytes | None) -> Sums:
        """The sums of a text; all none without one."""
        return cls() if text is None else cls(*json.loads(text))

    def encode(self) -> bytes:
        """The text of them."""
        jobs = self.number, self.line, self.made, self.kept, self.dropped
        charges = self.billed, self.priced, self.credits, self.spent
        return b"[%d,%d,%d,%d,%d,%d,%d,%d,%d]" % (*jobs, *charges)

    def add(self, plan: JobPlan) -> None:
        """Count one more job."""
        self.line += 1
        self.made += 1
        self.kept += 1
        self.charge(plan)

    def charge(self, plan: JobPlan, times: int = 1) -> None:
        """Count what a job costs, or -1 times that."""
        if plan.timeline.last == "completed":
            self.billed += times
            if plan.credits is not None:
                self.priced += times
                self.credits += plan.credits * times


def encode_completion(rest: Completion) -> bytes:
    """The charge of a job that made room, with when it came to rest."""
    charge = rest.charge
    return _dump([rest.at, rest.place, charge.job_id, charge.model, charge.credits, charge.billed]).encode()


def decode_completion(text: bytes) -> Completion:
    """The charge of such a text, with when it was."""
    at, place, *charge = json.loads(text)
    return Completion(at, place, Charge(*charge))
