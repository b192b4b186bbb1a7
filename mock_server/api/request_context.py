"""One request as the endpoints read it: its headers once, its key, the host name it came by."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..errors import KlingMockError
from ..exchanges.exchange import Headers
from ..exchanges.redaction import shown_scheme
from ..exchanges.repeated import RepeatedHeaders
from .outcome import Refusal

if TYPE_CHECKING:
    from ..jobs.plan import JobPlan
    from ..scenarios import Scenario
    from ..scenarios.fault import Place
    from ..workspace import Workspace

__all__ = ["LONGEST_HOST", "REDIRECTED", "RequestContext", "asked_scenario", "authorise", "key_of"]

KEYS_PAGE = "https://aimlapi.com/app/keys"
SAFE_HOST = re.compile(rb"[A-Za-z0-9.\-_]{1,253}(?::\d{1,5})?|\[[0-9a-fA-F:.]{2,45}\](?::\d{1,5})?")
LONGEST_HOST = 260
"""Bytes of a Host header that names a host: 253 of its name, and the port."""
REDIRECTED = b"mock-redirected=1"
"""Stands in the query of a redirect's target: host names do not tell, a client may use any from the start."""
CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class _ReadHeaders(NamedTuple):
    """What a request's headers say; of a header that is there twice the last one counts."""

    authorization: bytes | None
    content_type: bytes
    host: bytes
    """The one that the client knows by name: that of a proxy in front of the mock counts first."""
    secure: bool | None
    """Whether such a proxy speaks TLS with the client, to whom the answer's URLs go; None without one."""
    request_id: bytes | None
    """The client's own id of its request, where it is one that the API echoes."""
    scenario: str | None
    """What the header `X-Mock-Scenario` asks for."""


def _read(headers: Headers) -> _ReadHeaders:
    if type(headers) is not RepeatedHeaders:
        return _read_headers(headers)
    if headers.read is None:
        headers.read = _read_headers(headers)
    known: _ReadHeaders = headers.read
    return known


def _read_headers(headers: Headers) -> _ReadHeaders:
    values = dict(headers)
    scheme, request_id = values.get(b"x-forwarded-proto"), values.get(b"x-client-request-id")
    scenario = values.get(b"x-mock-scenario", b"").decode("utf-8", "replace").strip()
    return _ReadHeaders(
        values.get(b"authorization"),
        values.get(b"content-type", b""),
        values.get(b"x-forwarded-host", values.get(b"host", b"")),
        None if scheme is None else scheme.strip().lower() == b"https",
        request_id if request_id is not None and CLIENT_REQUEST_ID.fullmatch(request_id) else None,
        scenario or None,
    )


class RequestContext:
    """One request with its headers read once; `path` is without the prefix under which the app is mounted."""

    body = b""
    """The part of the body that the journal keeps."""
    body_size = 0

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Headers,
        at: float,
        scheme: str = "http",
        address: str = "",
        root: str = "",
        resets: int = 0,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.at = at
        """Virtual seconds since the epoch."""
        self.address = address
        """Where the server is reached by clients whose Host does not say."""
        self.root = root
        """The prefix under which the application is mounted, without a slash at its end."""
        self.resets = resets
        """How often all had been forgotten when it began."""
        read = _read(headers)
        self.authorization, self.content_type, self.host, secure, self.request_id, self.scenario = read
        self.secure = scheme == "https" if secure is None else secure

    @property
    def redirected(self) -> bool:
        """Whether the request follows a redirect of this server's: each request is redirected once."""
        # `in` would make and drop an exception for each two byte strings.
        return self.query.find(REDIRECTED) >= 0

    def origin(self) -> str:
        """Scheme and host (and prefix) under which the client reaches this server, for URLs in answers."""
        return f"{'https' if self.secure else 'http'}://{self._name()}{self.root}"

    def other_origin(self) -> str:
        """The same server under another host name, which a client must take for another one."""
        host = self._name()
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not colon:
            name, port = host, ""
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1", "[::1]": "localhost"}.get(name)
        if other is None:
            other = "cdn." + name.removeprefix("api.").removeprefix("cdn.")
        return f"{'https' if self.secure else 'http'}://{other}{colon}{port}{self.root}"

    def _name(self) -> str:
        return self.host.decode() if SAFE_HOST.fullmatch(self.host) else self.address


def authorise(space: Workspace, request: RequestContext) -> str:
    """The API key of a request; refuses the request with 401 where it has none that is accepted."""
    key, problem = _bearer(request.authorization)
    keys = space.settings.api_key
    if keys and not problem and key not in keys:
        try:
            known = space.names.named_by_key(key) is not None
        except KlingMockError as error:
            raise Refusal(401, str(error)) from None
        problem = "" if known else "The key is none of those that this server accepts."
    if problem:
        text = f"A valid key is required. {problem} You can find or make an API key at {KEYS_PAGE}."
        raise Refusal(401, text)
    space.claimed = True
    return key


def key_of(headers: Headers) -> str:
    """The API key that a request's headers show; empty where they show none."""
    given = [value for name, value in headers if name == b"authorization"]
    return _bearer(given[-1])[0] if given else ""


@lru_cache(maxsize=32)
def _bearer(value: bytes | None) -> tuple[str, str]:
    """The key of an Authorization header, and what is wrong with it; clients repeat theirs, so it is kept."""
    if value is None:
        example = "'Authorization: Bearer YOUR_KEY'"
        return "", f"Expected an Authorization header such as {example}, received none."
    scheme, _, raw_key = value.partition(b" ")
    if scheme.lower() != b"bearer":
        received = shown_scheme(scheme.decode("latin-1"))
        return "", f"Expected an Authorization header of the scheme 'Bearer', received {received!r}."
    key = raw_key.strip().decode("utf-8", "replace")
    return key, "" if key else "Expected a key after 'Bearer', received nothing."


def asked_scenario(
    space: Workspace, request: RequestContext, plan: JobPlan, place: Place
) -> tuple[Scenario, str | None]:
    """The scenario of a poll or download, and the text that counts its hits; None for the job's own.

    A header counts where its scenario has a fault for this place: clients that send one header with every
    request mean it for the create. Refuses the request with 400 for a name that is none.
    """
    if request.scenario is not None:
        try:
            asked = space.names.parse(request.scenario)
        except KlingMockError as error:
            raise Refusal(400, str(error)) from None
        if asked.at(place):
            return asked, request.scenario
    return plan.scenario, None
