"""A trace as a drawing: client on the left, mock on the right, time downwards, as inline SVG."""

from __future__ import annotations

from html import escape

from kling_mock.exchanges.line import Line

from ..running.models import Run
from .formatting import answer_text, trace_lines

__all__ = ["sequence"]

_WIDTH = 800
_LEFT, _RIGHT = 110, 540
_ROW = 44
_HEAD, _TAIL = 9, 4


def sequence(run: Run, blamed: int | None) -> str:
    """The exchanges as arrows there and back; the one to blame is drawn in the accent colour."""
    rows: list[Line | int] = list(trace_lines(run))
    if len(rows) > _HEAD + _TAIL + 1:
        rows = [*rows[:_HEAD], len(rows) - _HEAD - _TAIL, *rows[-_TAIL:]]
    parts: list[str] = []
    y = 40
    for row in rows:
        if isinstance(row, int):
            parts.append(_text((_LEFT + _RIGHT) // 2, y + 10, f"… {row} more …", "middle", "faint"))
            y += 40
            continue
        parts.append(_exchange(row, y, row.number == blamed))
        y += _ROW
    for line in _ends(run):
        parts.append(_text(_LEFT, y + 14, line, "start", "end"))
        y += 22
    height = y + 16
    bottom = height - 22 * len(run.outcomes) - 12
    lines = "".join(
        f'<line class="life" x1="{x}" y1="26" x2="{x}" y2="{bottom}"/>' + _text(x, 18, name, "middle", "who")
        for x, name in ((_LEFT, "client"), (_RIGHT, "server"))
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="the exchanges in time" '
        f'style="max-width:{_WIDTH}px">{lines}{"".join(parts)}</svg>'
    )


def _exchange(line: Line, y: int, blamed: bool) -> str:
    kind = "blamed" if blamed else line.kind
    asked = f"{line.method} {_brief(line.target)}"
    parts = [
        _text(_LEFT - 12, y + 5, f"{line.at:.1f} s", "end", "time"),
        f"<title>{escape(line.method + ' ' + line.target)}</title>",
        _arrow(_LEFT, y, _RIGHT, y + 8, kind),
        _text(_LEFT + 10, y - 4, asked, "start", kind),
    ]
    back = "lost" if line.status is None or line.status >= 400 else "answer"
    parts.append(_text(_RIGHT + 12, y + 18, answer_text(line), "start", back))
    if line.status is None:
        parts.append(f'<path class="lost" d="M {_RIGHT - 90} {y + 12} l 10 10 m 0 -10 l -10 10"/>')
        parts.append(f'<line class="lost" x1="{_RIGHT}" y1="{y + 12}" x2="{_RIGHT - 78}" y2="{y + 17}"/>')
    else:
        parts.append(_arrow(_RIGHT, y + 14, _LEFT, y + 24, back))
    return f"<g>{''.join(parts)}</g>"


def _ends(run: Run) -> list[str]:
    lines = [f"{run.seconds:.1f} s: the client {run.brief(outcome)}" for outcome in run.outcomes]
    return [_cut(line, 100) for line in lines]


def _brief(target: str) -> str:
    path, mark, query = target.partition("?")
    shown = "…" if mark else path
    whole = shown + mark + query
    return _cut(whole, 52)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _arrow(x1: int, y1: int, x2: int, y2: int, kind: str) -> str:
    direction = 1 if x2 > x1 else -1
    head = f"M {x2} {y2} l {-8 * direction} -4 l 0 8 z"
    shaft = f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
    return shaft + f'<path class="{kind} head" d="{head}"/>'


def _text(x: int, y: int, text: str, anchor: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
