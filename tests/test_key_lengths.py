"""A key is told by its header, or by its parameter's name if it has eight characters or more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.exchanges.redaction import HIDDEN, hide, hide_query, keys_of

LETTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789")
NAMES = st.sampled_from(["key", "token", "api_key", "API-Key", "access_token", "secret"])


@given(NAMES, st.text(LETTERS, min_size=8, max_size=40))
def test_a_parameters_value_of_eight_characters_or_more_is_hidden_everywhere(name: str, value: str) -> None:
    keys = keys_of([], f"a=1&{name}={value}")
    assert keys == (value,)
    assert hide(f"see {value}.", keys) == f"see {HIDDEN}."


@given(NAMES, st.text(LETTERS, min_size=1, max_size=7))
def test_a_shorter_one_is_hidden_in_the_query_only(name: str, value: str) -> None:
    query = f"{name}={value}"
    assert keys_of([], query) == ()
    assert hide_query(query, ()) == f"{name}={HIDDEN}"


@pytest.mark.parametrize(("key", "found"), [("abcd", ("abcd",)), ("abc", ())])
def test_a_key_of_a_header_has_four_characters_at_least(key: str, found: tuple[str, ...]) -> None:
    assert keys_of([(b"Authorization", f"Bearer {key}".encode())], "") == found
    assert keys_of([(b"X-API-Key", key.encode())], "") == found
