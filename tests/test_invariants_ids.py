"""What a trace shows against a client that alters ids, however it does so."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.scenarios import CATALOGUE
from kling_mock.trace_rules.id_mutations import lost_digits, mangled

from .support import create, poll
from .tracing import broken, job_id, numbers, raw_poll

DIGITS = "789392067490349060"
AWKWARD = "V1StGXR8+a&b=c#d%2Fe f/é…k2Wq"
COMPOUND = "b906d239-565b-4012-9234-246189283143:kling-video/v2.1/master/image-to-video"


@pytest.mark.parametrize(
    "written",
    [
        quote("V1StGXR8+a&b=c#d%2Fe f/é…k2Wq"[:15], safe="+&="),
        quote(AWKWARD, safe="+"),
        quote(AWKWARD, safe="%"),
        quote(quote(AWKWARD, safe=""), safe=""),
        quote(AWKWARD.partition("#")[0], safe=""),
        quote(AWKWARD.partition("&")[0], safe=""),
        quote(AWKWARD.encode().decode("latin-1"), safe=""),
    ],
)
def test_c11_sees_an_id_that_was_not_encoded(written: str, server: MockServer) -> None:
    server.use("id-awkward")
    made = job_id(create(server))
    issued = server.jobs[0].id
    raw_poll(server, written.replace("V1StGXR8", quote(issued[:8])).replace("k2Wq", quote(issued[-4:])))
    assert made == issued
    assert numbers(server, "C11") == (1, 2)


def test_c11_sees_a_dash_that_was_lost(server: MockServer) -> None:
    server.use("id-leading-dash")
    raw_poll(server, job_id(create(server)).lstrip("-"))
    assert numbers(server, "C11") == (1, 2)


def test_c12_sees_an_id_that_was_a_number_for_a_while(server: MockServer) -> None:
    server.use("id-digits")
    made = job_id(create(server))
    raw_poll(server, str(int(float(made))))
    assert numbers(server, "C12") == (1, 2)


def test_ids_that_come_back_whole_are_right(server: MockServer) -> None:
    for name in (name for name in CATALOGUE if name.startswith("id-")):
        server.use(name)
        poll(server, job_id(create(server)))
    assert broken(server) == []


@pytest.mark.parametrize(
    ("issued", "asked"),
    [
        (DIGITS, "789392067490349000"),
        (DIGITS, "789392067490349056"),
        (DIGITS, "7.89392067490349e+17"),
        (DIGITS, "7.89392067490349e17"),
        (DIGITS, "7.89392e+17"),
        ("0012345678", "12345678"),
        ("0012345678", "12345678.0"),
        (COMPOUND, COMPOUND[:36]),
        (COMPOUND, COMPOUND[37:]),
        (COMPOUND, COMPOUND.upper()),
        ("V1StGXR8_Z5jdHi6B-myT", "v1stgxr8_z5jdhi6b-myt"),
    ],
)
def test_what_becomes_of_an_id_that_is_taken_for_more_than_a_string(issued: str, asked: str) -> None:
    assert lost_digits(issued, asked)
    assert not mangled(issued, asked)


@pytest.mark.parametrize(
    ("issued", "asked"),
    [
        (DIGITS, "789392067490350000"),
        (DIGITS, "inf"),
        (DIGITS, "unknown"),
        (AWKWARD, AWKWARD),
        (AWKWARD, "V1"),
        (COMPOUND, "b906d239-565b-4012-9234-246189283144"),
        ("V1StGXR8_Z5jdHi6B-myT", "V1StGXR8_Z5jdHi6B"),
        ("V1StGXR8_Z5jdHi6B-myT", "does-not-exist"),
    ],
)
def test_another_id_is_not_a_form_of_this_one(issued: str, asked: str) -> None:
    assert not lost_digits(issued, asked)
    assert not mangled(issued, asked)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_an_id_is_never_its_own_altered_form(issued: str, asked: str) -> None:
    assert not mangled(issued, issued)
    assert not lost_digits(issued, issued)
    assert mangled(issued, asked) in (True, False)
