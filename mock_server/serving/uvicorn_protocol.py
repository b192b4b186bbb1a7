"""The HTTP protocol of the server: uvicorn's, with a way to the connection and a shorter way out."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import httptools

from ..exchanges.repeated import RepeatedHeaders
from ..limits import MAX_FIELDS, MAX_TARGET
from .bounded_protocol import BoundedProtocol
from .outbox import Outbox
from .request_head import (
    OPENING,
    head_size,
    head_without_upgrade,
    host_problem,
    size_problem,
    unreadable,
)
from .wire import CYCLE, TRANSPORT, Owed

__all__ = ["MockProtocol"]

HEAD_END = b"\r\n\r\n"
AT_ONCE_METHODS = (b"GET", b"POST")
SLICE = 16 * 1024
"""Bytes that are read at a time."""
MANY = 32
"""Requests that begin in a slice behind which others get their turn."""


class _Refused(Exception):
    """Ends the reading of a connection whose last answer is decided."""


def _nobodys(_path: str, _headers: object) -> None:
    """The workspace of a request to an application that has none."""


class MockProtocol(BoundedProtocol):
    """Puts the transport and the request's cycle into the scope, and answers whole requests at once.

    uvicorn makes a cycle and starts a task as soon as it has read the headers of a request. For the paths
    that the application names in `at_once_paths` this waits until the bytes at hand are parsed: if they hold
    the whole request, the application's `at_once` answers it with neither, which halves the time. A request
    that arrives in pieces, or whose answer takes time, goes uvicorn's way from there.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._at_once = getattr(self.app, "at_once", None)
        self._paths: frozenset[bytes] = (
            getattr(self.app, "at_once_paths", frozenset()) if self._at_once else frozenset()
        )
        self._below: re.Pattern[bytes] | None = getattr(self.app, "at_once_below", None)
        self._space_of = getattr(self.app, "space_of", _nobodys)
        self._method = ""
        """The method of a request that has no cycle yet."""
        self._path = b""
        """Its path as it was sent; `_query` is what stands behind it."""
        self._query = b""
        self._large = False
        """Whether a head could be too large: one in a small packet is not counted."""
        self._as_sent: list[tuple[bytes, bytes]] | None = None
        """The headers of a request that is read again without its upgrade."""
        self._opening = b""
        """The first bytes of the connection: other protocols are told by them."""
        self._body: bytes | None = None
        """The body so far of a request that has no cycle yet; None where there is no such request."""
        self._repeatable = False
        """Whether the last head says by its length alone where its body ends."""
        self._head = b""
        """The head of the last request, where that was answered at once; clients repeat theirs."""
        self._size = -1
        """The bytes of that request with its body; less than none where it is not to be compared with."""
        self._body_size = 0
        self._begun = 0
        """Requests that began in the last slice."""
        self._owed: Owed | None = None
        """The answer to the last request, where that is decided at the end of this turn of the loop."""
        self._forgotten: list[object] = []
        """The workspaces that were reset since a head began that is not whole."""
        self._outbox = Outbox.of(self.loop)

    def connection_made(self, transport: Any) -> None:
        """Let an application that wants to know it have the connection, before it answers on it."""
        bound = getattr(self.app, "at_once_on", None) if self._at_once else None
        if bound is not None:
            self._at_once = bound(transport)
        super().connection_made(transport)

    def unfinished(self) -> bool:
        """Whether a request to the API is on its way in, or its answer on its way out."""
        return self._in_head or bool(self._unread) or bool(self._spaces())

    def _spaces(self) -> list[object]:
        """The workspaces of the requests that have their heads and not their whole answers."""
        scopes = [cycle.scope for cycle, _ in self.pipeline]
        if self.running is not None and not self.running.response_complete:
            scopes.append(self.running.scope)
        spaces = [self._space_of(scope["path"], scope["headers"]) for scope in scopes]
        if self._body is not None or self._owed is not None:
            spaces.append(self._space_of(self._path.decode(), self.headers))
        return [space for space in spaces if space is not None]

    def forget(self, space: object) -> None:
        """Break off where a request to this workspace is under way, if only a part of its head."""
        if space in self._spaces():
            self.transport.abort()
        elif self._in_head or self._unread:
            self._forgotten.append(space)

    def data_received(self, data: bytes) -> None:
        if self._owed is not None:
            self._owed.settle()
        if len(data) == self._size and self._idle_since is not None and data.startswith(self._head):
            # Nothing is owed or under way, and what has the same head needs no reading of it.
            if not (self._deaf or self.flow.write_paused or self.transport.is_closing()):
                self._idle_since = self._late_since = None
                self._answer(data[len(self._head) :])
                return
        if self._deaf:
            return
        if self._unread or len(data) > SLICE:
            self._read_slices(self._unread + data)
            return
        if not self._opening:
            self._opening = data[:OPENING]
        self._idle_since = self._late_since = None
        self._steps, self._size = 0, -1
        self._large = self._in_head or len(data) > MAX_TARGET
        headers = self.headers
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_again(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if self._owed is not None:
                self._owed.settle()
            self._refuse(400, unreadable(self._opening))
            return
        if self._body is not None:
            if self.transport.is_closing():
                self._body = None
                return
            self._go_on()
        if self._in_message or self.pipeline:
            self._weigh(headers is self.headers, len(data))
        elif self._owed is not None:
            if headers is not self.headers:
                self._keep_head(data)
        elif self._idle_since is None:
            if self.cycle is None or self.cycle.response_complete:
                self._rest()
        elif headers is not self.headers:
            self._keep_head(data)

    def _read_slices(self, data: bytes, *, most: int = MANY) -> None:
        """Read a packet slice by slice, of many requests one in each round of the loop."""
        self._unread, at = b"", 0
        while at < len(data) and not (self._deaf or self.transport.is_closing()):
            self._begun = 0
            self.data_received(data[at : at + SLICE])
            at += SLICE
            if self._begun > most and at < len(data):
                self._unread += data[at:]
                self.flow.pause_reading()
                self.loop.call_soon(self._read_on)
                return

    def _read_on(self) -> None:
        """Go on with what waits; more is taken from the client when that is done."""
        data, self._unread = self._unread, b""
        self._read_slices(data)
        if not (self._unread or self.pipeline or self._deaf or self.transport.is_closing()):
            self.flow.resume_reading()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Read all that waits, and send all that is ready, before the end counts."""
        if self._owed is not None:
            self._owed.settle()
        if self._unread:
            self._read_slices(self._unread, most=len(self._unread))
        self._outbox.send()
        return super().eof_received()

    def shutdown(self) -> None:
        if self._owed is not None:
            self._owed.settle()
        self._outbox.send()
        super().shutdown()

    def _refuse(self, status: int, text: str) -> None:
        self._outbox.send()
        super()._refuse(status, text)

    def on_message_begin(self) -> None:
        """Begin with a request; its scope is made when it turns out that one is needed."""
        if self._owed is not None:
            # One after the other.
            self._owed.settle()
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._in_head = self._in_message = True
        self._repeatable = False
        self._begun += 1
        self._steps += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers, which stand behind a body, are counted and mean nothing."""
        if not self._in_head:
            if not self._count_beside(len(name) + len(value) + 4):
                raise _Refused
            return
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Wait with a plain request to a path that is answered at once; let uvicorn have all others."""
        parser, cycle, headers = self.parser, self.cycle, self.headers
        names = dict(headers)
        if (
            b"host" not in names
            or b"expect" in names
            or len(names) != len(headers)
            or self._large
            or len(headers) > MAX_FIELDS
        ):
            self._check_head()
        self._in_head = False
        self._beside = 0
        if self._forgotten:
            self._break_off()
        if self._as_sent is not None:
            self.headers, self._as_sent = self._as_sent, None
            names = dict(self.headers)
        elif parser.should_upgrade() and parser.get_method() != b"CONNECT":
            return
        self._path, _, self._query = self.url.partition(b"?")
        if (
            (self._path not in self._paths and not self._is_below(self._path))
            or (cycle is not None and not cycle.response_complete)
            or self.expect_100_continue
            or self.url.find(b"#") >= 0
            or parser.get_http_version() != "1.1"
            or (method := parser.get_method()) not in AT_ONCE_METHODS
            or (self._large and head_size(self.url, self.headers) > MAX_TARGET)
        ):
            self._make_cycle()
        else:
            self._method = method.decode()
            self._body = b""
            self._repeatable = b"transfer-encoding" not in names and b"upgrade" not in names

    def _break_off(self) -> None:
        """End the connection where the workspace of a request was reset after it had begun."""
        space = self._space_of(self.url.partition(b"?")[0].decode("latin-1"), self.headers)
        forgotten, self._forgotten = self._forgotten, []
        if space in forgotten:
            self.transport.abort()
            raise _Refused

    def _is_below(self, path: bytes) -> bool:
        """Whether a path is one of those that are answered at once, below a prefix."""
        found = self._below.fullmatch(path) if self._below and self._paths else None
        return found is not None and found[1] in self._paths

    def _check_head(self) -> None:
        """Refuse a head that is too large, or does not say which host it is for."""
        names = [name for name, _ in self.headers]
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )
        problem = size_problem(self.url, self.headers, head_size(self.url, self.headers))
        if problem is None:
            problem = host_problem(names.count(b"host"), self.parser.get_http_version())
        if problem is not None:
            self._refuse(*problem)
            raise _Refused

    def _make_cycle(self, rest: Any = None) -> None:
        """What uvicorn does at the begin of a request and at the end of its headers.

        `rest` runs in the place of the application: the rest of an answer that takes time.
        """
        if self.transport.is_closing():
            raise _Refused
        url, headers, expected = self.url, self.headers, self.expect_100_continue
        waits = self.cycle is not None and not self.cycle.response_complete
        app = self.app
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        self.app = rest or app
        try:
            super().on_headers_complete()
        finally:
            self.app = app
        if not self.parser.should_keep_alive():
            # uvicorn before 0.53 looks for `Connection: close` only when it writes the headers itself.
            self.cycle.keep_alive = False
        # The request's task begins in the loop's next round.
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[CYCLE], scope[TRANSPORT] = self.cycle, self.transport
        if not waits:
            self.running = self.cycle

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            return
        self._in_message = False
        self._steps += 1
        body = self._body
        if body is None:
            super().on_message_complete()
            return
        if self.flow.write_paused or self.transport.is_closing():
            self._go_on()
            super().on_message_complete()
            return
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        """Answer a request that is whole, or let uvicorn have it where the answer takes time."""
        scheme = self.scheme or "http"
        answer = self._at_once(  # type: ignore[misc]
            self._method, self._path.decode(), self._query, self.headers, scheme, body
        )
        if isinstance(answer, bytes):
            self._body, self._body_size = None, len(body)
            self._write_whole(answer, keep_alive=self.parser.should_keep_alive())
            return
        if isinstance(answer, Owed):
            self._body, self._body_size = None, len(body)
            # The parser knows it until the request is over, and no longer.
            self._owed, answer.pay = answer, partial(self._pay, body, self.parser.should_keep_alive())
            return
        self._body = body
        self._go_on(answer)
        super().on_message_complete()

    def _pay(self, body: bytes, keep_alive: bool, answer: Any) -> bool:
        """Write an answer that was owed, or let uvicorn have its rest; False where the client is gone."""
        self._owed = None
        if self.transport.is_closing():
            return False
        if isinstance(answer, bytes):
            self._write_whole(answer, keep_alive=keep_alive)
            return True
        self._body = body
        self._go_on(answer)
        if not keep_alive:
            self.cycle.keep_alive = False
        super().on_message_complete()
        return True

    def _keep_head(self, data: bytes) -> None:
        """Remember the head of a request that was all of these bytes, and was answered at once."""
        end = data.find(HEAD_END) + len(HEAD_END)
        if self._repeatable and not self._large and end + self._body_size == len(data):
            self._head, self._size = data[:end], len(data)
            self.headers = RepeatedHeaders(self.headers)

    def _go_on(self, rest: Any = None) -> None:
        """Let uvicorn have a request that was waited with: it gets its cycle, its task and its body."""
        body, self._body = self._body or b"", None
        self._make_cycle(rest)
        if body:
            super().on_body(body)

    def _has_cycle(self) -> bool:
        return self._body is None

    def _read_again(self, rest: bytes) -> None:
        """Read a request that asks for another protocol as the one that it is (RFC 9110, 7.8).

        httptools leaves such a request at the end of its head; a new parser gets the head without that wish.
        """
        parser = self.parser
        method = parser.get_method()
        if method == b"CONNECT":
            return
        head = head_without_upgrade(method, self.url, parser.get_http_version(), self.headers)
        self._as_sent = self.headers
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(head + rest)

    def _write_whole(self, answer: bytes, *, keep_alive: bool) -> None:
        if keep_alive:
            if len(self.connections) == 1 or self._ends():
                # Nobody else is to be sent anything, or nothing can be sent any more in a moment.
                self._outbox.send()
                self.transport.write(answer)
            else:
                self._outbox.put(self.loop, self.transport, answer)
        else:
            self._outbox.send()
            head, _, body = answer.partition(b"\r\n\r\n")
            self.transport.write(b"%b\r\nconnection: close\r\n\r\n%b" % (head, body))
            self.transport.close()
        self.on_response_complete()
