"""The bounds of redaction: from how many characters on a word counts as a key, and what is left of one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kling_mock.exchanges.redaction import HIDDEN, Redactor, environment_keys, keys_of, redact
from kling_mock.exchanges.secret_names import MOST_KNOWN, SecretNames


@pytest.mark.parametrize(("key", "shown"), [("12345678", "…"), ("123456789", "1234…"), ("", "…")])
def test_four_characters_are_left_of_a_key_of_more_than_eight(key: str, shown: str) -> None:
    assert redact(key) == shown
    assert redact(f"Bearer {key}") == f"Bearer {shown}"


@pytest.mark.parametrize("name", [b"authorization", b"X-Api-Key"])
@pytest.mark.parametrize(("key", "keys"), [("abc", ()), ("abcd", ("abcd",))])
def test_a_key_in_a_header_has_four_characters_at_least(name: bytes, key: str, keys: tuple[str, ...]) -> None:
    value = b"Bearer " + key.encode() if name == b"authorization" else key.encode()
    assert keys_of([(name, value)], "") == keys


@pytest.mark.parametrize(("key", "keys"), [("1234567", ()), ("12345678", ("12345678",))])
def test_a_key_in_a_query_has_eight_characters_at_least(key: str, keys: tuple[str, ...]) -> None:
    assert keys_of([], f"api_key={key}&prompt=long-enough-to-be-one") == keys


def test_the_longest_key_is_hidden_first() -> None:
    keys = keys_of([(b"authorization", b"Bearer abcd"), (b"x-api-key", b"abcdefgh")], "")
    assert sorted(keys) == ["abcd", "abcdefgh"]
    assert Redactor(keys).text("abcdefgh abcd") == f"{HIDDEN} {HIDDEN}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ends in secre", f"ends in {HIDDEN}"),
        ("ends in secr", "ends in secr"),
        ("a secret-key is whole", f"a {HIDDEN} is whole"),
        ("secr within", "secr within"),
    ],
)
def test_a_text_that_was_cut_within_a_key_hides_more_than_four_of_it(text: str, shown: str) -> None:
    assert Redactor(["secret-key"]).text(text, cut=True) == shown


def test_the_folder_that_a_shell_is_in_is_no_password() -> None:
    environ = {"PWD": "/home/me/project", "OLDPWD": "/home/me/before", "DB_PWD": "correct-horse"}
    assert environment_keys(environ) == ["correct-horse"]


def test_one_name_too_many_does_not_make_all_others_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    names, judged = SecretNames(), []
    judge = SecretNames._judge

    def noted(self: SecretNames, name: str) -> bool:
        judged.append(name)
        return judge(self, name)

    monkeypatch.setattr(SecretNames, "_judge", noted)
    words = [
        "".join(letters)
        for letters in itertools.islice(itertools.product("abcdefgh", repeat=5), MOST_KNOWN + 9)
    ]
    for word in words * 3:
        assert f"{word}-key" in names
    assert len(judged) < len(words) + 50
    assert len(names._known) + len(names._before) <= 2 * MOST_KNOWN


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["secret-key", "a@b", "secr…", "https://u:p@h", "plain"]), st.text(max_size=9)
        )
    )
)
@example(["secr", "et-key"])
def test_texts_that_are_left_together_are_left_one_by_one(texts: list[str]) -> None:
    redactor = Redactor(["secret-key"])
    if redactor.leaves("\n".join(texts)):
        assert [redactor.text(text) for text in texts] == texts
