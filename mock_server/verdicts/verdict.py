"""The verdict on a workspace, or on any other trace: what is broken, and what it would have cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..trace_rules import INVARIANTS, RULES, Breach, Level

__all__ = [
    "LEVELS",
    "MOST_JOBS",
    "JobRow",
    "Open",
    "Seen",
    "Totals",
    "Verdict",
    "merged",
    "row_of",
    "together",
]

LEVELS = {"required": Level.REQUIRED, "strict": Level.STRICT, "advice": Level.ADVISORY}
"""The levels by the words that people say."""
WORDS = {level: word for word, level in LEVELS.items()}


MOST_JOBS = 12
"""Jobs that a verdict names; all of them are counted."""


class JobRow(NamedTuple):
    """A job as a verdict names it."""

    id: str
    model: str
    status: str
    polls: int
    scenario: str
    word: str | None = None
    """The word for its status that a client was told last; None where it was told none."""


class Seen(NamedTuple):
    """A breach with how often it was seen, and in which test first: tests are counted by resets, from 1."""

    breach: Breach
    times: int = 1
    test: int = 1


class Open(NamedTuple):
    """A breach that is none yet, and would be one if all ended now; with the jobs that it is about."""

    breach: Breach
    jobs: Sequence[str] = ()


@dataclass(frozen=True)
class Totals:
    """What was said and made, in numbers."""

    exchanges: int = 0
    tests: int = 1
    """Parts of the trace that a reset ends, empty ones left out."""
    jobs: int = 0
    billed: int = 0
    credits: int = 0
    priced: int = 0
    """Billed jobs whose price is documented."""
    usd: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.exchanges + other.exchanges,
            self.tests + other.tests,
            self.jobs + other.jobs,
            self.billed + other.billed,
            self.credits + other.credits,
            self.priced + other.priced,
            self.usd + other.usd,
        )


@dataclass(frozen=True)
class Verdict:
    """What is broken, with what was made and would have cost."""

    seen: Sequence[Seen] = ()
    totals: Totals = Totals()
    jobs: Sequence[JobRow] = ()
    """The first of the jobs."""
    checked: Sequence[str] = tuple(invariant.id for invariant in INVARIANTS)
    """The ids of the rules that were checked."""
    still_open: Sequence[Open] = ()
    """What would be told if all ended now."""
    over: bool = True
    """Whether nobody will ask any more: all is told then, and nothing open."""

    @property
    def failures(self) -> list[Seen]:
        """Breaches of required rules."""
        return [seen for seen in self.seen if seen.breach.level == Level.REQUIRED]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The breaches as reports write them."""
        return [row_of(seen) for seen in self.seen]

    def only(self, *, rules: Collection[str] = (), levels: Collection[Level] = ()) -> Verdict:
        """The same of some rules, or of some levels."""
        kept = [
            seen
            for seen in self.seen
            if (not rules or seen.breach.id in rules) and (not levels or seen.breach.level in levels)
        ]
        late = [
            one
            for one in self.still_open
            if (not rules or one.breach.id in rules) and (not levels or one.breach.level in levels)
        ]
        checked = [id for id in self.checked if not rules or id in rules]
        return replace(self, seen=kept, still_open=late, checked=checked)

    def as_dict(self) -> dict[str, Any]:
        """The verdict as reports and the control API write it."""
        totals = self.totals
        return {
            "verdict": "broken" if self.failures else "kept",
            "required": len(self.failures),
            "advice": sum(seen.breach.level == Level.ADVISORY for seen in self.seen),
            "over": self.over,
            "breaches": self.rows,
            "open": [row_of(Seen(one.breach)) | {"jobs": list(one.jobs)} for one in self.still_open],
            "checked": list(self.checked),
            "exchanges": totals.exchanges,
            "tests": totals.tests,
            "jobs": totals.jobs,
            "first_jobs": [job._asdict() for job in self.jobs],
            "charges": {
                "billed": totals.billed,
                "credits": totals.credits,
                "usd": round(totals.usd, 6),
                "without_price": totals.billed - totals.priced,
            },
        }


def row_of(seen: Seen) -> dict[str, Any]:
    """One breach in a report, with what it costs and how it is mended."""
    breach = seen.breach
    return {
        "id": breach.id,
        "name": breach.name,
        "level": str(breach.level),
        "weight": WORDS[breach.level],
        # What is advice to a test in Python has no place elsewhere.
        "says": breach.says.partition(" (Where the test ")[0],
        "exchanges": list(breach.exchanges),
        "test": seen.test,
        "times": seen.times,
        "cost": breach.rule.cost,
        "mend": breach.rule.mend,
        "page": _page_of(breach.id),
    }


def _page_of(id: str) -> str:
    """Where the documentation speaks of a rule."""
    rule = RULES[id]
    return f"docs/properties.md#{id.lower()}-{rule.name}-{WORDS[rule.level]}"


def merged(all_seen: Sequence[Seen]) -> list[Seen]:
    """Breaches in the order of the rules; the same sentence of several tests is one, seen several times."""
    found: dict[tuple[str, str, bool], Seen] = {}
    for seen in all_seen:
        key = seen.breach.id, seen.breach.says, seen.breach.certain
        before = found.get(key)
        found[key] = seen if before is None else before._replace(times=before.times + seen.times)
    order = {id: place for place, id in enumerate(RULES)}
    return sorted(found.values(), key=lambda seen: (order[seen.breach.id], seen.test))


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Several verdicts as one; those of workspaces that nobody used count for nothing."""
    used = [one for one in verdicts if one.totals.exchanges or one.seen] or list(verdicts[:1])
    totals, seen, jobs = Totals(tests=0), list[Seen](), list(used[0].jobs)
    for verdict in used:
        seen += [one._replace(test=one.test + totals.tests) for one in verdict.seen]
        totals += verdict.totals
    for verdict in used[1:]:
        jobs += verdict.jobs
    return replace(used[0], seen=merged(seen), totals=totals, jobs=jobs[:MOST_JOBS])
