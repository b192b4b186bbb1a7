"""Known failures: a file that lists them, held to strictly."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path

from kling_mock.errors import ConfigError, did_you_mean, nearest

from ..generation.contract_view import current_catalog
from ..properties import PROPERTIES

__all__ = ["Xfails", "load_xfails"]


@dataclass(frozen=True)
class Xfails:
    """Known failures as (property id, glob of models, reason)."""

    known: tuple[tuple[str, str, str], ...] = ()

    def reason(self, property_id: str, model: str) -> str | None:
        """The reason why a property is expected to be broken on a model; None where it is not."""
        for known_id, pattern, reason in self.known:
            if known_id == property_id and fnmatch.fnmatchcase(model, pattern):
                return reason or "a known failure"
        return None


def load_xfails(path: str | Path) -> Xfails:
    """The known failures of a file, a line each: `ID [MODEL GLOB] [# reason]`.

    Raises `ConfigError`, which starts with FILE:LINE, for a line that is none.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        says = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"{file} cannot be read: {says}.", option="xfails") from None
    known = []
    for number, line in enumerate(lines, 1):
        entry, _, reason = line.partition("#")
        words = entry.split()
        if not words:
            continue
        if words[0].upper() not in PROPERTIES:
            hint = did_you_mean(nearest(words[0].upper(), PROPERTIES)) or " They are A1 to G1."
            raise ConfigError(f"{file}:{number}: there is no property {words[0]!r}.{hint}")
        if len(words) > 2:
            raise ConfigError(f"{file}:{number}: expected ID [MODEL] [# reason], received {line.strip()!r}.")
        pattern = _models(words[1], f"{file}:{number}") if len(words) > 1 else "*"
        known.append((words[0].upper(), pattern, reason.strip()))
    return Xfails(tuple(known))


def _models(pattern: str, where: str) -> str:
    """A glob that names a model; for another name of one, its id."""
    catalog = current_catalog()
    known = [variant.model for variant in catalog.variants]
    if any(fnmatch.fnmatchcase(model, pattern) for model in known):
        return pattern
    variant = catalog.get(pattern)
    if variant is None:
        raise ConfigError(f"{where}: there is no model {pattern!r}.{did_you_mean(nearest(pattern, known))}")
    return variant.model
