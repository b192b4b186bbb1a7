"""One request as the endpoints read it: its headers once, its key, the host name it came by."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import KlingMockError
from .response import Answer, error_answer

if TYPE_CHECKING:
    from ..exchanges.journal import Exchange
    from ..jobs.store import Job
    from ..scenarios import Scenario
    from ..scenarios.fault import Place
    from ..state import State

__all__ = ["REDIRECTED", "Call", "asked_scenario", "authorise", "redirected"]

KEYS_PAGE = "https://aimlapi.com/app/keys"
SAFE_HOST = re.compile(rb"[A-Za-z0-9.\-_]+(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?")
REDIRECTED = b"mock-redirected=1"
"""Stands in the query of a redirect's target: host names do not tell, a client may use any from the start."""
CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Call:
    """One request with its headers read once."""

    __slots__ = ("authorization", "content_type", "exchange", "host", "request_id", "scenario", "secure")

    def __init__(self, exchange: Exchange, scheme: str) -> None:
        self.exchange = exchange
        self.secure = scheme == "https"
        # Of a header that is there twice the last one counts.
        headers = dict(exchange.raw_headers)
        self.authorization = headers.get(b"authorization")
        self.content_type = headers.get(b"content-type", b"")
        self.host = headers.get(b"host", b"")
        self.request_id: bytes | None = None
        self.scenario: str | None = None
        if b"x-client-request-id" in headers:
            value = headers[b"x-client-request-id"]
            self.request_id = value if CLIENT_REQUEST_ID.fullmatch(value) else None
        if b"x-forwarded-proto" in headers:
            # A proxy in front of the mock speaks TLS with the client, to whom the answer's URLs go.
            self.secure = headers[b"x-forwarded-proto"].strip().lower() == b"https"
        if b"x-mock-scenario" in headers:
            self.scenario = headers[b"x-mock-scenario"].decode("utf-8", "replace").strip() or None

    def origin(self, state: State) -> str:
        """Scheme and host under which the client reaches this server, for URLs in answers."""
        host = self.host.decode() if SAFE_HOST.fullmatch(self.host) else state.address
        return f"{'https' if self.secure else 'http'}://{host}"

    def other_origin(self, state: State) -> str:
        """The same server under another host name, which a client must take for another one."""
        scheme, _, host = self.origin(state).partition("://")
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not colon:
            name, port = host, ""
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1", "[::1]": "localhost"}.get(name)
        if other is None:
            other = "cdn." + name.removeprefix("api.").removeprefix("cdn.")
        return f"{scheme}://{other}{colon}{port}"


def authorise(state: State, call: Call) -> str | Answer:
    """The API key of a request, or the 401 that it gets."""
    key, problem = _bearer(call.authorization)
    keys = state.settings.api_key
    if keys and not problem and key not in keys:
        try:
            known = state.chooser.named_by_key(key) is not None
        except KlingMockError as error:
            return error_answer(state, call.exchange, 401, str(error))
        problem = "" if known else "Invalid API key: it is none of those that this server accepts."
    if problem:
        return error_answer(
            state, call.exchange, 401, f"{problem} You can find or make a key at {KEYS_PAGE}."
        )
    return key


@lru_cache(maxsize=32)
def _bearer(value: bytes | None) -> tuple[str, str]:
    """The key of an Authorization header, and what is wrong with it; clients repeat theirs, so it is kept."""
    if value is None:
        example = "'Authorization: Bearer YOUR_KEY'"
        return "", f"Missing API key: expected an Authorization header such as {example}."
    scheme, _, raw_key = value.partition(b" ")
    if scheme.lower() != b"bearer":
        received = scheme.decode("latin-1")[:20]
        return "", f"Invalid Authorization header: expected the scheme 'Bearer', received {received!r}."
    key = raw_key.strip().decode("utf-8", "replace")
    return key, "" if key else "Invalid API key: expected a key after 'Bearer', received nothing."


def asked_scenario(state: State, call: Call, job: Job, place: Place) -> tuple[Scenario, str | None]:
    """The scenario of a poll or download, and the text that counts its hits; None for the job's own.

    A header counts where its scenario has a fault for this place: clients that send one header with every
    request mean it for the create. Raises `UnknownScenario` or `SettingsError` for a name that is none.
    """
    if call.scenario is not None:
        asked = state.chooser.parse(call.scenario)
        if asked.at(place):
            return asked, call.scenario
    return job.scenario, None


def redirected(call: Call) -> bool:
    """Whether the request follows a redirect of this server's: each request is redirected once."""
    return REDIRECTED in call.exchange.query_string
