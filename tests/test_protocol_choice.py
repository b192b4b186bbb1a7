"""Without uvicorn's private parts the server goes uvicorn's plain way, and says so once."""

from __future__ import annotations

import http.client
import logging
import socket

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kling_mock import MockServer
from kling_mock.interception.parent.certificates import Authority
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.in_process import gateway_of
from kling_mock.serving import protocol_choice
from kling_mock.serving.uvicorn_protocol import MockProtocol

from .support import create, poll


def test_this_uvicorn_has_all_parts() -> None:
    assert protocol_choice.missing_parts() == []
    assert protocol_choice.protocol_class() is MockProtocol


@pytest.fixture
def other_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uvicorn that calls one of its private methods by another name."""
    monkeypatch.setattr(protocol_choice, "_told", False)
    monkeypatch.setattr(protocol_choice, "METHODS", (*protocol_choice.METHODS, "_start_task_of_old"))


@pytest.mark.usefixtures("other_uvicorn")
def test_jobs_are_made_polled_and_downloaded_without_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kling_mock"):
        for _ in range(2):
            with MockServer(polls=(1, 1), seed=1) as server:
                job = create(server).json["id"]
                statuses = [poll(server, job).json["status"] for _ in range(3)]
                assert statuses == ["queued", "generating", "completed"]
                assert [charge.job_id for charge in server.charges] == [job]
                server.reset()
                assert not server.jobs
    (record,) = caplog.records
    assert "lacks _start_task_of_old" in record.getMessage()
    assert protocol_choice.protocol_class() is HttpToolsProtocol


@pytest.mark.usefixtures("other_uvicorn")
def test_faults_are_delivered_as_far_as_asgi_goes() -> None:
    with MockServer(polls=(1, 1)) as server:
        server.next("server-error")
        assert create(server).status == 500
        server.next("create-lost-reply")
        try:
            assert create(server).status == 500
        except (OSError, http.client.HTTPException):
            pass
        assert len(server.charges) == 1
        job = create(server).json["id"]
        assert poll(server, job).json["status"] == "queued"


@pytest.mark.usefixtures("other_uvicorn")
def test_a_run_is_served_without_them_too() -> None:
    hosts = Hosts(offline=True)
    with MockServer() as server, gateway_of(server, hosts, Authority(), direct=True) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
            line = b"GET /v1/models HTTP/1.1\r\nHost: api.aimlapi.com\r\nConnection: close\r\n\r\n"
            connection.sendall(line)
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        gateway.close_idle()
