"""The idle detector: what else than its requests keeps a server busy."""

from __future__ import annotations

from kling_mock import MockServer


def test_a_server_is_busy_while_a_condition_says_so() -> None:
    busy = True
    with MockServer() as server:
        assert server.quiet()
        assert server.idle_detector is not None
        server.idle_detector.busy_while(lambda: False)
        server.idle_detector.busy_while(lambda: busy)
        assert not server.quiet()
        busy = False
        assert server.quiet()


def test_a_connection_that_is_only_accepted_keeps_a_server_busy() -> None:
    with MockServer() as server:
        assert server.idle_detector is not None
        server.idle_detector.arriving += 1
        assert not server.quiet()
        server.idle_detector.arriving -= 1
        assert server.quiet()
