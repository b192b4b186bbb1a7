"""Ids: their styles, their seed, and which unknown ones could have been issued."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.jobs.ids import ID_STYLES, PER_BLOCK, IdSource, looks_issued

MODEL = "kling-video/v2.1/master/image-to-video"


@given(seed=st.integers(), style=st.sampled_from(sorted(ID_STYLES)))
def test_the_same_seed_gives_the_same_ids(seed: int, style: str) -> None:
    one, two = IdSource(seed), IdSource(seed)
    # Request ids are a sequence of their own: an error in between changes no job's id.
    two.request_id()
    first = [one.generation_id(style, MODEL, number) for number in range(10)]
    assert first == [two.generation_id(style, MODEL, number) for number in range(10)]
    assert len(set(first)) == 10


def test_ids_do_not_depend_on_the_order_of_asking() -> None:
    numbers = [*range(3 * PER_BLOCK), 10**9]
    one, two = IdSource(5), IdSource(5)
    forwards = {number: one.generation_id("uuid", MODEL, number) for number in numbers}
    backwards = {number: two.generation_id("uuid", MODEL, number) for number in reversed(numbers)}
    assert forwards == backwards
    assert len(set(forwards.values())) == len(numbers)


def test_another_seed_gives_other_ids() -> None:
    assert IdSource(1).generation_id("nanoid", MODEL, 1) != IdSource(2).generation_id("nanoid", MODEL, 1)
    one, other = IdSource(1, workspace="a"), IdSource(1, workspace="b")
    assert one.generation_id("nanoid", MODEL, 1) != other.generation_id("nanoid", MODEL, 1)
    assert one.request_id() != other.request_id()
    assert IdSource().seed != IdSource().seed


@given(seed=st.integers(0, 2**32), style=st.sampled_from(sorted(ID_STYLES)))
def test_every_id_survives_a_query(seed: int, style: str) -> None:
    job_id = IdSource(seed).generation_id(style, MODEL, 1)
    assert unquote(quote(job_id, safe="")) == job_id
    assert job_id.encode()


@pytest.mark.parametrize(
    ("style", "pattern"),
    [
        ("nanoid", r"[A-Za-z0-9_-]{21}"),
        ("leading-dash", r"-[A-Za-z0-9_-]{19}_"),
        ("digits", r"[1-9]\d{17}"),
        ("leading-zeros", r"00\d{16}"),
        ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("uuid-model", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:" + re.escape(MODEL)),
    ],
)
def test_a_style_has_its_form_and_looks_issued(style: str, pattern: str) -> None:
    ids = IdSource(7)
    for number in range(200):
        job_id = ids.generation_id(style, MODEL, number)
        assert re.fullmatch(pattern, job_id)
        assert looks_issued(job_id)


def test_digits_are_more_than_a_double_holds() -> None:
    ids = IdSource(7)
    for number in range(50):
        job_id = ids.generation_id("digits", MODEL, number)
        assert str(int(float(job_id))) != job_id


@pytest.mark.parametrize(
    "job_id", ["", "undefined", "null", "1", "x" * 20, "x" * 22, "a b", "é" * 21, "x" * 21 + "\n"]
)
def test_what_no_server_issues_does_not_look_issued(job_id: str) -> None:
    assert not looks_issued(job_id)
