"""The clip of a job, the clips themselves, and their delivery over HTTP."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kling_mock.catalog import Facts, Variant, load_catalog
from kling_mock.fixtures.payloads import sample_image
from kling_mock.media import (
    CLIPS,
    Clip,
    clip_file,
    clip_for,
    media_response,
    nearest_ratio,
    read_clip,
    seconds_for,
)

from .support import mostly_long

NAME = "16x9-5s-sound.mp4"
RATIOS = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16), "1:1": Fraction(1)}
TEXT = "klingai/v2.5-turbo/pro/text-to-video"
IMAGE = "klingai/v2.5-turbo/pro/image-to-video"
SEVERAL = "kling-video/v1.6/standard/multi-image-to-video"


def variant_and_facts(model: str) -> tuple[Variant, Facts]:
    return load_catalog().find(model), load_catalog().facts(model)


def clip(model: str, **body: Any) -> Clip:
    return clip_for(*variant_and_facts(model), {"model": model, **body})


# The files


def test_every_clip_is_there_and_nothing_else() -> None:
    folder = clip_file(NAME).parent
    assert {path.name for path in folder.iterdir()} == set(CLIPS)
    assert len(CLIPS) == 30 * 3 * 2
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_700_000


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_is_what_its_name_says(name: str) -> None:
    wanted = CLIPS[name]
    with av.open(str(clip_file(name))) as container:
        (video,), sounds = container.streams.video, container.streams.audio
        codec = video.codec_context
        assert (codec.name, codec.pix_fmt, codec.sample_aspect_ratio) == ("h264", "yuv420p", Fraction(1))
        assert Fraction(codec.width, codec.height) == RATIOS[wanted.ratio]
        assert [sound.codec_context.name for sound in sounds] == ["aac"] * wanted.sound
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(wanted.seconds, abs=0.05)
        for stream in container.streams:
            assert stream.duration is not None and stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(wanted.seconds, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", mostly_long(CLIPS, 7))
def test_a_clip_decodes_from_its_first_to_its_last_picture(name: str) -> None:
    with av.open(str(clip_file(name))) as container:
        frames = [(frame.time, bytes(frame.planes[0])) for frame in container.decode(video=0)]
    first, last = frames[0], frames[-1]
    assert first[0] == 0
    assert last[0] == pytest.approx(CLIPS[name].seconds, abs=0.11)
    assert first[1] != last[1]  # it moves


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, clip in CLIPS.items() if clip.sound])
def test_a_clip_with_sound_is_heard_to_its_end(name: str) -> None:
    with av.open(str(clip_file(name))) as container:
        frames = [(frame.time, any(bytes(frame.planes[0]))) for frame in container.decode(audio=0)]
    # A beep each second, and nothing between.
    assert {int(time or 0.0) for time, loud in frames if loud} >= set(range(CLIPS[name].seconds))
    assert frames[-1][0] == pytest.approx(CLIPS[name].seconds, abs=0.2)


def test_a_clip_can_start_before_it_is_loaded() -> None:
    for name in CLIPS:
        content = read_clip(name)[1]
        assert content[4:8] == b"ftyp"
        assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("name", ["", "..", "../make_clips.py", "16x9-31s.mp4", "1x1-5s.mp4/", "/etc/passwd"])
def test_only_clips_can_be_asked_for(name: str) -> None:
    for ask in (clip_file, read_clip, media_response):
        with pytest.raises(LookupError, match="There is no clip"):
            ask(name)


# Which clip a job ends with


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({}, 5),
        ({"duration": 10}, 10),
        ({"duration": "10"}, 10),
        ({"duration": 7.0}, 7),
        ({"duration": None}, 5),
        ({"duration": "long"}, 5),
        ({"duration": True}, 5),
        ({"duration": 30}, 30),
        ({"duration": 1}, 1),
        ({"duration": 60}, 30),
        ({"num_frames": 81, "frames_per_second": 27}, 3),
        ({"num_frames": 161}, 10),
        ({"duration": "NaN"}, 5),
        ({"duration": 10**400}, 5),
        ({"multi_prompt": [{"prompt": "a", "duration": 4}, {"prompt": "b", "duration": "3"}]}, 7),
        ({"multi_prompt": [{"prompt": "a", "duration": 4}, {"prompt": "b"}]}, 9),
        ({"multi_prompt": [{"prompt": "a", "duration": 1}]}, 3),
        ({"multi_prompt": [{"prompt": "a", "duration": 9}] * 2}, 15),
        ({"multi_prompt": [{"prompt": "a"}, {"prompt": "b"}]}, 5),
        ({"multi_prompt": ["a", "b"]}, 5),
        ({"duration": 12, "multi_prompt": [{"prompt": "a", "duration": 4}]}, 12),
    ],
)
def test_a_clip_is_as_long_as_was_asked(body: dict[str, Any], seconds: int) -> None:
    assert seconds_for(body) == seconds


def test_a_text_decides_on_the_ratio_by_itself() -> None:
    assert clip(TEXT).ratio == "16:9"
    assert clip(TEXT, aspect_ratio="9:16").ratio == "9:16"
    assert clip(TEXT, ratio="1:1").ratio == "1:1"
    assert clip(TEXT, aspect_ratio=None, ratio="1:1").ratio == "1:1"
    assert clip(TEXT, aspect_ratio="4:3").ratio == "16:9"
    assert clip(TEXT, aspect_ratio={}).ratio == "16:9"


@pytest.mark.parametrize(
    ("model", "body", "seconds", "ratio"),
    [
        ("google/veo-3.1-t2v", {}, 8, "16:9"),
        ("openai/sora-2-t2v", {"aspect_ratio": "9:16"}, 4, "9:16"),
        ("bytedance/seedance-2-5", {"duration": 27, "aspect_ratio": "3:4"}, 27, "9:16"),
        ("luma/ray-2", {"aspect_ratio": "21:9"}, 5, "16:9"),
        ("luma/ray-2", {"aspect_ratio": "9:21"}, 5, "9:16"),
        ("runway/gen4_aleph", {"frame_size": "960:960"}, 5, "1:1"),
        ("sber-ai/kandinsky5-t2v", {}, 5, "16:9"),
        ("sber-ai/kandinsky5-t2v", {"aspect_ratio": "2:3"}, 5, "9:16"),
        ("minimax/h3", {"ratio": "adaptive"}, 6, "16:9"),
        ("x-ai/grok-imagine-video", {"duration": 1}, 1, "16:9"),
        ("ltxv/ltxv-2", {}, 6, "16:9"),
        ("krea/krea-wan-14b/text-to-video", {"num_frames": 160}, 10, "16:9"),
    ],
)
def test_a_clip_has_the_length_and_the_nearest_shape_of_its_model(
    model: str, body: dict[str, Any], seconds: int, ratio: str
) -> None:
    made = clip(model, **body)
    assert (made.seconds, made.ratio) == (seconds, ratio)


@pytest.mark.parametrize(("size", "ratio"), [((64, 36), "16:9"), ((30, 50), "9:16"), ((40, 42), "1:1")])
def test_an_inline_image_decides_on_the_ratio_of_its_video(size: tuple[int, int], ratio: str) -> None:
    image = sample_image(*size)
    for given_as in (image, image.partition(",")[2], [image, "https://example.com/b.png"]):
        assert clip(IMAGE, image_url=given_as).ratio == ratio
        assert clip(SEVERAL, image_list=given_as).ratio == ratio
    assert clip(IMAGE, image_url=image, aspect_ratio="9:16").ratio == ratio
    assert clip(SEVERAL, image_list=[image], aspect_ratio="9:16").ratio == "9:16"


def test_an_image_that_is_not_in_the_body_decides_nothing() -> None:
    for image in ("https://example.com/a.png", "data:image/png;base64,AAAA", [], None, [None], 3):
        assert clip(IMAGE, image_url=image).ratio == "16:9"
        assert clip(IMAGE, image_url=image, aspect_ratio="1:1").ratio == "1:1"


@pytest.mark.parametrize(
    ("model", "body", "sound"),
    [
        (TEXT, {}, False),
        (TEXT, {"generate_audio": True}, False),
        ("klingai/avatar-pro", {}, True),
        ("klingai/video-v3-pro-text-to-video", {}, True),
        ("klingai/video-v3-pro-text-to-video", {"generate_audio": False}, False),
        ("klingai/video-o1-video-to-video-edit", {}, False),
        ("klingai/video-o1-video-to-video-edit", {"keep_audio": True}, True),
    ],
)
def test_a_clip_has_sound_where_its_model_makes_sound(model: str, body: dict[str, Any], sound: bool) -> None:
    assert clip(model, **body).sound is sound
    assert clip(model, **body).name.endswith("-sound.mp4") is sound


sides = st.integers(1, 10_000)


@given(sides, sides)
@example(4, 3)
@example(3, 4)
@example(1, 10_000)
def test_the_nearest_ratio_is_the_nearest(width: int, height: int) -> None:
    def distance(ratio: str) -> float:
        return abs(math.log(width / height) - math.log(RATIOS[ratio]))

    assert distance(nearest_ratio(width, height)) <= min(map(distance, RATIOS)) + 1e-9


@given(sides, sides)
def test_a_turned_picture_has_a_turned_ratio(width: int, height: int) -> None:
    turned = ":".join(reversed(nearest_ratio(width, height).split(":")))
    assert nearest_ratio(height, width) == turned


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("data:;base64,/9j/")
values = scalars | st.lists(scalars)


@pytest.mark.slow
@given(
    st.sampled_from([variant.model for variant in load_catalog().variants]),
    st.fixed_dictionaries(
        {},
        optional={
            "duration": values,
            "aspect_ratio": values,
            "ratio": values,
            "frame_size": values | st.from_regex(r"\d{1,9}:\d{1,9}", fullmatch=True),
            "num_frames": values,
            "frames_per_second": values,
            "image_url": values,
            "image_list": values,
            "generate_audio": values,
            "keep_audio": values,
            "multi_prompt": values | st.lists(st.fixed_dictionaries({}, optional={"duration": values})),
        },
    ),
)
def test_every_body_has_a_clip(model: str, body: dict[str, Any]) -> None:
    chosen = clip(model, **body)
    assert CLIPS[chosen.name] == chosen
    assert clip(model, **body) == chosen


# Delivery


def ask(name: str = NAME, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request for a clip; header names with `_` for `-`."""
    answer = media_response(name, method, {key.replace("_", "-"): value for key, value in headers.items()})
    return answer.status, answer.headers, answer.body


CONTENT = clip_file(NAME).read_bytes()
SIZE = len(CONTENT)
ETAG = read_clip(NAME)[0]["etag"]
MODIFIED = read_clip(NAME)[0]["last-modified"]
LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"


def test_a_get_has_the_whole_file() -> None:
    status, headers, body = ask()
    assert (status, body) == (200, CONTENT)
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(SIZE)
    assert headers["accept-ranges"] == "bytes"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"].startswith("public, max-age=")
    assert ETAG.startswith('"') and ETAG.endswith('"')
    assert len({read_clip(name)[0]["etag"] for name in CLIPS}) == len(CLIPS)


def test_a_head_has_the_headers_of_a_get_and_no_body() -> None:
    assert ask(method="HEAD") == (200, ask()[1], b"")
    assert ask(method="HEAD", range="bytes=0-1") == (200, ask()[1], b"")


def test_other_methods_are_not_allowed() -> None:
    status, headers, body = ask(method="POST")
    assert (status, headers["allow"], body) == (405, "GET, HEAD", b"")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, SIZE),
        ("bytes=100-199", 100, 200),
        ("Bytes = 100 - 199", None, None),
        ("BYTES=100-", 100, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        ("bytes=-99999999", 0, SIZE),
        (f"bytes={SIZE - 1}-99999999", SIZE - 1, SIZE),
        ("bytes=0-9, 5-20", 0, 21),
        (f"bytes=1-2,{SIZE}-", 1, 3),
    ],
)
def test_one_range_is_one_part(text: str, start: int | None, end: int | None) -> None:
    status, headers, body = ask(range=text)
    if start is None or end is None:
        assert (status, body) == (200, CONTENT)
        return
    assert (status, body) == (206, CONTENT[start:end])
    assert headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert headers["content-length"] == str(end - start)
    assert (headers["content-type"], headers["etag"]) == ("video/mp4", ETAG)


def test_several_ranges_are_parts_of_one_body() -> None:
    status, headers, body = ask(range="bytes=0-9,100-109,-5")
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    assert (status, kind) == (206, "multipart/byteranges")
    assert headers["content-length"] == str(len(body))
    assert "content-range" not in headers
    empty, *parts, end = body.split(b"--" + boundary.encode())
    assert (empty, end) == (b"", b"--\r\n")
    for part, (first, last) in zip(parts, [(0, 9), (100, 109), (SIZE - 5, SIZE - 1)], strict=True):
        head, _, content = part.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{SIZE}".encode() in head
        assert content == CONTENT[first : last + 1] + b"\r\n"


@pytest.mark.parametrize("text", [f"bytes={SIZE}-", "bytes=99999999-", "bytes=-0", f"bytes={SIZE}-{SIZE},-0"])
def test_a_range_beyond_the_file_is_not_satisfiable(text: str) -> None:
    status, headers, body = ask(range=text)
    assert (status, body) == (416, b"")
    assert headers["content-range"] == f"bytes */{SIZE}"
    assert headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "text",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=,", "bytes=5-2", "bytes=a-b", "items=0-1", "bytes=1-2-3"),
        *("bytes=" + "9" * 5000 + "-", "bytes=" + "0-0," * 40, "bytes=0-1;2-3", "bytes=\u0663-"),
    ],
)
def test_a_malformed_range_is_ignored(text: str) -> None:
    answer = media_response(NAME, headers={"range": text})
    assert (answer.status, answer.body) == (200, CONTENT)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=5))
def test_every_byte_that_ranges_ask_for_is_sent_once(parts: list[tuple[int, int]]) -> None:
    spans = [(min(part), max(part)) for part in parts]
    text = "bytes=" + ",".join(f"{first}-{last}" for first, last in spans)
    answer = media_response(NAME, headers={"range": text})
    wanted = {at for first, last in spans for at in range(first, last + 1)}
    blocks = [at for at in wanted if at - 1 not in wanted]
    assert answer.status == 206
    if len(blocks) == 1:
        assert answer.body == CONTENT[min(wanted) : max(wanted) + 1]
    else:
        assert answer.body.count(b"Content-Range: bytes ") == len(blocks)


@given(st.text(max_size=40))
def test_any_range_is_answered(text: str) -> None:
    assert media_response(NAME, headers={"range": "bytes=" + text}).status in (200, 206, 416)


@pytest.mark.parametrize("tags", [ETAG, f'"other", {ETAG}', f"W/{ETAG}", "*"])
def test_a_copy_with_the_same_tag_need_not_be_sent_again(tags: str) -> None:
    status, headers, body = ask(if_none_match=tags, range="bytes=0-1")
    assert (status, body) == (304, b"")
    assert headers["etag"] == ETAG
    assert "content-length" not in headers
    assert ask(method="HEAD", if_none_match=tags)[0] == 304


def test_a_copy_with_another_tag_is_sent_whatever_its_date() -> None:
    assert ask(if_none_match='"other"', if_modified_since=MODIFIED)[0] == 200


def test_a_copy_is_as_good_as_its_date() -> None:
    assert ask(if_modified_since=MODIFIED)[0] == 304
    for date in (LONG_AGO, "yesterday", "", "Thu, 01 Jan 1970 00:00:00"):
        assert ask(if_modified_since=date)[0] == 200


@pytest.mark.parametrize(
    ("validator", "status"),
    [(ETAG, 206), (MODIFIED, 206), (f"W/{ETAG}", 200), ('"other"', 200), (LONG_AGO, 200)],
)
def test_a_part_is_sent_only_of_the_file_that_the_client_began_with(validator: str, status: int) -> None:
    assert ask(range="bytes=0-1", if_range=validator)[0] == status


def test_one_answer_cannot_change_the_next() -> None:
    media_response(NAME).headers.clear()
    media_response(NAME, headers={"range": "bytes=0-1"}).headers.clear()
    assert ask()[1]["content-type"] == "video/mp4"
