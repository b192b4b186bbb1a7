"""The operations of the control API: one row each, in the order in which they are shown."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...trace_rules import INVARIANTS
from ...verdicts.verdict import LEVELS
from ..body import FILTERS, LONGEST_PAGE, PAGE
from ..verdict import FORMATS
from .shapes import COUNT, TEXT, reference

__all__ = ["OPERATIONS", "Operation"]

Schema = dict[str, Any]
JSON = "application/json"


class Operation(NamedTuple):
    """One operation: where, what it is called, what it does, what it takes, and what it answers.

    `answers` are content types with their schemas; `errors` are statuses beside those that all have.
    """

    method: str
    path: str
    name: str
    group: str
    says: str
    answers: dict[str, Schema]
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    errors: tuple[int, ...] = ()


def _query(name: str, schema: Schema, says: str, *, many: bool = False) -> Schema:
    if many:
        schema = {"type": "array", "items": schema}
    joined = {"style": "form", "explode": False} if many else {}
    return {"name": name, "in": "query", "schema": schema, "description": says, **joined}


def _in_path(name: str, schema: Schema, says: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": says}


def _json(name: str) -> dict[str, Schema]:
    return {JSON: reference(name)}


LIMIT = _query(
    "limit",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": PAGE},
    f"How many of the last; at most {LONGEST_PAGE} are given.",
)
BEFORE = _query("before", TEXT, "Only those before this one: what an answer said as `before`.")
EVENT: Schema = {**COUNT, "maximum": 10**18 - 1}
BEFORE_NUMBER = _query("before", EVENT, "Only those before this number.")
EXCHANGE_FILTERS = tuple(
    _query(name, TEXT, f"Only those with this {name}.") for name in FILTERS if name != "job_id"
)
BODIES = _query(
    "bodies", {"type": "string", "enum": ["true", "false"]}, "Whether to show headers and bodies."
)
OVER = _query(
    "over",
    {"type": "string", "enum": ["true", "false"]},
    "Whether nobody will ask any more: what is still open was given up then.",
)
RULES: Schema = {"type": "string", "enum": [rule.id for rule in INVARIANTS]}
JOB_ID = _in_path("job_id", {"type": "string", "minLength": 1}, "The id of a job.")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "get", "/_mock/health", "health", "server",
        "Say that the server runs, and what the workspace holds; strangers learn that it runs.",
        {JSON: {"anyOf": [reference("Health"), reference("Alive")]}},
    ),
    Operation(
        "get", "/_mock/openapi.json", "document", "server", "Give this document.",
        {JSON: {"type": "object", "required": ["openapi", "paths"]}},
    ),
    Operation(
        "get", "/_mock/workspaces", "workspaces", "server",
        "List the workspaces; below a prefix, that one alone.", _json("Workspaces"),
    ),
    Operation(
        "delete", "/_mock/workspaces", "endWorkspaces", "server",
        "End all workspaces that have a name; below a prefix, that one alone.", _json("Ended"),
    ),
    Operation(
        "delete", "/_mock/workspaces/{name}", "endWorkspace", "server", "End one workspace.", _json("Ended"),
        (_in_path("name", {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}, "A workspace's name."),),
        errors=(404,),
    ),
    Operation(
        "post", "/_mock/reset", "reset", "server", "Forget everything in this workspace.", _json("Done")
    ),
    Operation(
        "get", "/_mock/jobs", "jobs", "what happened", "List the jobs, the last ones.", _json("Jobs"),
        (LIMIT, BEFORE),
    ),
    Operation(
        "get", "/_mock/jobs/{job_id}", "job", "what happened", "Show one job with its exchanges.",
        _json("JobWithExchanges"), (JOB_ID,), errors=(404,),
    ),
    Operation(
        "post", "/_mock/jobs/{job_id}", "direct", "what happens",
        "Complete, fail, hold or release one job, whatever its scenario says.",
        _json("Job"), (JOB_ID,), reference("Deed"), errors=(404,),
    ),
    Operation(
        "get", "/_mock/videos/{job_id}", "video", "what happened",
        "Give the video of a completed job; it counts as no download.",
        {"video/mp4": {"type": "string", "format": "binary"}}, (JOB_ID,), errors=(404,),
    ),
    Operation(
        "get", "/_mock/exchanges", "exchanges", "what happened",
        "List requests with their answers, the last ones; filters must all hold.", _json("Exchanges"),
        (LIMIT, BEFORE_NUMBER, *EXCHANGE_FILTERS, _query("job_id", TEXT, "Only those of this job."), BODIES),
    ),
    Operation(
        "get", "/_mock/exchanges/{number}", "exchange", "what happened", "Show one exchange.",
        _json("Exchange"), (_in_path("number", COUNT, "The number of an exchange."),), errors=(404,),
    ),
    Operation(
        "get", "/_mock/exchanges.har", "har", "what happened", "Give the journal as HAR 1.2.", _json("Har"),
        (OVER,),
    ),
    Operation(
        "get", "/_mock/evidence", "evidence", "what happened",
        "Say how the exchanges came about: what was armed and not used, which rules are left out.",
        _json("Evidence"), (OVER,),
    ),
    Operation(
        "get", "/_mock/charges", "charges", "what happened",
        "List what would have been billed, and the sums of all.", _json("Charges"), (LIMIT, BEFORE),
    ),
    Operation(
        "get", "/_mock/verdict", "verdict", "what happened",
        "Say what clients broke, what it costs and how it is mended.",
        {**{form: TEXT for form in FORMATS.values() if form != JSON}, JSON: reference("Verdict")},
        (
            _query("format", {"type": "string", "enum": list(FORMATS)}, "The form; else by `Accept`."),
            _query("rule", RULES, "These rules alone.", many=True),
            _query("ignore", RULES, "Leave these rules out.", many=True),
            _query("level", {"type": "string", "enum": list(LEVELS)}, "These levels alone.", many=True),
            OVER,
        ),
    ),
    Operation(
        "post", "/_mock/verdict", "ignore", "what happened", "Leave rules out of the verdict from now on.",
        _json("Ignored"), body={
            "type": "object", "properties": {"ignore": {"type": "array", "items": RULES}},
            "required": ["ignore"], "additionalProperties": False,
        },
    ),
    Operation(
        "get", "/_mock/events", "events", "what happened", "Stream what happens, as server-sent events.",
        {"text/event-stream": TEXT},
        (
            _query("after", EVENT, "Go on behind the event of this number."),
            _query("most", EVENT, "Have a gap in the place of more events than these at once."),
        ),
    ),
    Operation(
        "get", "/_mock/snapshot", "snapshot", "what happened",
        "Give the workspace as it is, with the number of the last event in it.", _json("Snapshot"),
        (_query("least", EVENT, "Take one of a moment ago that has this event."),),
    ),
    Operation(
        "get", "/_mock/scenario", "scenario", "what happens", "Show the default scenario and the queue.",
        _json("ShownScenario"),
    ),
    Operation(
        "post", "/_mock/scenario", "use", "what happens", "Set the default scenario.", _json("ShownScenario"),
        body=reference("ChosenScenario"),
    ),
    Operation(
        "put", "/_mock/scenario", "putScenario", "what happens", "Set the default scenario.",
        _json("ShownScenario"), body=reference("ChosenScenario"),
    ),
    Operation(
        "post", "/_mock/scenario/next", "next", "what happens", "Queue a scenario for the next create.",
        _json("Queue"), body=reference("ChosenScenario"),
    ),
    Operation(
        "get", "/_mock/scenarios", "scenarios", "what happens",
        "List every scenario, one's own last, and what a fault can be told.", _json("Scenarios"),
    ),
    Operation(
        "post", "/_mock/scenario/judge", "judgeScenario", "what happens",
        "Say what a scenario would be, or what is wrong with it; nothing changes.",
        _json("JudgedScenario"), body=reference("AskedScenario"),
    ),
    Operation("get", "/_mock/clock", "clock", "what happens", "Show the clock.", _json("Clock")),
    Operation(
        "post", "/_mock/clock", "moveClock", "what happens", "Move the clock, or set its speed.",
        _json("Clock"), body=reference("Move"),
    ),
    Operation(
        "get", "/_mock/settings", "settings", "what happens", "Show the options that were given.",
        _json("Settings"),
    ),
    Operation(
        "post", "/_mock/settings", "configure", "what happens", "Change options until the next reset.",
        _json("Settings"), body=reference("Options"),
    ),
    Operation(
        "patch", "/_mock/settings", "patchSettings", "what happens", "Change options until the next reset.",
        _json("Settings"), body=reference("Options"),
    ),
    Operation("get", "/_mock/models", "models", "contract", "List the models with their vendors.",
              _json("Models")),
    Operation(
        "post", "/_mock/judge", "judge", "contract", "Judge a body as a create would be; nothing is made.",
        _json("Judged"), body={"description": "The body of a create."},
    ),
)  # fmt: skip
