"""Forms of an id that arrive instead of the one that was issued, because of a client's mistake."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

__all__ = ["lost_digits", "mangled"]

_CUTS = "&#%+ ;?=/:"
"""Characters at which a URL, or a client, may cut an id."""
_SHORTEST = 3
"""A shorter form could stand for any id."""
_COMPOUND = re.compile(r"([0-9a-fA-F-]{36}):(.+)")


def mangled(issued: str, asked: str) -> bool:
    """Return True if `asked` is what `issued` becomes in a URL when it is not encoded as it should be.

    Among the ways: no encoding at all, encoding or decoding once too often, `+` for a space, bytes read in
    another encoding, a cut at a character of URLs, dashes or spaces taken off the ends.
    """
    if issued == asked or len(asked) < _SHORTEST or lost_digits(issued, asked):
        return False
    return asked in set(_forms(issued))


def lost_digits(issued: str, asked: str) -> bool:
    """Return True if `asked` is `issued` read as a number, in another letter case, or cut at its colon.

    A number loses its leading zeros and whatever is beyond 2^53: 789392067490349060 comes back as
    789392067490349000 or 7.89392067490349e+17.
    """
    if issued == asked or not asked:
        return False
    if issued.isascii() and issued.isdigit():
        return _same_number(int(issued), asked)
    compound = _COMPOUND.fullmatch(issued)
    if compound and asked in (compound[1], compound[2]):
        return True
    return asked in (issued.lower(), issued.upper())


def _same_number(issued: int, asked: str) -> bool:
    try:
        number = float(asked)
    except ValueError:
        return False
    if not math.isfinite(number):
        return False
    # Scientific notation may have few digits; anything else has to be this number but for rounding.
    tolerance = 1e-5 * issued if "e" in asked.lower() else 0.0
    return abs(number - float(issued)) <= tolerance


def _forms(issued: str) -> Iterator[str]:
    """Everything that one mistake, or two of them, make of an id."""
    once = {form for change in _CHANGES for form in change(issued)}
    yield from once
    for form in once:
        for change in _CHANGES:
            yield from change(form)


def _unencoded(text: str) -> Iterator[str]:
    """As the server reads it where it stands in the query as it is, or with only what must be encoded."""
    before_fragment = text.partition("#")[0]
    for query in (before_fragment, quote(before_fragment, safe="%/:?&=+;,@!$'()*[]~")):
        pairs = parse_qsl(f"id={query}", keep_blank_values=True)
        if pairs:
            yield pairs[0][1]


def _coded(text: str) -> Iterator[str]:
    """Encoded or decoded once too often."""
    yield from (unquote(text), unquote_plus(text), quote(text, safe=""), quote(text), quote_plus(text))
    yield text.replace("+", " ")
    yield text.replace(" ", "+")


def _misread(text: str) -> Iterator[str]:
    """Its bytes read in another encoding, or with what is not ASCII left out or replaced."""
    yield text.encode("utf-8", "surrogatepass").decode("latin-1")
    yield text.encode("latin-1", "replace").decode("utf-8", "replace")
    yield text.encode("ascii", "ignore").decode()
    yield text.encode("ascii", "replace").decode()
    yield from (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))


def _cut(text: str) -> Iterator[str]:
    """Cut before or after a character that means something in a URL, or trimmed."""
    for character in _CUTS:
        if character in text:
            yield text.partition(character)[0]
            yield text.rpartition(character)[2]
    yield text.strip()
    yield text.strip("-_")
    yield text.lstrip("-")


_CHANGES: tuple[Callable[[str], Iterator[str]], ...] = (_unencoded, _coded, _misread, _cut)
