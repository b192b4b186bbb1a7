"""The composer: a form for any model, judged while one types, whose job arrives as it is shown."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog
from tests.support import MODEL, until

from .waiting import holds

MASKED = "kling-video/v1.5/pro/image-to-video"
VENDORS = sorted({variant.vendor: variant.model for variant in load_catalog().variants}.values())
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def composed(page: Any, model: str) -> None:
    """Choose a model, and wait until its form is judged."""
    page.click("#tab-composer")
    page.fill("#model-search", model)
    page.select_option("#model-pick", model)
    holds(
        page,
        f"JSON.parse(document.querySelector('#compose-json').value || '{{}}').model === {json.dumps(model)}",
    )


def judged(page: Any) -> str:
    """What the last judgement says, once it is there."""
    page.wait_for_selector("#judged[data-judged] p")
    before = int(page.get_attribute("#judged", "data-judged"))
    page.locator("#compose-json").dispatch_event("input")
    holds(page, f"Number(document.querySelector('#judged').dataset.judged) > {before}")
    return str(page.inner_text("#judged"))


def body_of(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.input_value("#compose-json"))
    return found


def field(page: Any, name: str) -> Any:
    return page.locator(f'[data-field="{name}"]').first


@pytest.mark.slow
def test_the_job_arrives_as_it_is_shown_for_a_model_of_every_vendor(page: Any, mock: MockServer) -> None:
    for number, model in enumerate(VENDORS, 1):
        composed(page, model)
        shown = page.input_value("#compose-json")
        page.click("#compose-send")
        page.locator("#compose-answer button").wait_for()
        made = mock.exchanges[-1]
        assert (made.status, made.model, made.body.decode()) == (200, model, shown), page.inner_text(
            "#judged"
        )
        assert len(mock.jobs) == number
    page.click("#compose-answer button")
    page.locator("#panel h2", has_text=mock.jobs[-1].id).wait_for()


def test_a_form_has_its_bounds_and_is_judged_while_one_types(page: Any, mock: MockServer) -> None:
    composed(page, MODEL)
    scale = field(page, "cfg_scale")
    assert "0 to 1" in scale.inner_text()
    scale.locator("input[type=range]").evaluate(
        "one => { one.value = 0.5; one.dispatchEvent(new Event('input')); }"
    )
    assert body_of(page)["cfg_scale"] == 0.5
    scale.locator("input[type=number]").fill("1.5")
    scale.locator("text=violation: expected").wait_for()
    assert "Would be refused" in judged(page) and mock.exchanges == []
    scale.get_by_role("button", name="Do not send cfg_scale").click()
    field(page, "duration").get_by_label("10", exact=True).check()
    assert body_of(page)["duration"] == 10 and "cfg_scale" not in body_of(page)
    page.fill("#compose-json", json.dumps({"model": MODEL, "prompt": "<b>x</b>", "colour": "red"}))
    page.locator("#judged", has_text="colour").wait_for()
    assert field(page, "prompt").locator("textarea").input_value() == "<b>x</b>"
    page.select_option("#compose-scenario", "failed")
    page.click("#compose-send")
    page.locator("#compose-answer button").wait_for()
    assert mock.jobs[0].scenario == "failed"
    for language, word in (
        ("curl", "curl -sS"),
        ("Python (httpx)", "httpx.request"),
        ("JavaScript", "fetch("),
    ):
        page.select_option("#compose-language", language)
        assert word in page.inner_text("#compose-program")


def test_a_mask_and_its_path_are_drawn_with_the_mouse_and_by_keyboard(page: Any, mock: MockServer) -> None:
    composed(page, MASKED)
    file = {"name": "fox.png", "mimeType": "image/png", "buffer": PICTURE}
    field(page, "image_url").locator("input[type=file]").set_input_files(file)
    page.wait_for_selector('[data-field="image_url"] img')
    page.locator('[data-add="dynamic_masks"]').click()
    field(page, "mask").get_by_role("button", name="Draw…").click()
    page.wait_for_selector("dialog canvas")
    for key in ("p", "ArrowRight", "ArrowDown", " "):
        page.keyboard.press(key)
    page.get_by_role("button", name="Use it").click()
    field(page, "trajectories").get_by_role("button", name="Draw…").click()
    page.locator("dialog canvas").wait_for()
    box = page.locator("dialog canvas").bounding_box()
    page.mouse.click(box["x"] + 1, box["y"] + 1)
    page.keyboard.press(" ")
    page.keyboard.press(" ")
    page.keyboard.press("Backspace")
    page.locator("dialog", has_text="2 points").wait_for()
    page.get_by_role("button", name="Use it").click()
    # A dialog says a moment later that it was closed.
    until(lambda: body_of(page)["dynamic_masks"][0]["trajectories"])
    (mask,) = body_of(page)["dynamic_masks"]
    assert mask["mask"].startswith("data:image/png;base64,") and len(mask["trajectories"]) == 2
    assert all(set(point) == {"x", "y"} for point in mask["trajectories"])
    assert body_of(page)["image_url"].endswith(base64.b64encode(PICTURE).decode())
    assert judged(page).startswith("Would be taken"), page.inner_text("#judged")
    command = page.inner_text("#compose-program")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    page.click("#compose-send")
    page.click("#compose-answer button")
    # The picture is in the panel of its job, from the body alone.
    page.wait_for_selector('#panel img[alt="image_url"]')
    copied, sent = mock.exchanges
    assert copied.body == sent.body and json.loads(done.stdout)["id"] == mock.jobs[0].id


@pytest.mark.slow
def test_the_form_of_every_model_begins_with_a_body_that_is_taken(page: Any, mock: MockServer) -> None:
    page.click("#tab-composer")
    page.wait_for_selector("#judged p")
    found = page.evaluate("""async () => {
      const base = new URL('page/js/', location.href);
      const { sampleBody } = await import(new URL('composer/sample.js', base));
      const { Form } = await import(new URL('composer/form.js', base));
      const { models } = await (await fetch('models')).json();
      return Promise.all(models.map(async ({ model, paths }) => {
        const document = await (await fetch(`../openapi/${model}.json`)).json();
        const { schema } = document.paths[paths[0]].post.requestBody.content['application/json'];
        const form = new Form(schema, () => {});
        form.write(sampleBody(schema));
        const body = JSON.stringify({ model, ...form.read() });
        const verdict = await (await fetch('judge', { method: 'POST', body })).json();
        return [model, verdict.valid, JSON.stringify(verdict.violations)];
      })); }""")
    assert len(found) == len(load_catalog().variants)
    assert [one for one in found if not one[1]] == []
