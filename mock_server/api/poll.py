"""The GET that polls a job, on every path that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ..validation import Problem
from .faults import play_faults
from .job_json import plain_body, poll_body, status_word
from .outcome import Outcome, Refusal
from .request_context import LONGEST_HOST, RequestContext, asked_scenario, authorise
from .response import FREE_LINES, Made, MockResponse, encode, header_id

if TYPE_CHECKING:
    from ..jobs.plan import JobPlan
    from ..store import Told
    from ..workspace import Workspace

__all__ = ["poll"]

PLAIN_QUERY = re.compile(rb"generation_id=([A-Za-z0-9_.:/-]+)")
"""What nearly every poll asks, in characters that stand for themselves."""


async def poll(space: Workspace, request: RequestContext, outcome: Outcome) -> MockResponse:
    """Answer a GET: where the job stands, or what its scenario lets this poll meet."""
    outcome.kind = "poll"
    authorise(space, request)
    asked = outcome.job_id = _asked_id(request)
    store, lifetime = space.store, space.settings.video_lifetime
    taken = await store.take_poll(asked, request.at, lifetime, plain=request.scenario is None)
    if taken is None:
        raise await _unknown_job(space)
    plan, told = taken
    outcome.known_id = True
    outcome.model = plan.model
    scenario, text = plan.scenario, None
    if request.scenario is not None:
        scenario, text = asked_scenario(space, request, plan, "poll")
    outcome.scenario = scenario.name
    if not scenario.faults:
        if told is None:
            told = await store.tell_status(asked, request.at, lifetime)
        return _told(space, request, plan, told, outcome)
    elapsed = request.at - plan.made_at
    faults = await store.strike(asked, text, scenario, "poll", elapsed, count=True)
    faults = [fault for fault in faults if fault.kind != "redirect" or not request.redirected]
    replacing = next((fault for fault in faults if not fault.modifies), None)
    answered: MockResponse | None = None
    # A cut answer is the right one, broken off; any other replacement leaves the job where it stands.
    if replacing is None or replacing.kind == "truncated":
        told = await store.tell_status(asked, request.at, lifetime)
        answered = _told(space, request, plan, told, outcome)
    return play_faults(space, request, outcome, faults, answered)


def _asked_id(request: RequestContext) -> str:
    """The `generation_id` of a poll, decoded; refuses a poll without one."""
    plain = PLAIN_QUERY.fullmatch(request.query)
    if plain is not None:
        return plain[1].decode()
    query = request.query.decode("utf-8", "replace")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    values = [value for name, value in pairs if name == "generation_id"]
    if len(values) == 1 and values[0]:
        return values[0]
    received = "nothing" if not values else "an empty one" if len(values) == 1 else f"{len(values)} of them"
    problem = Problem("query generation_id", "one generation id", received, "required")
    text = f"Query validation error: generation_id: expected one generation id, received {received}"
    raise Refusal(400, text, problems=(problem,))


async def _unknown_job(space: Workspace) -> Refusal:
    text = "Generation not found"
    dropped = (await space.store.counts()).dropped
    if dropped:
        text += f"; this mock dropped its {dropped} oldest jobs (--max-jobs {space.store.limit})"
    return Refusal(404, text)


def _told(
    space: Workspace, request: RequestContext, plan: JobPlan, told: Told, outcome: Outcome
) -> MockResponse:
    """The plain answer to a poll; the last one is kept, because most polls get it again."""
    status = outcome.state = told.status
    depends = (status, request.host, request.secure, request.root)
    kept = space.kept_answers.get(plan.id)
    if kept is not None and kept[0] == depends:
        _, body, lines, outcome.word, made = kept
    else:
        # Most answers come once: how they went out is kept from their second time on.
        made = None
        outcome.word = status_word(plan, status)
        lines = b"x-inference-id: %b\r\n%b" % (header_id(plan.id), FREE_LINES)
        if plan.scenario.shapes or plan.scenario.words or status in ("completed", "error"):
            shown = poll_body(plan, told.expires_at, status, request.origin(), request.other_origin())
            body = encode(shown)
        else:
            body = plain_body(plan, status)
        if len(request.host) <= LONGEST_HOST:
            space.keep_answer(plan.id, (depends, body, lines, outcome.word, Made()))
    response = MockResponse(200, body, lines=lines)
    response.made = made
    return response
