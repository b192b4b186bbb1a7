"""What was found in recordings, to read, and ready to be pasted into an issue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from ..trace_rules import Level
from ..verdicts.junit import add_suite, clean
from ..verdicts.shown import many, where
from ..verdicts.verdict import Seen, row_of
from .differences import Difference, Kind
from .differences import Seen as SeenDifference
from .judging import Judged, Recorded

__all__ = ["as_dict", "as_junit", "as_text"]

MOST_HOSTS = 5


def rows_of(recorded: Recorded) -> list[dict[str, Any]]:
    """The breaches of one file as reports write them."""
    return [{**row_of(Seen(breach)), "file": str(recorded.path)} for breach in recorded.breaches]


def as_dict(judged: Judged) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "files": [_file(recorded) for recorded in judged.files],
        "breaches": [row for recorded in judged.files for row in rows_of(recorded)],
        "differences": [seen.as_dict() for seen in judged.differences],
    }


def _file(recorded: Recorded) -> dict[str, Any]:
    return {
        "file": str(recorded.path),
        "problem": recorded.problem,
        "notes": recorded.notes,
        "entries": recorded.entries,
        "exchanges": recorded.exchanges,
        "creates": recorded.creates,
        "jobs": recorded.jobs,
        "unfinished": recorded.unfinished,
        "without_body": recorded.without_body,
        "unread": recorded.unread,
        "other_models": recorded.other_models,
        "other_hosts": recorded.others,
    }


def as_text(judged: Judged) -> str:
    """The verdict in lines for a terminal; the differences stand in Markdown, to be pasted."""
    lines = [line for recorded in judged.files for line in _lines_of(recorded)]
    if len(judged.differences):
        lines += ["", *_differences(judged)]
    return "\n".join(lines) + "\n"


def _lines_of(recorded: Recorded) -> Iterator[str]:
    if recorded.problem:
        yield recorded.problem
        return
    counted = f"{many(recorded.jobs, 'job')}, {many(recorded.exchanges, 'exchange')}"
    yield f"{recorded.path}: {counted} of {many(recorded.entries, 'request')}"
    for note in _notes(recorded):
        yield f"  note      {note}"
    for row in rows_of(recorded):
        word = "advice   " if row["level"] == Level.ADVISORY else "broken   "
        yield f"  {word} {row['id']} {row['name']} ({row['level']}): {row['says']}{where(row)}"
        yield f"            to mend it: {row['mend']}"
    if not recorded.breaches and recorded.exchanges:
        yield "  client    no rule broken"


def _notes(recorded: Recorded) -> Iterator[str]:
    yield from recorded.notes
    if recorded.others:
        names = list(recorded.others)
        more = f" and {len(names) - MOST_HOSTS} more" if len(names) > MOST_HOSTS else ""
        hosts = ", ".join(names[:MOST_HOSTS]) + more
        yield f"{many(sum(recorded.others.values()), 'request')} of other hosts left out: {hosts}"
    if recorded.unread:
        yield f"{recorded.unread} of its entries could not be read"
    if recorded.without_body:
        yield f"{many(recorded.without_body, 'answer')} recorded without a body: these are not judged"
    if recorded.unfinished:
        yield f"{many(recorded.unfinished, 'job')} whose end is not in it"
    if recorded.other_models:
        yield f"{many(recorded.other_models, 'create')} of models without a document here, not judged"


def _differences(judged: Judged) -> Iterator[str]:
    count = len(judged.differences)
    yield f"### Where the server differs from the contract ({count})"
    yield ""
    yield "| kind | where | what | seen | entries | models |"
    yield "|---|---|---|---|---|---|"
    for seen in judged.differences:
        yield _row(seen)
    if judged.differences.more:
        yield f"\n… and {judged.differences.more} more."


def _row(seen: SeenDifference) -> str:
    difference: Difference = seen.difference
    cells = (
        str(difference.kind),
        f"`{difference.where}`",
        difference.says,
        f"{seen.times}x",
        ", ".join(seen.entries),
        ", ".join(seen.models),
    )
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def as_junit(judged: Judged, checked: list[str]) -> str:
    """A suite per file, with a test per rule, and one of the server, with a test per kind of difference."""
    root = ElementTree.Element("testsuites", name="kling-mock check")
    for recorded in judged.files:
        if recorded.problem:
            suite = ElementTree.SubElement(root, "testsuite", name=str(recorded.path), tests="1", errors="1")
            case = ElementTree.SubElement(suite, "testcase", classname="kling-mock", name="can be read")
            ElementTree.SubElement(case, "error", message=clean(recorded.problem))
        else:
            add_suite(root, str(recorded.path), rows_of(recorded), checked)
    suite = ElementTree.SubElement(root, "testsuite", name="the server", tests=str(len(Kind)))
    failures = 0
    for kind in Kind:
        case = ElementTree.SubElement(suite, "testcase", classname="contract", name=str(kind))
        found = [seen for seen in judged.differences if seen.difference.kind == kind]
        if found:
            failures += 1
            first = found[0].difference
            failure = ElementTree.SubElement(
                case, "failure", type=str(kind), message=clean(f"{first.where}: {first.says}")
            )
            failure.text = "\n".join(clean(_row(seen)) for seen in found)
    suite.set("failures", str(failures))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
