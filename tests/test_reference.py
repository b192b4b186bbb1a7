"""What is said of rules, scenarios and words: all of it is there, and what it names exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kling_mock.cli import docs, main
from kling_mock.cli.main import COMMANDS
from kling_mock.configuration import load_config
from kling_mock.fields import fields_of
from kling_mock.reference import WORDS, explain, rule_entry, scenario_entry
from kling_mock.reference.entry import Entry, Listing
from kling_mock.reference.search import known_words
from kling_mock.scenarios import CATALOGUE, Fault, parse_scenario
from kling_mock.trace_rules import RULES

ROOT = Path(__file__).parents[1]


def part(entry: Entry, heading: str) -> str:
    (found,) = [said for name, said in entry.parts if name.startswith(heading)]
    return found.text if isinstance(found, Listing) else found


@pytest.mark.slow
@pytest.mark.parametrize("word", known_words())
def test_everything_that_is_known_is_explained(word: str) -> None:
    for entry in explain(word):
        text = entry.as_text()
        assert text.splitlines()[1].startswith("  ")
        assert entry.as_markdown().startswith(f"# {entry.title}\n\n{entry.says}\n")


def test_a_rule_is_found_by_id_and_name_in_any_case_and_says_all_of_it() -> None:
    for rule in RULES.values():
        entry = explain(rule.id.lower())[0]
        text = " ".join(entry.as_text().split())
        assert all(said in text for said in (rule.asks, rule.cost, rule.mend)), rule.id
        assert rule_entry(rule) in explain(rule.name)


def test_the_scenario_that_a_rule_is_met_in_exists() -> None:
    for rule in RULES.values():
        if rule.meet:
            parse_scenario(rule.meet)


def test_the_guide_says_what_the_register_asks() -> None:
    guide = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([A-G]\d+) \| \S+ \| [RSA] \| (.*) \|$", guide, re.MULTILINE))
    asked = {rule.id: rule.asks for rule in RULES.values() if rule.in_kit}
    assert {id: re.sub(r" \(\[all pairs\].*\)$", "", says) for id, says in rows.items()} == asked


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_scenario_shows_its_facts_and_a_file_that_makes_it(name: str, tmp_path: Path) -> None:
    entry = scenario_entry(CATALOGUE[name])
    toml = part(entry, "as TOML")
    assert tomllib.loads(toml)["scenario"] == name
    file = tmp_path / "again.toml"
    file.write_text(toml, encoding="utf-8")
    assert load_config(file)["scenarios"][name] == CATALOGUE[name]
    facts = part(entry, "its facts")
    for fault in CATALOGUE[name].faults:
        for field, row in fields_of(Fault).items():
            value = getattr(fault, field)
            if value != row.default and value is not None:
                assert re.search(rf"^{field} ", facts, re.MULTILINE), field


def test_words_are_sorted_sentences() -> None:
    assert list(WORDS) == sorted(WORDS, key=str.lower)
    assert all(meaning.endswith(".") for meaning in WORDS.values())


def test_the_command_explains_several_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "C9", "rate-limited", "workspaces"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("C9 poll-fault-tolerance (required)\n")
    assert "\nrate-limited (faults of the create)\n" in shown and "\nworkspace (word)\n" in shown
    assert re.search(r"^  retry_after +5 ", shown, re.MULTILINE)
    assert main(["explain", "ratelimited"]) == 2
    assert "nothing called 'ratelimited'. Did you mean 'rate-limited'" in capsys.readouterr().err
    assert main(["explain", "a;b"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_page_is_printed_and_all_are_listed_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    listed = capsys.readouterr().out
    for name, path in docs.pages().items():
        assert path.is_file() and str(path) in listed
        assert main(["docs", name]) == 0
        assert capsys.readouterr().out.rstrip() == path.read_text(encoding="utf-8").rstrip()
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} == set(docs.pages())
    assert main(["docs", "verfy"]) == 2
    assert "Did you mean 'verify'" in capsys.readouterr().err


def test_the_properties_are_listed_without_a_client(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in shown[:-2]] == [
        [rule.id, f"{rule.level}", rule.name] for rule in RULES.values() if rule.in_kit
    ]
    assert main(["verify", "--list", "--property", "B*", "--property", "exit-code"]) == 0
    ids = [line.split()[0] for line in capsys.readouterr().out.splitlines()[:-2]]
    assert ids == [id for id in RULES if id[0] == "B" and RULES[id].in_kit] + ["F2"]
    assert main(["verify", "--list", "--property", "exit-cod"]) == 2
    assert "Did you mean 'exit-code'" in capsys.readouterr().err


def test_the_help_leads_to_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"docs", "explain"} <= set(COMMANDS)
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "kling-mock docs" in shown and "kling-mock explain" in shown
