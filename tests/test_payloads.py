"""The sample bodies: one for every model, valid even in strict mode."""

from __future__ import annotations

import base64
import io

import av
import pytest

from kling_mock.catalog import load_catalog
from kling_mock.errors import UnknownModel
from kling_mock.fixtures.payloads import SAMPLES, sample_image, sample_payload
from kling_mock.media.images import inline_image_size
from kling_mock.validation import Validator

MODELS = [variant.model for variant in load_catalog().variants]


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(load_catalog())


def test_there_is_a_sample_for_every_model() -> None:
    assert list(SAMPLES) == MODELS
    assert len(SAMPLES) == len(MODELS) == 142


@pytest.mark.slow
@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_a_sample_is_valid_in_strict_mode(validator: Validator, model: str, inline: bool) -> None:
    body = sample_payload(model, inline=inline)
    verdict = validator.check(load_catalog().find(model), body, strict=True)
    assert (verdict.violations, verdict.findings) == ((), ())
    assert body["model"] == model


def test_a_sample_by_an_alias_names_the_alias() -> None:
    aliases = [(alias, variant) for variant in load_catalog().variants for alias in variant.aliases]
    assert aliases
    for alias, variant in aliases:
        assert sample_payload(alias) == {**sample_payload(variant.model), "model": alias}


def test_every_look_up_makes_a_new_body() -> None:
    for model in MODELS:
        first = SAMPLES[model]
        for value in first.values():
            if isinstance(value, list):
                value.clear()
        first["prompt"] = "changed"
        assert SAMPLES[model] != first


def test_an_unknown_model_has_no_sample() -> None:
    assert "klingai/unheard-of" not in SAMPLES
    assert SAMPLES.get("klingai/unheard-of") is None
    with pytest.raises(UnknownModel):
        sample_payload("klingai/unheard-of")


def test_inline_samples_hold_images_wherever_an_image_is_asked_for() -> None:
    inline = 0
    for model in MODELS:
        body = sample_payload(model, inline=True)
        images = [body["image_url"]] if "image_url" in body else body.get("image_list", [])
        assert all(inline_image_size(image) for image in images)
        inline += bool(images)
    assert inline > 20


@pytest.mark.parametrize("size", [(1, 1), (160, 90), (90, 160), (300, 300)])
def test_a_sample_image_is_a_png_that_decodes(size: tuple[int, int]) -> None:
    uri = sample_image(*size)
    assert inline_image_size(uri) == size
    with av.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])), "r") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == size
    assert len(sample_image()) < 1000


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        sample_image(0, 5)
