"""One browser for all of these tests; where there is none they are skipped, but not in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from kling_mock import MockServer

SIZE: Any = {"width": 1440, "height": 900}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have them in one process, with one browser."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Debian's Chromium, by Playwright."""
    if CHROMIUM is None:
        text = "The page is tested in Chromium, which is not here: apt-get install chromium."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield made
        made.close()


@pytest.fixture(scope="package")
def _one_mock() -> Iterator[MockServer]:
    with MockServer(queued="10s", generating="50s", seed=1, speed=0, log_format="none") as server:
        yield server


@pytest.fixture
def mock(_one_mock: MockServer) -> MockServer:
    """A server whose clock stands still, clean for each test."""
    _one_mock.clock.freeze()
    _one_mock.reset()
    return _one_mock


@pytest.fixture(scope="package")
def _one_page(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page for all tests, and the errors of its console: to make one takes as long as a test."""
    context = browser.new_context(viewport=SIZE, permissions=["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened, wrong
    context.close()


@pytest.fixture
def page(_one_page: tuple[Any, list[str]], mock: MockServer) -> Iterator[Any]:
    """The page of that server, live; an error in its console fails the test."""
    opened, wrong = _one_page
    opened.set_viewport_size(SIZE)
    opened.emulate_media(color_scheme="light")
    # Elsewhere first: another place in the same page loads nothing.
    opened.goto("about:blank")
    wrong.clear()
    opened.goto(f"{mock.url}/")
    opened.wait_for_selector("#link.on")
    yield opened
    # A request that the mock refuses is told in the console too: that is what some tests are about.
    assert [text for text in wrong if "status of 4" not in text] == []
