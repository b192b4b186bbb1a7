"""The parts of a report on a counterexample: timeline, request for curl, bill, command to repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from kling_mock.billing.budget import in_words
from kling_mock.exchanges.exchange import Exchange
from kling_mock.exchanges.line import Line, line_of
from kling_mock.scenarios import Scenario
from kling_mock.timeline import PLAIN_PLAN
from kling_mock.verdicts.shown import many
from kling_mock.wording import printable

from ..running.events import Counterexample, Finished, Result, Started
from ..running.models import Run

__all__ = [
    "answer_text",
    "billed",
    "command_line",
    "curl_lines",
    "explanation",
    "payload_text",
    "sentence",
    "timeline",
    "trace_lines",
    "verdict",
    "way_of",
]

_LONGEST_BODY = 4_000
_HEAD, _TAIL = 8, 5
SERVED = "http://127.0.0.1:8000"
"""The default address of `kling-mock serve`: the mock of the run is gone."""
ID_OF = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"id\"])'"
"""What reads the id of a job from the answer to its create, in a shell."""
URL_OF = 'python3 -c \'import json, sys; print(json.load(sys.stdin)["video"]["url"])\' 2>/dev/null'
"""What reads the URL of a video from the answer to a poll, and fails where there is none yet."""
_DOWNLOADS = 4
"""Downloads of one job that are shown, the last ones."""
_SHOWN = ("authorization", "content-type", "range", "if-range")
"""Headers of a request that make a difference."""


def explanation(result: Result) -> str:
    """The reason of a result in a sentence; empty where there is nothing to say."""
    if result.counterexample is not None:
        return result.counterexample.says
    if result.result == "xpassed":
        return f"it is kept, though it is listed as a known failure: {printable(result.reason)}"
    return printable(result.reason)


def sentence(says: str) -> str:
    """A breach as a sentence; where a client's own words are its end, so is their full stop."""
    return says[:1].upper() + says[1:] + ("" if says.endswith((".", "!", "?", "…")) else ".")


def verdict(finished: Finished) -> str:
    """What a verification comes to, in a sentence or two."""
    summary = finished.summary
    if summary.problem:
        some = any(result.result != "skipped" for result in finished.results)
        if summary.interrupted:
            return f"{summary.problem} {'What is above was checked.' if some else 'Nothing was checked.'}"
        problem = printable(summary.problem, keep="\n")
        return f"The client could not be checked{' to the end' if some else ''}. {problem}"
    if summary.over_budget and not any(result.counts for result in finished.results):
        return summary.over_budget
    return {
        0: "The client keeps every property that counts.",
        1: "The client breaks the contract.",
    }.get(summary.status, "No property is broken, but less was tried than was asked for.")


def billed(result: Result) -> str:
    """`It would have been billed N times.` where a second job was made, nothing elsewhere."""
    example = result.counterexample
    if example is None or example.run.charged < 2 or len(example.trial.jobs) > 0:
        return ""
    cost = f", {in_words(example.run.charges)}" if any(charge.usd for charge in example.run.charges) else ""
    return f"It would have been billed {example.run.charged} times{cost}."


def way_of(scenario: Scenario) -> str:
    """The statuses that a job goes through, with their spans as far as they are said."""
    steps = scenario.course or PLAIN_PLAN
    return " → ".join(
        step.status if step.span is None else f"{step.status} for {step.span:g} s" for step in steps
    )


def payload_text(value: Any, most: int = 120) -> str:
    """A payload over several lines, with long strings and lists shortened."""
    return json.dumps(_shortened(value, most), ensure_ascii=False, indent=2, default=repr)


def _shortened(value: Any, most: int) -> Any:
    if isinstance(value, str) and len(value) > most:
        return f"{value[: most // 2]}… ({len(value)} characters)"
    if isinstance(value, list):
        shown = [_shortened(item, most) for item in value[:4]]
        return shown if len(value) <= 4 else [*shown, f"… ({len(value)} items)"]
    if isinstance(value, dict):
        return {name: _shortened(inner, most) for name, inner in value.items()}
    return value


def trace_lines(run: Run) -> list[Line]:
    """The exchanges with times in virtual seconds from the start of the run."""
    return [line_of(exchange, run.started, run.redactor) for exchange in run.trace]


def timeline(run: Run, blamed: int | None = None) -> list[str]:
    """The trace as lines, the request to blame marked; the middle of a long one is left out.

    Of several calls it says where each begins, and what each comes to.
    """
    shown = trace_lines(run)
    lines = [_line_text(line, blamed) for line in shown if line.number not in run.late]
    late = _brief([_line_text(line, blamed) for line in shown if line.number in run.late])
    cut = []
    if run.cut:
        why = {"requests": "too many requests", "time": "too much time"}.get(run.cut, run.cut)
        cut = [
            f"  {_at(run.cut_after)}  the mock stopped answering: {why}; {many(run.received, 'request')} came"
        ]
    if len(run.begun) > 1:
        return [*_of_calls(run, lines, cut), *late]
    ends = [f"  {_at(run.seconds)}  the client {run.brief(outcome)}" for outcome in run.outcomes]
    return [*_brief(lines), *cut, *ends, *late]


def _of_calls(run: Run, lines: list[str], cut: list[str]) -> list[str]:
    """The lines of a trace under a headline for each call; the ends of calls that run at once come last."""
    told: list[str] = []
    ends = [f"call {place}: the client {run.brief(one)}" for place, one in enumerate(run.outcomes, 1)]
    for place, (first, at) in enumerate(zip(run.begun, run.begun_at, strict=True)):
        if place and run.trial.in_turn:
            told.append(f"  {_at(at)}  {ends.pop(0)}")
        told.append(f"  {_at(at)}  call {place + 1} begins")
        last = run.begun[place + 1] if place + 1 < len(run.begun) else len(lines)
        told += _brief(lines[first:last])
    return [*told, *cut, *(f"  {_at(run.seconds)}  {end}" for end in ends)]


def _brief(lines: list[str]) -> list[str]:
    left_out = len(lines) - _HEAD - _TAIL
    if left_out < 2:
        return lines
    return [*lines[:_HEAD], f"             … {left_out} more …", *lines[-_TAIL:]]


def _at(seconds: float) -> str:
    return f"{seconds:9.2f} s"


def _line_text(line: Line, blamed: int | None) -> str:
    mark = "►" if line.number == blamed else " "
    target = line.target if len(line.target) <= 70 else line.target[:69] + "…"
    return f"{mark} {_at(line.at)}  {line.method:4} {target} → {answer_text(line)}"


def answer_text(line: Line) -> str:
    """The answer in words, with its fault and how long it took: `200 generating [slow] after 2 s`."""
    fault = f"[{line.fault}]" if line.fault else ""
    return " ".join(part for part in (line.answer, fault, line.delay) if part)


def blamed_exchange(example: Counterexample) -> Exchange | None:
    """The request that breaks the property, or else the last one."""
    trace = example.run.trace
    found = next((exchange for exchange in trace if exchange.number == example.exchange), None)
    return found or (trace[-1] if trace else None)


def curl_lines(example: Counterexample) -> list[str]:
    """The offending request for a shell, to paste as it is; nothing where none was sent.

    A poll needs a job that the server has made: the create comes first, and names it. A download needs one
    that has ended, and the downloads before it.
    """
    exchange = blamed_exchange(example)
    if exchange is None:
        return []
    made = _create_of(exchange, example.run)
    if made is None:
        return [_curl(exchange, example.run)]
    polls = [one for one in example.run.trace if one.kind == "poll" and one.job_id == exchange.job_id]
    create = f"id=$({_curl(made, example.run, show='-s')} | {ID_OF})"
    if exchange.kind == "video":
        return [create, *_downloads(exchange, polls, example.run)]
    times = 1 + polls.index(exchange)
    poll = _poll(exchange, example.run)
    return [create, poll if times == 1 else f"for n in $(seq {times}); do {poll}; echo; done"]


def _poll(exchange: Exchange, run: Run, show: str = "-i") -> str:
    target = f'-G {shlex.quote(SERVED + exchange.path)} --data-urlencode "generation_id=$id"'
    return _curl(exchange, run, show=show, target=target)


def _downloads(exchange: Exchange, polls: Sequence[Exchange], run: Run) -> list[str]:
    """What asks for the job until it has a URL, and the downloads from there up to this one."""
    asked = [one for one in run.trace if one.kind == "video" and one.job_id == exchange.job_id]
    asked = asked[: 1 + asked.index(exchange)][-_DOWNLOADS:]
    wait = f"until url=$({_poll(polls[0], run, '-s')} | {URL_OF}); do sleep 1; done"
    ways = {"GET": "-D - -o video.mp4", "HEAD": "-I"}
    return [wait, *(_curl(one, run, show=ways.get(one.method, "-i"), target='"$url"') for one in asked)]


def _create_of(exchange: Exchange, run: Run) -> Exchange | None:
    """The create of the job that a poll asked for by its very id, or a download for its video; else None."""
    if exchange.kind == "video":
        polled = any(one.kind == "poll" and one.job_id == exchange.job_id for one in run.trace)
        if not polled or exchange.job_id is None:
            return None
    elif exchange.kind != "poll" or exchange.query != {"generation_id": [exchange.job_id]}:
        return None
    creates = (one for one in run.trace if one.kind == "create" and one.job_id == exchange.job_id)
    return next((one for one in creates if isinstance(one.answer, dict) and "id" in one.answer), None)


def _curl(exchange: Exchange, run: Run, *, show: str = "-i", target: str = "") -> str:
    """One request for a shell, with the key as a variable that may be unset."""
    parts = ["curl", show]
    if exchange.method not in ("GET", "HEAD"):
        parts += ["-X", exchange.method]
    parts.append(target or shlex.quote(SERVED + line_of(exchange, run.started, run.redactor).target))
    for name in _SHOWN:
        for value in exchange.header_values(name.encode()):
            parts += ["-H", _header(name, value, run)]
    if not exchange.body:
        return " ".join(parts)
    body = run.redactor.body(exchange.body.decode("utf-8", "surrogateescape"))
    if len(body) > _LONGEST_BODY:
        return " ".join([*parts, "--data-binary", "@payload.json"])
    if body == printable(body):
        return " ".join([*parts, "--data-binary", shlex.quote(body)])
    # No argument holds every byte, and no terminal should be given some of them.
    return f"printf '{_octal(body)}' | {' '.join(parts)} --data-binary @-"


def _octal(body: str) -> str:
    """A body for `printf`: what is not plain ASCII as the octal number of each byte."""
    shown = body.encode("utf-8", "surrogateescape")
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"%\\'" else f"\\{byte:03o}" for byte in shown
    )


def _header(name: str, value: str, run: Run) -> str:
    """A header as a word for a shell: the run's own key is a variable of it, any other is hidden."""
    if run.key and run.key in value:
        text = "${KLING_API_KEY:-any-key}".join(map(run.redactor.text, value.split(run.key)))
        return f'"{name.title()}: {text}"'
    text = run.redactor.text(value)
    # What no key was found in may be one all the same, too short to be looked for.
    shown = text if text != value else run.redactor.header(name, value)
    return shlex.quote(f"{name.title()}: {shown}")


def command_line(started: Started, result: Result) -> str:
    """The command that shows this counterexample again."""
    found_by = ["--property", result.found_by] if result.found_by else []
    options = ["--property", result.id, *found_by, "--model", result.model, "--seed", str(started.seed)]
    if started.level != "required":
        options += ["--level", started.level]
    if started.server is not None:
        options += ["--server", started.server]
    return _command(options, started.target)


def _command(options: Sequence[str], target: Sequence[str]) -> str:
    return " ".join(["kling-mock", "verify", *map(shlex.quote, [*options, *target])])
