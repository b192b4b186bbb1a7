"""The one writer of PNG pictures: what it writes, every reader of sizes and every decoder reads."""

from __future__ import annotations

import base64
import io

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.media.images import inline_image_size
from kling_mock.media.png import png

SIDES = st.integers(1, 40)
COLOURS = st.none() | st.tuples(*[st.integers(0, 255)] * 3)


@settings(max_examples=25, deadline=None)
@given(SIDES, SIDES, COLOURS)
def test_a_picture_decodes_to_its_size_and_colour(
    width: int, height: int, colour: tuple[int, int, int] | None
) -> None:
    picture = png(width, height, colour)
    assert inline_image_size(base64.b64encode(picture).decode()) == (width, height)
    with av.open(io.BytesIO(picture), "r") as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    assert (frame.width, frame.height) == (width, height)
    plane, wanted = frame.planes[0], bytes(colour or (0, 0, 0)) * width
    rows = [bytes(plane)[place : place + 3 * width] for place in range(0, len(bytes(plane)), plane.line_size)]
    assert rows == [wanted] * height


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 5)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        png(*size)
