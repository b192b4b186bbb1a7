"""Answers of one turn of the loop go out together, and none is lost or late by that."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.serving.outbox import MOST, Outbox

from .support import PATHS, create


class Transport:
    """Keeps what is written to it."""

    def __init__(self, name: str, sent: list[str]) -> None:
        self.name, self.sent, self.closing = name, sent, False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, answer: bytes) -> None:
        self.sent.append(f"{self.name} {answer.decode()}")


@pytest.mark.asyncio
async def test_answers_go_out_at_the_end_of_the_turn_in_their_order() -> None:
    loop, sent = asyncio.get_running_loop(), list[str]()
    outbox: Any = Outbox.of(loop)
    first, second, gone = (Transport(name, sent) for name in ("first", "second", "gone"))
    for transport, answer in ((first, b"1"), (gone, b"2"), (second, b"3"), (first, b"4")):
        outbox.put(loop, transport, answer)
    gone.closing = True
    assert sent == []
    await asyncio.sleep(0)
    assert sent == ["first 1", "second 3", "first 4"]
    outbox.put(loop, second, b"5")
    outbox.send()
    assert sent[3:] == ["second 5"]
    await asyncio.sleep(0)
    assert len(sent) == 4


@pytest.mark.asyncio
async def test_the_first_of_many_does_not_wait_for_the_last() -> None:
    loop, sent = asyncio.get_running_loop(), list[str]()
    outbox: Any = Outbox.of(loop)
    for number in range(MOST + 1):
        assert len(sent) == 0
        outbox.put(loop, Transport("one", sent), b"%d" % number)
        if number == MOST - 1:
            assert len(sent) == MOST
            sent.clear()
    await asyncio.sleep(0)
    assert sent == [f"one {MOST}"]


def test_each_loop_has_its_own() -> None:
    async def own() -> Outbox:
        loop = asyncio.get_running_loop()
        assert Outbox.of(loop) is Outbox.of(loop)
        return Outbox.of(loop)

    assert asyncio.run(own()) is not asyncio.run(own())


def _answers(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("behind", "statuses"),
    [
        (b"", [b"200"]),
        (b"no request at all\r\n\r\n", [b"200", b"400"]),
        (b"GET / HTTP/1.1\r\n\r\n", [b"200", b"400"]),
        (b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", [b"200", b"404"]),
    ],
    ids=["the end", "no request", "a request without a host", "a path that takes longer"],
)
def test_an_answer_goes_out_before_what_comes_behind_it(
    server: MockServer, behind: bytes, statuses: list[bytes]
) -> None:
    job = create(server).json["id"]
    head = f"GET {PATHS[0]}?generation_id={job} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n\r\n"
    address = ("127.0.0.1", server.port)
    with ExitStack() as stack:
        # Others are there: answers wait for the end of the turn.
        connections = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(8)]
        for connection in connections:
            connection.sendall(head.encode() + behind)
            connection.shutdown(socket.SHUT_WR)
        for connection in connections:
            told = re.findall(rb"HTTP/1\.1 (\d{3}) ", _answers(connection))
            # An interim answer is none.
            assert [status for status in told if status != b"100"] == statuses
