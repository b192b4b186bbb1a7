"""The size of an image from its first bytes."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable

import av
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from kling_mock.media.images import image_size, inline_image_size

sides = st.integers(1, 16_000)


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def jpeg(width: int, height: int, *, before: int = 0) -> bytes:
    """The start of a JPEG file, with `before` bytes of metadata ahead of its frame header."""
    filler = b""
    while before > 0:
        size = min(before, 65_533)
        filler += b"\xff\xe1" + struct.pack(">H", size + 2) + b"\xff\xc0" * (size // 2) + b"x" * (size % 2)
        before -= size
    tables = b"\xff\xc4" + struct.pack(">H", 5) + b"abc"
    return b"\xff\xd8" + filler + tables + b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def webp(kind: bytes, payload: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def webp_lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height))


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14))


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0\0\0\0" + size)


Maker = Callable[[int, int], bytes]
MAKERS: list[Maker] = [png, jpeg, gif, webp_lossy, webp_lossless, webp_extended]


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
@given(width=sides, height=sides)
def test_every_format_tells_its_size(make: Maker, width: int, height: int) -> None:
    assert image_size(make(width, height)) == (width, height)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
@given(cut=st.integers(0, 40), width=sides, height=sides)
def test_a_cut_file_is_unknown_or_right(make: Maker, cut: int, width: int, height: int) -> None:
    assert image_size(make(width, height)[:cut]) in (None, (width, height))


@pytest.mark.parametrize(("codec", "size"), [("png", (64, 36)), ("mjpeg", (48, 80)), ("gif", (40, 40))])
def test_a_file_of_a_real_encoder_tells_its_size(codec: str, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    pixels = {"png": "rgb24", "mjpeg": "yuvj420p", "gif": "rgb8"}[codec]
    with av.open(file, "w", format="gif" if codec == "gif" else "image2pipe") as container:
        stream = container.add_stream(codec, rate=1)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        for packet in [*stream.encode(VideoFrame(*size, pixels)), *stream.encode()]:
            container.mux(packet)
    assert image_size(file.getvalue()) == size


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "template",
    ["data:image/png;base64,{}", "DATA:;charset=ascii;BASE64,{}", "data:a/b;base64, {}\n", "{}", "\n{}"],
)
def test_an_inline_image_is_found_in_every_notation(make: Maker, template: str) -> None:
    encoded = base64.b64encode(make(320, 180) + bytes(400)).decode()
    assert inline_image_size(template.format(encoded)) == (320, 180)


def test_wrapped_percent_encoded_and_url_safe_base64_is_read() -> None:
    raw = gif(0xFBEF, 0xBEFB) + b"\xfb\xef\xbe" * 90
    wrapped = base64.encodebytes(raw).decode()
    escaped = base64.b64encode(raw).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    for text in (wrapped, escaped, base64.urlsafe_b64encode(raw).decode().rstrip("=")):
        assert inline_image_size(f"data:image/gif;base64,{text}") == (0xFBEF, 0xBEFB)


@pytest.mark.parametrize("before", [300, 40_000, 500_000])
def test_a_jpeg_may_carry_metadata_before_its_size(before: int) -> None:
    encoded = base64.b64encode(jpeg(3024, 4032, before=before)).decode()
    assert inline_image_size(encoded) == (3024, 4032)


def test_only_the_first_megabyte_of_a_jpeg_is_searched() -> None:
    assert inline_image_size(base64.b64encode(jpeg(10, 20, before=2_000_000)).decode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com/iVBORw0KGgo.png",
        "data:image/png;base64,",
        "data:image/png;base64",
        "data:image/png,iVBORw0KGgo",
        "data:image/svg+xml;utf8,<svg width='3'/>",
        "data:image/png;base64,%%%%%=é\ud800",
        base64.b64encode(png(0, 20)).decode(),
        base64.b64encode(b"BM" + bytes(60)).decode(),
    ],
)
def test_what_is_no_known_image_has_no_size(text: str) -> None:
    assert inline_image_size(text) is None


STARTS = ["", "data:image/png;base64,", "data:", "/9j/4", "iVBORw0KGgo", "UklGR"]
MAGIC = [b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF....WEBPVP8 ", b"\x89PNG\r\n\x1a\n"]


@given(st.text(max_size=200), st.sampled_from(STARTS))
def test_any_text_is_answered(text: str, start: str) -> None:
    size = inline_image_size(start + text)
    assert size is None or min(size) > 0


@given(st.sampled_from(MAGIC), st.binary())
def test_any_bytes_are_answered(start: bytes, rest: bytes) -> None:
    size = image_size(start + rest)
    assert size is None or min(size) > 0
