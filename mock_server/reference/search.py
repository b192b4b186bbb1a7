"""Finding what somebody asks about: a rule, a scenario, a kind of fault, an option, or a word."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import KlingMockError, SettingsError, did_you_mean, nearest, shortened
from ..scenarios import CATALOGUE, parse_scenario
from ..scenarios.fault import KINDS
from ..settings import server_options
from ..trace_rules import RULES
from .entry import Entry, Listing
from .rules import rule_entry
from .scenarios import scenario_entry
from .words import WORDS

__all__ = ["explain", "known_words"]


def explain(word: str) -> list[Entry]:
    """Everything that goes by this id, name or word, of whichever kind.

    Raises `SettingsError` with the nearest that are known.
    """
    found = list(_found(word.strip()))
    if not found:
        hint = did_you_mean(nearest(word, known_words()))
        raise SettingsError(
            f"there is nothing called {shortened(word)!r}."
            f"{hint or ' See `kling-mock verify --list`, `kling-mock scenarios` and `kling-mock docs`.'}"
        )
    return found


def known_words() -> list[str]:
    """Every id, name and word that can be asked about."""
    return [
        *WORDS,
        *RULES,
        *(rule.name for rule in RULES.values()),
        *CATALOGUE,
        *KINDS,
        *(option.written for option in server_options().values()),
    ]


def _found(word: str) -> Iterator[Entry]:
    for rule in RULES.values():
        if word.upper() == rule.id or word.lower() == rule.name:
            yield rule_entry(rule)
    if word in CATALOGUE:
        yield scenario_entry(CATALOGUE[word])
    elif any(sign in word for sign in "+;"):
        try:
            yield scenario_entry(parse_scenario(word))
        except KlingMockError as error:
            raise SettingsError(str(error)) from None
    if word in KINDS:
        yield _kind(word)
    plain = word.removeprefix("--").lower()
    option = server_options().get(plain.removeprefix("no-").replace("-", "_"))
    if option is not None and option.flag:
        default = f" The default is {option.shown_default}." if option.shown_default else ""
        says = f"{option.help[0].upper()}{option.help[1:]}.{default}"
        usage = (
            option.written
            if option.is_switch
            else f"{option.written} {option.metavar or option.kind.metavar}"
        )
        yield Entry(
            f"{option.written} (option of the server)",
            says,
            [("write it", Listing(f"kling-mock serve {usage}"))],
        )
    for name in dict.fromkeys((plain, plain.removesuffix("s"), plain.replace("-", " "), word)):
        if name in WORDS:
            yield Entry(f"{name} (word)", WORDS[name])
            break


def _kind(word: str) -> Entry:
    meaning = next(says for kind, says in KINDS.items() if kind == word)
    shown = [
        scenario.name
        for scenario in CATALOGUE.values()
        if any(fault.kind == word for fault in scenario.faults)
    ]
    parts: list[tuple[str, str | Listing]] = (
        [("scenarios with it", ", ".join(f"`{name}`" for name in shown) + ".")] if shown else []
    )
    return Entry(f"{word} (kind of fault)", f"{meaning[0].upper()}{meaning[1:]}.", parts)
