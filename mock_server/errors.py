"""Every exception that kling-mock raises on purpose, in one tree.

    KlingMockError
    ├── SettingsError          an option has a value it cannot have
    │   └── ConfigError        a line of a configuration file does
    ├── SpecError              a vendored document cannot be used
    ├── UnknownModel           no variant has this model id
    ├── UnknownScenario        no scenario has this name
    ├── PayloadError           a request body is not strict JSON
    ├── NoWorkspace            a workspace cannot be had
    ├── JobError               a job cannot be completed, failed or held
    ├── ServerError            the server could not start or stop
    ├── ClockError             time cannot do what was asked of it
    └── TargetError            the client to drive cannot be used

    KlingMockWarning           (a warning) a test's trace breaks an invariant of the contract

Each message is addressed to the user: what was expected, what was received, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Self

__all__ = [
    "ClockError",
    "ConfigError",
    "JobError",
    "KlingMockError",
    "KlingMockWarning",
    "NoWorkspace",
    "PayloadError",
    "ServerError",
    "SettingsError",
    "SpecError",
    "TargetError",
    "UnknownModel",
    "UnknownScenario",
    "did_you_mean",
    "nearest",
    "shortened",
    "some_of",
]


SHOWN = 120
"""How many characters of a word that a client sent are looked at and shown."""
SLIP = 0.9
"""How much a word is like the one that it misspells."""
MOST_KNOWN = 500
"""How many known words are held against a word that is none of them."""


def nearest(word: str, known: Iterable[str], *, most: int = 3, likeness: float = 0.4) -> list[str]:
    """The known words that look most like `word`, best first; empty where none is near.

    `likeness` runs from 0, where any word is near, to 1 for the same word only.
    """
    # Imported where something is wrong already: every session of pytest imports this module.
    from difflib import get_close_matches

    # The search takes time with the words' length and number, and a client may send any.
    some = [name for name in islice(known, MOST_KNOWN) if len(name) <= SHOWN]
    return get_close_matches(word[:SHOWN], some, n=most, cutoff=likeness)


def some_of(known: Sequence[str]) -> list[str]:
    """Three of the known words from all over them, for who has named nothing that is near one."""
    return list(known[:: max(1, len(known) // 3)][:3])


def did_you_mean(matches: Sequence[str]) -> str:
    """` Did you mean 'a' or 'b'?`, or nothing where there is no near word."""
    if not matches:
        return ""
    return " Did you mean " + " or ".join(repr(match) for match in matches) + "?"


def shortened(word: str) -> str:
    """A word that a client sent, its end cut off where it is long."""
    return word if len(word) <= SHOWN else word[:SHOWN] + "…"


def _shown(word: str) -> str:
    return repr(shortened(word))


def _misspells(word: str, known: str) -> bool:
    """Whether a word is nearly a known one, and has its numbers: another number is another version."""
    from difflib import SequenceMatcher

    same = [[sign for sign in one if sign.isdigit()] for one in (word[:SHOWN], known)]
    return same[0] == same[1] and SequenceMatcher(None, word[:SHOWN], known).ratio() > SLIP


class KlingMockError(Exception):
    """The root of the tree: catch it to catch whatever kling-mock raises on purpose."""


class KlingMockWarning(UserWarning):
    """A client did what breaks the contract, in a test that passes; `kling_mock_checks = error` fails it."""


class SettingsError(KlingMockError, ValueError):
    """An option has a value that it cannot have.

    `option` is what the user wrote it as (`queued`, `--queued`, `KLING_MOCK_QUEUED`), empty where no single
    one is to blame; `problem` is the rest of the sentence: what was expected, what was received.
    """

    def __init__(self, problem: str, *, option: str = "") -> None:
        self.problem = problem
        self.option = option
        super().__init__(f"{option}: {problem}" if option else problem)

    def blaming(self, option: str) -> SettingsError:
        """The same problem of an option that is written like this."""
        return SettingsError(self.problem, option=option)


class ConfigError(SettingsError):
    """A configuration file cannot be used; the message starts with `FILE:LINE:` where a line is to blame."""


class SpecError(KlingMockError):
    """An OpenAPI document cannot be used.

    Where a single part of it is to blame, `place` says which (a file, then the way within it) and `keyword`
    the keyword of JSON Schema; both are empty otherwise. `option` is what named it, where that is to blame.
    """

    def __init__(self, message: str, *, place: str = "", keyword: str = "", option: str = "") -> None:
        self.problem = message
        self.place = place
        self.keyword = keyword
        self.option = option
        super().__init__(f"{option}: {message}" if option else message)

    def blaming(self, option: str) -> SpecError:
        """The same problem of an option that is written like this."""
        return SpecError(self.problem, place=self.place, keyword=self.keyword, option=option)


class _OfAnOption:
    """An error that says which option is to blame, where one is."""

    option = ""

    def __str__(self) -> str:
        said = super().__str__()
        return f"{self.option}: {said}" if self.option else said

    def blaming(self, option: str) -> Self:
        """This error, of an option that is written like this."""
        self.option = option
        return self


class UnknownModel(_OfAnOption, KlingMockError, LookupError):
    """No document describes this model; `nearest` holds the known ids that look most like it."""

    def __init__(self, model: str, known: Iterable[str]) -> None:
        self.model = model
        known = list(known)
        self.nearest = nearest(model, known)
        self.examples = some_of(known)
        some = " or ".join(map(repr, self.examples))
        others = f" There are {some} and others: `kling-mock specs list` shows them."
        hint = did_you_mean(self.nearest) or others
        self.misspelt = "/" not in model or any(_misspells(model, name) for name in self.nearest)
        """Whether it looks like a slip of the pen, and not like a model that came later."""
        add = "" if self.misspelt else " A newer one is added with `kling-mock specs add` and --specs FOLDER."
        super().__init__(f"This mock knows no model {_shown(model)}.{hint}{add}")


class UnknownScenario(_OfAnOption, KlingMockError, LookupError):
    """No scenario has this name; `nearest` holds the names that look most like it."""

    def __init__(self, name: str, known: Iterable[str], *, because: str = "") -> None:
        self.name = name
        self.nearest = nearest(name, known)
        hint = did_you_mean(self.nearest) or " `kling-mock scenarios` lists all of them."
        super().__init__(f"{because}There is no scenario {_shown(name)}.{hint}")


class PayloadError(KlingMockError, ValueError):
    """A request body is not strict JSON.

    `expected` and `received` say what was to be there and what was, with its place; the message is both in
    one sentence.
    """

    def __init__(self, expected: str, received: str) -> None:
        self.expected = expected
        self.received = received
        super().__init__(f"Expected {expected}, received {received}.")


class JobError(KlingMockError):
    """A job cannot be completed, failed or held: there is none, or it has come to its end."""


class NoWorkspace(KlingMockError):
    """A workspace cannot be had: its name is none (`status` 400), or there are too many (503)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ServerError(KlingMockError, RuntimeError):
    """The server could not start, or was used while it was not running."""


class ClockError(KlingMockError, ValueError):
    """Time cannot do what was asked of it: run backwards, or reach a status that a job never has."""


class TargetError(KlingMockError):
    """The client that was to be driven cannot be imported, called or run."""
