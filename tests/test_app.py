"""What the application loads and when, and what its users may add to it."""

import asyncio
import socket
import subprocess
import sys
import textwrap
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from kling_mock import MockServer, Settings, create_app
from kling_mock.app import MockApp
from kling_mock.common import Common

BODY = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "a fox"}
PATH = "/v2/video/generations"
KEY = {"authorization": "Bearer k"}


def test_a_server_that_nobody_controls_loads_no_starlette() -> None:
    program = f"""
        import json, sys, urllib.request
        from kling_mock import MockServer

        with MockServer() as server:
            request = urllib.request.Request(
                server.url + "{PATH}", json.dumps({BODY!r}).encode(),
                {{"Authorization": "Bearer k", "Content-Type": "application/json"}},
            )
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)["status"] == "queued"
            print(sorted(name for name in sys.modules if name.partition(".")[0] in ("starlette", "anyio")))
            with urllib.request.urlopen(server.url + "/_mock/health") as answer:
                print(json.load(answer)["jobs"])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.returncode) == (["[]", "1"], 0), done.stderr


def test_first_questions_at_once_are_all_answered_by_one_control_application(monkeypatch: Any) -> None:
    from kling_mock.control import application

    made: list[Any] = []

    class Counted(application.ControlApp):
        def __init__(self, common: Common) -> None:
            made.append(common)
            super().__init__(common)

    monkeypatch.setattr(application, "ControlApp", Counted)

    async def ask(url: str) -> list[int]:
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(*(client.get("/_mock/health") for _ in range(8)))
        return [answer.status_code for answer in answers]

    with MockServer() as server:
        assert asyncio.run(ask(server.url)) == [200] * 8
        assert len(made) == 1


def test_a_server_that_stands_by_itself_loads_the_page_before_it_is_asked(monkeypatch: Any) -> None:
    from kling_mock.cli import listening

    monkeypatch.setattr(listening, "CONTROL_LOADED", 0.0)
    loaded: list[MockApp] = []

    class Told(MockApp):
        async def load_control(self) -> Any:
            control = await super().load_control()
            loaded.append(self)
            stop[0]()
            return control

    monkeypatch.setattr(listening, "MockApp", Told)
    stop: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as bound:
        served = listening.serve_until_signal(Settings(log_format="none"), bound, begun=stop.append)
        asyncio.run(asyncio.wait_for(served, 60))
    assert len(loaded) == 1


def test_middleware_and_routes_may_be_added_to_an_application() -> None:
    async def own(_request: Request) -> JSONResponse:
        return JSONResponse({"mine": True})

    app = create_app(Settings(polls=(1, 1)))
    app.add_route("/mine", own)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    with TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        assert client.get("/mine").json() == {"mine": True}
        made = client.post(PATH, json=BODY, headers=KEY)
        assert (made.json()["status"], made.headers["content-encoding"]) == ("queued", "gzip")
        assert client.get("/_mock/health").json()["jobs"] == 1
        assert client.get("/nowhere").json()["message"] == "Cannot GET /nowhere"


def test_middleware_of_the_application_that_it_is_mounted_in_holds_for_it() -> None:
    outer = Starlette(middleware=[Middleware(GZipMiddleware, minimum_size=1)])
    outer.mount("/kling", create_app())
    made = TestClient(outer).post(f"/kling{PATH}", json=BODY, headers=KEY)
    assert (made.status_code, made.headers["content-encoding"]) == (200, "gzip")


def test_lifespan_and_websockets_are_answered() -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message["type"])

    async def receive() -> Any:
        return {"type": ("lifespan.startup", "lifespan.shutdown")[len(said)]}

    async def connecting() -> Any:
        return {"type": "websocket.connect"}

    async def both() -> None:
        app = MockApp(Common(Settings()))
        await app({"type": "lifespan"}, receive, send)
        await app({"type": "websocket", "path": "/x", "headers": []}, connecting, send)

    asyncio.run(both())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
