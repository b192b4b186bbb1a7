"""The pages of the site that are no files in docs/: from the registers, docstrings and files of the root.

A hook of MkDocs (mkdocs.yml). It imports kling_mock, so it runs where that is installed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from kling_mock.reference import WORDS, rule_entry, scenario_entry
from kling_mock.scenarios import CATALOGUE, GROUPS
from kling_mock.trace_rules import RULES

ROOT = Path(__file__).resolve().parents[1]
MOVED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
    "schemas/CORRECTIONS.md": "reference/corrections.md",
}
"""Files of the repository that become pages, each with its place on the site."""
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s:]+)(#[^)\s]*)?\)")
PUBLIC = {
    "The server in a test": ("kling_mock", ("MockServer", "Settings", "Exchange", "Charge", "Clock")),
    "What happens": ("kling_mock", ("Scenario", "Fault", "Step", "find_scenario")),
    "An application of your own": ("kling_mock", ("create_app",)),
    "Errors": (
        "kling_mock",
        ("KlingMockError", "ConfigError", "SettingsError", "ServerError", "UnknownModel", "UnknownScenario",
         "KlingMockWarning"),
    ),
    "The contract kit": ("kling_mock.contract_tests", ()),
    "The pytest plugin": ("kling_mock.fixtures.plugin", ()),
    "A client in the same process": (
        "", ("kling_mock.virtual_time.fast_forward", "kling_mock.interception.parent.in_process.intercept")
    ),
}  # fmt: skip
"""What the API reference shows, in order: a module with its names, or names of any module."""


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for place, text in pages():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links of docs/ that lead out of it arrive."""
    if page.file.generated_by is not None:
        return markdown
    return linked(markdown, PurePosixPath("docs") / page.file.src_uri, page.file.src_uri)


def pages() -> Iterator[tuple[str, str]]:
    """Every made page: its place and its Markdown."""
    for source, place in MOVED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        yield place, linked(text, PurePosixPath(source), place)
    yield "reference/api.md", api_page()
    yield "reference/words.md", words_page()
    yield "reference/rules/index.md", rules_index()
    for rule in RULES.values():
        more = "\n[All rules](index.md) · [The properties](../../properties.md)\n"
        yield f"reference/rules/{rule.id}.md", rule_entry(rule).as_markdown() + more
    yield "reference/scenarios/index.md", scenarios_index()
    for name, scenario in CATALOGUE.items():
        more = "\n[All scenarios](index.md) · [How they are chosen](../../scenarios.md)\n"
        yield f"reference/scenarios/{name}.md", scenario_entry(scenario).as_markdown() + more
    yield "llms.txt", linked((ROOT / "llms.txt").read_text(encoding="utf-8"), PurePosixPath("llms.txt"), "")


def linked(markdown: str, source: PurePosixPath, place: str) -> str:
    """The text with links as the site has them; a link to what is no page is its words alone."""

    def moved(match: re.Match[str]) -> str:
        words, path, anchor = match[1], match[2], match[3] or ""
        target = (ROOT / source.parent / path).resolve()
        inside = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if inside in MOVED:
            found = MOVED[inside]
        elif inside.startswith("docs/") and target.is_file():
            found = inside.removeprefix("docs/")
        else:
            return match[0] if words.startswith("!") else words[1:-1]
        leads = posixpath.relpath(found, posixpath.dirname(place)) if place else address(found)
        return f"{words}({leads}{anchor})"

    return LINK.sub(moved, markdown)


def address(place: str) -> str:
    """Where a page is below the root of the site."""
    stem = place.removesuffix("index.md") if place.endswith("index.md") else f"{place.removesuffix('.md')}/"
    return stem or "./"


def api_page() -> str:
    """The public names, whose docstrings mkdocstrings puts in."""
    parts = ["# Python"]
    for title, (module, names) in PUBLIC.items():
        parts.append(f"## {title}")
        if not names:
            parts.append(_directive(module, heading=3, members=True))
        for name in names:
            parts.append(_directive(f"{module}.{name}" if module else name, heading=3))
    return "\n\n".join(parts) + "\n"


def _directive(name: str, *, heading: int, members: bool = False) -> str:
    options = [f"      heading_level: {heading}"]
    if name == "kling_mock.MockServer":
        # What a test does with a server it does with a workspace: `facade` has it.
        options.append("      inherited_members: true")
    if members:
        options.append("      show_root_toc_entry: false")
    return "\n".join([f"::: {name}", "    options:", *options])


def rules_index() -> str:
    """A row per rule."""
    rows = [f"| [{one.id}]({one.id}.md) | {one.level} | {one.name} | {one.asks} |" for one in RULES.values()]
    head = "# Rules\n\nR required, S strict, A advice.\n\n| id | level | name | asks |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def scenarios_index() -> str:
    """A list per group."""
    parts = ["# Scenarios\n"]
    for group, names in GROUPS.items():
        parts.append(f"## {group[0].upper()}{group[1:]}\n")
        parts += [f"- [{name}]({name}.md): {CATALOGUE[name].summary}" for name in names]
        parts.append("")
    return "\n".join(parts)


def words_page() -> str:
    """Every word with what it means."""
    return "# Words\n\n" + "\n".join(f"- **{word}**: {says}" for word, says in WORDS.items()) + "\n"
