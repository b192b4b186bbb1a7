"""What the control API answers, as schemas: jobs, exchanges, charges, the verdict and what is set."""

from __future__ import annotations

from typing import Any

from ...configuration.json_schema import options_schema, scenario_schema
from ...jobs.course import COURSES
from ...scenarios import CATALOGUE
from ...scenarios.arming import ALL_WAYS
from ...settings import server_options
from ...timeline import FINISHED, STATUSES
from ...trace_rules import Level

__all__ = ["SHAPES", "array", "reference", "shapes"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
NUMBER: Schema = {"type": "number"}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
SWITCH: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "number", "description": "Virtual seconds since the epoch."}
WORDS: Schema = {"type": "array", "items": TEXT}


def reference(name: str) -> Schema:
    """A shape by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """A list of one shape."""
    return {"type": "array", "items": items}


def record(optional: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    """An object of these fields and no others, each there but for the optional ones."""
    needed = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": needed, "additionalProperties": False}


def listing(name: str, items: Schema, before: Schema, **more: Schema) -> Schema:
    """A page of a list, the last entries of all `total` ones."""
    told = {**before, "description": "What the page before is asked for with; null on the first one."}
    return record(**more, total=COUNT, before=told, **{name: array(items)})


STATUS: Schema = {"type": "string", "enum": list(STATUSES)}
STATUS_OR_NULL: Schema = {"type": ["string", "null"], "enum": [*STATUSES, None]}
STEP: Schema = {
    "type": "array",
    "prefixItems": [
        STATUS,
        {"type": ["number", "null"], "description": "Seconds or polls; null is for ever."},
    ],
    "minItems": 2,
    "maxItems": 2,
}
JOB = record(
    id=TEXT,
    model=TEXT,
    status=STATUS,
    scenario=TEXT,
    made_at=MOMENT,
    age=NUMBER,
    polls=COUNT,
    progress=NUMBER,
    clip=TEXT,
    credits=COUNT_OR_NULL,
    plan=array(STEP),
    by={"type": "string", "enum": ["time", "polls"]},
)
PROBLEM = record(path=TEXT, expected=TEXT, received=TEXT, constraint=TEXT)
HEADERS: Schema = {"type": "object", "additionalProperties": TEXT}
ROW: dict[str, Schema] = {
    "number": COUNT,
    "at": MOMENT,
    "ended_at": {**NUMBER_OR_NULL, "description": "Null while the answer is not over."},
    "took": {"type": "number", "description": "Real seconds that the server worked on it."},
    "kind": {"type": "string", "enum": ["create", "poll", "video", "models", "billing", "other"]},
    "method": TEXT,
    "path": TEXT,
    "query": TEXT,
    "status": {**COUNT_OR_NULL, "description": "The HTTP status; null where nothing was answered."},
    "word": {**TEXT_OR_NULL, "description": "The job's status as the client was told it."},
    "job_id": TEXT_OR_NULL,
    "model": TEXT_OR_NULL,
    "scenario": TEXT_OR_NULL,
    "key_in_url": {**SWITCH, "description": "Whether its URL has an API key in it."},
    "state": {**STATUS_OR_NULL, "description": "The job's status in the contract's words."},
    "fault": {**TEXT_OR_NULL, "description": "The kind of fault that the answer met."},
    "violations": array(reference("Problem")),
    "findings": array(reference("Problem")),
}
REQUEST = record(headers=HEADERS, size=COUNT, body=TEXT)
RESPONSE = record(
    ("content_size", "cut_off_from"),
    **REQUEST["properties"],
    content_size=COUNT,
    cut_off_from=COUNT,
)
CHARGE = record(job_id=TEXT, model=TEXT, credits=COUNT_OR_NULL, usd=NUMBER_OR_NULL, billed=SWITCH)
TOTALS: dict[str, Schema] = {"usd": NUMBER, "made": COUNT, "billed": COUNT, "priced": COUNT}
LEVEL: Schema = {"type": "string", "enum": [str(level) for level in Level]}
BREACH = record(
    id=TEXT, name=TEXT, level=LEVEL, weight=TEXT, says=TEXT, exchanges=array(COUNT), test=COUNT, times=COUNT,
    cost=TEXT, mend=TEXT, page=TEXT,
)  # fmt: skip
EVIDENCE = record(
    one={**SWITCH, "description": "Whether all of it is one test's."},
    over={**SWITCH, "description": "Whether nothing more can come."},
    steps={**array(COUNT), "description": "How many exchanges there were when a test did something itself."},
    armed={**array(reference("Scenario")), "description": "The scenarios that somebody chose."},
    ways=array({"type": "string", "enum": list(ALL_WAYS)}),
    unused={**array(reference("Scenario")), "description": "Those that wait for a create."},
    ignored=WORDS,
    speed=NUMBER,
    followed=SWITCH,
    patience={
        "type": "object",
        "additionalProperties": NUMBER,
        "description": "The seconds that unfinished jobs are documented to take.",
    },
)
VERDICT = record(
    verdict={"type": "string", "enum": ["kept", "broken"]},
    required=COUNT,
    advice=COUNT,
    over={**SWITCH, "description": "Whether it was judged as if nobody would ask any more."},
    breaches=array(reference("Breach")),
    open={**array(reference("OpenBreach")), "description": "What would be told if all ended now."},
    checked=WORDS,
    exchanges=COUNT,
    tests=COUNT,
    jobs=COUNT,
    first_jobs=array(
        record(id=TEXT, model=TEXT, status=STATUS, polls=COUNT, scenario=TEXT, word=TEXT_OR_NULL)
    ),
    charges=record(billed=COUNT, credits=COUNT, usd=NUMBER, without_price=COUNT),
)
SCENARIO_ROW = record(
    name=TEXT,
    summary=TEXT,
    ends=TEXT_OR_NULL,
    own=SWITCH,
    scenario=reference("Scenario"),
)
SHOWN_SCENARIO = record(scenario=TEXT, next=WORDS)
SHAPES: dict[str, Schema] = {
    "Error": record(statusCode=COUNT, message=TEXT),
    "Problem": PROBLEM,
    "Alive": record(status={"const": "ok"}),
    "Health": record(
        status={"const": "ok"}, models=COUNT, jobs=COUNT, jobs_made=COUNT, jobs_dropped=COUNT,
        exchanges=COUNT, open=COUNT, held=COUNT, seed={"type": "integer"}, scenario=TEXT,
    ),
    "Job": JOB,
    "JobWithExchanges": record(**JOB["properties"], exchanges=array(reference("Exchange"))),
    "Jobs": listing("jobs", reference("Job"), TEXT_OR_NULL),
    "ExchangeRow": record(**ROW),
    "Exchange": record(("request", "response"), **ROW, request=REQUEST, response=RESPONSE),
    "Exchanges": listing("exchanges", reference("Exchange"), COUNT_OR_NULL),
    "Charge": CHARGE,
    "Charges": listing("charges", reference("Charge"), TEXT_OR_NULL, **TOTALS),
    "Breach": BREACH,
    "OpenBreach": record(**BREACH["properties"], jobs=WORDS),
    "Evidence": EVIDENCE,
    "Verdict": VERDICT,
    "Ignored": record(ignored=WORDS),
    "Deed": record(action={"type": "string", "enum": list(COURSES)}),
    "Clock": record(now=MOMENT, speed=NUMBER, frozen=SWITCH, next_wake=NUMBER_OR_NULL, quiet=SWITCH),
    "ShownScenario": SHOWN_SCENARIO,
    "Queue": record(next=WORDS),
    "ScenarioRow": SCENARIO_ROW,
    "Scenarios": record(
        scenarios=array(reference("ScenarioRow")),
        options={"type": "object", "description": "What a fault can be told: each option's JSON Schema."},
    ),
    "AskedScenario": record(
        scenario={
            "anyOf": [TEXT, {"type": "object"}], "description": "A name, or a whole one, right or wrong."
        }
    ),
    "JudgedScenario": record(
        problem={"anyOf": [record(path=TEXT, says=TEXT), {"type": "null"}]},
        scenario={"anyOf": [reference("ScenarioRow"), {"type": "null"}]},
    ),
    "Settings": record(settings={
        "type": "object",
        "properties": {name: {"description": option.help} for name, option in server_options().items()},
        "additionalProperties": False,
    }),
    "Done": record(status={"const": "reset"}),
    "Workspaces": record(workspaces=array(
        record(name=TEXT, jobs=COUNT, exchanges=COUNT, scenario=TEXT, idle=NUMBER)
    )),
    "Ended": record(ended=WORDS),
    "Judged": record(valid=SWITCH, violations=array(reference("Problem")),
                     findings=array(reference("Problem"))),
    "Models": record(models=array(record(model=TEXT, vendor=TEXT, paths=WORDS))),
    "Snapshot": record(
        event=COUNT, resets=COUNT, workspace=TEXT, made=COUNT, total=COUNT, charges=record(**TOTALS),
        clock=record(now=MOMENT, speed=NUMBER), scenario=SHOWN_SCENARIO, jobs=array(reference("Job")),
        exchanges=array(reference("ExchangeRow")),
    ),
    "Har": {"type": "object", "properties": {"log": {"type": "object"}}, "required": ["log"]},
}  # fmt: skip


def shapes() -> dict[str, Schema]:
    """All shapes by name, with those that are made from the tables of options and of scenarios."""
    scenario = scenario_schema()
    named = {"name": {"type": "string"}, **scenario["properties"]}
    time = server_options()["queued"].schema
    move = record(
        ("advance", "until", "job_id", "speed"),
        advance={"anyOf": time["anyOf"], "description": "How far to go on."},
        until={"type": "string", "enum": [*STATUSES, FINISHED], "description": "What is to show next."},
        job_id={**TEXT, "description": "The job that `until` is about; all unfinished ones without it."},
        speed={**server_options()["speed"].kind.schema, "description": server_options()["speed"].help},
    )
    return {
        **SHAPES,
        "Scenario": {**scenario, "properties": named, "required": ["name"]},
        "ChosenScenario": record(
            scenario={
                "anyOf": [{"enum": list(CATALOGUE)}, TEXT, reference("Scenario")],
                "description": "A name, names joined with +, or a whole scenario.",
            }
        ),
        "Options": {**options_schema(), "minProperties": 1},
        "Move": {
            **move,
            "minProperties": 1,
            "not": {"required": ["advance", "until"]},
            "dependentRequired": {"job_id": ["until"]},
        },
    }
