"""The passive checks: rules of the contract that a trace alone can show to be broken.

Each check sees exchanges and nothing else: neither what the client was asked for nor what became of it. So
each accuses only where no right client could have left this trace, and keeps silent where one could; the
docstrings of the checks say what that leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..api.request_context import REDIRECTED
from ..errors import PayloadError
from ..exchanges.exchange import Exchange, trace_redactor
from ..scenarios.fault import TRANSPORT
from ..validation import parse_json
from ..validation.problems import UNKNOWN_MODEL
from .id_mutations import lost_digits, mangled
from .register import RULES, OfRule, Rule
from .retry_after import waited_too_little

__all__ = ["INVARIANTS", "REFUSALS", "Breach", "Invariant", "asks_for_unknown_model", "check_trace"]

REFUSALS = (400, 401, 403, 404, 422)
"""Statuses of a create that trying again cannot change."""
PLACEHOLDERS = frozenset(
    {"undefined", "null", "none", "nil", "nan", "nonetype", "[object object]", "false", "true", "<nil>", ""}
)
"""Texts that programming languages make of an id that is not there, in lower case."""


@dataclass(frozen=True, slots=True)
class Breach(OfRule):
    """A rule that a trace breaks; `exchanges` are the numbers of those that show it."""

    rule: Rule
    says: str
    """One sentence of what it costs the user."""
    exchanges: tuple[int, ...]

    def __str__(self) -> str:
        many = "exchanges" if len(self.exchanges) > 1 else "exchange"
        numbers = ", ".join(map(str, self.exchanges))
        return f"{self.id} {self.name}: {self.says} ({many} {numbers})"


class Accusation(NamedTuple):
    """A check's sentence about some exchanges."""

    says: str
    exchanges: tuple[Exchange, ...]


Trace = Sequence[Exchange]
Check = Callable[[Trace], Iterator[Accusation]]


class Invariant(NamedTuple):
    """A rule of the register, with the check that finds in a trace where it is broken."""

    rule: Rule
    check: Check

    @property
    def id(self) -> str:
        """The rule's id, such as `B1`."""
        return self.rule.id


def check_trace(exchanges: Sequence[Exchange], *, ignore: Collection[str] = ()) -> list[Breach]:
    """Every breach that the exchanges show, in the order of the ids; one that shows again is still one.

    `exchanges` are one client's, oldest first, such as `MockServer.exchanges` after a test. `ignore` holds
    ids that are not checked.
    """
    trace = list(exchanges)
    breaches: list[Breach] = []
    for invariant in INVARIANTS:
        if invariant.id in ignore:
            continue
        found: dict[str, list[int]] = {}
        for accusation in invariant.check(trace):
            numbers = found.setdefault(accusation.says, [])
            numbers += [each.number for each in accusation.exchanges if each.number not in numbers]
        breaches += [Breach(invariant.rule, says, tuple(numbers)) for says, numbers in found.items()]
    if not breaches:
        return []
    hide = trace_redactor(trace)
    return [Breach(breach.rule, hide(breach.says), breach.exchanges) for breach in breaches]


def _a1_payload_valid(trace: Trace) -> Iterator[Accusation]:
    """A create that its variant's contract refuses; of a model without a document nothing is known.

    A test that hands its client something invalid on purpose shows it too: nothing in the trace tells.
    """
    for create in _creates(trace):
        wrong = [problem for problem in create.violations if problem.constraint not in _NOT_THE_PAYLOAD]
        if wrong and not asks_for_unknown_model(create):
            yield Accusation(
                f"the API refuses this body, so there is no video: {wrong[0].sentence()}.", (create,)
            )


def _a3_no_undocumented_fields(trace: Trace) -> Iterator[Accusation]:
    """A field that the variant does not document, tolerated or, in strict mode, refused."""
    for create in _creates(trace):
        for problem in (*create.findings, *create.violations):
            if problem.constraint == "undocumented":
                yield Accusation(
                    f"{problem.path} is not a field of {create.model}, so what it asks for never happens.",
                    (create,),
                )


def _a7_bearer_everywhere(trace: Trace) -> Iterator[Accusation]:
    """Creates and polls without exactly one `Authorization: Bearer KEY`, and URLs with the key in them.

    What follows the mock's redirect to another host name may go without: clients drop the key there.
    """
    for exchange in trace:
        if exchange.kind not in ("create", "poll"):
            continue
        values = exchange.header_values(b"authorization")
        if len(values) != 1:
            if values:
                says = f"a {exchange.kind} has {len(values)} Authorization headers"
                yield Accusation(f"{says}: servers differ in which one counts.", (exchange,))
            elif REDIRECTED not in exchange.query_string:
                yield Accusation(
                    f"a {exchange.kind} with no Authorization header is answered 401.", (exchange,)
                )
            continue
        scheme, _, key = values[0].partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            yield Accusation(f"a {exchange.kind} without 'Bearer KEY' is answered 401.", (exchange,))
        elif scheme != "Bearer":
            says = f"a {exchange.kind} says {scheme!r}: the API documents 'Bearer'"
            yield Accusation(f"{says}, and servers may insist on it.", (exchange,))
        elif len(key.strip()) > 3 and key.strip() in _url_text(exchange):
            yield Accusation("the key is in the URL, where logs and proxies keep it.", (exchange,))


def _a8_strict_json(trace: Trace) -> Iterator[Accusation]:
    """A create that is not JSON in UTF-8 with the content type that says so."""
    for create in _creates(trace):
        typed = [problem for problem in create.violations if problem.constraint == "contentType"]
        broken = [problem for problem in create.violations if problem.constraint == "json"]
        charset = _charset(create)
        if typed:
            yield Accusation(f"the create says {typed[0].received}, not application/json.", (create,))
        elif charset not in ("", "utf-8", "utf8"):
            yield Accusation(f"the create says charset={charset}; JSON is UTF-8.", (create,))
        elif broken:
            wrong = f"expected {broken[0].expected}, received {broken[0].received}"
            yield Accusation(f"the body is not strict JSON: {wrong}.", (create,))


def _b1_one_create_per_job(trace: Trace) -> Iterator[Accusation]:
    """A second create with the same body after polls of the first job met trouble.

    Only where the client knew the id, the last poll before went wrong, the job had not ended, and nobody
    asked for it again: a test that wants the same video twice polls both. Creates under different scenarios
    are different situations.
    """
    creates = _creates(trace)
    for index, first in enumerate(creates):
        if not _told_its_id(first):
            continue
        for second in creates[index + 1 :]:
            if second.scenario != first.scenario or not _same_body(first, second):
                continue
            polls = [poll for poll in trace if poll.kind == "poll" and poll.job_id == first.job_id]
            before = [poll for poll in polls if poll.number < second.number]
            if not before or len(before) < len(polls) or any(_final(poll) for poll in before):
                continue
            if _troubled(before[-1]):
                yield Accusation(
                    "the client gave up on a job that was running and paid for, and made it again: "
                    "it would have been billed twice.",
                    (first, before[-1], second),
                )


def _b4_fail_fast_4xx(trace: Trace) -> Iterator[Accusation]:
    """After a create was refused: the same create again, or a poll for an id that is none."""
    refused: Exchange | None = None
    for exchange in trace:
        if exchange.kind == "create":
            if refused is not None and _same_request(refused, exchange):
                yield Accusation(
                    f"a create that was answered {refused.status} is sent again unchanged: "
                    "the answer cannot change, and the user waits for the reason.",
                    (refused, exchange),
                )
            refused = exchange if exchange.status in REFUSALS else None
        elif exchange.kind == "poll" and refused is not None and not exchange.known_id:
            asked = exchange.job_id or ""
            if asked.lower() in PLACEHOLDERS:
                yield Accusation(
                    f"after a create that was answered {refused.status} the client polls for {asked!r}: "
                    "the user never learns why there is no video.",
                    (refused, exchange),
                )


def _c1_stops_at_terminal(trace: Trace) -> Iterator[Accusation]:
    """A poll of a job whose end an earlier poll was told, in a whole answer that could be read."""
    ended: dict[str, Exchange] = {}
    for exchange in trace:
        if exchange.kind == "video" and exchange.job_id is not None and _failed(exchange):
            # The URL may have run out: a new one is had by polling.
            ended.pop(exchange.job_id, None)
        if exchange.kind != "poll" or not exchange.known_id or exchange.job_id is None:
            continue
        last = ended.get(exchange.job_id)
        if last is None:
            if _final(exchange):
                ended[exchange.job_id] = exchange
        elif last.ended_at is not None and exchange.at >= last.ended_at:
            yield Accusation(
                "the client polls on after the job has ended: it wastes its rate limit, "
                "and a failed job looks like one that still runs.",
                (last, exchange),
            )


def _b6_create_429(trace: Trace) -> Iterator[Accusation]:
    """As C8, for the next create with the same body."""
    for first, second, waited, asked in waited_too_little(trace):
        if second.kind == "create":
            yield Accusation(
                f"the answer {first.status} asks for {asked:g} s of patience and the create came again after "
                f"{waited:.2g} s of the server's clock: a real API goes on refusing.",
                (first, second),
            )


def _c8_retry_after(trace: Trace) -> Iterator[Accusation]:
    """The next poll comes before the time that Retry-After asked for has passed on the server's clock.

    A client may wait less than it is asked to where it has a cap of its own: after half a minute nothing is
    said. A test that replaces `sleep` hides the wait from the clock: fast-forward does not.
    """
    for first, second, waited, asked in waited_too_little(trace):
        if second.kind != "poll":
            continue
        yield Accusation(
            f"the answer {first.status} asks for {asked:g} s of patience and the next poll came "
            f"after {waited:.2g} s of the server's clock: a real API goes on refusing. (Where the test "
            "replaces sleep, let kling_fast_forward do it: then the clock sees the wait.)",
            (first, second),
        )


def _c11_id_round_trip(trace: Trace) -> Iterator[Accusation]:
    """A poll for what an id becomes when it is not encoded, or twice, or cut at a character of URLs."""
    yield from _altered_ids(trace, mangled, "the paid video is never found: {id!r} was polled as {asked!r}.")


def _c12_id_opaque(trace: Trace) -> Iterator[Accusation]:
    """A poll for what an id becomes when it is read as a number, or taken apart."""
    says = "an id was taken for more than a string, and is lost: {id!r} was polled as {asked!r}."
    yield from _altered_ids(trace, lost_digits, says)


def _altered_ids(trace: Trace, altered: Callable[[str, str], bool], says: str) -> Iterator[Accusation]:
    issued: dict[str, Exchange] = {}
    for exchange in trace:
        if exchange.kind == "create" and exchange.known_id and exchange.job_id is not None:
            issued[exchange.job_id] = exchange
        elif exchange.kind == "poll" and not exchange.known_id and exchange.job_id:
            asked = exchange.job_id
            origin = next((job_id for job_id in reversed(issued) if altered(job_id, asked)), None)
            if origin is not None:
                yield Accusation(says.format(id=origin, asked=asked), (issued[origin], exchange))


def asks_for_unknown_model(create: Exchange) -> bool:
    """True for a create of a model that this mock has no document of: that tells nothing of the client."""
    return any(problem.constraint == UNKNOWN_MODEL for problem in create.violations)


def _creates(trace: Trace) -> list[Exchange]:
    return [exchange for exchange in trace if exchange.kind == "create"]


def _told_its_id(create: Exchange) -> bool:
    """Return True if a create made a job and its answer could be read."""
    return create.known_id and create.status in (200, 201) and _readable(create)


def _failed(download: Exchange) -> bool:
    return download.fault is not None or download.status is None or download.status >= 400


def _final(poll: Exchange) -> bool:
    """Return True if a readable answer told a poll of the job's end, in the contract's own words."""
    if poll.status != 200 or poll.state not in ("completed", "error") or not _readable(poll):
        return False
    answer = poll.answer
    return isinstance(answer, dict) and answer.get("status") == poll.state


def _troubled(poll: Exchange) -> bool:
    return poll.status != 200 or not _readable(poll)


def _readable(exchange: Exchange) -> bool:
    """Return True if a client could read an answer: no fault struck it, or the fault left it whole.

    An exchange names one fault of several: what came with it shows in the answer itself.
    """
    if exchange.fault is None:
        return True
    if exchange.fault not in TRANSPORT or exchange.status is None or exchange.whole_size is not None:
        return False
    if not exchange.answer_header.get("content-type", "").startswith("application/json"):
        return False
    try:
        parse_json(exchange.answer_body)
    except PayloadError:
        return False
    return True


def _same_body(first: Exchange, second: Exchange) -> bool:
    if first.body_size == 0:
        return False
    if first.body == second.body and first.body_size == second.body_size:
        return True
    payload = first.payload
    return payload is not None and payload == second.payload


def _same_request(first: Exchange, second: Exchange) -> bool:
    if first.header_values(b"authorization") != second.header_values(b"authorization"):
        return False
    return (first.path, first.scenario) == (second.path, second.scenario) and _same_body(first, second)


def _url_text(exchange: Exchange) -> str:
    return exchange.path + "?" + json.dumps(exchange.query, ensure_ascii=False)


def _charset(exchange: Exchange) -> str:
    for value in exchange.header_values(b"content-type"):
        for parameter in value.split(";")[1:]:
            name, _, charset = parameter.partition("=")
            if name.strip().lower() == "charset":
                return charset.strip().strip('"').lower()
    return ""


_NOT_THE_PAYLOAD = ("contentType", "json", "scenario", "undocumented", "account")

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(RULES["A1"], _a1_payload_valid),
    Invariant(RULES["A3"], _a3_no_undocumented_fields),
    Invariant(RULES["A7"], _a7_bearer_everywhere),
    Invariant(RULES["A8"], _a8_strict_json),
    Invariant(RULES["B1"], _b1_one_create_per_job),
    Invariant(RULES["B4"], _b4_fail_fast_4xx),
    Invariant(RULES["B6"], _b6_create_429),
    Invariant(RULES["C1"], _c1_stops_at_terminal),
    Invariant(RULES["C8"], _c8_retry_after),
    Invariant(RULES["C11"], _c11_id_round_trip),
    Invariant(RULES["C12"], _c12_id_opaque),
)
"""The rules that `check_trace` checks, in its order."""
