"""Scenarios in one line of text, as options, headers, API keys and prompts carry them."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SettingsError
from ..fields import read_text
from .builtin import find_scenario
from .fault import Fault, check_fault_options
from .scenario import Scenario

__all__ = ["LONGEST_TEXT", "MOST_JOINED", "parse_scenario"]

LONGEST_TEXT = 4096
"""Characters of a scenario's text at most: clients send any, and each text is kept with its counts."""
MOST_JOINED = 20
"""How many scenarios may be joined in one text."""


def parse_scenario(text: str, own: Mapping[str, Scenario] | None = None) -> Scenario:
    """A scenario from text: `NAME`, `NAME;times=2;after=1`, and several joined by `+` or `|`.

    Raises `UnknownScenario`, or `SettingsError` for an option that a fault does not have, for scenarios of
    which one would take back what the other says, and for more of them than anybody needs.
    """
    if own and text in own:
        # The user's own may be called by any name, one with a + in it too.
        return own[text]
    # What names no scenario at all says so first: an API key may hold any number of these signs.
    find_scenario(text.partition(";")[0].partition("+")[0].partition("|")[0].strip(), own)
    if len(text) > LONGEST_TEXT:
        raise SettingsError(f"A scenario's text has at most {LONGEST_TEXT} characters, received {len(text)}.")
    parts = text.replace("|", "+").split("+")
    if len(parts) > MOST_JOINED:
        raise SettingsError(f"At most {MOST_JOINED} scenarios are joined in one text, received {len(parts)}.")
    result: Scenario | None = None
    for part in parts:
        name, *options = (piece.strip() for piece in part.split(";"))
        scenario = find_scenario(name, own, **dict(_fault_option(option) for option in options))
        result = scenario if result is None else result | scenario
    assert result is not None
    return result


def _fault_option(text: str) -> tuple[str, object]:
    name, separator, value = (piece.strip() for piece in text.partition("="))
    name = name.replace("-", "_")
    if not separator:
        raise SettingsError(f"A scenario's option is NAME=VALUE such as times=2, received {text!r}.")
    check_fault_options([name])
    return name, read_text(Fault, name, value)
