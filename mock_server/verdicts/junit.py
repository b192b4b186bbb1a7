"""A verdict as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from ..trace_rules import RULES, Level
from .shown import where

__all__ = ["add_suite", "as_junit", "clean"]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(rows: Sequence[Mapping[str, Any]], checked: Sequence[str]) -> str:
    """A test case for each rule that was checked, of breaches as reports write them.

    A broken required rule fails, one of which there is advice is a skipped one.
    """
    root = ElementTree.Element("testsuites", name="kling-mock")
    add_suite(root, "verdict", rows, checked)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def add_suite(
    root: ElementTree.Element, name: str, rows: Sequence[Mapping[str, Any]], checked: Sequence[str]
) -> None:
    """Add a suite of such test cases."""
    suite = ElementTree.SubElement(root, "testsuite", name=clean(name), tests=str(len(checked)))
    rows_of = {id: [row for row in rows if row["id"] == id] for id in checked}
    failed = {row["id"] for row in rows if row["level"] == Level.REQUIRED}
    suite.set("failures", str(len(failed)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(bool(found) and id not in failed for id, found in rows_of.items())))
    for id, found in rows_of.items():
        case = ElementTree.SubElement(
            suite, "testcase", classname="kling-mock", name=f"{id} {RULES[id].name}"
        )
        if found:
            _say(case, found, failed=id in failed)


def _say(case: ElementTree.Element, rows: Sequence[Mapping[str, Any]], *, failed: bool) -> None:
    said = [clean(f"{row['says']}{where(row)}") for row in rows]
    if not failed:
        ElementTree.SubElement(case, "skipped", message=f"advice: {said[0]}")
        return
    row = rows[0]
    failure = ElementTree.SubElement(case, "failure", type=row["name"], message=said[0])
    failure.text = "\n".join([*said, row["cost"], f"To mend it: {row['mend']}", row["page"]])


def clean(text: str) -> str:
    """A text without what XML has no place for."""
    return _FORBIDDEN.sub("?", text)
