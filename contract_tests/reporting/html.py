"""The report as one page, with nothing to load: a table, and a drawn trace for each broken property."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from kling_mock.verdicts.shown import many

from ..running.events import Finished, Result, ResultKey, Started
from .artifacts import scenario_text
from .console import WORDS, counted, kind_of
from .formatting import billed, command_line, curl_lines, explanation, payload_text, sentence, verdict
from .sequence_svg import sequence

__all__ = ["as_html"]

_STYLE = """
:root { color-scheme: light dark; --ink:#1d2733; --faint:#5f6f80; --line:#d5dce3; --page:#fff; --soft:#f3f6f8;
  --bad:#b3261e; --good:#1b7a43; --warn:#8a5a00; --blue:#1f5fa8 }
@media (prefers-color-scheme: dark) { :root { --ink:#e4eaf0; --faint:#9aa8b5; --line:#3a4653; --page:#161c22;
  --soft:#1f272f; --bad:#ff8a80; --good:#7bd8a0; --warn:#f2c36b; --blue:#8fc1ff } }
* { box-sizing: border-box }
body { margin:0 auto; max-width:62rem; padding:2rem 1.2rem 4rem; background:var(--page); color:var(--ink);
  font:16px/1.5 system-ui, sans-serif }
h1 { font-size:1.5rem; margin:0 0 .3rem } h2 { font-size:1.15rem; margin:2.2rem 0 .6rem }
h3 { font-size:1.05rem; margin:0 0 .4rem } p { margin:.3rem 0 } .faint { color:var(--faint) }
table { border-collapse:collapse; width:100%; font-size:.92rem }
th, td { text-align:left; padding:.3rem .6rem .3rem 0; border-bottom:1px solid var(--line);
  vertical-align:top }
td:first-child { white-space:nowrap } .scroll { overflow-x:auto }
.failed, .xpassed { color:var(--bad); font-weight:600 } .passed { color:var(--good) }
.skipped { color:var(--faint) } .thin, .xfailed, .error { color:var(--warn) }
section.case { border:1px solid var(--line); border-left:4px solid var(--bad); border-radius:6px;
  padding:1rem 1.2rem; margin:1rem 0 }
section.advice { border-left-color:var(--warn) }
pre { background:var(--soft); padding:.7rem .9rem; border-radius:4px; overflow-x:auto; font-size:.84rem;
  line-height:1.45; margin:.4rem 0 }
details { margin:.5rem 0 } summary { cursor:pointer; color:var(--blue) } .cost { font-weight:600 }
svg { width:100%; height:auto; display:block; margin:.6rem 0; font:13px system-ui, sans-serif }
svg text { fill:var(--ink) } svg .time, svg .faint { fill:var(--faint) } svg .who { font-weight:600 }
svg .life { stroke:var(--line); stroke-width:2 } svg line { stroke:var(--faint); stroke-width:1.4 }
svg .head { fill:var(--faint) } svg line.lost, svg path.lost { stroke:var(--bad); fill:none }
svg path.lost.head { fill:var(--bad) } svg text.lost { fill:var(--bad) }
svg line.blamed { stroke:var(--bad); stroke-width:2.6 } svg path.blamed { fill:var(--bad) }
svg text.blamed { fill:var(--bad); font-weight:600 } svg text.end { font-weight:600 }
.bar { background:var(--line); height:.5rem; border-radius:3px; min-width:6rem }
.bar i { display:block; height:100%; border-radius:3px; background:var(--blue) }
"""


def as_html(started: Started, finished: Finished, files: Mapping[ResultKey, Path]) -> str:
    """The report as an HTML document that works by itself, in light and dark."""
    title = f"Contract of {started.client}"
    parts = [_heading(started, finished)]
    shown = [result for result in finished.results if result.counterexample is not None]
    if shown:
        parts.append("<h2>What is broken, and how</h2>")
        parts += [_case(started, result, files) for result in shown]
    if finished.results:
        parts.append(_table(finished))
        parts.append(_coverage(finished))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _heading(started: Started, finished: Finished) -> str:
    summary = finished.summary
    counts = counted(finished.results)
    kind = {0: "passed", 3: "thin"}.get(summary.status, "failed")
    says = f'<p class="{kind}">{escape(verdict(finished))}</p>'
    if summary.note:
        says += f"<p>{escape(summary.note)}</p>"
    models = started.models[0] if len(started.models) == 1 else f"{len(started.models)} models"
    facts = f"{models}; seed {started.seed}; {many(summary.runs, 'run')} in {summary.seconds:.1f} s"
    return f'<h1>{escape(started.client)}</h1>{says}<p class="faint">{escape(counts)}. {escape(facts)}.</p>'


def _table(finished: Finished) -> str:
    rows = []
    for result in finished.results:
        detail = explanation(result) or many(result.examples, "example")
        rows.append(
            f"<tr><td>{result.id}</td><td>{result.rule.level}</td><td>{escape(result.name)}</td>"
            f'<td>{escape(result.model)}</td><td class="{kind_of(result)}">{WORDS[kind_of(result)]}</td>'
            f"<td>{escape(detail)}</td></tr>"
        )
    head = "<tr><th>id</th><th>level</th><th>property</th><th>model</th><th>result</th><th></th></tr>"
    return f'<h2>All properties</h2><div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _coverage(finished: Finished) -> str:
    rows = []
    for name, part in finished.coverage.items():
        share = 100 * part["shown"] / max(1, part["of"])
        missing = ", ".join(part["missing"][:12]) + (" …" if len(part["missing"]) > 12 else "")
        rows.append(
            f"<tr><td>{escape(name)}</td><td>{part['shown']} of {part['of']}</td>"
            f'<td><div class="bar"><i style="width:{share:.0f}%"></i></div></td>'
            f"<td>{escape(missing)}</td></tr>"
        )
    head = "<tr><th>what</th><th>seen</th><th></th><th>not seen</th></tr>"
    return f'<h2>What the client has seen</h2><div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _case(started: Started, result: Result, files: Mapping[ResultKey, Path]) -> str:
    example = result.counterexample
    assert example is not None
    file = files.get(result.key)
    again = command_line(started, result)
    if file is not None:
        again = f"kling-mock serve --config {file}\n{again}"
    base = "" if example.trial.base == "plain" else f"<p>The base URL was {escape(example.run.base_url)}.</p>"
    note = f"<p>The case: {escape(example.trial.note)}.</p>" if example.trial.note else ""
    payloads = "\n".join(payload_text(payload) for payload in example.trial.payloads)
    advice = " (advice: does not count)" if result.advisory else ""
    server = example.trial.scenario.summary or example.trial.scenario.name
    kind = "case advice" if not result.counts else "case"
    curl = "\n".join(curl_lines(example))
    return (
        f'<section class="{kind}" id="{result.id}"><h3>{result.id} {escape(result.name)}</h3>'
        f'<p class="faint">{escape(result.model)}{advice}</p>'
        f"<p>{escape(sentence(example.says))}</p>"
        f'<p class="cost">{escape(" ".join(part for part in (result.rule.cost, billed(result)) if part))}</p>'
        f"{note}{base}{sequence(example.run, example.exchange)}"
        f"<details open><summary>Payload</summary><pre>{escape(payloads)}</pre></details>"
        f"<details><summary>Server: {escape(server)}</summary>"
        f"<pre>{escape(scenario_text(result))}</pre></details>"
        + (f"<details><summary>The request</summary><pre>{escape(curl)}</pre></details>" if curl else "")
        + f"<details><summary>Again</summary><pre>{escape(again)}</pre></details></section>"
    )
