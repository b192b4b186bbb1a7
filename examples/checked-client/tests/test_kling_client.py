"""What the client promises, on a server that misbehaves on request: offline, and in no time."""

from __future__ import annotations

import pytest
from kling_client import KlingError, generate

PAYLOAD = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow", "duration": 5}


def run(server, **options):
    return generate(PAYLOAD, base_url=server.base_url, api_key=server.api_key, **options)


def test_the_video_comes_back(kling_server, kling_fast_forward):
    assert run(kling_server).endswith(".mp4")
    assert kling_server.exchanges[0].payload == PAYLOAD


@pytest.mark.kling("create-lost-reply")
def test_a_lost_reply_is_paid_once(kling_server, kling_fast_forward):
    with pytest.raises(KlingError, match="look before you send it again"):
        run(kling_server)
    assert len(kling_server.charges) == 1


@pytest.mark.kling("poll-bad-gateway-html;times=3")
def test_a_gateway_page_loses_nothing(kling_server, kling_fast_forward):
    assert run(kling_server).endswith(".mp4")
    assert len(kling_server.charges) == 1


@pytest.mark.kling("failed-detail")
def test_the_reason_of_a_failure_is_told(kling_server, kling_fast_forward):
    with pytest.raises(KlingError, match="Could not detect face"):
        run(kling_server)


@pytest.mark.kling("stuck-generating")
def test_a_job_that_never_ends_can_be_resumed(kling_server, kling_fast_forward):
    with pytest.raises(KlingError) as caught:
        run(kling_server)
    (job,) = kling_server.jobs
    assert job.id in str(caught.value)
    with pytest.raises(KlingError):
        run(kling_server, generation_id=job.id)
    assert len(kling_server.charges) == 1


@pytest.mark.kling("rate-limited;times=1;retry_after=60")
def test_retry_after_is_waited_for(kling_server, kling_fast_forward):
    run(kling_server)
    refused, accepted = kling_server.exchanges[:2]
    assert refused.status == 429
    assert accepted.at - refused.at >= 60
