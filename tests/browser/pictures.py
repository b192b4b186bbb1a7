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

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MODEL = "klingai/v2.5-turbo/pro/text-to-video"
SCENARIOS = ("completed", "failed", "poll-server-error;times=1", "slow", "completed", "id-awkward")
VIEWS = {
    "page-light": (1400, 760, "light"),
    "page-dark": (1400, 760, "dark"),
    "page-narrow": (390, 844, "light"),
}


def main(folder: Path = FOLDER) -> list[Path]:
    """Show some traffic, and take a picture of each view of it; returns the files."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not here: apt-get install chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with MockServer(queued=5, generating=20, seed=3, speed=0) as server, sync_playwright() as playwright:
        talk(server)
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        files = [folder / f"{name}.png" for name in VIEWS]
        for file, (width, height, scheme) in zip(files, VIEWS.values(), strict=True):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page = context.new_page()
            page.goto(f"{server.url}/_mock/")
            page.wait_for_selector("#link.on")
            page.locator("#rows", has_text="completed").wait_for()
            page.screenshot(path=file)
            context.close()
        browser.close()
    return files


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


def ask(server: MockServer, *, query: str = "", body: dict[str, Any] | None = None) -> dict[str, Any]:
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
