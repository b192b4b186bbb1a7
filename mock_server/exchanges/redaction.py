"""What of an exchange is secret, and the text that is shown instead: the one way in which anything is hidden.

A value is secret by itself, where some client showed it as its key, or by its name. Every text is read once
per form of a key, and the number of keys is bounded: hiding costs linear time.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from .key_forms import SCHEMES, SHORTEST, SHORTEST_NAMED, forms_of, overlap, pieces_of
from .secret_fields import USERS, assigned_spans, field_spans, parameter_spans, userinfo_spans
from .secret_names import BUILT_IN, SecretNames

__all__ = [
    "HIDDEN",
    "MOST_KEYS",
    "NO_KEYS",
    "Redactor",
    "cookie_names",
    "environment_keys",
    "keys_of",
    "redact",
    "shown_scheme",
]

HIDDEN = "[key]"
"""Stands where a key stood."""
COOKIES = ("cookie", "set-cookie")
URLS = ("location", "referer")
MOST_KEYS = 16
"""Keys of one exchange that are looked for everywhere; the values of further ones are hidden by name."""
MOST_SHOWN = 4
"""Characters of a key that may be seen."""
CUT = re.compile("…|\\\\u2026")
"""Where a text was shortened."""
LONGEST_CUT = 512
"""Characters that messages leave of a text before such a sign."""
MOST_KNOWN = 1_024
"""Texts whose hidden form is remembered: reports say the same words again and again."""
SCANNED = 65_536
"""Bytes at either end of a body in which keys are looked for by name."""
FOLDERS = ("PWD", "OLDPWD")
"""Variables of every shell that only sound like passwords."""
QUERY_PART = re.compile("(?:^|(?<=&))([^&=]*+)=([^&]++)")
ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")

Headers = Sequence[tuple[bytes, bytes]]
Span = tuple[int, int, str]
Form = tuple[str, int, str]


class Redactor:
    """Hides keys wherever they stand, and the values of secret names, in whatever is shown of an exchange.

    `called` are keys that have a name to be shown instead of `[key]`.
    """

    __slots__ = ("_called", "_forms", "_known", "_seeds", "keys", "names")

    def __init__(
        self,
        keys: Iterable[str] = (),
        names: SecretNames = BUILT_IN,
        *,
        called: Mapping[str, str] | None = None,
    ) -> None:
        self._called = dict(called or {})
        self.keys = tuple(dict.fromkeys([*self._called, *keys]))
        self.names = names
        self._forms: list[Form] = [
            (form, step, self._called.get(key, HIDDEN)) for key in self.keys for form, step in forms_of(key)
        ]
        self._seeds: dict[str, list[str]] | None = None
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The same as `url_text`."""
        return self.url_text(text)

    def leaves(self, text: str) -> bool:
        """Whether a text, and every part of it, stays as it is for certain: a quick look at many."""
        if "@" in text or "…" in text or "\\u2026" in text:
            return False
        return not any(form[0] in text for form in self._forms)

    def text(self, text: str, *, cut: bool = False) -> str:
        """A text without keys and without the users and passwords of URLs.

        Where the text was cut off, before an ellipsis or at its end (`cut`), no beginning of a key remains.
        """
        found = [form for form in self._forms if form[0] in text]
        shortened = cut or "…" in text or "\\u2026" in text
        if not (found or shortened or "@" in text):
            return text
        spans = list(_whole(text, found))
        if shortened:
            spans += self._begun(text, cut=cut)
        spans += ((start, end, HIDDEN) for start, end in userinfo_spans(text, cut=cut))
        return _without(text, spans)

    def _begun(self, text: str, *, cut: bool) -> Iterator[Span]:
        """The beginnings of keys at which the text was cut off."""
        cuts = [found.start() for found in CUT.finditer(text)]
        for seed, forms in self._by_seed().items() if cuts else ():
            place, at = 0, text.find(seed)
            while at >= 0:
                while place < len(cuts) and cuts[place] <= at:
                    place += 1
                if place == len(cuts):
                    break
                end = cuts[place]
                if end - at > LONGEST_CUT:
                    at = end - LONGEST_CUT - 1
                elif _begins_one(text[at:end], forms):
                    yield at, end, HIDDEN
                    at = end
                at = text.find(seed, at + 1)
        for form, _, _ in self._forms:
            seed = form[: MOST_SHOWN + 1]
            place = text.find(seed, max(0, len(text) - len(form) + 1)) if cut else -1
            if place >= 0 and (left := overlap(text[place:], form)) > MOST_SHOWN:
                yield len(text) - left, len(text), HIDDEN

    def _by_seed(self) -> dict[str, list[str]]:
        """The forms by how they begin, in order: many forms of many keys may begin alike."""
        if self._seeds is None:
            seeds: dict[str, list[str]] = {}
            for form in sorted(form for form, _, _ in self._forms if len(form) > MOST_SHOWN + 1):
                seeds.setdefault(form[: MOST_SHOWN + 1], []).append(form)
            self._seeds = seeds
        return self._seeds

    def plain(self, value: Any) -> Any:
        """The same for every text in a value of dictionaries and lists, whatever its name."""
        if isinstance(value, str):
            known = self._known
            if value not in known:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[value] = self.text(value)
            return known[value]
        if isinstance(value, dict):
            return {self.plain(name): self.plain(part) for name, part in value.items()}
        return [self.plain(part) for part in value] if isinstance(value, list | tuple) else value

    def url_text(self, text: str, *, cut: bool = False) -> str:
        """A text without keys, and without the secret parameters of the URLs in it."""
        if "=" in text:
            text = _without(text, [(*span, HIDDEN) for span in parameter_spans(text, self.names)])
        return self.text(text, cut=cut)

    def body(self, text: str, *, cut: bool = False) -> str:
        """A body, without keys and without the values of secret fields."""
        text = _without(text, [(*span, self._name_of(text, span)) for span in field_spans(text, self.names)])
        shown = self.url_text(text, cut=cut)
        if "\\u00" in shown:
            # A client may escape more of a key than it needs to.
            read = ESCAPED.sub(lambda found: _readable(int(found[1], 16)), shown)
            hidden = self.text(read, cut=cut)
            return hidden if hidden != read else shown
        if "%" in shown and "=" in shown and shown[:1] not in "{[" and not re.search(r"\s", shown):
            return self.query(shown)
        return shown

    def query(self, query: str) -> str:
        """A query without keys, and without the values of secret parameters."""
        if self.names.hinted(query):
            query = QUERY_PART.sub(self._named_part, query)
        if "%" not in query and "+" not in query:
            return self.url_text(query) if any(sign in query for sign in "?#;") else self.text(query)
        # A client may encode more of a key than it needs to; read together, the parts are searched once.
        parts, border = query.split("&"), "\x1f"
        read = [unquote_plus(part) if "%" in part or "+" in part else part for part in parts]
        hidden = self.url_text(border.join(read)).split(border)
        if len(hidden) != len(parts):
            return HIDDEN
        shown = zip(parts, read, hidden, strict=True)
        return "&".join(
            [part if left == plain else _written(part, plain, left) for part, plain, left in shown]
        )

    def _named_part(self, part: re.Match[str]) -> str:
        name, value = part.groups()
        if name not in self.names:
            return part[0]
        return f"{name}={self._called.get(unquote_plus(value), HIDDEN) if self._called else HIDDEN}"

    def _name_of(self, text: str, span: tuple[int, int]) -> str:
        return self._called.get(text[slice(*span)], HIDDEN) if self._called else HIDDEN

    def headers(self, headers: Headers) -> dict[str, str]:
        """Headers by their names in lower case, without secrets; repeated ones are joined with a comma."""
        shown: dict[str, str] = {}
        for raw_name, raw_value in headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            value = self.header(name, value)
            name = self.text(name)
            shown[name] = f"{shown[name]}, {value}" if name in shown else value
        return shown

    def header(self, name: str, value: str) -> str:
        """The value of one header."""
        name = name.lower()
        if name in COOKIES:
            return "…"
        if name in self.names:
            return self._called.get(value, redact(value))
        if name in URLS and "?" in value:
            target, _, query = value.partition("?")
            return f"{self.text(target)}?{self.query(query)}"
        return self.body(value)

    def command(self, words: Sequence[str]) -> list[str]:
        """The words of a command line, without what its options and assignments name as secret."""
        shown: list[str] = []
        before = ""
        for word in words:
            named = ":" in word if before in USERS else "=" not in before and before in self.names
            if before.startswith("-") and named and not word.startswith("-"):
                shown.append(HIDDEN)
            elif word.startswith("-u") and ":" in word and "//" not in word:
                shown.append(f"-u{HIDDEN}")
            else:
                shown.append(self.script(word))
            before = word
        return shown

    def script(self, text: str) -> str:
        """A text of no certain form, such as a command for a shell, without what it names as secret."""
        named = _without(text, [(*span, HIDDEN) for span in assigned_spans(text, self.names)])
        return self.url_text(named)


NO_KEYS = Redactor()
"""For texts that hold nothing that a client made up."""


def redact(value: str) -> str:
    """A credential with its middle hidden: the scheme and at most four characters of the key remain."""
    scheme, separator, key = value.partition(" ")
    if not separator or scheme.lower() not in SCHEMES:
        scheme, separator, key = "", "", value
    kept = key[:MOST_SHOWN] if len(key) > 8 else ""
    return f"{scheme}{separator}{kept}…"


def shown_scheme(word: str) -> str:
    """The first word of an Authorization header: a scheme, or what may be a key without one."""
    return word if word.lower() in SCHEMES else redact(word)


def keys_of(
    headers: Headers, query: str = "", body: bytes = b"", names: SecretNames = BUILT_IN
) -> tuple[str, ...]:
    """What a request shows as its keys, in its headers, its query and its body; the first ones."""
    found: dict[str, None] = {}
    for name, value in headers:
        if len(found) >= MOST_KEYS:
            break
        label = names.header(name)
        if label and label not in COOKIES:
            by_name = SHORTEST if label in KNOWN_HEADERS else SHORTEST_NAMED
            found.update(dict.fromkeys(pieces_of(value.decode("latin-1"), by_name)))
    for part in query.split("&") if query and names.hinted(query) else ():
        if len(found) >= MOST_KEYS:
            break
        name_, equals, text = part.partition("=")
        if equals and name_ in names:
            found.update(dict.fromkeys(pieces_of(unquote_plus(text), SHORTEST_NAMED)))
    if body and len(found) < MOST_KEYS:
        found.update(dict.fromkeys(_body_keys(body, names)))
    return tuple(found)[:MOST_KEYS]


KNOWN_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "x-auth-token")


def _body_keys(body: bytes, names: SecretNames) -> Iterator[str]:
    pieces = (body,) if len(body) <= 2 * SCANNED else (body[:SCANNED], body[-SCANNED:])
    count = 0
    for piece in pieces:
        text = piece.decode("utf-8", "replace")
        for start, end in field_spans(text, names):
            for key in pieces_of(text[start:end], SHORTEST_NAMED):
                yield key
                count += 1
            if count >= MOST_KEYS:
                return


def environment_keys(environ: Mapping[str, str] = os.environ, names: SecretNames = BUILT_IN) -> list[str]:
    """The values of variables whose names say that they hold a key."""
    return [
        piece
        for name, value in environ.items()
        if name in names and name not in FOLDERS
        for piece in pieces_of(value, SHORTEST_NAMED)
    ]


def cookie_names(values: Iterable[str]) -> list[str]:
    """The names in Cookie headers; a piece without `=` could be a value, and has none."""
    pieces = [piece.partition("=") for value in values for piece in value.split(";")]
    return [name.strip() for name, equals, _ in pieces if equals]


def _begins_one(word: str, forms: list[str]) -> bool:
    """Whether one of some forms, which are in order, begins with a word."""
    place = bisect_left(forms, word)
    return place < len(forms) and forms[place].startswith(word)


def _whole(text: str, forms: Iterable[Form]) -> Iterator[Span]:
    for form, step, shown in forms:
        length = len(form)
        at = text.find(form)
        while at >= 0:
            # Where it overlaps itself, the next one begins within this one.
            end = at + length
            if step < length:
                while end < len(text) and text[end] == text[end - step]:
                    end += 1
                end -= (end - at - length) % step
            yield at, end, shown
            at = text.find(form, end - length + step)


def _without(text: str, spans: Iterable[Span]) -> str:
    """The text with each of some spans, and of spans that overlap, replaced by one word."""
    parts: list[str] = []
    end = 0
    for start, stop, shown in sorted(spans):
        if start >= end:
            parts += [text[end:start], shown]
        end = max(end, stop)
    return "".join([*parts, text[end:]]) if parts else text


def _readable(code: int) -> str:
    char = chr(code)
    return f"\\u{code:04x}" if char in '"\\' or not char.isprintable() else char


def _written(part: str, plain: str, left: str) -> str:
    return left if part == plain else quote_plus(left, safe="=[]")
