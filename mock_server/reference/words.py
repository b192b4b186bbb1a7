"""The words of kling-mock, each of which means one thing everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS"]

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "advice": "The level of a rule that is shown when it is broken and fails nothing; A in tables.",
        "breach": "A place in a trace where a rule is broken: the exchange to blame, and a sentence.",
        "budget": "Dollars that a run, a check or a session of pytest may bill at most: `--budget USD`.",
        "charge": "What a job costs, billed or not: a job that fails is a charge that is not billed. "
        "`kling_server.charges` has all of them.",
        "clock": "The mock's time. Jobs go on by it; tests move it: `kling_server.clock.advance(60)`, "
        "`POST /_mock/clock`.",
        "control API": "Everything under `/_mock/`: scenarios, jobs, exchanges, the clock, the verdict, "
        "the page. Other machines need `--control-token`.",
        "counterexample": "The smallest payload and server behaviour with which a client breaks a property.",
        "create": "The POST that makes a job, and is paid for.",
        "exchange": "A request and its answer, as they went over the wire; the journal keeps them.",
        "fault": "One thing that goes wrong with an answer: where (`at`), what (`kind`), how often "
        "(`times`) and when (`after`, `since`, `until`).",
        "finding": "What is wrong with a body that the provider accepts all the same; `--strict` refuses it.",
        "host": "Of `serve`: the address to listen on. A host that is the API's is an `--api-host` of `run` "
        "and `check`.",
        "ignore": "Leave a rule out, as if it were none: `--ignore ID`. What is known to be broken is an "
        "xfail, which is looked for all the same.",
        "job": "What a create makes: it is queued, generates, and ends as completed or as an error.",
        "journal": "The exchanges that a server keeps: `kling_server.exchanges`, `/_mock/exchanges`, HAR.",
        "level": "The weight of a rule: required, strict (it counts where `--level strict` asks for it), "
        "or advice.",
        "model": "An id such as `klingai/v2.5-turbo/pro/text-to-video`; each has a contract of its own.",
        "older path": "`/v2/generate/video/…/generation`, with a contract of its own where one is "
        "documented: `validate --older-path`.",
        "payload": "The JSON body of a create.",
        "plan": "The statuses that a job goes through, each with its time or its polls.",
        "poll": "A GET that asks where a job stands.",
        "polls": "A pace counted in polls, not in time: `--polls QUEUED,GENERATING`.",
        "property": "A rule that `verify` tries on a client with generated payloads and server behaviour.",
        "required": "The level of a rule that every client has to keep; R in tables.",
        "rule": "What a client has to do, by id (`B2`) and name (`no-blind-repost`); "
        "`kling-mock verify --list` has all of them.",
        "scenario": "What happens to a job from its create to its video, by name; `kling-mock scenarios` "
        "has all of them.",
        "seed": "The same seed, the same ids, timings and faults: random for a server and in pytest, 0 for "
        "`verify`, so that its examples are the same each time.",
        "shape": "What stands in the bodies of answers beside the usual: nulls, extra fields, other keys.",
        "state": "The mock's own name of where a job stands; `word` is what the client was told.",
        "status": "Of a job: queued, generating, completed or error. Of an exchange: the HTTP status.",
        "strict": "Of a server or `validate`: refuse what the provider tolerates. Of `verify --level`: "
        "try the properties of level S as well.",
        "timeout": "Real time after which a command of `run` or `serve -- CMD` is ended, or a property of a "
        "model cut short: `verify --timeout`.",
        "trace": "The exchanges of one client or test, in order.",
        "verdict": "What is broken in the trace of a workspace: `/_mock/verdict`, `kling-mock report`.",
        "violation": "What is wrong with a body, and answered 400.",
        "virtual time": "A client's time under `verify`, `run --fast-forward` and `kling_fast_forward`: "
        "sleeping costs nothing, and is counted.",
        "workspace": "What one suite owns on a shared server: jobs, journal, scenarios, options, clock. "
        "`/@NAME/v2` is one.",
        "xfail": "A breach that is known, listed in a file: `verify --xfails FILE`; it is an error when it "
        "is mended.",
    }
)
"""Every word with what it means."""
