"""The site: its made pages are complete, and every link leads somewhere. `.ci/run` builds it, strictly."""

from __future__ import annotations

import importlib.util
import posixpath
import re
from pathlib import Path
from types import ModuleType

import pytest

from kling_mock.project.templates import AGENTS
from kling_mock.scenarios import CATALOGUE
from kling_mock.trace_rules import RULES

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#[^)\s]*)?\)")
LISTING = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / ".ci" / "site_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(hook: ModuleType) -> dict[str, str]:
    """Every page of the site by its place, as MkDocs gets it."""
    found = dict(hook.pages())
    for path in (ROOT / "docs").glob("*.md"):
        source = Path("docs", path.name)
        found[path.name] = hook.linked(path.read_text(encoding="utf-8"), source, path.name)
    return found


def test_there_is_a_page_per_rule_and_per_scenario(site: dict[str, str]) -> None:
    assert {f"reference/rules/{id}.md" for id in RULES} < set(site)
    assert {f"reference/scenarios/{name}.md" for name in CATALOGUE} < set(site)


def test_every_link_of_every_page_leads_to_a_page(site: dict[str, str]) -> None:
    for place, text in site.items():
        for target in LINK.findall(LISTING.sub("", text)):
            if place != "llms.txt" and target:
                assert posixpath.normpath(posixpath.join(posixpath.dirname(place), target)) in site, place
            elif target:
                page = "index.md" if target == "./" else f"{target.rstrip('/')}.md"
                assert page in site, target


def test_the_menu_names_pages_that_there_are_and_every_guide(site: dict[str, str]) -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    named = re.findall(r": (\S+\.md)$", menu, re.MULTILINE)
    assert set(named) <= set(site)
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(named)


def test_llms_txt_names_every_guide_and_nothing_else_that_is_not_there() -> None:
    text = (ROOT / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# kling-mock\n\n> ")
    named = LINK.findall(text)
    assert all((ROOT / name).is_file() for name in named)
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= set(named)


def test_what_agents_are_told_stands_in_the_guide_and_its_commands_are_there() -> None:
    guide = (ROOT / "docs" / "coding-agents.md").read_text(encoding="utf-8")
    assert f"```markdown\n{AGENTS}```" in guide
    assert "Never call the paid API" in AGENTS
