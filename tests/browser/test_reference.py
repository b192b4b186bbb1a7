"""The API reference at `/docs`: from files of this package alone, and its "try it" asks the mock."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mock import MockServer
from tests.support import until

from .access import serious

MODEL = "klingai/v2.5-turbo/pro/text-to-video"


@pytest.mark.slow
def test_the_contract_of_any_model_is_shown_and_tried(page: Any, mock: MockServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{mock.url}/docs")
    page.locator("#model option").nth(100).wait_for(state="attached")
    page.locator("#model").select_option(MODEL)
    page.locator("rapi-doc #api-title", has_text=MODEL).wait_for()
    assert f"?model={MODEL.replace('/', '%2F')}" in page.url
    # The first is the poll's.
    page.get_by_role("button", name="TRY").nth(1).click()
    until(lambda: any(one.kind == "create" for one in mock.exchanges))
    (made,) = mock.jobs
    assert made.model == MODEL
    assert all(url.startswith(mock.url) for url in asked), asked
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.locator(f"rapi-doc[theme={scheme}]").wait_for()
        # Colours change over a moment.
        until(lambda: serious(page) == [])


@pytest.mark.long
def test_the_control_api_is_tried_as_well(page: Any, mock: MockServer) -> None:
    page.goto(f"{mock.url}/docs?model=control")
    page.locator("rapi-doc #api-title", has_text="control API").wait_for()
    page.get_by_role("button", name="TRY").first.click()
    page.get_by_text('"status"').first.wait_for()
    assert serious(page) == []
