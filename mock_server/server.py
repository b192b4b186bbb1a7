"""`MockServer`: the mock on a free port in a thread of its own, and everything a test does with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Unpack

from .app import MockApp
from .common import Common
from .errors import ServerError
from .facade import Facade
from .green_threads import refuse_green_threads
from .serving.asgi_server import Listener, bind, new_event_loop
from .serving.idle_detector import IdleDetector
from .settings import ServerOptions, Settings
from .standing_clock import refuse_standing_clock
from .timing import SERVER_STARTS, check_slowness
from .traffic import Traffic
from .virtual_time.session import keep_real_time
from .workspace import Workspace

__all__ = ["MockServer", "ServedWorkspace"]


class MockServer(Facade):
    """A mock of the API on a port of its own, for `with` and `async with`, and for `start` and `stop`.

    Options are those of `Settings` (`scenario`, `queued`, `generating`, `polls`, `strict`, `seed`, …); the
    port is a free one unless `port` says otherwise. Started again after `stop`, it has its port and
    its jobs back. Raises `SettingsError` for an option before anything starts.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        make_app: Callable[[Common], MockApp] = MockApp,
        **options: Unpack[ServerOptions],
    ) -> None:
        """`make_app` makes the application, for those that stand something in front of it."""
        check_slowness()
        settings = (Settings(port=0) if settings is None else settings).replace(**options)
        self.common = Common(settings)
        self.app = make_app(self.common)
        self._port = settings.port
        self.extra_ports: set[int] = set()
        """Further ports that lead to this server, such as those of an interception."""
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> MockServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> MockServer:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def space(self) -> Workspace:
        """The workspace that its clients use."""
        return self.common.default.refresh()

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._listener is not None

    def start(self) -> MockServer:
        """Listen and answer; returns once requests are taken. `ServerError` for a port that is used."""
        if self._listener is not None:
            raise ServerError("This server already runs; stop() it before you start() it again.")
        refuse_green_threads()
        refuse_standing_clock()
        listening = bind(self.settings.host, self._port)
        self._port = listening.getsockname()[1]
        listener = Listener(self.app, [(listening, None)])
        ready, troubles = threading.Event(), []

        def run() -> None:
            try:
                with keep_real_time(), asyncio.Runner(loop_factory=new_event_loop) as runner:
                    runner.run(listener.serve(ready.set))
            except BaseException as error:
                if ready.is_set():
                    raise
                troubles.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="kling-mock", daemon=True)
        self._thread.start()
        self._listener = listener
        if not ready.wait(SERVER_STARTS) or troubles:
            self.stop()
            listening.close()
            said = repr(troubles[0]) if troubles else f"it was not ready within {SERVER_STARTS:.0f} seconds"
            raise ServerError(f"The server could not start: {said}.") from next(iter(troubles), None)
        return self

    def stop(self) -> None:
        """End it, and every answer that hangs, at once; does nothing where it does not run."""
        listener, self._listener = self._listener, None
        if listener is None or self._thread is None:
            return
        listener.stop()
        self._thread.join(SERVER_STARTS)
        self._thread = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._port == 0:
            raise ServerError("The server has no port yet: start() it, or use it in a with statement.")
        return self._port

    @property
    def url(self) -> str:
        """`http://HOST:PORT`, without a slash at the end."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self.port}"

    @property
    def traffic(self) -> Traffic:
        """How many requests are open, and how many of them wait for the clock."""
        return self.common.traffic

    def quiet(self) -> bool:
        """Whether it is at rest: nothing to read, and each open exchange waits for the clock."""
        return self.idle_detector is None or self.idle_detector.quiet()

    def ports(self) -> frozenset[int]:
        """The ports whose connections wait for this server, in virtual time under `fast_forward`."""
        return frozenset({self._port, *self.extra_ports})

    @property
    def idle_detector(self) -> IdleDetector | None:
        """What tells whether it is at rest; None while it does not run."""
        return None if self._listener is None else self._listener.idle_detector

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it runs in; None while it does not run."""
        return None if self._listener is None else self._listener.loop

    def workspace(self, name: str) -> ServedWorkspace:
        """A workspace for one suite or test: the same as a server of its own, at a URL of its own.

        It is made where there is none of this name. Raises `NoWorkspace` for a name that is none, and where
        there are `max_workspaces`.
        """
        return ServedWorkspace(self, name)

    def reset(self) -> None:
        """Forget jobs, exchanges, charges and queued scenarios; undo `configure`; end held answers.

        A request that is under way is broken off with its connection, and leaves nothing behind. Named
        workspaces stay as they are.
        """
        self.reset_space(self.space)

    def reset_space(self, space: Workspace) -> None:
        """Do that to one workspace."""
        listener, thread = self._listener, self._thread
        if listener is None or thread is None or thread.ident == threading.get_ident():
            space.reset()
            return

        def reset() -> None:
            # Between two exchanges, so that none of them is half before it and half after it.
            space.reset()
            listener.drop_unfinished(space)

        if not listener.run_in_loop(reset):
            space.reset()


class ServedWorkspace(Facade):
    """One named workspace of a `MockServer`; one that was ended begins anew when it is used again."""

    def __init__(self, server: MockServer, name: str) -> None:
        self.server = server
        self.name = name
        # A name that is none is refused here.
        server.common.workspaces.find(name).claimed = True

    def __repr__(self) -> str:
        return f"<workspace {self.name!r} of {self.server!r}>"

    def __getattr__(self, name: str) -> Any:
        """What the whole server has: `running`, `port`, `traffic`, `quiet`, …"""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.server, name)

    @property
    def space(self) -> Workspace:
        """The workspace, which is made anew where it was ended."""
        return self.server.common.workspaces.find(self.name).refresh()

    @property
    def url(self) -> str:
        """`http://HOST:PORT/@NAME`."""
        return f"{self.server.url}/@{self.name}"

    def reset(self) -> None:
        """Forget what this workspace has, and break off its requests; no other one notices."""
        self.server.reset_space(self.space)

    def end(self) -> None:
        """End the workspace; the next use of its name begins a new one."""
        self.server.common.workspaces.end(self.name)
