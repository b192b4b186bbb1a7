"""Jobs and exchanges as a browser shows them: live, filtered, sorted, opened, copied, as they were."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer

from ..support import MODEL, PATHS, ask, create, poll
from .waiting import at_rest, holds

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>\u202e\x07"


def row(page: Any, number: int) -> Any:
    return page.locator(f'#rows [data-number="{number}"]')


def seen(page: Any) -> list[int]:
    return [
        int(number)
        for number in page.eval_on_selector_all("#rows .row", "rows => rows.map(one => one.dataset.number)")
    ]


def test_a_job_of_a_client_appears_and_comes_to_its_playing_video(page: Any, mock: MockServer) -> None:
    job_id = create(mock).json["id"]
    name = page.locator("#lanes .name", has_text=job_id)
    name.wait_for()
    row(page, 1).wait_for()
    assert page.inner_text("#lanes .tag") == "queued"
    name.click()
    page.get_by_text("Clock to its end").click()
    page.wait_for_selector("#panel video")
    holds(page, "document.querySelector('#panel video').currentTime > 0.2")
    assert page.inner_text("#lanes .tag") == "completed"
    # To look at it is no download.
    assert [one.kind for one in mock.exchanges] == ["create"]


def test_one_job_is_completed_failed_held_and_released(page: Any, mock: MockServer) -> None:
    done, failed, held = (create(mock).json["id"] for _ in range(3))
    for job_id, deed, shown in ((done, "complete", "completed"), (failed, "fail", "error")):
        page.locator("#lanes .name", has_text=job_id).click()
        page.locator("#panel h2", has_text=job_id).wait_for()
        page.click(f'#panel [data-action="{deed}"]')
        page.wait_for_selector(f"#panel .tag.{shown}")
        assert page.is_disabled('#panel [data-action="hold"]')
    page.locator("#lanes .name", has_text=held).click()
    page.locator("#panel h2", has_text=held).wait_for()
    page.click('#panel [data-action="hold"]')
    page.locator("#panel dd", has_text="until it is released").wait_for()
    mock.clock.advance(600)
    page.click('#panel [data-action="release"]')
    page.locator("#panel dd", has_text="→ completed").wait_for()
    assert [job.status for job in mock.jobs] == ["completed", "error", "queued"]


def test_the_clock_is_paused_moved_and_made_fast(page: Any, mock: MockServer) -> None:
    before = mock.clock.now()
    page.click("#step")
    holds(page, "!document.querySelector('#trouble').textContent")
    page.select_option("#speed", "60")
    holds(page, "document.querySelector('#pause').textContent === 'Pause'")
    assert mock.clock.speed == 60 and mock.clock.now() >= before + 1
    page.click("#pause")
    holds(page, "document.querySelector('#pause').textContent === 'Run'")
    assert mock.clock.speed == 0
    create(mock)
    page.locator("#lanes .name").wait_for()
    page.click("#finish")
    page.wait_for_selector("#lanes .tag.completed")
    assert mock.jobs[0].status == "completed"


def test_each_filter_leaves_what_it_says(page: Any, mock: MockServer) -> None:
    create(mock)
    mock.next("failed")
    job_id = create(mock).json["id"]
    poll(mock, job_id)
    ask(mock, "POST", PATHS[0], {"model": MODEL, "prompt": "x", "cfg_scale": 1.5})
    page.locator("#rows .row >> nth=3").wait_for()
    shows = {
        "method": ("GET", [3]),
        "status": ("400", [4]),
        "word": ("queued", [1, 2, 3]),
        "model": (MODEL, [1, 2, 3, 4]),
        "scenario": ("failed", [2, 3]),
    }
    for name, (value, numbers) in shows.items():
        page.select_option(f"#filter-{name}", value)
        holds(page, f"document.querySelectorAll('#rows .row').length === {len(numbers)}")
        assert seen(page) == numbers, name
        page.click("#filters button[type=reset]")
        holds(page, "document.querySelectorAll('#rows .row').length === 4")
    page.fill("#search", "cfg_scale")
    holds(page, "document.querySelectorAll('#rows .row').length === 1")
    assert seen(page) == [4]
    page.fill("#search", "")
    page.click("#tab-verdict")
    page.locator("#verdict article", has_text="A1 ").wait_for()
    page.click("#tab-traffic")
    page.select_option("#filter-rule", "A1")
    holds(page, "document.querySelectorAll('#rows .row').length === 1")
    assert seen(page) == [4]


def test_a_click_sorts_and_another_one_turns_round(page: Any, mock: MockServer) -> None:
    for _ in range(3):
        create(mock)
    page.locator("#rows .row >> nth=2").wait_for()
    page.click("#heads button >> nth=0")
    assert seen(page) == [3, 2, 1]
    page.click("#heads button >> nth=0")
    assert seen(page) == [1, 2, 3]


def test_violations_and_findings_stand_at_their_fields(page: Any, mock: MockServer) -> None:
    ask(mock, "POST", PATHS[0], {"model": MODEL, "prompt": "x", "cfg_scale": 1.5, "colour": "red"})
    row(page, 1).click()
    marked = page.locator("#panel .marked", has_text="cfg_scale").first
    marked.wait_for()
    assert "violation: expected" in marked.inner_text()
    assert "content-type" in page.inner_text("#panel").lower()


def test_a_request_copied_as_curl_does_the_same_again(page: Any, mock: MockServer) -> None:
    create(mock, prompt='It\'s a "fox" $HOME `id` \\ \n é')
    row(page, 1).click()
    page.get_by_text("Copy as curl").click()
    page.get_by_text("Copied").wait_for()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["status"] == "queued"
    one, other = mock.exchanges[0], mock.exchanges[1]
    assert one.body == other.body and one.path == other.path


@pytest.mark.parametrize("language", ["requests", "httpx"])
def test_programs_copied_from_the_page_are_programs(page: Any, mock: MockServer, language: str) -> None:
    create(mock)
    row(page, 1).click()
    page.get_by_text(f"Copy as Python ({language})").click()
    page.get_by_text("Copied").wait_for()
    exec(compile(page.evaluate("navigator.clipboard.readText()"), "copied", "exec"), {})
    assert mock.exchanges[0].body == mock.exchanges[1].body


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
def test_javascript_copied_from_the_page_does_the_same_again(
    page: Any, mock: MockServer, tmp_path: Path
) -> None:
    create(mock, prompt=HOSTILE)
    row(page, 1).click()
    page.get_by_text("Copy as JavaScript").click()
    page.get_by_text("Copied").wait_for()
    program = tmp_path / "copied.mjs"
    program.write_text(page.evaluate("navigator.clipboard.readText()"), encoding="utf-8")
    subprocess.run(["node", str(program)], capture_output=True, timeout=60, check=True)
    assert mock.exchanges[0].body == mock.exchanges[1].body


def test_any_instant_is_shown_as_it_was(page: Any, mock: MockServer) -> None:
    first = create(mock).json["id"]
    mock.clock.advance(20)
    second = create(mock).json["id"]
    mock.clock.advance(80)
    page.locator("#lanes .name", has_text=second).wait_for()
    holds(page, "document.querySelectorAll('#lanes .tag.completed').length === 2")
    page.eval_on_selector("#scrub", "one => { one.value = 150; one.dispatchEvent(new Event('input')); }")
    holds(page, "document.querySelectorAll('#lanes .lane').length === 1")
    assert page.inner_text("#lanes .name") == first and page.inner_text("#lanes .tag") == "generating"
    assert seen(page) == [1]
    page.click("#live")
    holds(page, "document.querySelectorAll('#lanes .tag.completed').length === 2")


def test_what_clients_send_stays_text(page: Any, mock: MockServer) -> None:
    create(mock, prompt=HOSTILE)
    ask(mock, "GET", "/v2/%3Cimg%20src=x%20onerror=alert(1)%3E", headers={"X-Odd": "<b>odd</b>"})
    ask(mock, "POST", PATHS[0], {"model": HOSTILE, "prompt": "x"})
    poll(mock, "<script>1</script>")
    page.click("#lanes .name")
    page.locator("#panel pre", has_text="onerror").wait_for()
    for number in (1, 2, 3, 4):
        row(page, number).click()
        page.locator("#panel h2", has_text=f"Exchange {number}").wait_for()
        page.wait_for_selector("#panel .copies")
    assert page.title() == "kling-mock"
    assert page.locator("main img, main script, main b:not([class]):not(.card b)").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_reset_and_a_gap_leave_nothing_stale(page: Any, mock: MockServer) -> None:
    create(mock)
    row(page, 1).wait_for()
    mock.reset()
    page.get_by_text("No job yet.").wait_for()
    assert seen(page) == []


def test_the_newest_stay_in_sight_and_a_gap_loses_none(page: Any, mock: MockServer) -> None:
    for _ in range(150):
        create(mock)
    # More at once than are told one by one.
    holds(page, "document.querySelector('#count').textContent === '150'")
    row(page, 150).wait_for()
    create(mock)
    row(page, 151).wait_for()
    assert page.locator("#rows .row").count() < 80 and page.locator("#lanes .lane").count() < 80


def test_lanes_are_zoomed_and_moved(page: Any, mock: MockServer) -> None:
    create(mock)
    mock.clock.advance(100)
    page.locator("#lanes .tag.completed").wait_for()
    labels = [page.inner_text("#axis")]
    for name in ("Zoom in", "Later", "Earlier", "Zoom out", "Fit"):
        page.get_by_role("button", name=name, exact=True).click()
        labels.append(page.inner_text("#axis"))
    assert (
        labels[1] != labels[0]
        and labels[2] != labels[1]
        and labels[3] == labels[1]
        and labels[5] == labels[0]
    )
    page.focus("#lanes")
    page.keyboard.press("+")
    assert page.inner_text("#axis") == labels[1]
    page.keyboard.press("0")
    assert page.inner_text("#axis") == labels[0]


def test_the_journal_is_had_as_har(page: Any, mock: MockServer) -> None:
    create(mock, prompt=HOSTILE)
    with page.expect_download() as download:
        page.get_by_role("link", name="HAR").click()
    entries = json.loads(download.value.path().read_text())["log"]["entries"]
    assert HOSTILE in json.loads(entries[0]["request"]["postData"]["text"])["prompt"]


@pytest.mark.slow
def test_a_row_under_the_pointer_stays_where_it_is(page: Any, mock: MockServer) -> None:
    for _ in range(40):
        create(mock)
    row(page, 40).wait_for()
    row(page, 35).hover()
    before = at_rest(page, row(page, 35))
    for _ in range(5):
        create(mock)
    holds(page, "document.querySelector('#count').textContent === '45'")
    assert at_rest(page, row(page, 35)) == before
    page.mouse.move(5, 5)
    row(page, 45).wait_for()
