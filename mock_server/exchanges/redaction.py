"""What of an exchange is secret, and the text that is shown instead."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

__all__ = [
    "HIDDEN",
    "cookie_names",
    "hide",
    "hide_all",
    "hide_cut",
    "hide_query",
    "keys_of",
    "redact",
    "shown_headers",
]

HIDDEN = "[key]"
"""Stands where a key stood."""
SCHEMES = ("bearer", "basic", "digest", "key", "token", "apikey")
"""Schemes of Authorization that are shown; any other first word could be a part of the key."""
AUTHORIZATION = ("authorization", "proxy-authorization")
KEY_HEADERS = ("x-api-key", "api-key", "apikey", "x-auth-token")
URLS = ("location", "referer")
COOKIES = ("cookie", "set-cookie")
SECRET_NAMES = frozenset(name.encode() for name in (*AUTHORIZATION, *KEY_HEADERS))
KEY_PARAMETERS = frozenset(
    {"key", "apikey", "xapikey", "token", "accesstoken", "authtoken", "auth", "authorization", "secret"}
)
"""Names of query parameters that hold a key, in lower case and without `-` and `_`."""
SHORTEST = 4
"""Characters of a key at least: a shorter one would hide parts of ordinary words."""
SHORTEST_PARAMETER = 8
"""The same for what only a parameter's name says is a key: `token=true` hides no `true` elsewhere."""

Headers = Sequence[tuple[bytes, bytes]]


def redact(value: str) -> str:
    """A credential with its middle hidden: the scheme and at most four characters of the key remain."""
    scheme, separator, key = value.partition(" ")
    if not separator or scheme.lower() not in SCHEMES:
        scheme, separator, key = "", "", value
    kept = key[:4] if len(key) > 8 else ""
    return f"{scheme}{separator}{kept}…"


def keys_of(headers: Headers, query: str) -> tuple[str, ...]:
    """The keys that a request carries in its headers and in its query, the longest first."""
    found: set[str] = set()
    for name, value in headers:
        if name.lower() in SECRET_NAMES:
            found.add(_key_in(value))
    for part in query.split("&") if query else ():
        parameter, _, text = part.partition("=")
        if _names_key(parameter) and len(key := unquote_plus(text).strip()) >= SHORTEST_PARAMETER:
            found.add(key)
    return tuple(sorted((key for key in found if len(key) >= SHORTEST), key=len, reverse=True))


def hide(text: str, keys: tuple[str, ...]) -> str:
    """The text without these keys, however they are written in JSON or in a URL."""
    for key in keys:
        for form in _forms(key):
            if form in text:
                text = text.replace(form, HIDDEN)
    return text


def hide_all(value: Any, keys: tuple[str, ...]) -> Any:
    """The same for every text in a value of dictionaries and lists."""
    if isinstance(value, str):
        return hide(value, keys)
    if isinstance(value, dict):
        return {hide(name, keys): hide_all(part, keys) for name, part in value.items()}
    return [hide_all(part, keys) for part in value] if isinstance(value, list) else value


def hide_cut(text: str, keys: tuple[str, ...]) -> str:
    """The same for a text whose end was cut off, perhaps within a key."""
    text = hide(text, keys)
    for key in keys:
        for length in range(len(key) - 1, SHORTEST - 1, -1):
            if text.endswith(key[:length]):
                return text[:-length] + HIDDEN
    return text


def hide_query(query: str, keys: tuple[str, ...]) -> str:
    """A query without these keys, and without the values of parameters whose names speak of a key."""
    return "&".join([_shown_part(part, keys) for part in query.split("&")])


def shown_headers(headers: Headers, keys: tuple[str, ...] = ()) -> dict[str, str]:
    """Headers by their names in lower case, without secrets; repeated ones are joined with a comma."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in COOKIES:
            value = "…"
        elif name in AUTHORIZATION or name in KEY_HEADERS:
            value = redact(value)
        elif name in URLS and "?" in value:
            target, _, query = value.partition("?")
            value = f"{hide(target, keys)}?{hide_query(query, keys)}"
        else:
            value = hide(value, keys)
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def cookie_names(values: Iterable[str]) -> list[str]:
    """The names in Cookie headers; a piece without `=` could be a value, and has none."""
    pieces = [piece.partition("=") for value in values for piece in value.split(";")]
    return [name.strip() for name, equals, _ in pieces if equals]


@lru_cache(maxsize=64)
def _key_in(value: bytes) -> str:
    text = value.decode("latin-1").strip()
    scheme, separator, key = text.partition(" ")
    return key.strip() if separator and scheme.lower() in SCHEMES else text


@lru_cache(maxsize=64)
def _forms(key: str) -> tuple[str, ...]:
    # A header's bytes may be UTF-8, which bodies and paths are read as.
    try:
        keys = {key, key.encode("latin-1").decode()}
    except ValueError:
        keys = {key}
    ways = (
        str,
        lambda one: one.replace(" ", "+"),
        lambda one: quote(one, safe=""),
        quote_plus,
        lambda one: json.dumps(one)[1:-1],
    )
    written = {way(one) for one in keys for way in ways}
    written |= {json.dumps(one, ensure_ascii=False)[1:-1] for one in keys}
    return tuple(sorted(written, key=len, reverse=True))


@lru_cache(maxsize=64)
def _names_key(name: str) -> bool:
    return unquote_plus(name).lower().replace("-", "").replace("_", "") in KEY_PARAMETERS


def _shown_part(part: str, keys: tuple[str, ...]) -> str:
    name, equals, value = part.partition("=")
    if equals and value and _names_key(name):
        return f"{name}={HIDDEN}"
    shown = hide(part, keys)
    read = unquote_plus(shown)
    # A client may encode more of a key than it needs to.
    return quote_plus(hide(read, keys), safe="=[]") if hide(read, keys) != read else shown
