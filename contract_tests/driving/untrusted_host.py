"""A host whose certificate nobody vouches for: a client that looks at certificates says nothing to it."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from kling_mock import MockServer
from kling_mock.interception.parent.certificates import Authority
from kling_mock.timing import UNTRUSTED_HEARS
from kling_mock.virtual_time import keep_real_time

__all__ = ["UntrustedHost"]

_ADDRESS = "127.0.0.1"
_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class UntrustedHost:
    """It listens in a thread, until the end of the block; its time is that of a running server."""

    def __init__(self, server: MockServer) -> None:
        self._server = server
        self._busy = False
        self._context = Authority().context_for(_ADDRESS)
        self.told: list[str] = []
        """The first lines of the requests that came all the same."""
        self._listener = socket.create_server((_ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="kling-mock untrusted host", daemon=True)
        # What a client waits for here is on its way: its time does not jump over that.
        assert server.idle_detector is not None
        self._forget = server.idle_detector.busy_while(lambda: self._busy)
        server.extra_ports |= {self.port}
        self._thread.start()

    def _serve(self) -> None:
        with keep_real_time():
            while True:
                connection, _ = self._listener.accept()
                if self._ended:
                    connection.close()
                    return
                self._busy = True
                # A client that looks at certificates ends the connection: that is an error here.
                with connection, contextlib.suppress(OSError):
                    self._hear(connection)
                self._busy = False

    def _hear(self, connection: socket.socket) -> None:
        connection.settimeout(UNTRUSTED_HEARS)
        with self._context.wrap_socket(connection, server_side=True) as secure:
            said = secure.recv(4096)
            if said:
                self.told.append(said.partition(b"\r\n")[0].decode("latin-1"))
                secure.sendall(_ANSWER)

    def __enter__(self) -> UntrustedHost:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._forget()
        self._server.extra_ports -= {self.port}
        self._ended = True
        with self._listener:
            # The thread waits for somebody to come.
            socket.create_connection((_ADDRESS, self.port)).close()
            self._thread.join()
