"""A server that runs elsewhere, with the words of `MockServer`: everything goes by its control API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .errors import ClockError, KlingMockError, ServerError
from .exchanges.exchange import Exchange, Notes, header_lines
from .jobs.charges import Charge
from .kept_options import plain_options
from .scenarios import Scenario, parse_scenario, scenario_as_json
from .timing import ANSWER_FAR
from .validation import Problem

__all__ = ["RemoteClock", "RemoteJob", "RemoteServer"]

MOST = 1_000
"""Entries of a list that the control API gives in one go."""


class RemoteServer:
    """One workspace of a server that runs elsewhere; it is made there when it is first asked for."""

    def __init__(self, url: str, *, token: str | None = None, name: str = "") -> None:
        """`url` is where it is, or a workspace of it; `name` is a workspace, `token` opens its `/_mock/`."""
        self.url = url.rstrip("/").removesuffix("/v2") + (f"/@{name}" if name else "")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(
                f"Expected the URL of a server such as http://127.0.0.1:8000, received {url!r}."
            )
        self.name = name
        self._token = token
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=ANSWER_FAR)
        self._path = parts.path
        self.clock = RemoteClock(self)
        self.api_key = "test-key"

    def __repr__(self) -> str:
        return f"<RemoteServer {self.url}>"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON that the control API answers; raises `KlingMockError` with what it says against it."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, f"{self._path}/_mock/{path}", data, headers)
            answer = self._connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise ServerError(f"The server at {self.url} does not answer: {error}.") from None
        if answer.status >= 400:
            raise KlingMockError(str(said.get("message", said)))
        return said

    @property
    def base_url(self) -> str:
        """What a client is given instead of the provider's address; ends in `/v2`."""
        return f"{self.url}/v2"

    @property
    def running(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.ask("GET", "health")["status"] == "ok")
        except KlingMockError:
            return False

    def start(self) -> RemoteServer:
        """Refuse: whoever runs it has to."""
        raise ServerError(f"The server at {self.url} is run by somebody else, and does not answer.")

    @property
    def seed(self) -> int:
        """The seed of its ids."""
        return int(self.ask("GET", "health")["seed"])

    @property
    def scenario(self) -> Scenario:
        """What happens to a create that asks for nothing else; of one of your own its name."""
        name = self.ask("GET", "scenario")["scenario"]
        try:
            return parse_scenario(name)
        except KlingMockError:
            return Scenario(name)

    def use(self, scenario: Scenario | str) -> None:
        """Make it the default scenario: a name, `NAME;times=2`, several with `+`, or a `Scenario`."""
        self.ask("POST", "scenario", {"scenario": _shown(scenario)})

    def next(self, scenario: Scenario | str) -> None:
        """Let the next create have this scenario; several calls queue up."""
        self.ask("POST", "scenario/next", {"scenario": _shown(scenario)})

    def configure(self, **options: Any) -> None:
        """Change options until the next `reset`."""
        asked = plain_options(options)
        if "scenario" in options:
            asked["scenario"] = _shown(options["scenario"])
        if asked:
            self.ask("POST", "settings", asked)

    def ignore(self, *ids: str) -> None:
        """Leave these rules out of the verdict on what follows, until the next `reset`."""
        self.ask("POST", "verdict", {"ignore": list(ids)})

    def reset(self) -> None:
        """Forget what this workspace has, undo `configure`, and end its held answers."""
        self.ask("POST", "reset")

    def end(self) -> None:
        """End the workspace, if it has a name."""
        self.ask("DELETE", "workspaces" if self.name else "workspaces/none")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _all(self, name: str) -> list[dict[str, Any]]:
        """All entries of a list, page by page."""
        found: list[dict[str, Any]] = []
        before = None
        while True:
            query = {"limit": MOST} | ({"before": before} if before is not None else {})
            page = self.ask("GET", f"{name}?{urlencode(query)}")
            found = page[name] + found
            before = page["before"]
            if before is None:
                return found

    @property
    def jobs(self) -> list[RemoteJob]:
        """The jobs that were made, oldest first."""
        return [RemoteJob(self, shown) for shown in self._all("jobs")]

    @property
    def exchanges(self) -> list[Exchange]:
        """What was said, oldest first; keys are hidden."""
        return [_exchange(shown) for shown in self._all("exchanges")]

    def evidence(self) -> dict[str, Any]:
        """What is known there of how the exchanges came about, when nobody will ask any more."""
        found: dict[str, Any] = self.ask("GET", "evidence?over=true")
        return found

    @property
    def charges(self) -> list[Charge]:
        """What would have been billed: one charge per job made, `billed` false for one that ends in error."""
        names = ("job_id", "model", "credits", "billed")
        return [Charge(*(shown[name] for name in names)) for shown in self._all("charges")]


class RemoteClock:
    """The virtual clock of a workspace that is elsewhere."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def _move(self, asked: Mapping[str, Any]) -> float:
        try:
            return float(self._server.ask("POST", "clock", asked)["now"])
        except ServerError:
            raise
        except KlingMockError as error:
            raise ClockError(str(error)) from None

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        return float(self._server.ask("GET", "clock")["now"])

    def next_wake(self) -> float | None:
        """The virtual moment at which the next held answer wakes."""
        moment: float | None = self._server.ask("GET", "clock")["next_wake"]
        return moment

    @property
    def speed(self) -> float:
        """Virtual seconds per real second; 0 while frozen."""
        return float(self._server.ask("GET", "clock")["speed"])

    @speed.setter
    def speed(self, value: float) -> None:
        self._move({"speed": value})

    @property
    def frozen(self) -> bool:
        """Whether time stands still between calls of `advance`."""
        return self.speed == 0

    def freeze(self) -> None:
        """Stand still until time is advanced by hand or a speed is set."""
        self.speed = 0

    def resume(self, speed: float = 1.0) -> None:
        """Run again, `speed` virtual seconds to a real one."""
        self.speed = speed

    def advance(
        self, seconds: float | str | None = None, *, until: str | None = None, job_id: str | None = None
    ) -> float:
        """Jump forward by a time, or `until` a status is reached, and return the new now."""
        if (seconds is None) == (until is None):
            raise ClockError("advance() takes either seconds or until=STATUS, for example advance(60).")
        asked = {"advance": seconds} if until is None else {"until": until}
        return self._move(asked | ({"job_id": job_id} if job_id is not None else {}))


class RemoteJob:
    """One job of a server that runs elsewhere; its status and its polls are as of now."""

    def __init__(self, server: RemoteServer, shown: Mapping[str, Any]) -> None:
        self._server = server
        self._shown = shown
        self.id: str = shown["id"]
        self.model: str = shown["model"]
        self.scenario: str = shown["scenario"]

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.model}>"

    def as_dict(self) -> dict[str, Any]:
        """The job as the control API shows it."""
        try:
            shown = self._server.ask("GET", f"jobs/{quote(self.id, safe='')}")
        except ServerError:
            raise
        except KlingMockError:
            # It made room for others: as it was last seen.
            return dict(self._shown)
        shown.pop("exchanges", None)
        self._shown = shown
        return dict(shown)

    @property
    def status(self) -> str:
        """queued, generating, completed or error."""
        return str(self.as_dict()["status"])

    @property
    def polls(self) -> int:
        """How many polls asked for it."""
        return int(self.as_dict()["polls"])

    @property
    def age(self) -> float:
        """Virtual seconds since it was made."""
        return float(self.as_dict()["age"])

    @property
    def charge(self) -> Charge:
        """What it would have cost."""
        return Charge(self.id, self.model, self._shown["credits"], self._shown["plan"][-1][0] == "completed")


def _shown(scenario: Scenario | str) -> Any:
    return scenario_as_json(scenario) if isinstance(scenario, Scenario) else scenario


def _problems(shown: list[dict[str, str]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(*(one[name] for name in ("path", "expected", "received", "constraint"))) for one in shown
    )


def _headers(shown: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in shown.items()
    ]


def _exchange(shown: Mapping[str, Any]) -> Exchange:
    """An exchange from what the control API shows of it."""
    request, response = shown["request"], shown["response"]
    known = shown["job_id"] is not None and (shown["kind"] == "create" or shown["scenario"] is not None)
    violations, findings = _problems(shown["violations"]), _problems(shown["findings"])
    notes = Notes(
        shown["scenario"], shown["state"], shown["fault"], known, violations, findings, shown["key_in_url"]
    )
    return Exchange(
        shown["method"],
        shown["path"],
        shown["query"].encode(),
        _headers(request["headers"]),
        shown["at"],
        request["body"].encode("utf-8", "surrogatepass"),
        request["size"],
        shown["status"],
        header_lines(_headers(response["headers"])),
        response["body"].encode("utf-8", "surrogatepass"),
        response["size"],
        response.get("content_size"),
        response.get("cut_off_from"),
        shown["kind"],
        shown["job_id"],
        shown["model"],
        shown["word"],
        notes,
        shown["number"],
        shown["ended_at"],
        shown["took"],
    )
