"""The report on a terminal: progress while it runs, then a table, then what is broken and how."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from kling_mock.real_time import real_time
from kling_mock.verdicts.shown import many
from kling_mock.wording import printable

from ..running.events import (
    Checked,
    Checking,
    Event,
    Example,
    Finished,
    Result,
    ResultKey,
    ResultKind,
    Started,
)
from .formatting import (
    billed,
    command_line,
    curl_lines,
    explanation,
    payload_text,
    sentence,
    timeline,
    verdict,
    way_of,
)
from .terminal_text import terminal_text

__all__ = ["WORDS", "Console", "counted", "explain", "kind_of", "table"]

Shown = Literal["thin"] | ResultKind
"""A kind of result as it is shown; `thin` is cut short: kept with fewer examples than were asked for."""

WORDS: dict[Shown, str] = {
    "passed": "kept",
    "thin": "cut short",
    "failed": "broken",
    "skipped": "not applicable",
    "xfailed": "known failure",
    "xpassed": "kept, though listed as a known failure",
    "error": "could not be tried",
}
SIGNS: dict[Shown, str] = {
    "passed": "✓",
    "thin": "~",
    "failed": "✗",
    "skipped": "·",
    "xfailed": "x",
    "xpassed": "!",
    "error": "?",
}
PLAIN_SIGNS: dict[Shown, str] = {
    "passed": "+",
    "thin": "~",
    "failed": "X",
    "skipped": "-",
    "xfailed": "x",
    "xpassed": "!",
    "error": "?",
}
COLOURS: dict[Shown, str] = {
    "passed": "32",
    "thin": "33",
    "failed": "31;1",
    "skipped": "2",
    "xfailed": "33",
    "xpassed": "33;1",
    "error": "33",
}


EVERY = 100
"""Results between two lines of progress where there is no terminal."""
PATIENCE = 30.0
"""Real seconds after which there is such a line in any case."""
TELLING = 0.1
"""The part of the results that has to be there before the time of the others is guessed by it."""
BAR = 20
"""Characters of the bar on a terminal."""
LEVELS = {"R": "required", "S": "strict", "A": "advice"}


class Console:
    """Writes to a stream as events come; progress only where the stream is a terminal."""

    def __init__(
        self, stream: TextIO | None = None, *, files: Mapping[ResultKey, Path] | None = None
    ) -> None:
        self.stream = stream or sys.stdout
        self.files = files if files is not None else {}
        """The file in which the scenario of a result was saved."""
        self._live = self.stream.isatty()
        self._plain = "utf" not in (getattr(self.stream, "encoding", None) or "utf-8").lower()
        self._started: Started | None = None
        self._current = ""
        self._examples = 0
        self._began = self._told = real_time.monotonic()
        self._done = self._broken = self._total = 0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Started):
            self._started = event
            self._say(_opening(event))
        elif isinstance(event, Checking):
            self._total = event.total
            self._current = f"{event.id} {event.name}"
            self._current += f" {event.model}" if self._started and len(self._started.models) > 1 else ""
            self._examples = 0
            self._progress()
        elif isinstance(event, Example):
            self._examples += 1
            self._progress()
        elif isinstance(event, Checked):
            self._checked(event)
        elif isinstance(event, Finished):
            self._finished(event)

    def _say(self, text: str = "") -> None:
        text = terminal_text(text)
        if self._plain:
            text = text.encode("ascii", "replace").decode()
        self.stream.write(text + "\n")
        self.stream.flush()

    def _progress(self) -> None:
        if self._live and (self._examples < 2 or self._examples % 5 == 0):
            total = max(self._total, 1)
            filled = BAR * self._done // total
            bar = ("#" * filled).ljust(BAR, ".") if self._plain else ("█" * filled).ljust(BAR, "░")
            said = f"{bar} {self._done}/{self._total} {self._current} … {self._examples or ''}"
            # In one line of the terminal, which is overwritten.
            room = max(20, shutil.get_terminal_size().columns - len(self._left()) - 3)
            self.stream.write(f"\r\x1b[K{said[:room]}  {self._left()}")
            self.stream.flush()

    def _left(self) -> str:
        """How long it will still take, as far as it went until now; empty while that says nothing."""
        if self._done < self._total * TELLING or self._done >= self._total:
            return ""
        seconds = (real_time.monotonic() - self._began) / self._done * (self._total - self._done)
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _checked(self, event: Checked) -> None:
        if self._live:
            self.stream.write("\r\x1b[K")
        result = event.result
        self._done, self._total = event.number, event.total
        self._broken += result.result == "failed"
        if self._live:
            self._progress()
            return
        late = real_time.monotonic() - self._told >= PATIENCE
        if event.number < event.total and (event.number % EVERY == 0 or late):
            self._told = real_time.monotonic()
            broken = f", {self._broken} broken" if self._broken else ""
            said = f"{event.number} of {event.total} checked{broken}"
            self._say("  " + ", ".join(filter(None, [said, self._left()])))
        if result.result == "xpassed":
            says = printable(explanation(result))
            self._say(f"{self._sign(result)} {result.id} {result.name} {result.model}: {says}")

    def _sign(self, result: Result) -> str:
        kind = kind_of(result)
        sign = (PLAIN_SIGNS if self._plain else SIGNS)[kind]
        return f"\x1b[{COLOURS[kind]}m{sign}\x1b[0m" if self._live else sign

    def _finished(self, event: Finished) -> None:
        if self._live:
            self.stream.write("\r\x1b[K")
        told = [one for one in event.results if one.result == "failed" and one.counterexample is not None]
        if len(event.results) > 1 or (event.results and not told):
            # A single breach is told in full below: a table would say it twice.
            self._say()
            for line in table(event.results, sign=self._sign):
                self._say(line)
            self._say(f"  {legend(event.results, self._plain)}")
        for result in told:
            self._say()
            assert self._started is not None
            file = self.files.get(result.key)
            for line in explain(self._started, result, file, self._sign(result)):
                self._say(line)
        self._say()
        for line in _closing(event):
            self._say(line)


def explain(started: Started, result: Result, file: Path | None = None, sign: str = "✗") -> list[str]:
    """A broken property in full: what it costs, the smallest case, the trace, and how to see it again."""
    example = result.counterexample
    assert example is not None
    advisory = " (advice: does not count)" if result.advisory else ""
    lines = [
        f"{sign} {result.id} {result.name}, {result.model}{advisory}",
        *_wrapped(sentence(example.says)),
        *_wrapped(" ".join(part for part in (result.rule.cost, billed(result)) if part)),
        *_wrapped(f"To mend it: {result.rule.mend[:1].lower()}{result.rule.mend[1:]}"),
    ]
    if example.trial.note:
        lines += _wrapped(f"The case: {example.trial.note}.")
    if example.trial.base != "plain":
        lines += _wrapped(f"The base URL was {example.run.base_url}.")
    lines.append("  payload")
    for payload in example.trial.payloads:
        lines += textwrap.indent(payload_text(payload), "    ").splitlines()
    lines += ["  server", *_wrapped(example.trial.scenario.summary or example.trial.scenario.name, "    ")]
    if example.run.served is not None:
        lines += _wrapped(f"In the client's rhythm: {way_of(example.run.served)}.", "    ")
    if file is not None:
        lines.append(f"    kling-mock serve --config {file}")
    lines += ["  trace", *("  " + line for line in timeline(example.run, example.exchange))]
    curl = curl_lines(example)
    if curl:
        lines += ["  the request" if len(curl) == 1 else "  the requests", *(f"    {line}" for line in curl)]
    lines += ["  again", f"    {command_line(started, result)}"]
    return [lines[0], *(printable(line) for line in lines[1:])]


def _opening(event: Started) -> str:
    models = event.models[0] if len(event.models) == 1 else f"{len(event.models)} models"
    asked = "1 property" if len(event.properties) == 1 else f"{len(event.properties)} properties"
    return f"Checking {event.client}: {asked}, {models}, seed {event.seed}"


def legend(results: Sequence[Result], plain: bool = False) -> str:
    """What the signs and letters of a table mean, those that stand in it."""
    kinds = {kind_of(result) for result in results}
    signs = PLAIN_SIGNS if plain else SIGNS
    levels = {str(result.rule.level) for result in results}
    said = [f"{signs[kind]} {word}" for kind, word in WORDS.items() if kind in kinds]
    return ", ".join([*said, *(f"{letter} {word}" for letter, word in LEVELS.items() if letter in levels)])


def kind_of(result: Result) -> Shown:
    """The result, or `thin` where it is kept with fewer examples than were asked for."""
    return "thin" if result.thin else result.result


def counted(results: Sequence[Result]) -> str:
    """The number of results of each kind, in words."""
    counts = Counter(map(kind_of, results))
    return ", ".join(f"{counts[name]} {word}" for name, word in WORDS.items() if name in counts)


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    # Names and commands stay whole, so that they can be searched for and copied.
    return textwrap.wrap(
        text,
        100,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _lines(text: str) -> list[str]:
    return _wrapped(text, "")


def table(results: Sequence[Result], *, sign: Any = lambda result: SIGNS[kind_of(result)]) -> list[str]:
    """A line per property, over all its models: its sign, id, name, level, and what became of it."""
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.id, []).append(result)
    return [_row(group, sign) for group in grouped.values()]


def _row(group: list[Result], sign: Any) -> str:
    order: tuple[Shown, ...] = ("failed", "xpassed", "error", "xfailed", "thin", "passed", "skipped")
    worst = min(group, key=lambda result: order.index(kind_of(result)))
    count = sum(kind_of(result) == kind_of(worst) for result in group)
    word = "cut short: kept so far" if worst.thin else WORDS[worst.result]
    if len(group) > 1 and count < len(group):
        word += f" with {count} of {len(group)} models"
    if worst.result == "failed":
        word += f": {explanation(worst)}"
    elif worst.result in ("skipped", "xfailed", "error") and worst.reason:
        word += f": {worst.reason}"
    else:
        word += f", {many(sum(result.examples for result in group), 'example')}"
        late = next((result.reason for result in group if result.reason), "")
        word += f" ({late})" if late else ""
    word = printable(word)
    row = f"{sign(worst)} {worst.id:4}{worst.rule.level:2} {worst.name:23} {word}"
    return row if len(row) <= 160 else row[:159] + "…"


def _closing(event: Finished) -> list[str]:
    summary, coverage = event.summary, event.coverage
    lines = []
    says = verdict(event)
    if summary.problem and not any(result.result != "skipped" for result in event.results):
        return [says]
    shown = ", ".join(
        f"{name} {part['shown']} of {part['of']}" for name, part in coverage.items() if part["of"]
    )
    lines += _lines(f"Seen by the client: {shown}.")
    if summary.not_asked:
        lines += _lines(f"Not asked of the client: {', '.join(summary.not_asked)}.")
    lines.append(f"{counted(event.results)}; {many(summary.runs, 'run')} in {summary.seconds:.1f} s.")
    if summary.note:
        lines += _lines(summary.note)
    # What is broken has been told above.
    for what, named in _telling(event.results):
        names = ", ".join(dict.fromkeys(f"{result.id} {result.name}" for result in named))
        lines += _lines(f"{what}: {names}.") if named else []
    if summary.over_budget:
        lines += _lines(summary.over_budget)
    return lines + (_lines(says) if summary.status != 1 else [])


def _telling(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """The results that make an exit status other than 0, by what is said of them."""
    counting = [result for result in results if not result.advisory]
    return [
        ("Cut short, so less was tried than was asked for", [result for result in counting if result.thin]),
        ("Could not be tried", [result for result in counting if result.result == "error"]),
    ]
