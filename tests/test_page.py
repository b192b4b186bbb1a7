"""The files of the page: who gets them, under which policy, and how often."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from starlette.requests import Request

from kling_mock import MockServer, Settings
from kling_mock.common import Common
from kling_mock.control.snapshot import Looks
from kling_mock.off_loop import OffLoop
from kling_mock.serving.wire import SPACE
from kling_mock.workspace import Workspace

from .support import MODEL, ask, create, poll

FILES = Path(__file__).parents[1] / "mock_server" / "page" / "files"
NAMES = sorted(
    path.relative_to(FILES).as_posix().removesuffix(".gz") for path in FILES.rglob("*") if path.is_file()
)


def test_a_browser_is_led_from_the_root_to_the_page_and_a_client_is_not(server: MockServer) -> None:
    moved = ask(server, "GET", "/", headers={"Accept": "text/html,*/*"}, key=None)
    assert (moved.status, moved.headers["location"]) == (307, "/_mock/")
    assert ask(server, "GET", "/", key=None).status == 404
    assert [one.path for one in server.exchanges] == ["/"]


def test_a_workspace_has_a_page_of_its_own(server: MockServer) -> None:
    moved = ask(server, "GET", "/@a/", headers={"Accept": "text/html"}, key=None)
    assert moved.headers["location"] == "/@a/_mock/"
    assert ask(server, "GET", "/@a/_mock/page/js/main.js", key=None).status == 200
    assert ask(server, "DELETE", "/_mock/workspaces/a", key=None).status == 200


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_an_etag_and_a_policy_without_inline_script(server: MockServer, name: str) -> None:
    path = f"/_mock/page/{name}"
    reply = ask(server, "GET", path, key=None)
    assert reply.headers.get("content-encoding") == ("gzip" if (FILES / f"{name}.gz").exists() else None)
    if name.endswith((".html", ".css", ".js", ".svg", ".json", ".txt")):
        assert reply.status == 200, name
        script = reply.headers["content-security-policy"].split("script-src ")[1].split(";")[0]
        assert script == "'self'"
        again = ask(server, "GET", path, headers={"If-None-Match": reply.headers["etag"]}, key=None)
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".html")])
def test_pages_have_no_inline_script_and_nothing_from_elsewhere(name: str) -> None:
    text = (FILES / name).read_text(encoding="utf-8")
    assert "<script>" not in text and re.search(r"\son[a-z]+=", text) is None and "<style" not in text
    assert "//" not in text.replace("<!doctype", "")


def test_the_first_look_waits_for_no_file_that_the_page_did_not_name() -> None:
    script = re.compile(r'^import .* from "(\./[\w/]+\.js)";$', re.M)
    waiting, needed = ["main.js"], {"main.js"}
    while waiting:
        for name in script.findall((FILES / "js" / waiting.pop()).read_text(encoding="utf-8")):
            if name[2:] not in needed:
                needed.add(name[2:])
                waiting.append(name[2:])
    page = (FILES / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:href|src)="page/js/([\w/]+\.js)"', page)
    assert sorted(named) == sorted(needed)
    assert page.count('rel="stylesheet"') == 1
    # Nor is any of it shown in a style that comes later.
    late, now = (
        set(re.findall(r"\.([a-z]+)", (FILES / name).read_text())) for name in ("composer.css", "style.css")
    )
    for name in needed:
        classes = re.findall(r'class: "([\w ]+)"', (FILES / "js" / name).read_text(encoding="utf-8"))
        assert not set(" ".join(classes).split()) & (late - now), name


@pytest.mark.parametrize("path", ["../routes.py", "js/../../routes.py", "%2e%2e/files.py", "nothing.js", ""])
def test_no_other_file_is_given(server: MockServer, path: str) -> None:
    assert ask(server, "GET", f"/_mock/page/{path}", key=None).status == 404


@pytest.mark.asyncio
async def test_pages_that_ask_at_the_same_time_are_given_one_snapshot() -> None:
    common = Common(Settings())
    looks, made = Looks(common, OffLoop()), []

    async def snapshot(space: Workspace, number: int) -> bytes:
        made.append(number)
        await asyncio.sleep(0)
        return b"%d" % len(made)

    looks._snapshot = snapshot  # type: ignore[method-assign]
    scope = {"type": "http", "headers": [], "query_string": b"least=0", SPACE: common.default}
    answers = await asyncio.gather(*(looks.snapshot(Request(scope)) for _ in range(3)))
    assert [bytes(answer.body) for answer in answers] == [b"1"] * 3
    # Who says nothing of what it has seen begins: it gets one of its own.
    assert bytes((await looks.snapshot(Request({**scope, "query_string": b""}))).body) == b"2"


@pytest.mark.parametrize("path", ["snapshot", "models", "page/js/main.js", "videos/x", "exchanges/1"])
def test_what_the_page_asks_for_is_guarded(server: MockServer, path: str) -> None:
    reply = ask(server, "GET", f"/_mock/{path}", headers={"Origin": "http://evil.example"}, key=None)
    assert reply.status == 403


def test_a_snapshot_and_the_events_after_it_are_all_there_is(server: MockServer) -> None:
    job_id = create(server).json["id"]
    found = ask(server, "GET", "/_mock/snapshot", key=None).json
    assert [job["id"] for job in found["jobs"]] == [job_id]
    assert [one["number"] for one in found["exchanges"]] == [1] and "request" not in found["exchanges"][0]
    assert found["event"] == server.space.bus.number
    for after in ("x", "-1", "9" * 30):
        assert ask(server, "GET", f"/_mock/events?after={after}", key=None).status == 400


def test_a_snapshot_of_a_moment_ago_is_given_only_to_those_whom_it_is_new_enough(server: MockServer) -> None:
    create(server)

    def events(query: str) -> int:
        return int(ask(server, "GET", f"/_mock/snapshot{query}", key=None).json["event"])

    first = events("")
    create(server)
    assert events(f"?least={first}") in (first, server.space.bus.number)
    assert events(f"?least={first + 1}") == events("") == server.space.bus.number > first
    assert ask(server, "GET", "/_mock/snapshot?least=x", key=None).status == 400


def test_one_exchange_is_shown_whole(server: MockServer) -> None:
    create(server)
    shown = ask(server, "GET", "/_mock/exchanges/1", key=None).json
    assert json.loads(shown["request"]["body"])["model"] == MODEL
    for number in ("2", "0", "999999999999999999999"):
        assert ask(server, "GET", f"/_mock/exchanges/{number}", key=None).status == 404
    rows = ask(server, "GET", "/_mock/exchanges?bodies=false", key=None).json["exchanges"]
    assert "request" not in rows[0] and rows[0]["number"] == 1


def test_a_look_at_a_video_is_no_download(server: MockServer) -> None:
    job_id = create(server).json["id"]
    assert ask(server, "GET", f"/_mock/videos/{job_id}", key=None).status == 404
    poll(server, job_id)
    server.clock.advance(until="completed")
    part = ask(server, "GET", f"/_mock/videos/{job_id}", headers={"Range": "bytes=0-9"}, key=None)
    assert (part.status, len(part.body)) == (206, 10)
    assert [one.kind for one in server.exchanges] == ["create", "poll"]


def test_a_body_is_judged_as_a_create_would_be_and_nothing_is_made(server: MockServer) -> None:
    def judged(body: object) -> dict[str, list[dict[str, str]]]:
        reply = ask(server, "POST", "/_mock/judge", body, key=None)
        assert reply.status == 200, reply.body
        found: dict[str, list[dict[str, str]]] = reply.json
        return found

    assert judged({"model": MODEL, "prompt": "x"}) == {"valid": True, "violations": [], "findings": []}
    (violation,) = judged({"model": MODEL, "prompt": "x", "cfg_scale": 1.5})["violations"]
    assert violation["path"] == "cfg_scale"
    for body, path in ((b"{", "body"), ([], "body"), ({}, "model"), ({"model": "klingai/none"}, "model")):
        assert judged(body)["violations"][0]["path"] == path
    assert server.jobs == [] and server.exchanges == []
