"""An engine that runs a client against a server which runs elsewhere, each run in a workspace of its own."""

from __future__ import annotations

import os
import time
from secrets import token_hex
from types import TracebackType
from typing import Any

from kling_mock.errors import KlingMockError, SettingsError
from kling_mock.exchanges.exchange import Exchange
from kling_mock.remote import RemoteServer
from kling_mock.scenarios.fault import TRANSPORT, UNANSWERED
from kling_mock.settings import server_options
from kling_mock.timing import TRACE_ENDS, TRACE_LOOK

from ..running.models import Run, Trial
from .base_urls import place_of
from .client_output import quietly
from .client_time import VirtualTime
from .clients import Client
from .engine import Engine
from .environments import Environment, interruptible, no_process_left, shortened
from .left_files import half_files, written_files
from .run_limiter import RunLimits

__all__ = ["FarEngine", "check_server"]

ON_THE_WAY = frozenset({*TRANSPORT, *UNANSWERED, "truncated"})
"""Kinds of faults that a proxy before the server may mend, or make another one of."""
WITHOUT_TIME = "it needs virtual time, and the server of --server is others' as well"
HIDDEN_KEYS = "the server of --server tells no keys"
UNSEEN = {"A7": HIDDEN_KEYS, "D7": HIDDEN_KEYS}
"""Properties of which the control API of a server does not say enough."""
OPTIONS: dict[str, Any] = {
    "polls": (0, 0),
    "speed": 1,
    "magic": False,
    "strict": False,
    "latency": 0,
    "api_key": [],
    "max_recorded_body": 64 * 1024**2,
    "max_exchanges": 10_000,
}
"""What a run asks of its workspace, whatever the server was started with."""


def check_server(url: str) -> None:
    """Raise a `SettingsError` where no mock answers at a URL that the option `server` names."""
    try:
        root = RemoteServer(url, token=_token())
    except KlingMockError as error:
        raise SettingsError(str(error), option="server") from None
    try:
        root.ask("GET", "health")
    except KlingMockError as error:
        says = f"{error} Expected a mock that runs there: `kling-mock serve` starts one."
        raise SettingsError(says, option="server") from None
    finally:
        root.close()


def _token() -> str | None:
    found = server_options()["control_token"].read_variable(os.environ)
    return found[1] if found else None


class FarEngine(Engine):
    """Runs in real time: nobody moves a clock that others share.

    The server that every engine has is not started; what is known of a run the other one tells by its
    control API.
    """

    def __init__(self, client: Client, url: str, **options: Any) -> None:
        super().__init__(client, far=True, **options)
        self._url = url
        self._session = token_hex(4)
        self._token = _token()

    def __enter__(self) -> FarEngine:
        check_server(self._url)
        self.environment = Environment(self._url, lambda: False)
        self._was_virtual, self.client.virtual_time = self.client.virtual_time, VirtualTime.NONE
        self._stack.enter_context(interruptible())
        self._stack.enter_context(no_process_left())
        self._stack.callback(self.client.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.virtual_time = self._was_virtual
        super().__exit__(kind, error, trace)

    def refuses(self, trial: Trial) -> str | None:
        """The reason why a trial cannot be made on a server that is elsewhere."""
        scenario = trial.scenario
        kinds = sorted({fault.kind for fault in scenario.faults} & ON_THE_WAY)
        if kinds:
            return f"a proxy before the server of --server may change it ({kinds[0]})"
        if trial.base == "untrusted":
            return "it is about the connection to a host, and the one of --server is as it is"
        if trial.base == "prefix":
            return "the URL of --server is as it is given"
        if trial.linger or trial.set_back or trial.ahead:
            return WITHOUT_TIME
        if trial.first is not None:
            return "all jobs of a run fare alike on the server of --server"
        if trial.interrupt_after is not None or trial.inspect or trial.resume:
            return "nobody sees requests to the server of --server as they come"
        return None

    def cannot_judge(self, id: str, *, virtual: bool) -> str | None:
        """The reason why such runs do not say enough of a property, or cannot be made for it."""
        return WITHOUT_TIME if virtual else UNSEEN.get(id)

    def _run(self, trial: Trial) -> Run:
        self.runs += 1
        trial = trial.replace(scenario=shortened(trial.scenario))
        name = f"verify-{self._session}-{os.getpid()}-{self.runs}"
        far = RemoteServer(self._url, token=self._token, name=name)
        try:
            far.configure(**OPTIONS, scenario=trial.scenario)
            return self._run_on(far, trial)
        finally:
            try:
                far.end()
            finally:
                far.close()

    def _run_on(self, far: RemoteServer, trial: Trial) -> Run:
        self.limiter.begin(RunLimits(trial.requests, self._key.encode()))
        self.environment = Environment(far.url, lambda: False)
        python = self.client.kind == "python"
        with (
            place_of(trial.base, far.url, self.server) as place,
            quietly(python) as sink,
            written_files(trial.watch_files, python) as written,
        ):
            calls = self._calls(trial, place.url)
            started = self.server.clock.now()
            run = Run(trial, [], [], started=started, key=self._key, base_url=place.url)
            self.driver.drive(trial, calls, run, self._virtual_limit)
        run.trace = _ended(far)
        run.received = len(run.trace)
        run.jobs = [job.id for job in far.jobs]
        run.charges = tuple(charge for charge in far.charges if charge.billed)
        run.half_files = half_files(written(), run.trace) if trial.watch_files else ()
        return self._completed(run, calls, sink)

    def _virtual_limit(self, seconds: float) -> Any:
        """Real time alone is a limit here."""
        return lambda: None


def _ended(far: RemoteServer) -> list[Exchange]:
    """The exchanges of a workspace, once those that its client has left have ended."""
    end = time.monotonic() + TRACE_ENDS
    while True:
        found = far.exchanges
        whole = len(found) >= far.ask("GET", "health")["exchanges"]
        if (whole and all(one.ended_at is not None for one in found)) or time.monotonic() > end:
            return found
        time.sleep(TRACE_LOOK)
