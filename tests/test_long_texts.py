"""Long bodies are read as short ones are, whatever piece ends where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.catalog import load_catalog
from kling_mock.errors import PayloadError
from kling_mock.validation import Validator, long_texts, strict_json
from kling_mock.validation.long_texts import KEPT, KEPT_LEAST, LongText
from kling_mock.validation.media_uris import is_media, is_media_in_pieces
from kling_mock.validation.strict_json import parse_json

from .support import body_for

SHORT = 12
SIGNS = st.text(alphabet='a"\\/é☃\U0001f600\n\x01u', max_size=60)
VALUES = st.recursive(
    SIGNS | st.integers() | st.just(1.5) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=4),
)
SPOILERS = st.sampled_from(
    [
        b"\\",
        b'"',
        b"\\u12",
        b"\\ud83d",
        b"\\ude00",
        b"\xff",
        b"\xc3",
        b"\n",
        b"\x01",
        b"\\x",
        b",",
        b"]",
        b"",
        b"NaN",
    ]
)


@pytest.fixture(params=[16, 31])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every body is a long one, and pieces are a few bytes."""
    for module in (long_texts, strict_json):
        monkeypatch.setattr(module, "LONG", SHORT)
    monkeypatch.setattr(long_texts, "_PIECE", request.param)
    monkeypatch.setattr(strict_json, "_SLICE", request.param)
    yield


def outcome(raw: bytes) -> Any:
    try:
        return parse_json(raw)
    except PayloadError as error:
        return str(error)


def both(raw: bytes) -> tuple[Any, Any]:
    """What is read of a body, as a long one and as a short one."""
    with pytest.MonkeyPatch.context() as patched:
        long = outcome(raw)
        patched.setattr(strict_json, "LONG", 10**6)
        return long, outcome(raw)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_long_body_is_read_as_a_short_one() -> None:
    @given(VALUES, st.booleans(), st.sampled_from([None, 1]))
    def check(value: Any, ascii_only: bool, indent: int | None) -> None:
        raw = json.dumps([value], ensure_ascii=ascii_only, indent=indent).encode()
        assert parse_json(raw) == [value]

    check()


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_what_is_wrong_with_a_long_body_is_said_as_of_a_short_one() -> None:
    @given(VALUES, st.booleans(), st.sampled_from([None, 1]), SPOILERS, st.data())
    def check(value: Any, ascii_only: bool, indent: int | None, spoiler: bytes, data: st.DataObject) -> None:
        raw = json.dumps([value, "x" * 30], ensure_ascii=ascii_only, indent=indent).encode()
        at = data.draw(st.integers(0, len(raw)))
        cut = data.draw(st.integers(0, 2))
        long, short = both(raw[:at] + spoiler + raw[at + cut :])
        # Of two things that are wrong either may be told; a long name is one of them.
        if isinstance(short, str) and "surrogate" in short and isinstance(long, str):
            return
        if isinstance(long, str) and "names of at most" in long:
            return
        assert long == short

    check()


@pytest.mark.parametrize(
    ("start", "more", "end"),
    [
        ("data:image/png;base64,", "A", ""),
        ("data:image/png;base64,", "A", "!"),
        ("data:image/png;base64,", "A", "=="),
        ("data:text/plain,", " ", ""),
        ("http://a/", "b", ""),
        ("https://a/", "b", " "),
        ("", "A", ""),
        ("", "A", "=="),
        ("", "A", "\u00e9"),
        ("", "a ", ""),
    ],
)
@pytest.mark.parametrize("extra", range(4))
def test_the_beginning_of_a_text_is_a_picture_where_the_text_is_one(
    start: str, more: str, end: str, extra: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_texts, "KEPT", 100_000 + extra)
    text = start + more * 150_000 + "A" * extra + end
    read = parse_json(json.dumps({"a": text, "b": 1}).encode())["a"]
    assert isinstance(read, LongText)
    assert read.size == len(text) and len(read) <= 100_000 + extra
    assert is_media(str(read)) == is_media(text)
    assert text.startswith(read[:-1])


@given(st.sampled_from(["", "data:;base64,", "http://a"]), st.text("Aé= ", max_size=12), st.data())
def test_a_picture_is_one_in_pieces_too(start: str, text: str, data: st.DataObject) -> None:
    text = start + text
    at = data.draw(st.integers(min(len(text), len(start)), len(text)))
    then = data.draw(st.integers(at, len(text)))
    pieces = [piece for piece in (text[:at], text[at:then], text[then:]) if piece]
    assert is_media_in_pieces(pieces or [""]) == is_media(text)


def test_long_texts_are_judged_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_texts, "KEPT", 100_000)
    catalog = load_catalog()
    validator = Validator(catalog)
    picture = "data:image/png;base64," + "A" * 300_000
    for model in ("kling-video/v1/standard/image-to-video", "kling-video/v1.6/standard/image-to-video"):
        variant = catalog.find(model)
        for changes in ({}, {"prompt": "a" * 200_000}, {"image_url": picture + "!"}, {"extra": picture}):
            body = body_for(model, image_url=picture) | changes
            verdict = validator.check(variant, parse_json(json.dumps(body).encode()))
            known = validator.check(variant, body)
            assert (verdict.violations, verdict.findings) == (known.violations, known.findings)


def test_what_is_kept_of_a_text_is_more_than_any_contract_allows() -> None:
    catalog = load_catalog()
    limits = [0]

    def look(schema: Any) -> None:
        if isinstance(schema, dict):
            limits.extend([schema["maxLength"]] if isinstance(schema.get("maxLength"), int) else [])
            schema = list(schema.values())
        for part in schema if isinstance(schema, list) else ():
            look(part)

    for variant in catalog.variants:
        for legacy in {False, variant.legacy}:
            look(catalog.create_schema(variant.model, legacy=legacy))
    assert max(limits) < KEPT
    # Two of them are kept whole in any body; texts that are no pictures are shorter.
    assert sorted(set(limits))[-2] < KEPT_LEAST


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"%b": 1}' % (b"a" * 70_000), "names of at most 65536 bytes"),
        (b"[" + b" " * 5_000_000 + b"]", "at most 4194304 bytes beside texts of more than 65536"),
        (b'["' + b"a" * 100_000 + b'", x]', 'received "x]" at line 1 column 100006'),
        (b'[\n"' + b"a" * 100_000, 'received "\\"aaa…" at line 2 column 1'),
        (b'["' + b"a" * 100_000 + b'\x01bcdef"]', 'received "\\u0001bcd…" at line 1 column 100003'),
        (b'["' + b"a" * 100_000 + b'\\ud800"]', "\\ud800, one half"),
        (b'""' * 100_000, "received more after it"),
        (b'["' + b"a" * 100_000 + b'"', "ends too early, at line 1 column 100004"),
    ],
)
def test_a_long_body_is_refused_with_a_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_json(raw)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_more_structure_is_read_where_more_values_are() -> None:
    assert parse_json(b"[" + b" " * 5_000_000 + b"]", 100_000) == []
