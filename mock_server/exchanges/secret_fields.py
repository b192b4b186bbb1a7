"""Where in a text the values stand whose names say that they are secret; each scan reads it once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .secret_names import SecretNames

__all__ = ["USERS", "assigned_spans", "field_spans", "parameter_spans", "userinfo_spans"]

Span = tuple[int, int]

# Every pattern here takes what it has read and never gives it back (`*+`), and begins where no other
# attempt has been: a scan costs linear time whatever the text is.
TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)("?)(\s*+:)?|[\[\]{}]|[-+.\w]++', re.S)
"""A string of JSON with the colon that makes it a name, a bracket, or a bare value."""
INNER = re.compile(r'(?<!\\)\\++"([^"\\]*+)\\++"\s*+:\s*+\\++"')
"""The name of a text in JSON that stands in a string of JSON, however deep."""
INNER_VALUE = re.compile(r'(?:[^"\\]++|\\[^"])*+')
PART = re.compile(r'\bname="([^"\r\n]*+)"[^\r\n]{0,256}+\r?\n(?:[^\r\n]{1,256}+\r?\n){0,4}+\r?\n([^\r\n]++)')
"""A part of a multipart form."""
PARAMETER = re.compile(r"""(?:[?&;#]|\\u0026)([^\s=&?;#"'<>\\]*+)=""")
"""The name of a parameter in the query or the fragment of a URL, wherever the URL stands."""
PARAMETER_VALUE = re.compile(r"""[^\s&;#"'<>\\]++""")
USERINFO = re.compile(r""":(?:\\?/){2}([^\s/?#"'<>\\…]*+)(…|\\u2026|\Z)?""")
"""What follows the two slashes of a URL: user, password and host, up to where the text was cut."""
ASSIGNED = re.compile(
    r"""(?<![\w.%-])(?:(--?[A-Za-z][\w.-]*+)(?:=|\s++(?!-))|([A-Za-z_][\w.%-]*+)\]?+["']?+\s*+[:=]\s*+)"""
)
"""`name=`, `name: `, `--name ` in a text of no certain form."""
VALUE = re.compile(r"""["']?+(?:(?:bearer|basic|token|apikey)\s++)*+["']?+([^\s"'&;,]++)""", re.I)
"""What stands after it."""
USERS = frozenset({"-u", "--user", "-U", "--proxy-user"})
"""Options of curl and others that take `user:password`."""


def field_spans(text: str, names: SecretNames) -> Iterator[Span]:
    """The values of secret fields in a body: of JSON, of a form, of a multipart form, cut off or whole."""
    if not names.hinted(text):
        return
    if text.lstrip()[:1] in ("{", "[", '"'):
        yield from _json_spans(text, names)
        return
    yield from (part.span(2) for part in PART.finditer(text) if part[1] in names)
    yield from assigned_spans(text, names)


def _json_spans(text: str, names: SecretNames) -> Iterator[Span]:
    depth, inside, named = 0, 0, False
    for token in TOKEN.finditer(text):
        sign = token[0][0]
        if sign in "[{":
            depth += 1
            inside = inside or (depth if named else 0)
            named = False
        elif sign in "]}":
            inside = 0 if inside == depth else inside
            depth -= 1
            named = False
        elif token[3]:
            named = _decoded(token[1]) in names
        else:
            if named or inside:
                if sign == '"':
                    yield token.span(1)
                elif any(map(str.isdigit, token[0])):
                    yield token.span()
            elif sign == '"' and '\\"' in token[1]:
                yield from _named(INNER, INNER_VALUE, names, text, *token.span(1))
            named = False


def parameter_spans(text: str, names: SecretNames) -> Iterator[Span]:
    """The values of secret parameters in the URLs of a text."""
    return _named(PARAMETER, PARAMETER_VALUE, names, text, 0, len(text))


def _named(
    name: re.Pattern[str], value: re.Pattern[str], names: SecretNames, text: str, start: int, end: int
) -> Iterator[Span]:
    """The values behind secret names in a part of a text."""
    found = name.search(text, start, end)
    while found is not None:
        # The value of one that is not secret may have names of its own, such as those of a URL in a URL.
        held = value.match(text, found.end(), end) if found[1] in names else None
        if held is not None:
            yield held.span()
        found = name.search(text, held.end() if held is not None else found.end(), end)


def userinfo_spans(text: str, *, cut: bool = False) -> Iterator[Span]:
    """The users and passwords in the URLs of a text; where one is cut off before its `@`, all there is.

    `cut` says that the text itself is cut off.
    """
    for found in USERINFO.finditer(text):
        start, end = found.span(1)
        at = found[1].rfind("@")
        if at >= 0:
            yield start, start + at
        elif start < end and (found[2] or (cut and end == len(text))):
            yield start, end


def assigned_spans(text: str, names: SecretNames) -> Iterator[Span]:
    """The values that a text of no certain form gives to secret names, such as a command for a shell."""
    found = ASSIGNED.search(text)
    while found is not None:
        value = None
        name = found[1] or found[2]
        if name in USERS or name in names:
            value = VALUE.match(text, found.end())
        # `python -u client.py` has no password.
        if value is not None and (name not in USERS or ":" in value[1]):
            yield value.span(1)
        found = ASSIGNED.search(text, value.end() if value is not None else found.end())


def _decoded(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        value = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
