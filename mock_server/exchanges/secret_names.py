"""Which names of headers, parameters and fields say that their value is secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from urllib.parse import unquote_plus

__all__ = ["BUILT_IN", "SecretNames", "secret_names"]

HINTS = tuple("key token secret pass pwd sig jwt auth credential cookie bearer".split())
"""One of them stands in every name that is secret by itself."""
WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
OWN_WORD = re.compile(r"[A-Z*?]+(?![a-z])|[A-Z]?[a-z*?]+|[0-9]+")
ENDS = tuple("token secret password passwd passphrase passcode signature credential cookie".split())
"""How a word ends that is secret, its plural with `s` too."""
WHOLE = frozenset({"sig", "jwt", "pwd", "bearer"})
NO_KEYS = frozenset({"monkey", "donkey", "turkey", "hockey", "jockey", "whiskey", "hotkey", "passkeys"})
AUTH = re.compile("auth(?!or(?!i[sz])|entic)")
"""A beginning of `auth`, `authorization`, `authtoken`, but not of `author`, `authority`, `authenticate`."""
TOKENS_OF = frozenset({"access", "api", "auth", "bearer", "id", "refresh", "secret", "security", "session"})
"""What makes `tokens` credentials; otherwise they are what a text is counted in."""
BEFORE = frozenset(
    """allow cache completion foreign i18n idempotency input max min num object output partition primary
    prompt public sort surrogate total translation websocket""".split()
)
"""A word that makes the next one harmless: `Idempotency-Key`, `max_token`."""
AFTER = frozenset(
    """agent board budget cost count counts dir enabled error errors expires expiry file frame frames home
    host index length limit limits method mode name names path point points port price rate required scheme
    size sock socket type types uri url usage used version word words""".split()
)
"""A word that makes the one before harmless: `token_count`, `key_frames`, `auth_type`."""
MOST_KNOWN = 8_192
"""Names whose judgement is remembered, and as many that were remembered before those."""
LONGEST_KNOWN = 64


class SecretNames:
    """The names whose values are hidden: `key`, `token`, `password` and their like, and a user's own.

    Names are read word by word, whether written `api_key`, `X-Api-Key`, `apiKey` or `api%5Fkey`; `keyframes`
    and `max_tokens` are none. `own` are further names, in which `*` stands for anything.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = tuple(own)
        self._own = [re.compile(translate("-".join(_words(name, OWN_WORD)))) for name in self.own]
        self._known: dict[str, bool] = {}
        self._before: dict[str, bool] = {}
        self._headers: dict[bytes, str] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the value of this name is secret."""
        if not self._own:
            # `key1` is one where `key` is; a client may number as many as it likes.
            name = name.rstrip("0123456789")
        known = self._known.get(name)
        if known is None:
            before = self._before.get(name)
            known = self._judge(name) if before is None else before
            if len(self._known) >= MOST_KNOWN:
                # What is asked for again and again comes back from there: one name too many costs no other.
                self._before, self._known = self._known, {}
            if len(name) <= LONGEST_KNOWN:
                self._known[name] = known
        return known

    def header(self, name: bytes) -> str:
        """The name of a header in lower case where its value is secret, else nothing."""
        known = self._headers.get(name)
        if known is None:
            label = name.decode("latin-1").lower()
            known = label if label in self else ""
            if len(self._headers) >= MOST_KNOWN:
                self._headers.clear()
            if len(name) <= LONGEST_KNOWN:
                self._headers[name] = known
        return known

    def hinted(self, text: str) -> bool:
        """Whether a text could hold such a name at all."""
        if self._own:
            return True
        text = text.lower()
        for hint in HINTS:
            if hint in text:
                return True
        return "%" in text or "\\u" in text

    def _judge(self, name: str) -> bool:
        if not self.hinted(name):
            return False
        name = unquote_plus(name)
        words = _words(name, WORD)
        if any(_is_secret(words, place) for place in range(len(words))):
            return True
        joined = "-".join(words)
        return any(own.match(joined) for own in self._own)


def _words(name: str, word: re.Pattern[str]) -> list[str]:
    return [one.lower() for one in word.findall(name)]


def _is_secret(words: list[str], place: int) -> bool:
    word = words[place]
    before = words[place - 1] if place else ""
    if before in BEFORE or (place + 1 < len(words) and words[place + 1] in AFTER):
        return False
    if word.endswith("tokens"):
        return before in TOKENS_OF or word != "tokens"
    one = word.removesuffix("s")
    if word in WHOLE or one.endswith(ENDS):
        return True
    return AUTH.match(word) is not None or (one.endswith("key") and one not in NO_KEYS)


@lru_cache(maxsize=32)
def secret_names(own: tuple[str, ...] = ()) -> SecretNames:
    """The names that a user's own ones make with those that are always secret."""
    return SecretNames(own) if own else BUILT_IN


BUILT_IN = SecretNames()
