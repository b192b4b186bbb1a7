"""`MockServer`: started, stopped, started again, and used from any code."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import httpx
import pytest

from kling_mock import MockServer, ServerError, Settings, SettingsError, create_app

from .support import KEY, PATHS, ask, body_for, create, poll, until, wire


def test_it_answers_inside_the_with_statement_and_not_after() -> None:
    with MockServer() as server:
        assert server.running and server.url == f"http://127.0.0.1:{server.port}"
        assert server.base_url == server.url + "/v2"
        assert ask(server, "GET", "/models").status == 200
    assert not server.running
    with pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/models")
    server.stop()


def test_started_again_it_has_its_port_and_its_jobs() -> None:
    server = MockServer(polls=(1, 1))
    server.start()
    port, job_id = server.port, create(server).json["id"]
    for _ in range(3):
        server.stop()
        server.start()
        assert server.port == port
        assert poll(server, job_id).status == 200
    server.stop()
    assert [job.id for job in server.jobs] == [job_id] and len(server.exchanges) == 4


def test_it_is_started_once() -> None:
    with MockServer() as server, pytest.raises(ServerError, match="already runs"):
        server.start()


def test_it_has_no_port_before_it_runs() -> None:
    with pytest.raises(ServerError, match="start"):
        _ = MockServer().url
    assert MockServer(port=12345).url == "http://127.0.0.1:12345"


def test_a_used_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"127.0.0.1:{port}.*another program"):
            MockServer(port=port).start()


def test_a_port_that_another_server_is_about_to_use_is_named() -> None:
    with MockServer() as server, pytest.raises(ServerError, match="another program"):
        MockServer(port=server.port).start()


def test_a_host_that_is_none_is_named() -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(ServerError, match=r"Cannot listen on .*--host"):
            MockServer(host=host).start()


def test_wrong_options_are_errors_before_anything_starts() -> None:
    threads = threading.active_count()
    with pytest.raises(SettingsError):
        MockServer(queued="-1")
    with pytest.raises(LookupError):
        MockServer(scenario="nothing-like-it")
    assert threading.active_count() == threads


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> list[str]:
        with MockServer(seed=42) as server:
            first = [str(create(server).json["id"]) for _ in range(3)]
            server.reset()
            assert [create(server).json["id"] for _ in range(3)] == first
            return first

    first = run()
    assert run() == first
    with MockServer(seed=43) as server:
        assert create(server).json["id"] != first[0]


def test_without_a_seed_a_reset_gives_other_ids() -> None:
    with MockServer() as server:
        first = create(server).json["id"]
        server.reset()
        assert create(server).json["id"] != first


@pytest.mark.parametrize("end", ["stop", "reset"])
def test_ending_it_ends_every_hanging_answer(end: str) -> None:
    with MockServer(scenario="create-hangs") as server:
        connections = [wire(server) for _ in range(10)]
        body = httpx.Request("POST", server.url, json=body_for()).content
        for connection in connections:
            connection.sendall(
                b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
        until(lambda: server.traffic.held == 10)
        getattr(server, end)()
        for connection in connections:
            assert connection.recv(1) == b""
            connection.close()
        until(lambda: not server.traffic.held and not server.traffic.open)


def test_stopping_ends_streams_and_idle_connections() -> None:
    with MockServer() as server:
        idle, stream = wire(server), wire(server)
        stream.sendall(b"GET /_mock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stream.recv(12) == b"HTTP/1.1 200"
        server.stop()
        assert idle.recv(1) == b""
        while stream.recv(4096):
            pass
        idle.close()
        stream.close()


def test_it_is_used_from_async_code() -> None:
    async def run() -> None:
        async with MockServer(polls=(1, 1)) as server, httpx.AsyncClient(base_url=server.base_url) as client:
            made = await client.post("/video/generations", json=body_for(), headers=KEY)
            seen = []
            for _ in range(3):
                query = {"generation_id": made.json()["id"]}
                seen.append(
                    (await client.get("/video/generations", params=query, headers=KEY)).json()["status"]
                )
            assert seen == ["queued", "generating", "completed"]

    asyncio.run(run())


def test_two_hundred_connections_at_once(server: MockServer) -> None:
    connections = [wire(server) for _ in range(200)]
    body = json.dumps(body_for()).encode()
    head = (
        b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    for part in (head, body[:10], body[10:]):
        for connection in connections:
            connection.sendall(part)
    ids = set()
    for connection in connections:
        answer = connection.makefile("rb").read()
        ids.add(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])
        connection.close()
    assert len(ids) == len(server.jobs) == len(server.charges) == 200


def test_options_change_until_the_reset(server: MockServer) -> None:
    server.configure(polls=(0, 0), strict=True)
    job_id = create(server).json["id"]
    assert poll(server, job_id).json["status"] == "completed"
    assert create(server, unknown=1).status == 400
    with pytest.raises(SettingsError, match="port"):
        server.configure(port=1)
    with pytest.raises(SettingsError, match="'strict'"):
        server.configure(strct=True)  # type: ignore[call-arg]
    server.reset()
    assert poll(server, create(server, unknown=1).json["id"]).json["status"] == "queued"


def test_reset_gives_the_clock_its_speed_back(server: MockServer) -> None:
    server.clock.freeze()
    server.reset()
    assert server.clock.speed == 1


def test_ipv6_where_there_is_some() -> None:
    try:
        server = MockServer(host="::1").start()
    except ServerError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        assert server.url == f"http://[::1]:{server.port}"
        assert httpx.get(server.url + "/models").status_code == 200
        assert httpx.get(server.url + "/_mock/health").status_code == 200
    finally:
        server.stop()


def test_the_application_runs_under_any_asgi_server() -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(app=create_app(Settings(polls=(0, 0))))
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test", headers=KEY) as client:
            made = (await client.post(PATHS[0], json=body_for())).json()
            answer = (await client.get(PATHS[0], params={"generation_id": made["id"]})).json()
            assert answer["status"] == "completed"
            assert answer["video"]["url"].startswith("http://mock.test/media/")
            clip = await client.get(answer["video"]["url"], headers={"Range": "bytes=0-7"})
            assert (clip.status_code, clip.content[4:]) == (206, b"ftyp")

    asyncio.run(run())


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> asyncio.AbstractEventLoop:
        raise OSError("no more of those")

    monkeypatch.setattr("kling_mock.server.new_event_loop", broken)
    threads = threading.active_count()
    server = MockServer()
    with pytest.raises(ServerError, match="no more of those"):
        server.start()
    assert not server.running and threading.active_count() == threads
    monkeypatch.undo()
    with server:
        assert create(server).status == 200


def test_stopping_ends_requests_that_wait_for_each_other_without_a_word(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with MockServer() as server:
        connection = wire(server)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60)
        connection.recv(1)
    connection.close()
    assert capfd.readouterr() == ("", "")


def test_a_change_of_options_leaves_the_ids_of_a_seed_alone() -> None:
    with MockServer(seed=7) as server:
        first = create(server).json["id"]
        server.configure(latency="0s")
        second = create(server).json["id"]
        server.configure(seed=7)
        third = create(server).json["id"]
        assert len({first, second, third}) == len(server.jobs) == len(server.charges) == 3


def test_jobs_that_make_room_leave_their_charges() -> None:
    with MockServer(max_jobs=2, polls=(0, 0)) as server:
        made = [create(server).json["id"] for _ in range(4)]
        assert [job.id for job in server.jobs] == made[2:]
        assert [charge.job_id for charge in server.charges] == made
        server.reset()
        assert server.charges == []


def test_latency_is_virtual_time() -> None:
    with MockServer(latency="1h", speed=1e6) as server:
        before = server.clock.now()
        assert ask(server, "GET", "/models").status == 200
        assert server.clock.now() - before >= 3600
