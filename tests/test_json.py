"""Bodies are read as strict JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.errors import PayloadError
from kling_mock.validation import strict_json
from kling_mock.validation.strict_json import MAX_DEPTH, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.loads(json.dumps(value)))


@pytest.mark.slow
@given(VALUES, st.booleans())
def test_what_json_allows_is_read_as_python_reads_it(value: object, ascii_only: bool) -> None:
    try:
        raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return
    if ascii_only and json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode() != json.dumps(
        value, ensure_ascii=False
    ):
        return
    read = parse_json(raw)
    assert read == value
    assert type(read) is type(value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused_with_a_payload_error(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except PayloadError as error:
        assert str(error).endswith(".")
    else:
        assert value == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty body"),
        (b" \n\t ", "empty body"),
        (b"{", "ends too early, at line 1 column 2"),
        (b'{"a": 1,\n  "b" 2}', 'received "2}" at line 2 column 7'),
        (b"{} {}", "received more after it"),
        (b"nonsense", 'received "nons…" at line 1 column 1'),
        (b"NaN", "received NaN"),
        (b'{"cfg_scale": NaN}', "received NaN"),
        (b"[Infinity]", "received Infinity"),
        (b"[-Infinity]", "received -Infinity"),
        (b"[1e999]", "received 1e999"),
        (b"[-1.5e400]", "received -1.5e400"),
        (b"[" + b"9" * 5000 + b"]", "thousands of digits"),
        (b'{"prompt": "a", "prompt": "b"}', 'received "prompt" twice'),
        (b'{"a": [{"x": 1, "y": 2, "x": 3}]}', 'received "x" twice'),
        (b'{"a": "\xff"}', "the byte 0xff at offset 7"),
        (b"\xed\xa0\x80", "the byte 0xed at offset 0"),
        (b"\xef\xbb\xbf{}", "byte-order mark"),
        (b'{"a": "\\ud800"}', "\\ud800, one half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "\\udfff, one half of a surrogate pair"),
        (b'["\\ude00\\ud83d"]', "one half of a surrogate pair"),
        (b"[" * 5_000, f"at most {MAX_DEPTH} levels"),
        (b'{"a":' * 5_000, f"at most {MAX_DEPTH} levels"),
        (b"[" * (MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
        (b"[" * MAX_DEPTH, "a body that ends too early"),
        (b'["' + b"[" * 100 + b'", 1', "a body that ends too early"),
        (b"[[], " * 40 + b"x", "JSON, received"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
        (b"[" * 500 + b"]" * 500, f"at most {MAX_DEPTH} levels"),
        (b'{"a": "line\nbreak"}', "at line 1 column 12"),
        (b"{'a': 1}", "at line 1 column 2"),
        (b"[1,]", "at line 1 column"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_json(raw)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


@given(
    st.lists(st.sampled_from(["x", "y", "a:b", "é"]), min_size=1, max_size=6),
    st.integers(0, 60),
    st.sampled_from(['"https://a:b"', '":"', "1", "null", '"\\u003a"', '["x:y"]', '{"x": {"y": ":::"}}']),
)
def test_a_repeated_key_is_found_however_many_objects_there_are(
    keys: list[str], more: int, value: str
) -> None:
    members = ", ".join(f'"{key}": {value}' for key in keys)
    points = ", ".join(['{"x": 1, "y": -2.5}'] * more)
    raw = f'{{"points": [{points}], "inner": {{{members}}}, "url": "http://e.com"}}'.encode()
    if len(set(keys)) == len(keys):
        assert parse_json(raw) == json.loads(raw)
    else:
        with pytest.raises(PayloadError, match="twice"):
            parse_json(raw)


@given(
    st.lists(st.tuples(st.text(alphabet='ab:," \\{', max_size=2), st.text(alphabet='ab:," \\[', max_size=3))),
    st.sampled_from([":", ": ", " :", "\t:", "\n:\n", " : "]),
)
def test_each_key_of_a_flat_object_counts_however_it_is_written(
    pairs: list[tuple[str, str]], colon: str
) -> None:
    raw = "{" + ", ".join(json.dumps(key) + colon + json.dumps(value) for key, value in pairs) + "}"
    if len(dict(pairs)) == len(pairs):
        assert parse_json(raw.encode()) == dict(pairs)
    else:
        with pytest.raises(PayloadError, match="twice"):
            parse_json(raw.encode())


def test_nesting_up_to_the_limit_is_read() -> None:
    raw = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert json.dumps(parse_json(raw)).encode() == raw


def test_whole_surrogate_pairs_and_escapes_are_read() -> None:
    assert parse_json(b'{"a": "\\ud83d\\ude00 \\u2028 \\\\ud800"}') == {"a": "\U0001f600 \u2028 \\ud800"}


def test_scalars_and_arrays_are_json() -> None:
    assert [parse_json(raw) for raw in (b"1", b"null", b'"a"', b"[1]", b"-0.0")] == [1, None, "a", [1], -0.0]


def test_the_last_bytes_of_a_large_body_count() -> None:
    picture = "A" * 200_000
    assert parse_json(json.dumps({"image_url": picture}).encode()) == {"image_url": picture}
    with pytest.raises(PayloadError, match="twice"):
        parse_json(b'{"image_url": "' + picture.encode() + b'", "image_url": ""}')


SIGNS = st.text(alphabet='",[{\\\\é\n', max_size=8)
SIGN_VALUES = st.recursive(
    SIGNS | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SIGNS, inner, max_size=4),
)


def separators(value: object) -> int:
    """The commas and opening brackets that the JSON of a value has outside of its texts."""
    if not isinstance(value, list | dict):
        return 0
    within = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(separators, within))


@given(SIGN_VALUES, st.integers(1, 9), st.booleans())
def test_values_are_counted_outside_of_texts_however_a_body_is_sliced(
    value: object, size: int, ascii_only: bool
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    counted = separators(value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "_SLICE", size)
        if counted:
            assert parse_json(raw, counted) == value
        assert sum(strict_json._outside_strings(raw, 100)) == counted
        if counted > 1:
            with pytest.raises(PayloadError, match="at most"):
                parse_json(raw, counted - 1)


@given(st.text(alphabet=" \t\n\r", max_size=9), st.text(alphabet=" \t\n\r", max_size=9), st.integers(1, 4))
def test_blanks_around_are_skipped_however_they_are_sliced(before: str, after: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "_SLICE", size)
        assert parse_json(f"{before}[1]{after}".encode()) == [1]
        with pytest.raises(PayloadError, match="more after it"):
            parse_json(f"{before}[1]{after}x".encode())
