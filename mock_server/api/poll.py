"""The GET that polls a job, on every path that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ..errors import KlingMockError
from ..validation import Problem
from .faults import apply_fault, struck
from .job_json import plain_body, poll_body
from .request_context import Call, asked_scenario, authorise, redirected
from .response import FREE_LINES, Answer, encode, error_answer, header_id

if TYPE_CHECKING:
    from ..exchanges.journal import Exchange
    from ..jobs.store import Job
    from ..scenarios import Scenario
    from ..state import State

__all__ = ["poll"]

PLAIN_QUERY = re.compile(rb"generation_id=([A-Za-z0-9_.:/-]+)")
"""What nearly every poll asks, in characters that stand for themselves."""


def poll(state: State, call: Call) -> Answer:
    """Answer a GET: where the job stands, or what its scenario lets this poll meet."""
    exchange = call.exchange
    exchange.kind = "poll"
    key = authorise(state, call)
    if isinstance(key, Answer):
        return key
    asked = _asked_id(state, exchange)
    if isinstance(asked, Answer):
        return asked
    exchange.job_id = asked
    job = state.jobs.get(asked)
    if job is None:
        return _unknown_job(state, exchange, asked)
    exchange.known_id = True
    exchange.model = job.variant.model
    try:
        scenario, hits = asked_scenario(state, call, job, "poll")
    except KlingMockError as error:
        return error_answer(state, exchange, 400, str(error))
    exchange.scenario = scenario.name
    job.polls += 1
    if scenario.faults:
        return _faulty_poll(state, call, job, scenario, job.hits_of(hits))
    return _polled(state, call, job)


def _asked_id(state: State, exchange: Exchange) -> str | Answer:
    """The `generation_id` of a poll, decoded, or the 400 that it gets."""
    plain = PLAIN_QUERY.fullmatch(exchange.query_string)
    if plain is not None:
        return plain[1].decode()
    query = exchange.query_string.decode("utf-8", "replace")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    values = [value for name, value in pairs if name == "generation_id"]
    if len(values) == 1 and values[0]:
        return values[0]
    received = "nothing" if not values else "an empty one" if len(values) == 1 else f"{len(values)} of them"
    problem = Problem("query generation_id", "one generation id", received, "required")
    exchange.violations = (problem,)
    text = f"Query validation error: generation_id: expected one generation id, received {received}"
    return error_answer(state, exchange, 400, text, problems=(problem,))


def _unknown_job(state: State, exchange: Exchange, asked: str) -> Answer:
    text = "Generation not found"
    if state.jobs.dropped:
        text += f"; this mock dropped its {state.jobs.dropped} oldest jobs (--max-jobs {state.jobs.limit})"
    return error_answer(state, exchange, 404, text)


def _faulty_poll(state: State, call: Call, job: Job, scenario: Scenario, hits: dict[int, int]) -> Answer:
    exchange = call.exchange
    faults = struck(scenario, "poll", hits, state.clock.now() - job.made_at)
    faults = [fault for fault in faults if fault.kind != "redirect" or not redirected(call)]
    replacing = next((fault for fault in faults if not fault.modifies), None)
    answer: Answer | None = None
    # A cut answer is the right one, broken off; any other replacement leaves the job where it stands.
    if replacing is None or replacing.kind == "truncated":
        answer = _polled(state, call, job)
    if replacing is not None:
        exchange.fault = replacing.kind
        answer = apply_fault(state, exchange, replacing, answer, call.other_origin(state))
    for fault in faults:
        if fault.modifies:
            exchange.fault = exchange.fault or fault.kind
            answer = apply_fault(state, exchange, fault, answer, "")
    assert answer is not None
    return answer


def _polled(state: State, call: Call, job: Job) -> Answer:
    """The plain answer to a poll; the last one is kept, because most polls get it again."""
    status = job.status(call.exchange.at)
    call.exchange.state = status
    job.answered += 1
    kept = job.encoded
    if kept is not None and kept[0] == status and kept[1] == call.host and kept[2] == call.secure:
        body = kept[3]
    else:
        origin = ""
        if status == "completed":
            origin = call.origin(state)
            job.set_expiry(call.exchange.at, state.settings.video_lifetime)
        if job.scenario.shapes or job.scenario.words or status in ("completed", "error"):
            body = encode(poll_body(job, status, origin, call.other_origin(state)))
        else:
            body = plain_body(job, status)
        job.encoded = (status, call.host, call.secure, body)
    return Answer(200, body, lines=b"x-inference-id: %b\r\n%b" % (header_id(job.id), FREE_LINES))
