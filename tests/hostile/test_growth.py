"""Nothing that a client sends, or a file says, takes more than linear time: twice as much, twice as long.

Each family of inputs is a line of the table: its size, and what makes an input of a size. The sizes are such
that square time would show at once, and still end.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer, Scenario, Settings, create_app
from kling_mock.configuration import load_config
from kling_mock.errors import ConfigError

from ..support import MODEL, PATHS, ask, body_for, mostly_long

IMAGE_MODEL = "kling-video/v1/standard/image-to-video"
BRUSH_MODEL = "kling-video/v1.6/standard/image-to-video"
MANY_MODEL = "kling-video/v1.6/standard/multi-image-to-video"
AUTHORIZED = {"authorization": "Bearer test-key"}
MOST = 3.0
"""What twice as much may take at most, as a multiple."""
NOTHING = 0.004
"""Seconds of the processor that are too few to be compared."""

Request = tuple[str, str, str, dict[str, str], bytes]


def create(body: dict[str, Any] | bytes, **headers: str) -> Request:
    """A create with this body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json", **AUTHORIZED}
    return "POST", PATHS[0], "", sent | {name.replace("_", "-"): text for name, text in headers.items()}, raw


def text_create(**more: Any) -> Request:
    return create({"model": MODEL, "prompt": "x"} | more)


def image_create(image: str) -> Request:
    return create({"model": IMAGE_MODEL, "prompt": "x", "image_url": image})


def inner(json_text: str) -> Request:
    """A create with a value that nobody documented."""
    return create(b'{"model":"%b","prompt":"x","z":%b}' % (MODEL.encode(), json_text.encode()))


def get(path: str = PATHS[0], query: str = "", **headers: str) -> Request:
    sent = AUTHORIZED | {name.replace("_", "-"): text for name, text in headers.items()}
    return "GET", path, query, sent, b""


def encoded(content: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


REQUESTS: dict[str, tuple[int, Callable[[int], Request]]] = {
    "link": (4_000, lambda n: image_create("http://" + "a" * n + " ")),
    "link of backslashes": (4_000, lambda n: image_create("https://a" + "\\" * n + "\x7f")),
    "words for a picture": (500_000, lambda n: image_create("a " * n)),
    "picture in base64": (1_000_000, lambda n: image_create("A" * (n // 4 * 4))),
    "picture in a data URI": (1_000_000, lambda n: image_create("data:image/png;base64," + "A" * n)),
    "data URI of colons": (500_000, lambda n: image_create("data:" + ":;" * n)),
    "JPEG of filling": (200_000, lambda n: image_create(encoded(b"\xff\xd8\xff" + b"\xff" * n))),
    "JPEG of segments": (50_000, lambda n: image_create(encoded(b"\xff\xd8" + b"\xff\xe0\0\2" * n))),
    "JPEG in percent signs": (50_000, lambda n: image_create("data:image/jpeg;base64,/9j/" + "%41" * n)),
    "picture of blanks": (500_000, lambda n: image_create(" " * n + "a")),
    "[mock: again and again": (5_000, lambda n: text_create(prompt="[mock:" * n)),
    "[mock:] again and again": (50_000, lambda n: text_create(prompt="[mock:]" * n)),
    "joined in a prompt": (2_000, lambda n: text_create(prompt="[mock:" + "completed+" * n + "gzip]")),
    "faults in a prompt": (300, lambda n: text_create(prompt="[mock:" + "poll-drip+" * n + "gzip]")),
    "options in a prompt": (20_000, lambda n: text_create(prompt="[mock:poll-drip" + ";times=1" * n + "]")),
    "unknown in a prompt": (200_000, lambda n: text_create(prompt=f"[mock:{'completed' * n}]")),
    "joined in a header": (2_000, lambda n: create(body_for(), x_mock_scenario="completed+" * n + "gzip")),
    "options in a header": (2_000, lambda n: create(body_for(), x_mock_scenario="slow" + ";a=1" * n)),
    "unknown in a header": (20_000, lambda n: create(body_for(), x_mock_scenario="ab" * n)),
    "joined in a key": (2_000, lambda n: create(body_for(), authorization="Bearer mock-" + "slow+" * n)),
    "unknown in a key": (20_000, lambda n: create(body_for(), authorization="Bearer mock-" + "ab" * n)),
    "words in a key": (20_000, lambda n: create(body_for(), authorization="a " * n)),
    "nested arrays": (200_000, lambda n: inner("[" * n + "]" * n)),
    "nested objects": (200_000, lambda n: inner('{"a":' * n + "1" + "}" * n)),
    "empty arrays": (20_000, lambda n: inner("[" + "[]," * n + "[]]")),
    "too many arrays": (500_000, lambda n: inner("[" + "[]," * n + "[]]")),
    "ones": (20_000, lambda n: inner("[" + "1," * n + "1]")),
    "too many ones": (1_000_000, lambda n: inner("[" + "1," * n + "1]")),
    "distinct keys": (20_000, lambda n: inner("{" + ",".join(f'"{i:06x}":0' for i in range(n)) + "}")),
    "too many keys": (200_000, lambda n: inner("{" + ",".join(f'"{i:06x}":0' for i in range(n)) + "}")),
    "the same key": (20_000, lambda n: inner("{" + '"a":0,' * n + '"a":0}')),
    "undocumented fields": (20_000, lambda n: text_create(**{f"f{i}": 0 for i in range(n)})),
    "wrong points": (
        4_000,
        lambda n: create(
            body_for(BRUSH_MODEL, dynamic_masks=[{"mask": 1, "trajectories": [{"x": "a", "y": []}] * n}])
        ),
    ),
    "wrong masks": (8_000, lambda n: create(body_for(BRUSH_MODEL, dynamic_masks=[{"mask": 1}] * n))),
    "wrong pictures": (20_000, lambda n: create(body_for(MANY_MODEL, image_list=["a"] * n))),
    "wrong shots": (10_000, lambda n: create(body_for(multi_prompt=[{"duration": "x"}] * n))),
    "short texts": (20_000, lambda n: inner("[" + '"a",' * n + '"a"]')),
    "commas in a prompt": (500_000, lambda n: text_create(prompt=",[{" * n)),
    "quotes in a prompt": (200_000, lambda n: text_create(prompt='"\\' * n)),
    "escapes": (100_000, lambda n: inner('"' + "\\u0041" * n + '"')),
    "surrogate pairs": (50_000, lambda n: inner('"' + "\\ud83d\\ude00" * n + '"')),
    "too many escapes": (1_000_000, lambda n: inner('"' + "\\n" * n + '"')),
    "blanks": (1_000_000, lambda n: create(b" " * n)),
    "blanks around": (1_000_000, lambda n: create(b" " * n + b"1" + b" " * n)),
    "blanks within": (1_000_000, lambda n: inner("[1," + " " * n + "1]")),
    "lines before an error": (500_000, lambda n: inner("[" + "\n" * n + "x]")),
    "digits": (1_000_000, lambda n: inner("1" * n)),
    "digits behind a point": (1_000_000, lambda n: inner("1." + "1" * n)),
    "digits of an exponent": (1_000_000, lambda n: inner("1e" + "1" * n)),
    "numeric strings": (20_000, lambda n: text_create(duration="1" * n, cfg_scale="0." + "1" * n)),
    "an open text": (1_000_000, lambda n: inner('"' + "a" * n)),
    "no UTF-8": (1_000_000, lambda n: create(b'{"a":"' + b"\xc3\xa4" * n + b'\xff"}')),
    "long name of a field": (500_000, lambda n: text_create(**{"a" * n: 1})),
    "long prompt": (500_000, lambda n: text_create(prompt="a" * n)),
    "long model": (200_000, lambda n: text_create(model="kling" * n)),
    "long media type": (20_000, lambda n: create(body_for(), content_type=" ;" * n)),
    "long id": (20_000, lambda n: get(query="generation_id=" + "ab" * n)),
    "awkward id": (20_000, lambda n: get(query="generation_id=" + "%2f" * n)),
    "id of a model": (
        20_000,
        lambda n: get(query=f"generation_id={'0' * 8}-0000-0000-0000-{'0' * 12}:" + "a" * n),
    ),
    "many parameters": (5_000, lambda n: get(query="&".join(f"a{i}=1" for i in range(n)))),
    "many ids": (5_000, lambda n: get(query="generation_id=1&" * n)),
    "empty parameters": (20_000, lambda n: get(query="&" * n)),
    "long path": (20_000, lambda n: get("/v2/" + "a/" * n)),
    "long name of a model": (20_000, lambda n: get("/model/" + "%2f" * n)),
    "long name of a video": (20_000, lambda n: get(f"/media/{'a' * n}/16x9-5s.mp4")),
    "long name of a clip": (20_000, lambda n: get(f"/media/a/{'a-' * n}.mp")),
    "long host": (20_000, lambda n: create(body_for(), host="a." * n + " ")),
    "long id of a request": (20_000, lambda n: create(body_for(), x_client_request_id="a" * n)),
    "many headers": (2_000, lambda n: get(**{f"x{i}": "1" for i in range(n)})),
}


@pytest.fixture(scope="module")
def send() -> Iterator[Callable[[Request], int]]:
    """Sends a request to an application, and gives the status of its answer."""
    app = create_app(Settings(seed=1, max_json_values=200_000))
    with asyncio.Runner() as runner:

        def sent(request: Request) -> int:
            return runner.run(_ask(app, request))

        yield sent


async def _ask(app: Any, request: Request) -> int:
    method, path, query, headers, body = request
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def answered(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, answered)
    return int(sent[0]["status"])


def check_growth(size: int, prepare: Callable[[int], Callable[[], object]]) -> None:
    """Hold twice the size against the size, by the processor's time: the least of several.

    A cache that the larger one no longer fits into bends one doubling, squared work bends each:
    so what looks too slow is doubled once more, and fails when that doubling is too slow as well.
    """
    first = _doubling(size, prepare)
    if first is None:
        return
    second = _doubling(2 * size, prepare)
    if second is not None:
        raise AssertionError(f"{size:,} and its doubles took {first}, then {second}")


def _doubling(size: int, prepare: Callable[[int], Callable[[], object]]) -> str | None:
    """Say what a size and twice it took, or nothing if that is about twice as much."""
    single, double = prepare(size), prepare(2 * size)
    single()  # What is made once is made now.
    least = [math.inf, math.inf]
    for tried in range(12):
        least = [min(best, _took(one)) for best, one in zip(least, (single, double), strict=True)]
        if tried and least[1] < MOST * max(least[0], NOTHING):
            return None
    return f"{least[0]:.4f} s and {least[1]:.4f} s"


def _took(action: Callable[[], object]) -> float:
    # Of what other tests keep there may be much: none of it is looked at meanwhile.
    gc.disable()
    try:
        began = time.process_time()
        action()
        return time.process_time() - began
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("family", mostly_long(REQUESTS, 3))
def test_twice_as_large_a_request_takes_about_twice_as_long(
    family: str, send: Callable[[Request], int]
) -> None:
    size, make = REQUESTS[family]

    def prepare(n: int) -> Callable[[], object]:
        request = make(n)
        return lambda: send(request)

    assert send(make(size)) < 500
    check_growth(size, prepare)


FILES: dict[str, tuple[int, Callable[[int], str]]] = {
    "scenarios": (2_000, lambda n: "\n".join(f"[scenarios.a{i}]" for i in range(n))),
    "scenarios with a base": (
        1_000,
        lambda n: "\n".join(f'[scenarios.a{i}]\nbase = "failed"' for i in range(n)),
    ),
    "scenarios of one": (
        1_000,
        lambda n: "[scenarios.one]\n" + "\n".join(f'[scenarios.a{i}]\nbase = "one"' for i in range(n)),
    ),
    "a chain of scenarios": (
        1_000,
        lambda n: "\n".join(f'[scenarios.a{i}]\nbase = "a{i + 1}"' for i in range(n)),
    ),
    "scenarios that double": (
        6,
        lambda n: (
            "[scenarios.a0]\nsummary = 'x'\nwords = {queued = 'y'}\n"
            + "\n".join(f'[scenarios.a{i + 1}]\nbase = "a{i}+a{i}"' for i in range(n))
        ),
    ),
    "faults that double": (
        8,
        lambda n: (
            "[scenarios.a0]\nfaults = [{at = 'poll', kind = 'gzip'}]\n"
            + "\n".join(f'[scenarios.a{i + 1}]\nbase = "a{i}+a{i}"' for i in range(n))
        ),
    ),
    "joined scenarios": (2_000, lambda n: "scenario = '" + "completed+" * n + "gzip'"),
    "faults": (1_000, lambda n: "[scenarios.a]\n" + '[[scenarios.a.faults]]\nat="poll"\nkind="gzip"\n' * n),
    "statuses": (5_000, lambda n: "[scenarios.a]\nplan = [" + '"queued",' * n + "]"),
    "nested arrays": (5_000, lambda n: "x = " + "[" * n + "]" * n),
    "nested tables": (5_000, lambda n: "x = " + "{a=" * n + "1" + "}" * n),
    "parts of a key": (5_000, lambda n: "a." * n + "a = 1"),
    "parts of a header": (5_000, lambda n: "[" + "a." * n + "a]\n" + "a = 1\n"),
    "digits": (10_000, lambda n: "port = " + "9" * n),
    "digits of base 16": (10_000, lambda n: "port = 0x" + "F" * n),
    "options": (2_000, lambda n: "\n".join(f"a{i} = 1" for i in range(n))),
    "items": (5_000, lambda n: "api_key = [" + "'a'," * n + "]"),
    "an open text": (10_000, lambda n: 'x = """' + '\\"""' * n),
    "an open line": (10_000, lambda n: "x = " + '"\\" ' * n),
    "quotes": (20_000, lambda n: "x = " + "'" * n),
    "a long text": (100_000, lambda n: "api_key = '" + "a" * n + "'"),
    "brackets": (20_000, lambda n: "[" * n),
    "blanks": (100_000, lambda n: " " * n + "x"),
    "comments": (20_000, lambda n: "#\n" * n),
    "a large file": (600_000, lambda n: "#" * n),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", mostly_long(FILES, 3))
def test_twice_as_large_a_file_takes_about_twice_as_long(family: str, tmp_path: Path) -> None:
    size, make = FILES[family]

    def prepare(n: int) -> Callable[[], object]:
        path = tmp_path / f"{n}.toml"
        path.write_text(make(n))
        return lambda: _load(path)

    check_growth(size, prepare)


def _load(path: Path) -> None:
    try:
        load_config(path)
    except ConfigError as error:
        assert len(str(error)) < 3_000


@pytest.mark.parametrize("family", ["link", "[mock: again and again", "joined in a header", "wrong points"])
def test_the_worst_of_them_do_not_stop_a_server(family: str, server: MockServer) -> None:
    size, make = REQUESTS[family]

    def prepare(n: int) -> Callable[[], object]:
        method, path, query, headers, body = make(n)
        return lambda: ask(server, method, f"{path}?{query}", body, headers)

    check_growth(size, prepare)


def test_many_scenarios_of_the_users_own_cost_a_mistyped_name_no_more(
    send: Callable[[Request], int],
) -> None:
    def prepare(n: int) -> Callable[[], object]:
        app = create_app(Settings(scenarios={f"own-{i}": Scenario(f"own-{i}") for i in range(n)}))
        request = create(body_for(), x_mock_scenario="ownn")
        with asyncio.Runner() as runner:
            runner.run(_ask(app, request))
        return lambda: asyncio.run(_ask(app, request))

    check_growth(2_000, prepare)
