"""Server behaviour as data: strategies of scenarios that compose with `|` and shrink to `completed`.

Each strategy makes one side of a behaviour (the words of a status, the way to the end, the shape of answers,
the id, the faults at chosen polls); `combined` joins several. The first value of every strategy is the plain
server's, so that a counterexample shows only what matters. Timings and letters come from small tables, which
keep examples readable and reruns the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import CATALOGUE, Fault, Scenario
from kling_mock.scenarios.scenario import ERROR_SHAPES
from kling_mock.timeline import FinalStatus, Step
from kling_mock.trace_rules import REFUSALS
from kling_mock.wording import quoted

__all__ = [
    "HANGS",
    "KNOWN_WORDS",
    "PLAIN",
    "TROUBLES",
    "UNKNOWN_WORDS",
    "WITHOUT_STATUS",
    "bad_create_replies",
    "combined",
    "failures",
    "faults_named",
    "gone_wrong",
    "healthy",
    "id_styles",
    "joined",
    "known_words",
    "lasting_refusals",
    "limited_creates",
    "long_outages",
    "lost_replies",
    "part",
    "plans",
    "poll_troubles",
    "refused_creates",
    "shapes",
    "single_limits",
    "single_troubles",
    "situations",
    "transports",
    "unknown_words",
    "videos_missing",
]

PLAIN: Scenario = CATALOGUE["completed"].replace(plan=None)
"""The behaviour that everything shrinks to."""

KNOWN_WORDS = ("waiting", "active", "queued", "generating")
"""Words for a pending job that the documentation or its sample programs use."""

UNKNOWN_WORDS = ("processing", "QUEUED", "Generating", "in_progress", "submitted", "0", "")
"""Words for a pending job that nobody documented, other letter case and nothing among them."""

WITHOUT_STATUS = Scenario("generated", "Pending answers have no status.", shapes=frozenset({"no-status"}))

TROUBLES = (
    "poll-server-error",
    "poll-rate-limited",
    "poll-unavailable",
    "poll-bad-gateway-html",
    "poll-gateway-timeout",
    "poll-empty",
    "poll-truncated",
    "poll-reset",
    "poll-slow",
)
"""Faults that a poll meets now and then and a good client survives."""

HANGS = "poll-hangs"
"""A poll that is never answered: a good client in virtual time survives it as well."""

_GENERATED = "generated"
# Together they stay below the ten minutes after which the documented sample programs give up.
_WAITS = (5.0, 1.0, 30.0)
_BARE = (None, False)
_LIMITS = (*((wait, as_date) for as_date in (False, True) for wait in _WAITS), _BARE)
"""Values of Retry-After: its seconds, and True where they are written as a date; None where left out."""
_SPANS = (None, 0.0, 1.0, 20.0, 60.0)


def part(summary: str, **values: Any) -> Scenario:
    """A scenario that is made up, of a plain name."""
    return Scenario(_GENERATED, summary, **values)


_WITHOUT_VIDEO = (
    CATALOGUE["completed-without-url"].replace(plan=None),
    part("The job ends as completed, but its video is null.", shapes=frozenset({"null-video"})),
)


def combined(*parts: st.SearchStrategy[Scenario]) -> st.SearchStrategy[Scenario]:
    """All the parts at once; it shrinks to `completed` where each part shrinks to the plain server's.

    A part that says nothing leaves no trace in the name or the summary.
    """
    return st.tuples(*parts).map(joined)


def joined(parts: Sequence[Scenario]) -> Scenario:
    """Several scenarios as one, of a plain name; `PLAIN` where none of them says anything."""
    telling = [part for part in parts if part.replace(name="", summary="") != Scenario("")]
    if not telling:
        return PLAIN
    whole = telling[0]
    for part in telling[1:]:
        whole = whole | part
    # One plain name: a joined one would be read as several scenarios of the catalogue.
    return whole if len(telling) == 1 else whole.replace(name=_GENERATED)


def known_words() -> st.SearchStrategy[Scenario]:
    """Pending statuses by every name that is in use: queued, generating, waiting, active."""
    return _words(KNOWN_WORDS, plain=True)


def unknown_words() -> st.SearchStrategy[Scenario]:
    """Pending statuses, one or both, by names that nobody documented, or none at all."""
    return st.one_of(_words(UNKNOWN_WORDS, plain=False), st.just(WITHOUT_STATUS))


def _words(words: Sequence[str], *, plain: bool) -> st.SearchStrategy[Scenario]:
    either = st.sampled_from(["generating", "queued"])
    one = st.builds(lambda status, word: {status: word}, either, st.sampled_from(words))
    both = st.builds(
        lambda first, second: {"queued": first, "generating": second},
        st.sampled_from(words),
        st.sampled_from(words),
    )
    drawn = st.one_of(st.just({}), one, both) if plain else st.one_of(one, both)
    return drawn.map(_renamed)


def _renamed(words: dict[str, str]) -> Scenario:
    changed = {status: word for status, word in words.items() if status != word}
    if not changed:
        return PLAIN
    said = ", ".join(f"{status} is called {quoted(word)}" for status, word in changed.items())
    return part(f"On the wire {said}.", words=changed)


def plans(*, end: FinalStatus = "completed", most: int = 5) -> st.SearchStrategy[Scenario]:
    """Ways to an end: up to `most` pending statuses in any order, repeated, skipped or backwards.

    Spans are seconds or the server's own.
    """
    step = st.builds(Step, st.sampled_from(["queued", "generating"]), st.sampled_from(_SPANS))
    ways = st.lists(step, max_size=most).map(lambda steps: _planned(steps, end))
    return ways if end != "completed" else st.one_of(st.just(PLAIN), ways)


def _planned(steps: Sequence[Step], end: FinalStatus) -> Scenario:
    shown = [
        step.status if step.span is None else f"{step.status} for {step.span:g}"
        for step in (*steps, Step(end))
    ]
    return part(f"The job goes {' → '.join(shown)}.", plan=(*steps, Step(end)))


def shapes() -> st.SearchStrategy[Scenario]:
    """Answers in every shape the API has been seen to give: nulls, absent keys, unknown keys, any usage."""
    return st.tuples(
        st.sampled_from(["", "nulls", "absent"]),
        st.sampled_from(["", "tokens-used", "no-usage", "poll-usage"]),
        *(st.sampled_from(["", name]) for name in ("extra-fields", "file-details", "signed-url")),
    ).map(_shaped)


def _shaped(names: Iterable[str]) -> Scenario:
    chosen = [name for name in names if name]
    return part(f"Answers: {', '.join(chosen)}.", shapes=frozenset(chosen)) if chosen else PLAIN


def id_styles(styles: Sequence[str] = tuple(ID_STYLES)) -> st.SearchStrategy[Scenario]:
    """Ids of every style that has been seen, the awkward ones included."""
    chosen = st.sampled_from(["", *styles])
    return chosen.map(lambda style: part(f"The id is of style {style}.", ids=style) if style else PLAIN)


def faults_named(name: str) -> tuple[Fault, ...]:
    """The faults of a named scenario; `poll-NAME` may also be what `NAME` does to a create, at a poll."""
    if name in CATALOGUE:
        return CATALOGUE[name].faults
    at_create = CATALOGUE[name.removeprefix("poll-")].faults
    return tuple(fault.replace(at="poll", times=1, job_made=False) for fault in at_create)


def poll_troubles(
    kinds: Sequence[str] = TROUBLES,
    *,
    least: int = 0,
    most: int = 3,
    longest: int = 2,
    total: int | None = None,
) -> st.SearchStrategy[Scenario]:
    """From `least` to `most` faults, each at a chosen poll and up to `longest` polls in a row.

    Not more than `total` polls fail in all. Faults of one draw never fall on the same poll. It shrinks to no
    fault, or to the first kind at poll 1.
    """
    # Few draws for each: only a small trouble is taken out of the middle of a list by the shrinker.
    trouble = st.tuples(
        st.integers(0, 3),  # polls that go well before it
        st.sampled_from(kinds),
        st.integers(1, longest),
        st.sampled_from(_LIMITS),
    )
    troubles = st.lists(trouble, min_size=least, max_size=most)
    if total is not None:
        troubles = troubles.filter(lambda drawn: sum(times for _, _, times, _ in drawn) <= total)
    return troubles.map(_troubled)


def single_troubles(kinds: Sequence[str] = TROUBLES) -> list[Scenario]:
    """Each kind of trouble once, at the first poll."""
    dropped = Fault("poll", "dropped", times=1)
    closed = part("The connection of the first poll is closed without an answer.", faults=(dropped,))
    return [*(_troubled([(0, name, 1, _LIMITS[0])]) for name in kinds), closed]


def single_limits() -> list[Scenario]:
    """A 429 and a 503 at the first poll, with Retry-After in seconds and as a date.

    Also longer than any client's interval, so that one that ignores it is seen to.
    """
    kinds = ("poll-rate-limited", "poll-unavailable")
    waits = ((30.0, False), (30.0, True), (60.0, False), (60.0, True))
    return [_troubled([(0, name, 1, wait)]) for name in kinds for wait in waits]


def long_outages(polls: int = 12) -> list[Scenario]:
    """A service that is away for so many polls in a row: by errors, and by connections that break."""
    return [_troubled([(0, name, polls, _LIMITS[0])]) for name in ("poll-server-error", "poll-reset")]


def gone_wrong(*, hangs: bool = True) -> list[Scenario]:
    """Jobs that a client might be tempted to make again: refused for good, without a video, of odd status.

    With `hangs` also polls that are not answered, once and twice in a row.
    """
    denied = CATALOGUE["no-credits"].faults[0].replace(at="poll")
    refusals = [
        part(f"Polls are answered {fault.status} for ever.", faults=(fault.replace(times=None),))
        for fault in (*faults_named("poll-not-found"), *faults_named("poll-unauthorized"), denied)
    ]
    odd = [_renamed({"generating": UNKNOWN_WORDS[0]}), WITHOUT_STATUS]
    unanswered = [_troubled([(0, HANGS, times, _LIMITS[0])]) for times in (1, 2)] if hangs else []
    return [*unanswered, *long_outages(), *refusals, *_WITHOUT_VIDEO, *odd]


def _troubled(drawn: Sequence[tuple[int, str, int, tuple[float | None, bool]]]) -> Scenario:
    faults: list[Fault] = []
    said = []
    place = hidden = 0
    for gap, name, times, (wait, as_date) in drawn:
        place += gap
        (fault,) = faults_named(name)
        # A fault that takes an answer's place hides that poll from the count of those after it.
        after = place if fault.modifies else place - hidden
        faults.append(_waiting(fault.replace(after=after, times=times), wait, as_date))
        said.append(f"{name} at poll {place + 1}" + (f" and {times - 1} more" if times > 1 else ""))
        hidden += 0 if fault.modifies else times
        place += times
    return part(f"Polls meet {', '.join(said)}.", faults=tuple(faults)) if faults else PLAIN


def _waiting(fault: Fault, wait: float | None, as_date: bool) -> Fault:
    """The fault with another Retry-After or without, where it has one."""
    return fault if fault.retry_after is None else fault.replace(retry_after=wait, retry_date=as_date)


def refused_creates(statuses: Sequence[int] = REFUSALS) -> st.SearchStrategy[Scenario]:
    """Creates that are refused for good, with the API's error body."""
    messages = {
        400: "bad-request",
        401: "unauthorized",
        403: "no-credits",
        404: "not-found",
        422: "bad-request",
    }
    return st.sampled_from(statuses).map(
        lambda status: part(
            f"The create is answered {status}.",
            faults=(CATALOGUE[messages[status]].faults[0].replace(status=status),),
        )
    )


def lost_replies() -> st.SearchStrategy[Scenario]:
    """Creates whose job is made and charged, but whose reply never arrives whole."""
    gateway = CATALOGUE["bad-gateway-html"].faults[0].replace(job_made=True)
    page = part("The create is answered 502 although the job was made.", faults=(gateway,))
    dropped = Fault("create", "dropped", times=1, job_made=True)
    closed = part("The job is made, and the connection closed without an answer.", faults=(dropped,))
    names = ("create-lost-reply", "create-hangs", "gateway-timeout", "create-truncated")
    return st.sampled_from([*(CATALOGUE[name] for name in names), page, closed])


def bad_create_replies() -> st.SearchStrategy[Scenario]:
    """Creates that answer 200 with nothing that names the job."""
    page = Fault("create", "html", status=200, job_made=True)
    names = ("create-without-id", "create-empty-id", "create-empty", "create-not-json", "create-truncated")
    html = part("The create is answered 200 with an HTML page.", faults=(page,))
    return st.sampled_from([*(CATALOGUE[name] for name in names), html])


def limited_creates(*, most: int = 3) -> st.SearchStrategy[Scenario]:
    """Creates that are answered 429 up to `most` times, with Retry-After (seconds or a date) and without."""
    (limited,) = CATALOGUE["rate-limited"].faults

    def made(times: int, limit: tuple[float | None, bool]) -> Scenario:
        said = "without Retry-After" if limit == _BARE else f"with Retry-After: wait {limit[0]:g} s"
        often = "once" if times == 1 else f"{times} times"
        return part(
            f"The create is answered 429 {often}, {said}.",
            faults=(_waiting(limited.replace(times=times), *limit),),
        )

    return st.builds(made, st.integers(1, most), st.sampled_from(_LIMITS))


_FROM_POLL = ("From the first", "From the second", "From the third")


def lasting_refusals() -> st.SearchStrategy[Scenario]:
    """Polls that are answered 401, 403 or 404 for ever, from a chosen poll on."""
    denied = CATALOGUE["no-credits"].faults[0].replace(at="poll")
    faults = (*faults_named("poll-unauthorized"), denied, *faults_named("poll-not-found"))
    return st.builds(
        lambda fault, after: part(
            f"{_FROM_POLL[after]} on, every poll is answered {fault.status}.",
            faults=(fault.replace(after=after, times=None),),
        ),
        st.sampled_from(faults),
        st.integers(0, 2),
    )


def failures() -> st.SearchStrategy[Scenario]:
    """Jobs that end with an error, in every shape that an error has been seen in, in the create too."""
    # What is written in an error of signs is the business of D3 alone.
    error = st.sampled_from([shape for shape in ERROR_SHAPES if shape != "signs"])
    ended = error.map(
        lambda shape: CATALOGUE["failed"].replace(
            name=_GENERATED, error=shape, summary=f"The job ends with an error of shape {shape}."
        )
    )
    at_once = error.map(lambda shape: CATALOGUE["failed-in-create"].replace(name=_GENERATED, error=shape))
    return st.one_of(ended, at_once)


def videos_missing() -> st.SearchStrategy[Scenario]:
    """Jobs that end as completed without a URL."""
    return st.sampled_from(_WITHOUT_VIDEO)


def transports(*, hygiene: bool = True) -> st.SearchStrategy[Scenario]:
    """Answers that are right but travel oddly: chunked, compressed, dripping, on closed connections.

    With `hygiene` also a byte order mark, a wrong content type and duplicate keys at one poll.
    """
    names = ["chunked", "gzip", "close-between-polls", "slow-drip"]
    if hygiene:
        names += ["poll-byte-order-mark", "poll-wrong-content-type", "poll-duplicate-keys"]
    return st.sampled_from([PLAIN, *(CATALOGUE[name] for name in names)])


def healthy(*, troubles: bool = True) -> st.SearchStrategy[Scenario]:
    """Everything that must still end with the video: known words, any way there, any shape, any id.

    With `troubles` also faults of polls that pass.
    """
    parts = [known_words(), plans(), shapes(), id_styles(), transports(hygiene=False)]
    return combined(*parts, *([poll_troubles()] if troubles else []))


def situations(
    model: str, scenarios: st.SearchStrategy[Scenario] | None = None
) -> st.SearchStrategy[tuple[dict[str, Any], Scenario]]:
    """Pairs of a valid payload of a model and a scenario, `healthy` ones by default, that shrink together."""
    from .payloads import valid_payloads

    return st.tuples(valid_payloads(model), healthy() if scenarios is None else scenarios)
