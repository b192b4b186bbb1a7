"""The verdict, the scenarios, the options, the reset and the workspaces, from the page."""

from __future__ import annotations

from typing import Any

from kling_mock import MockServer

from ..support import MODEL, PATHS, ask, create
from .waiting import holds


def test_the_verdict_says_what_is_broken_and_leads_to_it(page: Any, mock: MockServer) -> None:
    ask(mock, "POST", PATHS[0], {"model": MODEL, "prompt": "x", "cfg_scale": 1.5})
    page.click("#tab-verdict")
    card = page.locator("#verdict article").first
    card.wait_for()
    assert "It costs:" in card.inner_text() and "Mend it:" in card.inner_text()
    card.get_by_role("button", name="1", exact=True).click()
    page.locator("#panel h2", has_text="Exchange 1").wait_for()


def test_a_scenario_is_chosen_with_options_and_as_json(page: Any, mock: MockServer) -> None:
    page.click("#tab-control")
    page.select_option("#scenario-name", "poll-server-error")
    page.click("#control details.options summary")
    times = page.locator('#control [data-field="times"]')
    times.locator("input").fill("two")
    times.locator(
        ".violation", has_text="expected a count of 0 or more or 'forever', received 'two'"
    ).wait_for()
    times.locator("input").fill("2")
    holds(page, "document.querySelector('#scenario-json').value.includes('\"times\": 2,')")
    assert page.input_value("#scenario-options") == "poll-server-error;times=2"
    page.click("#use-next")
    holds(page, "document.querySelector('#scenario-now').textContent.includes('poll-server-error')")
    assert [fault.times for scenario in mock.space.queue for fault in scenario.faults] == [2]
    page.fill("#scenario-options", "rate-limited;retry-after=7 + nulls")
    holds(page, "document.querySelector('#scenario-json').value.includes('nulls')")
    assert page.input_value("#scenario-name") == "poll-server-error"
    page.fill("#scenario-options", "failed")
    page.click("#use-default")
    holds(page, "document.querySelector('#scenario-now').textContent.includes('Default: failed')")
    page.fill("#scenario-options", "faild")
    page.locator("#scenario-wrong", has_text="failed").wait_for()


def test_what_is_wrong_with_json_is_told_where_it_stands(page: Any, mock: MockServer) -> None:
    page.click("#tab-control")
    wrong = page.locator("#scenario-json-wrong")
    page.fill("#scenario-json", '{"name": "own",\n "end": }')
    wrong.filter(has_text='Line 2, column 9 expected a value, received "}"').wait_for()
    page.click("#json-default")
    page.fill(
        "#scenario-json", '{"name": "own", "faults": [\n  {"at": "poll", "kind": "gzip"},\n  {"at": "pol"}]}'
    )
    wrong.filter(has_text="Line 3, column 3 faults[1]").wait_for()
    page.fill("#scenario-json", '{"name": "<b>own</b>", "summary": "Mine.",\n\n"end": "nonsense"}')
    wrong.filter(has_text="Line 3, column 8 end: expected").wait_for()
    assert page.inner_text("#control .numbers .wrong") == "3"
    wrong.get_by_role("button").click()
    chosen = "(one => one.value.slice(one.selectionStart, one.selectionEnd))(document.activeElement)"
    assert page.evaluate(chosen) == '"nonsense"'
    page.fill("#scenario-json", '{"name": "own", "summary": "Mine.", "end": "error"}')
    holds(page, "document.querySelector('#scenario-json-wrong').textContent === ''")
    page.click("#json-default")
    holds(page, "document.querySelector('#scenario-now').textContent.includes('Default: own')")
    assert mock.scenario.name == "own"
    page.fill("#settings-json", '{\n"queued": "soon"}')
    page.click("#configure")
    page.locator("#settings-json-wrong", has_text="Line 2, column 11 queued: expected").wait_for()


def test_settings_change_and_a_reset_is_asked_for_once(page: Any, mock: MockServer) -> None:
    create(mock)
    page.click("#tab-control")
    page.fill("#settings-json", '{"queued": "2m"}')
    page.click("#configure")
    page.locator("#control dd", has_text="120").wait_for()
    assert mock.settings.queued == 120
    page.click("#reset")
    assert len(mock.jobs) == 1
    page.click("#reset-yes")
    holds(page, "document.querySelector('#made').textContent === '0'")
    assert mock.jobs == [] and mock.settings.queued == 10


def test_workspaces_are_tabs_with_pages_of_their_own(page: Any, mock: MockServer) -> None:
    with_job = mock.workspace("suite-a")
    ask(mock, "POST", "/@suite-a" + PATHS[0], {"model": MODEL, "prompt": "x"})
    page.reload()
    page.get_by_role("link", name="suite-a").click()
    page.wait_for_selector("#lanes .name")
    assert page.inner_text("#lanes .name") == with_job.jobs[0].id
    page.click("#finish")
    page.wait_for_selector("#lanes .tag.completed")
    page.get_by_role("link", name="default").click()
    page.get_by_text("No job yet.").wait_for()
    with_job.end()


def test_it_fits_every_width(page: Any, mock: MockServer) -> None:
    create(mock)
    page.wait_for_selector("#rows .row")
    for width in (390, 820, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        for view in ("verdict", "control", "traffic"):
            page.click(f"#tab-{view}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, view)
    # What an exchange is about is told at any width.
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.locator("#rows .job").first.is_visible() and page.locator("#rows .tag").first.is_visible()


def test_it_is_used_by_keyboard_alone(page: Any, mock: MockServer) -> None:
    for _ in range(3):
        create(mock)
    page.locator("#rows .row >> nth=2").wait_for()
    page.focus("#rows")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#panel h2", has_text="Exchange 2").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    page.focus("#tab-traffic")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#verdict .card")


def test_the_end_of_the_server_is_shown_and_its_return(browser: Any) -> None:
    from kling_mock import MockServer

    with MockServer(seed=1, log_format="none") as first:
        create(first)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{first.url}/_mock/")
        page.wait_for_selector("#link.on")
        page.locator("#lanes .name").wait_for()
        port = int(first.url.rpartition(":")[2])
    page.wait_for_selector("#link.off")
    with MockServer(port=port, seed=2, log_format="none"):
        page.wait_for_selector("#link.on")
        page.get_by_text("No job yet.").wait_for()
        context.close()


def test_a_server_with_a_control_token_has_its_page_for_who_knows_it(page: Any) -> None:
    with MockServer(seed=1, control_token="secret", api_key=("only",), log_format="none") as guarded:
        assert page.goto(f"{guarded.url}/_mock/").status == 403
        page.goto(f"{guarded.url}/_mock/?token=secret#/composer")
        page.wait_for_selector("#link.on")
        assert "secret" not in page.url
        page.wait_for_selector("#judged p")
        page.fill("#compose-key", "only")
        page.click("#compose-send")
        page.locator("#compose-answer button").wait_for()
        assert "secret" not in repr([one.as_dict() for one in guarded.exchanges])
