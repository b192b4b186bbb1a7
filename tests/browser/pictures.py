"""Makes the pictures in `docs/pictures` again: `python -m tests.browser.pictures`; needs Chromium."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from kling_mock import MockServer
from kling_mock.facade import Facade

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MODEL = "klingai/v2.5-turbo/pro/text-to-video"
SCENARIOS = ("completed", "failed", "poll-server-error;times=1", "slow", "completed", "id-awkward")
MASKED = "kling-video/v1.5/pro/image-to-video"
VIEWS = {
    "page-light": (1400, 760, "light", "panel"),
    "page-dark": (1400, 760, "dark", "panel"),
    "page-narrow": (390, 844, "light", "traffic"),
    "page-jobs": (1400, 760, "light", "jobs"),
    "composer": (1400, 900, "light", "composer"),
    "reference": (1400, 900, "dark", "reference"),
}
"""Width, height, theme, and what is shown."""
MANY = 200


def main(folder: Path = FOLDER) -> list[Path]:
    """Show some traffic, and take a picture of each view of it; returns the files."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not here: apt-get install chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with MockServer(queued=5, generating=20, seed=3, speed=0) as server, sync_playwright() as playwright:
        talk(server)
        crowd(server)
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        files = [folder / f"{name}.png" for name in VIEWS]
        for file, (width, height, scheme, what) in zip(files, VIEWS.values(), strict=True):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page = context.new_page()
            SHOWN[what](page, server)
            page.screenshot(path=file)
            context.close()
        browser.close()
    return files


def show_traffic(page: Any, server: MockServer, space: str = "") -> None:
    """The lanes and the exchanges."""
    page.goto(f"{server.url}{space}/_mock/")
    page.wait_for_selector("#link.on")
    page.locator("#rows", has_text="completed").wait_for()


def show_panel(page: Any, server: MockServer) -> None:
    """The same, with a job at the side that plays its video."""
    show_traffic(page, server)
    page.click("#lanes .name >> nth=0")
    page.wait_for_selector("#panel video")
    while not page.evaluate("document.querySelector('#panel video').currentTime > 0.3"):
        page.wait_for_timeout(50)


def show_jobs(page: Any, server: MockServer) -> None:
    """Many jobs at once."""
    show_traffic(page, server, "/@crowd")
    page.locator("#made", has_text=str(MANY)).wait_for()


def show_composer(page: Any, server: MockServer) -> None:
    """A form with something wrong in it."""
    page.goto(f"{server.url}/_mock/#/composer")
    page.fill("#model-search", MASKED)
    page.locator('[data-field="cfg_scale"] input[type=number]').fill("1.5")
    page.locator("#judged", has_text="Would be refused").wait_for()
    page.evaluate("document.querySelector('[data-field=cfg_scale]').scrollIntoView({block: 'center'})")


def show_reference(page: Any, server: MockServer) -> None:
    """The reference of a model."""
    page.goto(f"{server.url}/docs?model={MODEL}")
    page.locator("rapi-doc #api-title", has_text=MODEL).wait_for()
    page.wait_for_timeout(500)


SHOWN = {
    "traffic": show_traffic,
    "panel": show_panel,
    "jobs": show_jobs,
    "composer": show_composer,
    "reference": show_reference,
}


def crowd(server: MockServer) -> None:
    """Make many jobs in a workspace of their own, which end at other times."""
    space = server.workspace("crowd")
    space.clock.freeze()
    for number in range(MANY):
        if number % 7 == 3:
            space.next("failed")
        made = ask(space, body={"model": MODEL, "prompt": f"A fox in the snow, take {number + 1}"})["id"]
        space.clock.advance(1.5)
        ask(space, query=f"?generation_id={quote(made, safe='')}")
        if number % 3 == 0:
            space.clock.advance(7)
            ask(space, query=f"?generation_id={quote(made, safe='')}")
    space.clock.advance(30)
    ask(space, query=f"?generation_id={quote(made, safe='')}")


def talk(server: MockServer) -> None:
    """Make a few jobs that fare differently, and poll them."""
    ids: list[str] = []
    for number, scenario in enumerate(SCENARIOS):
        server.next(scenario)
        ids.append(
            ask(server, body={"model": MODEL, "prompt": f"A fox in the snow, take {number + 1}"})["id"]
        )
        for _ in range(2):
            server.clock.advance(2)
            for job in ids:
                ask(server, query=f"?generation_id={quote(job, safe='')}")
    ask(server, body={"model": MODEL, "prompt": "A fox", "cfg_scale": 7})
    for _ in range(4):
        server.clock.advance(6)
        for job in ids:
            ask(server, query=f"?generation_id={quote(job, safe='')}")


def ask(server: Facade, *, query: str = "", body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of a create or a poll, an error's too."""
    headers = {"Authorization": "Bearer test-key", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.base_url}/video/generations{query}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


if __name__ == "__main__":
    for made in main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(made)
