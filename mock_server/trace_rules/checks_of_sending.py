"""The passive checks of what is sent: the body, the key, the path."""

from __future__ import annotations

from collections.abc import Iterator

from ..api.request_context import REDIRECTED
from ..exchanges.exchange import Exchange
from ..exchanges.redaction import shown_scheme
from ..validation.problems import UNKNOWN_MODEL
from ..wording import quoted
from .near_paths import nearest_path
from .trace import Accusation, Trace

__all__ = [
    "a1_payload_valid",
    "a3_no_undocumented_fields",
    "a6_exact_route",
    "a7_bearer_everywhere",
    "a8_strict_json",
    "asks_for_unknown_model",
]

_NOT_THE_PAYLOAD = ("contentType", "json", "scenario", "undocumented", "account")


def a1_payload_valid(trace: Trace) -> Iterator[Accusation]:
    """A create that its variant's contract refuses; of a model without a document nothing is known.

    A test that hands its client something invalid on purpose shows it too: nothing in the trace tells.
    """
    for create in trace.creates:
        wrong = [problem for problem in create.violations if problem.constraint not in _NOT_THE_PAYLOAD]
        if wrong and not asks_for_unknown_model(create):
            yield Accusation(
                f"the API refuses this body, so there is no video: {wrong[0].sentence()}.", (create,)
            )


def a3_no_undocumented_fields(trace: Trace) -> Iterator[Accusation]:
    """A field that the variant does not document, tolerated or, in strict mode, refused."""
    for create in trace.creates:
        for problem in (*create.findings, *create.violations):
            if problem.constraint == "undocumented":
                says = f"the field {quoted(problem.path)} is none of {create.model}"
                yield Accusation(f"{says}, so what it asks for never happens.", (create,))


def a6_exact_route(trace: Trace) -> Iterator[Accusation]:
    """A path that nobody has, and that is nearly one of the API's for videos.

    Others are left alone: the API has more than videos, and whoever waits for a server asks for what it has.
    """
    for exchange in trace.exchanges:
        if exchange.kind != "other" or exchange.status != 404 or exchange.method not in ("GET", "POST"):
            continue
        near = nearest_path(exchange.path)
        if near is not None:
            yield Accusation(
                f"{exchange.method} {exchange.path} is no path of the API: the nearest is {near}.",
                (exchange,),
            )


def a7_bearer_everywhere(trace: Trace) -> Iterator[Accusation]:
    """Creates and polls without exactly one `Authorization: Bearer KEY`, and URLs with the key in them.

    What follows the mock's redirect to another host name may go without: clients drop the key there.
    """
    for exchange in trace.exchanges:
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
            says = f"a {exchange.kind} that says {quoted(shown_scheme(scheme))} is answered 401"
            yield Accusation(f'{says}: the API expects "Bearer KEY".', (exchange,))
        elif scheme != "Bearer":
            says = f'a {exchange.kind} says {quoted(scheme)}: the API documents "Bearer"'
            yield Accusation(f"{says}, and servers may insist on it.", (exchange,))
        elif exchange.key_in_url:
            yield Accusation("the key is in the URL, where logs and proxies keep it.", (exchange,))


def a8_strict_json(trace: Trace) -> Iterator[Accusation]:
    """A create that is not JSON in UTF-8 with the content type that says so."""
    for create in trace.creates:
        typed = [problem for problem in create.violations if problem.constraint == "contentType"]
        broken = [problem for problem in create.violations if problem.constraint == "json"]
        charset = _charset(create)
        if typed:
            yield Accusation(f"the create says {typed[0].received}, not application/json.", (create,))
        elif charset not in ("", "utf-8", "utf8"):
            yield Accusation(f"the create says charset={quoted(charset)}; JSON is UTF-8.", (create,))
        elif broken:
            wrong = f"expected {broken[0].expected}, received {broken[0].received}"
            yield Accusation(f"the body is not strict JSON: {wrong}.", (create,))


def asks_for_unknown_model(create: Exchange) -> bool:
    """True for a create of a model that this mock has no document of: that tells nothing of the client."""
    return any(problem.constraint == UNKNOWN_MODEL for problem in create.violations)


def _charset(exchange: Exchange) -> str:
    for value in exchange.header_values(b"content-type"):
        for parameter in value.split(";")[1:]:
            name, _, charset = parameter.partition("=")
            if name.strip().lower() == "charset":
                return charset.strip().strip('"').lower()
    return ""
