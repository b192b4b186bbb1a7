"""What a breach says: the values that were given and received, quoted, and what the server did."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kling_mock import MockServer
from kling_mock.contract_tests.reporting.formatting import blamed_exchange, curl_lines
from tests.clients.catching import caught
from tests.clients.zoo import zoo

pytestmark = pytest.mark.slow

ZOO = zoo()
SENTENCES = {
    "SendsSeed": 'the field "seed" is none of kling-video/v1.6/standard/text-to-video',
    "NullsForUnset": 'the field "negative_prompt" was not given and sent as null',
    "FieldsOfAnotherVariant": 'the field "cfg_scale" is none of klingai/video-v2-6-pro-image-to-video',
    "PollsWithoutKey": 'the poll has no Authorization header; expected "Bearer KEY", once',
    "PythonBody": 'the body is no strict JSON: expected JSON, received "\'mod…" at line 1 column 2',
    "SaysForm": 'Content-Type is "application/x-www-form-urlencoded"; expected "application/json"',
    "ComposesCharacters": r'the prompt "e\u0301a\u0308o\u0302 combined',
    "CutsPictures": "(1048610 characters) became ",
    "ClampsSilently": "cfg_scale is 2, which is not valid (maximum), and the client changed it",
    "ReplacesForgottenJobs": "2 creates were sent for one video, the second after a poll that was answered",
    "PollsWhatWasRefused": "the create was refused with 400, and ?generation_id=None was polled",
    "LosesRequestId": 'the API gave the request id "',
    "Wants200": "the create is accepted with 201; the job ends with a video, but the client failed",
    "PollsNone": "the create's answer named no job (answered 200 [without-id]), and ?generation_id=None",
    "PollsAtOnce": 'the create already said "completed", and the job was polled',
    "MakesSure": 'the job had ended with "completed", and was polled again',
    "KnowsTwoWords": 'polls were told "queued", then "waiting"; the job ends with a video, but',
    "LooksStatusUp": 'a pending job showed the status "processing", and the client crashed',
    "ModelsStatuses": "1 validation error for Answer status Input should be 'queued'",
    "ForgetsId": 'the client gave up on "',
    "HammersWhenDown": ", after some were reset",
    "ReadsSecondsOnly": 'a poll was answered with Retry-After: "Fri, ',
    "GivesUpWithoutJson": "1 poll went wrong in passing (answered 502 [html]); the job ends with a video",
    "InsistsOnOrder": 'polls were told "generating", then "queued"; the job ends with a video',
    "LooksAtClockFirst": 'the client\'s last poll was told "completed"; the job ends with a video',
    "ReadsVideoEarly": "in answers: keys with nothing to say are null; the job ends with a video",
    "ReturnsNothing": 'the job completed without a URL ("video": {}), but the client returned',
    "WantsMessage": 'the job ended with an error ("error": "The generation failed.',
    "FollowsNothing": "the video is on another host name, behind a redirect; the job ends with a video",
    "ReadsOnce": "answers come in chunks, without a length; the job ends with a video",
    "CutsMarkBadly": "every answer is JSON behind a byte order mark, and the client crashed",
    "LivesInUtc": "in the time zone Asia/Kathmandu), and the next poll came after",
    "SleepsUntilThePast": "the client's time of day is 90 s ahead, and the client crashed",
    "AsksAgainForAnId": "and 2 creates were sent for one video: each may be paid",
    "LosesARefusedJob": ", whose polls were answered 403 in the end, without naming it",
    "LeavesItsWorkers": "10 calls, one after the other, left 10 threads behind",
    "LeavesItsLedgerOpen": "10 calls, one after the other, left 10 open files or connections behind",
    "KeepsTheReasonInSql": ", the client failed with sqlite3.OperationalError",
    "FollowsAPollAnywhere": "the poll was redirected to localhost:",
    "always-zero": "the create is refused: the key is not valid, but the client printed nothing and exited",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_breach_says_what_was_expected_and_what_came(name: str) -> None:
    (result,) = caught(ZOO[name]).results
    assert result.counterexample is not None
    says = result.counterexample.says
    assert SENTENCES[name] in says
    assert says.isprintable() or says.replace("\u00a0", " ").isprintable()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("name", ["SkipsAByte", "CutsQuery", "MakesSure", "SingularRoute"])
def test_the_requests_of_a_breach_can_be_made_again(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (result,) = caught(ZOO[name]).results
    example = result.counterexample
    assert example is not None
    with MockServer(scenario=example.trial.scenario, queued=0, generating=0) as server:
        monkeypatch.setattr("kling_mock.contract_tests.reporting.formatting.SERVED", server.url)
        script = "\n".join(curl_lines(example))
        subprocess.run(
            ["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, check=name != "SkipsAByte"
        )
        last = server.exchanges[-1]
    blamed = blamed_exchange(example)
    assert blamed is not None
    assert (last.kind, last.method, last.status) == (blamed.kind, blamed.method, blamed.status)
    assert last.header_values(b"range") == blamed.header_values(b"range")
