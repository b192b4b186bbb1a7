"""The application: which path goes where, and how every exchange begins and ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from .api.body_reader import LargeBody, UnkeptBody, read_body
from .api.create import create
from .api.error_response import error_response, refusal_response
from .api.generation_paths import CreatePath
from .api.judging import takes_long
from .api.kept import decide_kept
from .api.opened import Opened, early, exchange_of
from .api.other_paths import respond
from .api.outcome import Forgotten, Outcome, Refusal
from .api.poll import poll
from .api.request_context import RequestContext
from .api.response import MockResponse
from .api.response_writer import NOTHING_SENT, Sent, deliver, whole_response
from .api.turn import Handlers, Turn
from .common import Common
from .entrance import PREFIX, SPACE_PATH, Entrance, below, for_browsers, route_path
from .events import EventKind
from .exchanges.exchange import Exchange, Headers
from .exchanges.recorded_head import recorded_headers
from .limits import Limits
from .off_loop import OffLoop
from .serving.dates import dated, server_dates, undated
from .serving.several_workers import refuse_several_workers
from .serving.wire import REFUSED, SPACE, Owed, whole
from .settings import Settings
from .store import Suspended, at_once
from .store.address import MEMORY
from .store.records import Conflict, Outdated, StoreError
from .validation import Problem
from .workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

    from .control.application import ControlApp

__all__ = ["App", "MockApp", "create_app"]

CONTROL_PREFIXES = ("/_mock", "/openapi")

NOT_KEPT = (Conflict, Outdated, StoreError)
"""What ends a transaction of a workspace that is kept elsewhere."""

logger = logging.getLogger("kling_mock")

Body = bytes | LargeBody | UnkeptBody
App = Callable[["Scope", "Receive", "Send"], Awaitable[None]]
"""An application, or the rest of an answer that takes time."""


class MockApp:
    """An ASGI application that answers the API itself, and has `ControlApp` answer everything else.

    That one, and Starlette with it, is loaded when something first asks for it: a server that starts for a
    test may never be asked.
    With `at_once` requests that arrived whole are answered without a task of their own, where the server
    asks for that; a class whose `__call__` must see every request goes without.
    """

    at_once_below = SPACE_PATH
    """What may stand before such a path: the pattern's group is the path."""

    def __init__(self, common: Common, *, at_once: bool = True) -> None:
        self.common = common
        self._control_app: ControlApp | None = None
        self._loading = OffLoop()
        """Where that is loaded: not behind bodies that are being judged."""
        self._entrance = Entrance(common)
        self._per_key = self._entrance.per_key
        self.limits: Limits = common.limits
        self.generations = common.contracts.generations
        self.at_once_paths = frozenset(path.encode() for path in self.generations)
        self.at_once: Callable[..., bytes | App | Owed] | None = self._at_once if at_once else None
        handlers = Handlers(self._decide_here, self._finish_kept, self._goes_on, self._goes_out, self._leave)
        self._turn = Turn(common.backend, handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            control = await self.load_control()
            await control(scope, receive, send)
            return
        path = route_path(scope)
        dates = server_dates(scope)
        own = below(path)
        if own.startswith(CONTROL_PREFIXES) or for_browsers(scope["method"], own, scope["headers"]):
            await self._control(scope, path, receive, send, dates=dates)
            return
        if dates:
            send = undated(send)
        root = scope.get("root_path", "").rstrip("/")
        opened = self._open(
            scope["method"], path, scope["query_string"], scope["headers"], scope["scheme"], root
        )
        scope[SPACE] = opened.space
        opened.headers = recorded_headers(opened.headers)
        try:
            await self._exchange(opened, scope, receive, send)
        finally:
            self._leave(opened)

    def space_of(self, path: str, headers: Headers) -> Workspace | None:
        """The workspace that a request to the API is for; None of one to the control API."""
        if below(path).startswith(CONTROL_PREFIXES):
            return None
        return self._entrance.enter(path, headers, "")[0]

    async def _control(self, scope: Scope, path: str, receive: Receive, send: Send, *, dates: bool) -> None:
        """Let a request have the control API of the workspace that it is for."""
        space, _, root, refusal = self._entrance.enter(path, scope["headers"], "")
        scope = {**scope, SPACE: space}
        if path.startswith(PREFIX):
            scope["root_path"] = scope.get("root_path", "").rstrip("/") + root
        send = send if dates else dated(send, space.date)
        control = self._control_app or await self.load_control()
        await control.answer(space, refusal, scope, receive, send)

    async def load_control(self) -> ControlApp:
        """The application of the control API, loaded beside the loop where nothing has asked for it."""
        return await self._loading.run(self._make_control)

    def _make_control(self) -> ControlApp:
        from .control.application import ControlApp

        # Off the loop is one piece of work after the other: nobody else makes one meanwhile.
        if self._control_app is None:
            self._control_app = ControlApp(self.common)
        return self._control_app

    def _at_once(
        self, method: str, path: str, query: bytes, headers: Headers, scheme: str, body: bytes
    ) -> bytes | App | Owed:
        """Answer a create or a poll that has arrived whole, without a task of its own.

        Returns the bytes of the answer, or the rest of it as an application where that takes time; what is
        kept outside of this process is owed until it is.
        """
        opened = self._open(method, path, query, headers, scheme, "")
        if method == "POST" and takes_long(body):
            return self._goes_on(opened, body)
        if opened.space.shared is not None:
            return self._turn.owe(opened, body)
        try:
            response = at_once(self._decide_here(opened, body))
            made = whole_response(response, opened.space.date(opened.request.at))
        except Suspended:
            # Something is loaded beside the loop, once.
            return self._goes_on(opened, body)
        except BaseException:
            self._leave(opened)
            raise
        if made is not None:
            # It took no time of the clock, however fast that goes.
            self._finish(opened, made[1], opened.request.at)
            self.common.traffic.open -= 1
            return made[0]
        return self._goes_out(opened)

    def _finish_kept(self, opened: Opened, exchange: Exchange) -> None:
        """End an exchange that its store has, and whose answer goes out at once."""
        self.common.traffic.open -= 1
        opened.finished = True
        if not opened.outdated:
            number = opened.number or opened.space.journal.next_number()
            opened.space.bus.publish(EventKind.EXCHANGE, exchange.numbered(number), exchange.ended_at)

    def _goes_on(self, opened: Opened, body: bytes) -> App:
        """An exchange that was begun at once, and whose answer takes time to be found."""
        return self._rest(opened, partial(self._answer, opened, body))

    def _goes_out(self, opened: Opened) -> App:
        """An exchange whose answer takes time to go out."""
        return self._rest(opened, partial(self._deliver, opened))

    def _rest(self, opened: Opened, goes_on: App) -> App:
        """The rest of an exchange that was begun at once."""

        async def rest(scope: Scope, receive: Receive, send: Send) -> None:
            scope[SPACE] = opened.space
            try:
                await goes_on(scope, receive, send)
            finally:
                self._leave(opened)

        return rest

    def _leave(self, opened: Opened) -> None:
        """End an exchange, of which nothing went out where that was not noted before."""
        self._finish(opened, NOTHING_SENT)
        self.common.traffic.open -= 1

    def _open(self, method: str, path: str, query: bytes, headers: Headers, scheme: str, root: str) -> Opened:
        """Begin an exchange."""
        common = self.common
        common.traffic.open += 1
        common.traffic.received += 1
        space, refusal = common.default, None
        if self._per_key or path.startswith(PREFIX):
            space, path, root, refusal = self._entrance.enter(path, headers, root)
        now, resets = space.clock.now(), space.store.resets
        request = RequestContext(method, path, query, headers, now, scheme, common.address, root, resets)
        opened = Opened(space, request)
        if refusal is not None:
            opened.refusal = refusal
        return opened

    async def _exchange(self, opened: Opened, scope: Scope, receive: Receive, send: Send) -> None:
        """Read one request, answer it and send the answer."""
        request, space = opened.request, opened.space
        body: Body = b""
        making = request.method == "POST" and opened.refusal is None
        if making and self._generation(space, request.path) is not None:
            memory = self.limits.memory.share()
            try:
                received = await read_body(request, receive, space.settings.max_body, memory)
                if opened.outdated:
                    await _unavailable(send)
                    return
                if received is None:
                    opened.outcome.fault = "client-left"
                    # A body that is late, or none, was answered and noted by the connection.
                    opened.finished = bool(scope.get(REFUSED))
                    return
                body = received
                await self._decide(opened, body)
            finally:
                memory.release()
        else:
            await self._decide(opened, body)
        await self._deliver(opened, scope, receive, send)

    async def _answer(self, opened: Opened, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that has been read, and send the answer; its body counts as long as it waits."""
        memory = self.limits.memory.share()
        try:
            kept: Body = body if memory.resize(len(body)) else UnkeptBody(len(body), crowded=True)
            await self._decide(opened, kept)
        finally:
            memory.release()
        await self._deliver(opened, scope, receive, send)

    async def _decide(self, opened: Opened, body: Body) -> MockResponse:
        """Have the request answered, in one transaction where its workspace is kept elsewhere."""
        shared = opened.space.shared
        if shared is None:
            return await self._decide_here(opened, body)
        return await decide_kept(opened, shared, partial(self._decide_here, opened, body))

    async def _decide_here(self, opened: Opened, body: Body) -> MockResponse:
        space, request, outcome = opened.space, opened.request, opened.outcome
        try:
            if opened.refusal is not None:
                raise opened.refusal
            path = self.generations.get(request.path) or self._generation(space, request.path)
            if path is not None and request.method == "GET":
                response = await poll(space, request, outcome)
            elif path is not None and request.method == "POST":
                response = await self._create(space, request, outcome, body, path)
            else:
                generation = path is not None
                response = await respond(self.common, space, request, outcome, generation=generation)
        except Refusal as refusal:
            outcome.violations = refusal.noted
            response = refusal_response(space, request.path, refusal, outcome)
        except NOT_KEPT:
            raise
        except Exception as error:
            if opened.outdated or isinstance(error, Forgotten):
                text = "Service unavailable: this mock was reset while the request was under way."
                outcome.response = error_response(space, request.path, 503, text, outcome=outcome)
                return outcome.response
            # A bug of this program: the client still gets the API's error body, the user the traceback.
            logger.exception("A bug in kling-mock, at %s %s:", request.method, request.path)
            text = "Internal server error: a bug in kling-mock; see its log."
            response = error_response(space, request.path, 500, text, outcome=outcome)
        outcome.response = response
        if request.request_id is not None:
            response.add_header(b"x-client-request-id", request.request_id)
        latency = space.settings.answer_latency
        if latency and not space.clock.frozen and outcome.kind != "video":
            response.delay += latency
        return response

    def _generation(self, space: Workspace, path: str) -> CreatePath | None:
        """What a path of creates and polls is, also one that this workspace alone has documents of."""
        found = self.generations.get(path)
        if found is None and space.catalog is not self.common.catalog:
            found = self.common.contracts_of(space).generations.get(path)
        return found

    def _create(
        self, space: Workspace, request: RequestContext, outcome: Outcome, body: Body, path: CreatePath
    ) -> Awaitable[MockResponse]:
        if isinstance(body, UnkeptBody):
            return self._no_room(space, request, body.size, crowded=body.crowded)
        settings, size = space.settings, len(body)
        if size > settings.max_body:
            return self._no_room(space, request, size, crowded=False)
        most = settings.max_recorded_body
        request.body = body.beginning(most) if isinstance(body, LargeBody) else body[:most]
        request.body_size = size
        return create(self.common, space, request, outcome, body, path)

    async def _no_room(
        self, space: Workspace, request: RequestContext, size: int, *, crowded: bool
    ) -> MockResponse:
        """The answer to a body that was not kept."""
        if crowded:
            text = f"requests under way hold {self.limits.memory.limit} bytes (--max-memory-bodies)."
            retry = [(b"retry-after", b"1")]
            response = error_response(space, request.path, 503, f"Service unavailable: {text}", headers=retry)
        else:
            limit = space.settings.max_body
            text = f"expected at most {limit} bytes (--max-body), received {size}."
            response = error_response(space, request.path, 413, f"Payload Too Large: {text}")
        # Perhaps not all of the body was read, so the connection cannot be used again.
        response.close = True
        return response

    async def _deliver(self, opened: Opened, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; one that takes time stands in the journal meanwhile."""
        space, response = opened.space, opened.outcome.response
        if not response.plain and not opened.outdated:
            opened.number = opened.number or space.journal.next_number()
            # As it is going to be: a client that gave up may look before its leaving has been noticed.
            begun = early(response)
            space.bus.publish(EventKind.EXCHANGE_OPENED, exchange_of(opened, begun, ended_at=None))
        await deliver(
            space, opened.request, response, scope, receive, send, lambda sent: self._finish(opened, sent)
        )

    def _finish(self, opened: Opened, sent: Sent, at: float | None = None) -> None:
        """End an exchange, once, and tell everybody who listens; `sent` is what went out of its answer.

        `at` is the moment of its end where that is known.
        """
        if opened.finished:
            return
        opened.finished = True
        if opened.outdated:
            return
        space = opened.space
        opened.number = opened.number or space.journal.next_number()
        if at is None:
            at = space.clock.now()
        space.bus.publish(EventKind.EXCHANGE, exchange_of(opened, sent, ended_at=at), at)

    def refuse(self, status: int, text: str, path: str = "", headers: Headers = ()) -> bytes:
        """The whole answer to what is no request, noted as if it were: users look for it in the log."""
        opened = self._open("?", path, b"", [], "http", "")
        opened.outcome.violations = (Problem("request", "an HTTP request that can be read", text, "http"),)
        space = opened.space
        response = error_response(space, path, status, text, headers=headers, outcome=opened.outcome)
        head = response.head(space.date(), more=b"connection: close\r\n")
        self._finish(opened, Sent(status, head, response.body, len(response.body)))
        self.common.traffic.open -= 1
        return whole(status, head, response.body)


async def _unavailable(send: Send) -> None:
    """The answer to a request whose workspace was reset while its body came."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def create_app(settings: Settings | None = None) -> Starlette:
    """The mock as a Starlette application, for people who run it under a server of their own.

    Middleware and routes of your own may be added to it. It may be mounted below a prefix, or run behind one
    (`root_path`). With its state in this process's memory a server that runs it in several workers is refused
    with `ServerError` (a worker of uvicorn ends itself); with a `store` that they share it is not.
    Faults that break a connection off need the transport that `MockServer` and `kling-mock serve` hand on;
    elsewhere such an answer stays unfinished, which most servers turn into a closed connection.
    """
    settings = settings or Settings()
    if settings.store == MEMORY:
        refuse_several_workers()
    from starlette.applications import Starlette

    app = Starlette()
    app.router.default = MockApp(Common(settings))
    return app
