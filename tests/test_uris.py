"""A picture is named by a link, a data URI or base64, and by nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.provisional import urls

from kling_mock.validation.formats import FORMATS
from kling_mock.validation.media_uris import is_media


@pytest.mark.slow
@given(urls())
def test_every_link_is_taken(url: str) -> None:
    assert is_media(url)


@given(st.binary(min_size=1), st.sampled_from(["image/png", "video/mp4", "", "image/svg+xml;charset=utf-8"]))
def test_every_data_uri_is_taken_padded_or_not(content: bytes, kind: str) -> None:
    text = base64.b64encode(content).decode()
    assert is_media(f"data:{kind};base64,{text}")
    assert is_media(f"DATA:{kind};BASE64,{text.rstrip('=')}")


@given(st.binary(min_size=12))
def test_raw_base64_is_taken(content: bytes) -> None:
    assert is_media(base64.b64encode(content).decode())


@given(st.binary(min_size=30), st.integers(0, 38), st.sampled_from(" \n-_.=:é\x00"))
def test_a_wrong_character_anywhere_spoils_base64(content: bytes, at: int, wrong: str) -> None:
    text = base64.b64encode(content).decode()
    spoilt = text[:at] + wrong + text[at + 1 :]
    assert not is_media(spoilt)
    assert not is_media(f"data:image/png;base64,{spoilt}")


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(is_media(text), bool)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "HTTPS://EXAMPLE.COM/A.PNG",
        "http://127.0.0.1:8000/a.png?x=1&y=%20#z",
        "http://[::1]/a.png",
        "https://user:password@example.com/a",
        "https://пример.example/картинка.png",
        "data:image/svg+xml,%3Csvg/%3E",
        "data:,",
        "aGVsbG8=",
    ],
)
def test_what_is_allowed(text: str) -> None:
    assert is_media(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "None",
        "null",
        "test",
        "undefined",
        "cat.png",
        "/home/me/cat.png",
        "file:///home/me/cat.png",
        "ftp://example.com/cat.png",
        "//example.com/cat.png",
        "http:/example.com",
        "http://",
        "https:///path",
        "https://exa mple.com/a",
        "https://example.com/a b",
        "https://example.com/a\n",
        " https://example.com/a",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,====",
        "data:image/png;base64,A",
        "data:image/png;base64,AA AA",
        "====",
        "A" * 17,
    ],
)
def test_what_is_not(text: str) -> None:
    assert not is_media(text)


def test_what_is_no_string_is_left_to_other_constraints() -> None:
    others: list[object] = [None, 5, [], {}]
    assert all(is_media(value) for value in others)
    assert FORMATS["uri"] is is_media
