"""What `specs sync` found, as a table for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from .sync import KINDS, Row, Synced

__all__ = ["as_json", "as_markdown", "summary", "table"]


def _ordered(synced: Synced) -> list[Row]:
    """What matters first; what did not change is only counted."""
    order = list(KINDS)
    rows = [row for row in synced.rows if row.kind != "same"]
    return sorted(rows, key=lambda row: (order.index(row.kind), row.model))


def summary(synced: Synced) -> str:
    """The numbers in a sentence."""
    counts = Counter(row.kind for row in synced.rows)
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    return f"{synced.models} video models at {synced.source}: {parts}."


def table(synced: Synced) -> Iterator[str]:
    """A line per row, and one for each of its changes."""
    rows = _ordered(synced)
    wide = max((len(row.model) for row in rows), default=0)
    for row in rows:
        lines = row.lines() or [KINDS[row.kind]]
        for number, line in enumerate(lines):
            kind, model = (row.kind, row.model) if number == 0 else ("", "")
            yield f"{kind:<10}  {model:<{wide}}  {line}"
    yield summary(synced)


def as_markdown(synced: Synced) -> str:
    """The report to read, or to post."""
    lines = [f"# Models at {synced.source}", "", summary(synced)]
    rows = _ordered(synced)
    if rows:
        lines += ["", "| what | model | |", "|---|---|---|"]
    for row in rows:
        said = "<br>".join(_escaped(line) for line in row.lines() or [KINDS[row.kind]])
        lines.append(f"| {row.kind} | `{_escaped(row.model)}` | {said} |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def as_json(synced: Synced) -> str:
    """The report for programs."""
    rows = sorted(synced.rows, key=lambda row: row.model)
    counts = Counter(row.kind for row in rows)
    body = {
        "from": synced.source,
        "status": synced.status,
        "models": synced.models,
        "counts": {kind: counts[kind] for kind in KINDS},
        "rows": [row.as_dict() for row in rows if row.kind != "same"],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
