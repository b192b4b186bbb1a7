"""Values in sentences: one line, no raw control bytes, and the part that differs."""

from __future__ import annotations

import json
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.contract_tests.properties.base import Failure
from kling_mock.contract_tests.properties.f_process import _changed
from kling_mock.contract_tests.properties.oracles import difference
from kling_mock.contract_tests.reporting.formatting import _octal
from kling_mock.contract_tests.running.models import Outcome
from kling_mock.contract_tests.running.wording import compared, has_controls
from kling_mock.wording import one_line, printable, quoted
from tests.support import ROOT

SURROGATES = st.text(st.characters(), max_size=40)


@given(text=SURROGATES)
def test_what_is_shown_is_one_line_without_controls(text: str) -> None:
    for shown in (printable(text), quoted(text), one_line(text)):
        assert len(shown.splitlines()) <= 1
        assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in shown)
    assert len(quoted(text, 30)) <= 30


@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_value_is_quoted_as_json(text: str) -> None:
    assert json.loads(quoted(text, 1_000)) == text


@given(
    same=st.text("ab \n", min_size=0, max_size=2_500),
    tails=st.tuples(st.text("abé\u2028", max_size=30), st.text("abé\u2028", max_size=30)).filter(
        lambda pair: pair[0] != pair[1]
    ),
)
def test_two_values_that_differ_are_shown_to_differ(same: str, tails: tuple[str, str]) -> None:
    one, other = compared(same + tails[0], same + tails[1])
    assert one != other
    assert max(len(one), len(other)) < 500


@pytest.mark.parametrize(
    ("given_", "sent", "says"),
    [
        (True, "true", 'x was given as true and sent as "true"'),
        ("", " ", 'x was given as "" and sent as " "'),
        ("a\nb", "a b", 'x was given as "a\\nb" and sent as "a b"'),
        ("e\u200b", "e", 'x was given as "e\\u200b" and sent as "e"'),
        ("e\u0301", "\u00e9", 'x was given as "e\\u0301" and sent as "\\u00e9"'),
        ("a\u00a0b", "a b", 'x was given as "a\\u00a0b" and sent as "a b"'),
        ("a\u00adb", "ab", 'x was given as "a\\u00adb" and sent as "ab"'),
        ("\u2764\ufe0f", "\u2764", 'x was given as "\\u2764\\ufe0f" and sent as "\\u2764"'),
    ],
)
def test_a_difference_can_be_read(given_: object, sent: object, says: str) -> None:
    assert difference({"x": sent}, {"x": given_}) == says


@pytest.mark.parametrize("folder", ["contract_tests/properties", "mock_server/trace_rules"])
def test_no_sentence_about_the_wire_quotes_as_python_does(folder: str) -> None:
    for file in (ROOT / folder).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "!r}" not in text and "join(repr(" not in text, file


def test_pictures_that_differ_are_compared_at_once() -> None:
    picture = "a" * 20_000_000
    one, other = compared(picture, picture[:-1] + "b")
    assert (one[-25:], other[-25:]) == ('aa" (20000000 characters)', 'ab" (20000000 characters)')


def test_a_default_that_is_said_is_no_difference() -> None:
    schema = {
        "properties": {"ratio": {"default": "16:9"}, "type": {"enum": ["video"]}, "n": {"enum": [1, 2]}}
    }
    assert difference({"a": 1, "ratio": "16:9", "type": "video"}, {"a": 1}, schema=schema) is None
    assert difference({"ratio": "16:9"}, {}) is not None
    for name, value in (("ratio", "9:16"), ("n", 1), ("other", None)):
        found = difference({name: value}, {}, schema=schema)
        assert found is not None and found.startswith(f"{name} was not given and sent as ")


@given(body=st.binary(max_size=60))
def test_any_body_can_be_sent_again_by_the_shell(body: bytes) -> None:
    text = _octal(body.decode("utf-8", "surrogateescape"))
    assert text.isascii() and text.isprintable() and "'" not in text


def test_printf_makes_the_body_that_was_sent() -> None:
    body = b"%d \\n 'quoted'\x1b[31m\x00\xff\r\n" + "é".encode()
    text = _octal(body.decode("utf-8", "surrogateescape"))
    assert (
        subprocess.run(["/bin/sh", "-c", f"printf '{text}'"], capture_output=True, check=True).stdout == body
    )


def test_control_characters_are_found_at_any_depth() -> None:
    assert has_controls({"a": [{"b": "x\x07"}]})
    assert not has_controls({"a": ["tab\t, line\r\n"], "n": 1})


@given(text=SURROGATES, other=SURROGATES, status=st.sampled_from([None, 0, 1]))
def test_an_end_and_a_breach_are_told_on_one_line(text: str, other: str, status: int | None) -> None:
    ends = [
        Outcome("returned", text, status=status),
        Outcome("returned", [text, other]),
        Outcome("raised", error="Oops", text=f"Oops: {text}\n{other}", status=status),
    ]
    for says in [*(end.brief() for end in ends), Failure(f"the field {text} is none of {other}").says]:
        assert len(says.splitlines()) == 1
        assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in says)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome("returned", "a\nb"), 'returned "a\\nb"'),
        (Outcome("returned", None), "returned None"),
        (Outcome("returned", "undefined", status=0), 'printed "undefined" and exited with 0'),
        (Outcome("returned", "", status=0), "printed nothing and exited with 0"),
        (Outcome("raised", error="KeyError", text="'id'"), "failed with KeyError: 'id'"),
        (
            Outcome("raised", error="Error", text="Uncaught Error: no", status=1),
            "failed with Error (exit status 1): no",
        ),
        (Outcome("raised", error="E", text="E", status=1), "failed with E (exit status 1)"),
        (Outcome("raised", text="boom", status=3), "failed with exit status 3: boom"),
        (Outcome("raised"), "failed with an error"),
    ],
)
def test_an_end_is_told_as_it_was_seen(outcome: Outcome, says: str) -> None:
    assert outcome.brief() == says


def test_two_runs_that_differ_are_told_by_what_differs() -> None:
    create = ("POST", "/v2/video/generations", b"", b'{"n": 1}')
    poll = ("GET", "/v2/video/generations", b"generation_id=a", b"")
    assert _changed([create], [create, poll]) == "sent 1 request, then 2"
    again = (*create[:3], b'{"n": 2}')
    body = r'sent the body "{\"n\": 1}", then "{\"n\": 2}"'
    assert _changed([create, poll], [again, poll]) == body
    elsewhere = (*poll[:2], b"generation_id=b", b"")
    assert _changed([create, poll], [create, elsewhere]) == (
        "asked for GET /v2/video/generations?generation_id=a, "
        "then for GET /v2/video/generations?generation_id=b"
    )
