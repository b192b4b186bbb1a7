"""The report as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ..running.events import Finished, Result, Started
from .formatting import billed, command_line, curl_lines, explanation, payload_text, timeline

__all__ = ["as_junit"]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(started: Started, finished: Finished) -> str:
    """A suite per model, a test per property; advice that is not kept is a skipped test with its text."""
    root = ElementTree.Element("testsuites", name="kling-mock verify")
    for model in started.models:
        results = [result for result in finished.results if result.model == model]
        suite = ElementTree.SubElement(root, "testsuite", name=model, tests=str(len(results)))
        suite.set("failures", str(sum(result.counts for result in results)))
        suite.set("errors", "1" if finished.summary.problem else "0")
        suite.set("skipped", str(sum(_is_skipped(result) for result in results)))
        suite.set("time", f"{sum(result.seconds for result in results):.3f}")
        for result in results:
            _case(suite, started, result)
        if finished.summary.problem:
            case = ElementTree.SubElement(suite, "testcase", classname=model, name="the client can be run")
            ElementTree.SubElement(case, "error", message=_clean(finished.summary.problem))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _is_skipped(result: Result) -> bool:
    return not result.counts and (result.result != "passed" or result.thin)


def _case(suite: ElementTree.Element, started: Started, result: Result) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=result.model,
        name=f"{result.id} {result.name}",
        time=f"{result.seconds:.3f}",
    )
    example = result.counterexample
    if result.counts:
        failure = ElementTree.SubElement(
            case, "failure", type=result.name, message=_clean(explanation(result))
        )
        failure.text = _clean(_text(started, result))
    elif _is_skipped(result):
        reason = result.reason or (f"advice: {example.says}" if example is not None else "")
        ElementTree.SubElement(case, "skipped", message=_clean(reason))


def _text(started: Started, result: Result) -> str:
    example = result.counterexample
    if example is None:
        return explanation(result)
    parts = [
        f"{result.rule.cost} {billed(result)}".strip(),
        payload_text(example.trial.payload),
        example.trial.scenario.summary,
        "\n".join(timeline(example.run, example.exchange)),
        *curl_lines(example),
        command_line(started, result),
    ]
    return "\n\n".join(part for part in parts if part)


def _clean(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)
