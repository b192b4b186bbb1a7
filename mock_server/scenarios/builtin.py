"""The named scenarios, each with one sentence; every other place refers to these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UnknownScenario
from .fault import Fault, FaultKind
from .scenario import Scenario, Shape

__all__ = ["CATALOGUE", "GROUPS", "OUT_OF_CREDITS", "TOO_MANY_REQUESTS", "find_scenario"]

OUT_OF_CREDITS = (
    "You have run out of credits; top up your balance or update your payment method to go on: "
    "https://aimlapi.com/app/billing/"
)
TOO_MANY_REQUESTS = "Too Many Requests"
"""What is said of a rate and of a limit on unfinished jobs alike."""

# The words that clients look for are the documented ones.
_INVALID_KEY = "A valid key is required. You can find or make an API key at https://aimlapi.com/app/keys."
_SERVER_ERROR = "There is something wrong with the server. Please try again later."
_MAINTENANCE = "The model is under maintenance. Please try again later."
_UNAVAILABLE = "Service unavailable"


def _ends() -> list[Scenario]:
    return [
        Scenario("completed", "The job is queued, generates and ends with a video.", end="completed"),
        Scenario(
            "failed", "The job ends with an error of a name and a message.", end="error", error="schema"
        ),
        Scenario(
            "failed-detail", "The job ends with an error as real runs show it.", end="error", error="detail"
        ),
        Scenario("stuck-queued", "The job stays queued for ever.", plan=("queued",)),
        Scenario("stuck-generating", "The job starts and never ends.", plan=("queued", "generating")),
        Scenario("slow", "The job takes ten times as long as the server's own times.", stretch=10.0),
    ]


def _odd_ends() -> list[Scenario]:
    return [
        Scenario(
            "completed-in-create",
            "The create already says completed and carries the video.",
            create_status="completed",
        ),
        Scenario("failed-in-create", "The create already says error.", create_status="error", error="schema"),
        Scenario(
            "completed-without-url",
            "The job ends as completed, but its video has no URL.",
            end="completed",
            shapes={"without-url"},
        ),
    ]


def _statuses() -> list[Scenario]:
    return [
        Scenario(
            "waiting-active",
            "Pending jobs say waiting and active, as the documented samples expect.",
            words={"queued": "waiting", "generating": "active"},
        ),
        Scenario(
            "unknown-status",
            "A pending job shows a status that nobody documented.",
            words={"generating": "processing"},
        ),
        Scenario(
            "backwards",
            "The job falls back from generating to queued before it completes.",
            plan=("queued", "generating", "queued", "generating", "completed"),
        ),
        Scenario("skips-generating", "The job goes from queued to completed.", plan=("queued", "completed")),
        Scenario(
            "succeeded", "The end is called succeeded instead of completed.", words={"completed": "succeeded"}
        ),
    ]


def _shapes() -> list[Scenario]:
    shapes: dict[Shape, str] = {
        "nulls": "Keys with nothing to say are null.",
        "absent": "Keys with nothing to say are absent, meta included.",
        "extra-fields": "Answers carry unknown keys at every level.",
        "tokens-used": "Usage is called tokens_used, as in older answers.",
        "file-details": "The video has content_type, file_name and file_size beside its URL.",
        "no-usage": "No answer says what was used.",
        "signed-url": "The video's URL is long, signed and on another host name.",
    }
    return [Scenario(name, summary, shapes=frozenset({name})) for name, summary in shapes.items()]


def _ids() -> list[Scenario]:
    return [
        Scenario("id-nanoid", "The id is a 21-character nanoid.", ids="nanoid"),
        Scenario(
            "id-leading-dash", "The id starts with a dash and ends with an underscore.", ids="leading-dash"
        ),
        Scenario("id-digits", "The id is eighteen digits, more than a double can hold.", ids="digits"),
        Scenario("id-uuid-model", "The id is UUID:MODEL, with colons and slashes.", ids="uuid-model"),
        Scenario("id-awkward", "The id has + & = # %, a space and letters beyond ASCII.", ids="awkward"),
    ]


def _create_fault(name: str, summary: str, kind: FaultKind, **values: Any) -> Scenario:
    return Scenario(name, summary, faults=(Fault("create", kind, **values),))


def _poll_fault(name: str, summary: str, kind: FaultKind, **values: Any) -> Scenario:
    return Scenario(name, summary, faults=(Fault("poll", kind, **{"times": 1} | values),))


def _refused_creates() -> list[Scenario]:
    one = _create_fault
    return [
        one(
            "bad-request",
            "The create is refused as invalid.",
            "status",
            status=400,
            message="Body validation error: refused by the scenario bad-request.",
        ),
        one(
            "unauthorized",
            "The create is refused: the key is not valid.",
            "status",
            status=401,
            message=_INVALID_KEY,
        ),
        one(
            "no-credits",
            "The create is refused: there are no credits left.",
            "status",
            status=403,
            message=OUT_OF_CREDITS,
        ),
        one("not-found", "The create is answered 404.", "status", status=404, message="Not Found"),
        one(
            "rate-limited",
            "The create is answered 429 with Retry-After.",
            "status",
            status=429,
            message=TOO_MANY_REQUESTS,
            retry_after=5.0,
        ),
        one(
            "rate-limited-bare",
            "The create is answered 429 without Retry-After, as documented.",
            "status",
            status=429,
            message=TOO_MANY_REQUESTS,
        ),
        one(
            "concurrency-limited",
            "Creates are answered 429 while a job is unfinished.",
            "status",
            status=429,
            message=TOO_MANY_REQUESTS,
            unfinished=1,
        ),
    ]


def _failing_creates() -> list[Scenario]:
    one = _create_fault
    return [
        one(
            "server-error",
            "The create is answered 500.",
            "status",
            status=500,
            message=_SERVER_ERROR,
        ),
        one(
            "model-maintenance",
            "The create is answered 500: the model is under maintenance.",
            "status",
            status=500,
            message=_MAINTENANCE,
        ),
        one("bad-gateway-html", "The create is answered 502 with a gateway's HTML page.", "html", status=502),
        one(
            "unavailable",
            "The create is answered 503 with Retry-After.",
            "status",
            status=503,
            message=_UNAVAILABLE,
            retry_after=5.0,
        ),
        one(
            "gateway-timeout",
            "The create is answered 504 although the job was made.",
            "status",
            status=504,
            message="Generation timeout",
            job_made=True,
        ),
    ]


def _broken_creates() -> list[Scenario]:
    one = _create_fault
    return [
        one("create-slow", "The create is answered after thirty seconds.", "slow", seconds=30.0),
        one("create-hangs", "The job is made, and its create is never answered.", "hang", job_made=True),
        one("create-reset", "The connection of the create is reset before a job is made.", "reset"),
        one(
            "create-lost-reply",
            "The job is made and charged, and the connection drops.",
            "reset",
            job_made=True,
        ),
        one(
            "create-truncated", "The job is made, and half of the answer arrives.", "truncated", job_made=True
        ),
        one("create-not-json", "The job is made, and the answer is plain text.", "not-json", job_made=True),
        one("create-empty", "The job is made, and the answer is empty.", "empty", job_made=True),
        one(
            "create-without-id",
            "The job is made, and the answer does not name it.",
            "without-id",
            job_made=True,
        ),
        one("create-empty-id", 'The job is made, and the answer names it "".', "empty-id", job_made=True),
    ]


def _troubled_polls() -> list[Scenario]:
    one = _poll_fault
    return [
        one(
            "poll-rate-limited",
            "A poll is answered 429 with Retry-After.",
            "status",
            status=429,
            message=TOO_MANY_REQUESTS,
            retry_after=5.0,
        ),
        one(
            "poll-server-error",
            "A poll is answered 500.",
            "status",
            status=500,
            message=_SERVER_ERROR,
        ),
        one(
            "poll-bad-gateway-html", "A poll is answered 502 with a gateway's HTML page.", "html", status=502
        ),
        one("poll-empty", "A poll is answered 200 with nothing.", "empty"),
        one("poll-truncated", "Half of a poll's answer arrives.", "truncated"),
        one("poll-reset", "The connection of a poll is reset.", "reset"),
        one("poll-slow", "A poll is answered after twenty seconds.", "slow", seconds=20.0),
        one("poll-hangs", "A poll is never answered.", "hang"),
    ]


def _refused_polls() -> list[Scenario]:
    one = _poll_fault
    return [
        one(
            "poll-unauthorized",
            "Polls are refused: the key is no longer valid.",
            "status",
            times=None,
            status=401,
            message=_INVALID_KEY,
        ),
        one(
            "poll-not-found",
            "The job is gone: polls are answered 404.",
            "status",
            times=None,
            status=404,
            message="Generation not found",
        ),
        one(
            "poll-not-found-at-first",
            "The first poll does not know the job yet.",
            "status",
            status=404,
            message="Generation not found",
        ),
        one("poll-wrong-content-type", "A poll's JSON says text/plain.", "wrong-content-type"),
        one("poll-byte-order-mark", "A poll's JSON starts with a byte order mark.", "byte-order-mark"),
        one("poll-duplicate-keys", "A poll's JSON says its first key twice.", "duplicate-keys"),
    ]


def _transport() -> list[Scenario]:
    return [
        Scenario(
            "slow-drip",
            "Answers come in small pieces over two seconds.",
            faults=(Fault("any", "drip", seconds=2.0),),
        ),
        Scenario("chunked", "Answers come in chunks, without a length.", faults=(Fault("any", "chunked"),)),
        Scenario("gzip", "Answers are compressed.", faults=(Fault("any", "gzip"),)),
        Scenario(
            "close-between-polls", "Every answer closes its connection.", faults=(Fault("any", "close"),)
        ),
        Scenario(
            "redirect",
            "The create is redirected with 307 to another host name.",
            faults=(Fault("create", "redirect"),),
        ),
    ]


def _video_faults() -> list[Scenario]:
    return [
        Scenario(
            "video-expired",
            "The video's URL has expired: 403.",
            faults=(Fault("video", "expired"),),
        ),
        Scenario("video-truncated", "Half of the video arrives.", faults=(Fault("video", "truncated"),)),
        Scenario(
            "video-reset",
            "The connection is reset in the middle of the video.",
            faults=(Fault("video", "reset"),),
        ),
        Scenario(
            "video-slow",
            "The video arrives in pieces over ten seconds.",
            faults=(Fault("video", "drip", seconds=10.0),),
        ),
        Scenario(
            "video-redirect",
            "The video is on another host name, behind a redirect.",
            faults=(Fault("video", "redirect"),),
        ),
        Scenario(
            "video-changed",
            "One download breaks off, and another video is at the URL from then on.",
            faults=(Fault("video", "truncated", times=1), Fault("video", "changed", after=1)),
        ),
    ]


_GROUPS: Mapping[str, list[Scenario]] = {
    "ends": [*_ends(), *_odd_ends()],
    "statuses": _statuses(),
    "shapes of answers": _shapes(),
    "ids": _ids(),
    "faults of the create": [*_refused_creates(), *_failing_creates(), *_broken_creates()],
    "faults of polls": [*_troubled_polls(), *_refused_polls()],
    "transport": _transport(),
    "faults of the video": _video_faults(),
}

CATALOGUE: Mapping[str, Scenario] = {item.name: item for group in _GROUPS.values() for item in group}
"""Name to scenario, in the order in which they are listed."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    title: tuple(item.name for item in group) for title, group in _GROUPS.items()
}
"""What a group of scenarios is about, to their names."""


def find_scenario(name: str, own: Mapping[str, Scenario] | None = None, /, **changes: object) -> Scenario:
    """The scenario of this name, the user's own first, its faults changed by `times`, `seconds` and the like.

    Raises `UnknownScenario` with the nearest names, `SettingsError` for a value that cannot be.
    """
    found = own.get(name) if own else None
    if found is None:
        found = CATALOGUE.get(name)
    if found is None:
        raise UnknownScenario(name, [*CATALOGUE, *(own or ())])
    return found.with_faults(**changes)
