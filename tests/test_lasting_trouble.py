"""What the engine and the mock have for the properties of lasting trouble: each shown by one run."""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.engine import Engine
from kling_mock.contract_tests.driving.environments import interruptible
from kling_mock.contract_tests.driving.left_files import half_files
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.running.models import Run, Trial
from kling_mock.exchanges.exchange import Exchange
from kling_mock.media import CLIPS, clip_file, other_clip
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from tests.clients.reference import Client, generate
from tests.clients.wire import KlingError
from tests.clients.zoo import TEXT
from tests.support import ask, create

PAYLOAD = {"model": TEXT, "prompt": "a cat"}
PLAIN = CATALOGUE["completed"]


def run(client: Callable[..., Any], scenario: Scenario = PLAIN, **options: Any) -> Run:
    with Engine(CallableClient(client)) as engine:
        return engine.run(Trial(TEXT, dict(PAYLOAD), scenario, **options))


def test_requests_after_the_end_are_noted_and_their_thread_ends() -> None:
    left = []

    def leaves(payload: Any, *, base_url: str, api_key: str) -> str:
        def watch() -> None:
            with contextlib.suppress(KlingError):
                for _ in range(3):
                    time.sleep(20)
                    Client(base_url, api_key).get("some-job")

        left.append(threading.Thread(target=watch, daemon=True))
        left[0].start()
        return "a url"

    result = run(leaves, linger=45.0)
    assert result.late == tuple(each.number for each in result.trace)
    assert len(result.late) == 2
    left[0].join(10)
    assert not left[0].is_alive()
    assert run(generate, linger=45.0).late == ()


def test_calls_are_made_one_after_the_other() -> None:
    result = run(generate, jobs=(PAYLOAD,), in_turn=True)
    kinds = [each.kind for each in result.trace]
    assert kinds.count("create") == 2
    assert kinds[:2] == ["create", "poll"]
    assert len({outcome.value for outcome in result.outcomes}) == 2


def test_the_time_of_day_is_set_back_and_intervals_are_not() -> None:
    seen: list[tuple[float, float]] = []

    class Reads(Client):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            seen.append((time.time(), time.monotonic()))

    run(Reads.run, CATALOGUE["stuck-generating"], set_back=1_000.0)
    steps = [(later[0] - one[0], later[1] - one[1]) for one, later in itertools.pairwise(seen)]
    assert sum(wall < 0 for wall, _ in steps) == 1
    assert all(interval > 0 for _, interval in steps)
    # The next run has its time of day again.
    seen.clear()
    result = run(Reads.run)
    assert abs(seen[0][0] - result.started) < 100


def test_open_connections_and_payloads_are_kept() -> None:
    result = run(generate)
    assert 0 < result.open_connections < 5
    assert result.kept_payloads == [PAYLOAD]


def test_half_a_video_is_told_from_a_whole_one_and_from_a_part_by_name(tmp_path: Path) -> None:
    name = min(CLIPS, key=lambda name: clip_file(name).stat().st_size)
    whole = clip_file(name).read_bytes()
    contents = {
        "whole.mp4": whole,
        "half.mp4": whole[:999],
        "v.mp4.part": whole[:9],
        "page": b"<html>no</html>",
    }
    contents |= {"empty.mp4": b"", "notes.txt": b"something else", "tagged.mp4": whole[:40] + b"a tag" * 99}
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
    broken = Exchange("GET", f"/media/x/{name}", kind="video", notes=_notes("truncated"))
    found = half_files([str(path) for path in tmp_path.iterdir()], [broken])
    assert [Path(path).name for path in found] == ["empty.mp4", "half.mp4", "page"]


def test_parts_of_a_video_in_a_wrong_order_are_no_video(tmp_path: Path) -> None:
    name = min(CLIPS, key=lambda name: clip_file(name).stat().st_size)
    whole = clip_file(name).read_bytes()
    half = len(whole) // 2
    wrong = {
        "whole behind a half": whole[:half] + whole,
        "twice broken": whole[:half] + whole[:half] + whole,
        "a byte left out": whole[:half] + whole[half + 1 :],
        "a byte twice": whole[:half] + whole[half - 1 :],
        "the rest alone": whole[half:],
        "the rest over the half": whole[half:] + whole[half : half + half - len(whole[half:])],
        "zeros for the rest": whole[:half] + bytes(len(whole) - half),
        "a page behind a half": whole[:half] + b"<html>gone</html>",
    }
    right = {
        "whole": whole,
        "another": b"no part of it" * 99,
        "with a tag": whole + b"a tag of the client's own",
    }
    for file, content in {**wrong, **right}.items():
        (tmp_path / file).write_bytes(content)
    broken = Exchange("GET", f"/media/x/{name}", kind="video", notes=_notes("truncated"))
    found = half_files([str(path) for path in tmp_path.iterdir()], [broken])
    assert {Path(path).name for path in found} == set(wrong)


def test_parts_of_two_videos_are_no_video(tmp_path: Path) -> None:
    name = min(CLIPS, key=lambda name: clip_file(name).stat().st_size)
    first, other = (clip_file(one).read_bytes() for one in (name, other_clip(name)))
    half = len(first) // 2
    files = {"both": first[:half] + other[half:], "first": first, "other": other}
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    broken = Exchange("GET", f"/media/x/{name}", kind="video", notes=_notes("truncated"))
    found = half_files([str(path) for path in tmp_path.iterdir()], [broken])
    assert [Path(path).name for path in found] == ["both"]


def _notes(fault: str) -> Any:
    from kling_mock.exchanges.exchange import Notes

    return Notes(fault=fault)


def test_a_program_can_be_interrupted_where_this_one_ignores_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_pieces_end_within_a_character(server: MockServer) -> None:
    from kling_mock.api.response_writer import _cuts

    body = ('{"note":"' + "é一🐈" * 20 + '"}').encode()
    cuts = _cuts(body, -(-len(body) // 8))
    assert cuts[0] == 0 and len(cuts) == 8
    assert all(body[cut] & 0xC0 == 0x80 for cut in cuts[1:])
    plain = b"x" * 100
    assert _cuts(plain, 13) == list(range(0, 100, 13))


def test_decoys_stand_before_what_they_look_like(server: MockServer) -> None:
    server.use(
        CATALOGUE["completed-in-create"] | Scenario("d", shapes=frozenset({"decoys", "other-scripts"}))
    )
    job = create(server).json
    assert list(job)[:4] == ["generation_id", "request_id", "url", "output"]
    assert job["id"] not in (job["generation_id"], job["request_id"])
    assert job["video"]["url"] not in (job["url"], *job["output"])
    assert not job["note"].isascii()


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_empty_answer_may_have_any_status_of_success(server: MockServer, status: int) -> None:
    server.use(Scenario("e", faults=(Fault("poll", "empty", status=status, times=1),)))
    answer = ask(server, "GET", f"/v2/video/generations?generation_id={create(server).json['id']}")
    assert (answer.status, answer.body) == (status, b"")


def test_the_properties_of_a_client_s_end_need_a_function() -> None:
    assert {"C21", "C22", "E6", "A13"} <= set(PROPERTIES)


def test_urls_follow_the_host_that_a_proxy_names(server: MockServer) -> None:
    server.use("completed-in-create")
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com"}
    assert create(server, headers=headers).json["video"]["url"].startswith("https://api.example.com/media/")
