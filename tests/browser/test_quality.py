"""What holds for all of the page: accessible in both themes, of bounded size, whatever is done."""

from __future__ import annotations

from typing import Any

import pytest

from kling_mock import MockServer
from tests.support import MODEL, PATHS, ask, create, poll

from .access import serious
from .waiting import holds

FILLED = """async (counts) => {
  const { state } = await import(new URL('page/js/main.js', location.href));
  window.numbers ??= 0;
  const one = (number) => ({
    number, at: state.clock.now - 1000 + number / 100, ended_at: state.clock.now, took: 0.001,
    kind: number % 10 ? 'poll' : 'create', method: number % 10 ? 'GET' : 'POST',
    path: '/v2/video/generations', query: `generation_id=job-${Math.floor(number / 10)}`,
    status: number % 97 ? 200 : 500, word: 'queued', job_id: `job-${Math.floor(number / 10)}`,
    model: `model-${number}`, scenario: 'completed', state: 'queued', fault: null,
    violations: [], findings: [] });
  const job = (id, made_at) => ({
    id, model: 'm', status: 'queued', scenario: 'completed', made_at, age: 0, polls: 0, progress: 0,
    clip: 'x.mp4', credits: null, by: 'time',
    plan: [['queued', 5], ['generating', 20], ['completed', null]] });
  for (let place = 0; place < counts; place += 1) {
    const number = (window.numbers += 1);
    const exchange = one(number);
    if (number % 10 === 0) state.event('job-made', job(exchange.job_id, exchange.at));
    state.event('exchange', exchange);
    if (number % 1000 === 0) await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
}"""


def heap(page: Any) -> float:
    """The bytes that the page's own values take, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used)


@pytest.mark.slow
def test_axe_finds_nothing_serious(page: Any, mock: MockServer) -> None:
    mock.next("failed")
    ids = [create(mock).json["id"] for _ in range(3)]
    mock.clock.advance(30)
    for job_id in ids:
        poll(mock, job_id)
    ask(mock, "POST", PATHS[0], {"model": MODEL, "prompt": "x", "cfg_scale": 1.5, "colour": "red"})
    page.locator('#rows [data-number="7"]').click()
    page.wait_for_selector("#panel .marked")
    for view, there in (
        ("traffic", "#lanes .lane"),
        ("composer", "#judged p"),
        ("verdict", "#verdict article"),
        ("control", "#scenario-json"),
    ):
        page.click(f"#tab-{view}")
        page.wait_for_selector(there)
        if view == "control":
            page.fill("#scenario-options", "poll-server-error;times=x")
            page.locator("#control .options .violation", has_text="expected").wait_for()
            page.fill("#scenario-json", "{")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert serious(page) == [], (view, scheme)


@pytest.mark.slow
def test_memory_is_flat_once_its_lists_are_full(page: Any, mock: MockServer) -> None:
    page.evaluate(FILLED, 11_000)
    before = heap(page)
    page.evaluate(FILLED, 20_000)
    # Values have other lengths: numbers have a digit more.
    assert heap(page) < before * 1.15
    assert page.locator("#rows .row").count() < 80 and page.locator("#lanes .lane").count() < 80
    assert page.locator("#filter-model option").count() < 400
    page.fill("#search", "model-30999")
    holds(page, "document.querySelectorAll('#rows .row').length === 1")


def test_names_of_scenarios_and_workspaces_stay_text(page: Any, mock: MockServer) -> None:
    name = "<img src=x onerror=alert(1)>"
    own = {"scenario": {"name": name, "summary": "<b>bold</b>", "end": "error"}}
    assert ask(mock, "POST", "/_mock/scenario", own, key=None).status == 200
    job_id = create(mock, headers={"X-Odd": "<script>1</script>", "User-Agent": "<i>x</i>"}).json["id"]
    page.locator("#rows .row", has_text=name).click()
    page.locator("#panel dd", has_text="<script>1</script>").wait_for()
    page.locator("#lanes .name", has_text=job_id).click()
    page.locator("#panel dd", has_text=name).wait_for()
    page.click("#tab-control")
    page.locator("#scenario-now", has_text=name).wait_for()
    assert page.locator("main img, main script, main i:not([class])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
