"""A verdict to read: as text, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..trace_rules import Level
from .verdict import Open, Seen, Verdict, row_of

__all__ = ["as_markdown", "as_text", "billed", "many", "where"]

MOST_NUMBERS = 8


def as_text(verdict: Verdict) -> str:
    """The verdict in lines for a terminal."""
    lines = [
        _first(verdict),
        *_jobs(verdict),
        *_lines(verdict),
        *_still_open(verdict),
        f"  billed    {billed(verdict)}",
    ]
    return "\n".join(lines) + "\n"


def _jobs(verdict: Verdict) -> list[str]:
    lines = [
        f"  job       {job.id}  {job.model}  {job.word or job.status} ({job.scenario}), "
        f"{many(job.polls, 'poll')}"
        for job in verdict.jobs
    ]
    more = verdict.totals.jobs - len(lines)
    return [*lines, f"  … and {many(more, 'more job')}"] if more > 0 else lines


def _first(verdict: Verdict) -> str:
    totals = verdict.totals
    if verdict.failures:
        said = f"{many(len(verdict.failures), 'required rule')} broken"
    else:
        said = "no required rule broken"
    tests = f" in {many(totals.tests, 'test')}" if totals.tests > 1 else ""
    return f"verdict: {said}; {many(totals.jobs, 'job')}, {many(totals.exchanges, 'exchange')}{tests}"


def _lines(verdict: Verdict) -> list[str]:
    lines = []
    for seen in verdict.seen:
        row = row_of(seen)
        word = "advice   " if seen.breach.level == Level.ADVISORY else "broken   "
        lines.append(f"  {word} {row['id']} {row['name']} ({row['level']}): {row['says']}{where(row)}")
        lines.append(f"            to mend it: {row['mend']}")
    return lines


def _still_open(verdict: Verdict) -> list[str]:
    """What is no breach so far."""
    return [f"  open      {_would(one)}" for one in verdict.still_open]


def _would(one: Open) -> str:
    breach = one.breach
    jobs = ", ".join(one.jobs[:MOST_NUMBERS]) + (", …" if len(one.jobs) > MOST_NUMBERS else "")
    of = f" of {jobs}" if jobs else ""
    says = row_of(Seen(breach))["says"]
    return f"{breach.id} {breach.name} ({breach.level}) would be told{of} if all ended now: {says}"


def where(row: Mapping[str, Any]) -> str:
    """Where a breach was seen: exchanges, after which reset, how often."""
    parts = []
    numbers = row["exchanges"]
    if numbers:
        some = ", ".join(map(str, numbers[:MOST_NUMBERS])) + (", …" if len(numbers) > MOST_NUMBERS else "")
        parts.append(f"{'exchanges' if len(numbers) > 1 else 'exchange'} {some}")
    if row["test"] > 1:
        parts.append(f"after reset {row['test'] - 1}")
    if row["times"] > 1:
        parts.append(f"{row['times']} times")
    return f" ({'; '.join(parts)})" if parts else ""


def billed(verdict: Verdict) -> str:
    """What would have been paid, in words."""
    totals = verdict.totals
    if not totals.billed:
        return "nothing"
    price = f", ${totals.usd:.2f} ({totals.credits:,} credits)" if totals.credits else ""
    unknown = totals.billed - totals.priced
    without = f", {unknown} without a documented price" if unknown else ""
    return f"{many(totals.billed, 'video')} would have been{price}{without}"


def as_markdown(verdict: Verdict) -> str:
    """The verdict for a pull request, or the summary of a CI job."""
    lines = [f"## kling-mock: {_first(verdict).removeprefix('verdict: ')}", ""]
    if verdict.seen:
        lines += ["| rule | weight | what was seen | to mend it |", "|---|---|---|---|"]
    for seen in verdict.seen:
        row = row_of(seen)
        said = f"{row['says']}{where(row)}"
        cells = (f"{row['id']} {row['name']}", row["weight"], said, row["mend"])
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    if verdict.still_open:
        lines += ["", *(f"- {_cell(_would(one))}" for one in verdict.still_open)]
    lines += ["", f"Billed: {billed(verdict)}."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def many(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
