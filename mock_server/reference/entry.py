"""One thing that is explained: a title, sentences under headings, and listings; as text and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Entry", "Listing"]

WIDTH = 96


@dataclass(frozen=True)
class Listing:
    """Lines to paste, or to read as they are, and the language that they are in."""

    text: str
    language: str = "sh"


@dataclass(frozen=True)
class Entry:
    """What is said of one rule, scenario or word."""

    title: str
    says: str
    parts: Sequence[tuple[str, str | Listing]] = field(default=())
    """Headings, each with a sentence or a listing."""

    def as_text(self) -> str:
        """For a terminal: headings at the margin, everything else indented."""
        lines = [self.title, *_wrapped(self.says)]
        for heading, part in self.parts:
            lines += ["", heading]
            if isinstance(part, Listing):
                lines += [f"  {line}".rstrip() for line in part.text.rstrip("\n").split("\n")]
            else:
                lines += _wrapped(part)
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """For a page of its own."""
        blocks = [f"# {self.title}", self.says]
        for heading, part in self.parts:
            blocks.append(f"## {heading[0].upper()}{heading[1:]}")
            if isinstance(part, Listing):
                blocks.append(f"```{part.language}\n{part.text.rstrip()}\n```")
            else:
                blocks.append(part)
        return "\n\n".join(blocks) + "\n"


def _wrapped(text: str) -> list[str]:
    """Lines that break at spaces alone: names and commands stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
