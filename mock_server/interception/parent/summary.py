"""The summary of a run, as data for a report and as lines to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, cast

from ... import timing
from ...billing.budget import over_budget
from ...exchanges.exchange import Exchange, trace_redactor
from ...exchanges.line import status_word
from ...exchanges.redaction import environment_keys
from ...exchanges.video_urls import video_urls
from ...job_view import JobView
from ...scenarios.fault import KINDS, MODIFIERS, FaultKind
from ...server import MockServer
from ...timeline import FINAL_STATUSES
from ...trace_rules.checks_of_sending import asks_for_unknown_model
from ...verdicts.past import verdict_of
from ...virtual_time.reasons import SAYS, Reason
from .host_policy import API_HOST, Hosts
from .process import NOT_EXECUTABLE, NOT_FOUND, TIMED_OUT

__all__ = ["job_bar", "span", "summary_lines", "summary_of"]

BAR = 30
INDENT = " " * 12
SIGNS = {"queued": "·", "generating": "▒", "completed": "█", "error": "✗"}
OTHER_SIGN = "?"
PLAIN = str.maketrans("·▒█✗→…", ".=#!>~")
"""For terminals that cannot show the signs."""


def summary_of(
    server: MockServer,
    *,
    command: list[str],
    status: int,
    began: float,
    real: float,
    hosts: Hosts,
    held: Mapping[tuple[str, Reason], float] | None = None,
    unguarded: str = "",
    unwatched: Sequence[Mapping[str, Any]] = (),
    real_time: Sequence[Mapping[str, Any]] = (),
    budget: float | None = None,
    ignore: Collection[str] = (),
) -> dict[str, Any]:
    """Everything that a report holds; `began` is the virtual moment at which the command was started.

    `held` are the real seconds for which programs below the command kept time from jumping, `unguarded` is
    why the system does not keep them from other hosts although it should; `unwatched` and `real_time` are
    what `parent.unwatched` says of others. `budget` are the US dollars that may be billed.
    """
    exchanges = server.exchanges
    uncalled = () if status in UNSTARTED else (API_HOST,)
    verdict = verdict_of(server.space, over=True, uncalled=uncalled, ignore=ignore)
    hides = trace_redactor(exchanges, also=environment_keys())
    report = {
        "exit_status": status,
        "virtual_seconds": round(server.clock.now() - began, 3),
        "real_seconds": round(real, 3),
        "jobs": [_job(job, exchanges, began) for job in server.jobs],
        "exchange_count": server.space.journal.count,
        "exchanges": [_exchange(exchange, began) for exchange in exchanges],
        "findings": _findings(exchanges),
        "trouble": list(_trouble(exchanges, server.jobs)),
        "breaches": verdict.rows,
        "charges": _charges(server, budget),
        "refused": [{"host": place, "attempts": attempts} for place, attempts in hosts.refused.items()],
        "untrusted": hosts.untrusted,
        "held": [
            {"program": name, "seconds": round(time, 3), "why": why.value, "says": SAYS[why]}
            for (name, why), time in (held or {}).items()
        ],
        "unguarded": unguarded,
        "unwatched": list(unwatched),
        "real_time": list(real_time),
    }
    shown: dict[str, Any] = {"command": hides.command(command)} | hides.plain(report)
    return shown


def _job(job: JobView, exchanges: Iterable[Exchange], began: float) -> dict[str, Any]:
    """A job with the statuses that the program was told, merged where one follows itself.

    `status` is the word that went over the wire, `state` the mock's own; `times` counts answers, `polls`
    those to polls alone.
    """
    told: list[dict[str, Any]] = []
    for exchange in exchanges:
        word = status_word(exchange)
        if exchange.job_id != job.id or word is None or exchange.kind not in ("create", "poll"):
            continue
        at = round(exchange.at - began, 3)
        if told and told[-1]["status"] == word:
            told[-1]["until"] = at
        else:
            told.append(
                {"status": word, "state": exchange.state, "from": at, "until": at, "times": 0, "polls": 0}
            )
        told[-1]["times"] += 1
        told[-1]["polls"] += exchange.kind == "poll"
    made_at = round(job.as_dict()["made_at"] - began, 3)
    states = {"id": job.id, "model": job.model, "status": job.status, "scenario": job.scenario}
    return {**states, "made_at": made_at, "polls": job.polls, "told": told}


def _exchange(exchange: Exchange, began: float) -> dict[str, Any]:
    shown = exchange.as_dict(bodies=False)
    shown["at"] = round(exchange.at - began, 3)
    shown["ended_at"] = None if exchange.ended_at is None else round(exchange.ended_at - began, 3)
    return shown


def _findings(exchanges: Iterable[Exchange]) -> list[dict[str, Any]]:
    """List the tolerated mistakes, each once with how often it was made."""
    count = Counter(finding for exchange in exchanges for finding in exchange.shown_problems()[1])
    return [
        {**finding.as_dict(), "says": finding.sentence(), "times": times} for finding, times in count.items()
    ]


def _trouble(exchanges: Iterable[Exchange], jobs: Iterable[JobView]) -> Iterable[str]:
    """Say what went wrong, a sentence each: answers that failed or never came, jobs that failed."""
    count: Counter[str] = Counter()
    for exchange in exchanges:
        what = _what_of(exchange)
        if what is not None:
            count[what] += 1
    for what, times in count.items():
        yield what + (f" ({times} times)" if times > 1 else "") + "."
    for job in jobs:
        told = [each for each in exchanges if each.job_id == job.id and each.kind in ("create", "poll")]
        if any(_lacks_url(each) for each in told):
            yield f"The job {job.id} completed without a URL."
        elif not job.polls and job.status != "error" and any(_goes_on(each) for each in told):
            yield f"The job {job.id} was made, and is billed, and nobody asked what became of it."
        if job.status == "error":
            yield f"The job {job.id} ended in an error ({job.scenario}); that costs nothing."


def _lacks_url(exchange: Exchange) -> bool:
    """True for an answer that calls its job completed, and has no URL of a video."""
    answer = exchange.answer
    if exchange.state != "completed" or exchange.status != 200 or not isinstance(answer, dict):
        return False
    return not video_urls(answer)


def _goes_on(create: Exchange) -> bool:
    """True for a create that told the program of a job that has not ended."""
    told = create.kind == "create" and create.status in (200, 201) and create.fault is None
    return told and create.state not in FINAL_STATUSES


def _what_of(exchange: Exchange) -> str | None:
    kind = {"create": "A create", "poll": "A poll", "video": "A download"}.get(exchange.kind, "A request")
    scenario = f" ({exchange.scenario})" if exchange.fault and exchange.scenario else ""
    if exchange.kind == "other" and exchange.status == 404:
        return f"{exchange.method} {exchange.shown(exchange.path)} was answered 404: the API has no such path"
    if exchange.kind == "create" and asks_for_unknown_model(exchange):
        asked = exchange.shown(exchange.payload["model"])
        return f"A create asked for {asked}, which this mock does not know: `kling-mock specs add`, --specs"
    if exchange.status is not None and exchange.status >= 400:
        return f"{kind} was answered {exchange.status}{scenario}"
    # An answer that comes in an unusual way, compressed or in pieces, is no trouble.
    if exchange.fault is None or exchange.fault == "client-left":
        return None
    if exchange.fault in MODIFIERS and exchange.status is not None:
        return None
    if exchange.kind == "create" and exchange.status is None and exchange.job_id is not None:
        return f"The reply to a create was lost{scenario}: its job {exchange.job_id} was made, and is billed"
    if exchange.status is None:
        return f"{kind} was never answered{scenario}"
    if exchange.whole_size is not None:
        return f"{kind} broke off after {exchange.answer_size:,} of {exchange.whole_size:,} bytes{scenario}"
    meaning = KINDS.get(cast(FaultKind, exchange.fault), exchange.fault)
    return f"{kind} got {meaning}{scenario}"


def _charges(server: MockServer, budget: float | None) -> dict[str, Any]:
    charges = [charge for charge in server.charges if charge.billed]
    known = [charge for charge in charges if charge.credits is not None]
    return {
        "jobs": len(charges),
        "credits": sum(charge.credits or 0 for charge in known),
        "usd": round(sum(charge.usd or 0 for charge in known), 6),
        "without_price": len(charges) - len(known),
        "billed": [charge.as_dict() for charge in charges],
        "budget": budget,
        "over_budget": over_budget(charges, budget),
    }


def summary_lines(report: Mapping[str, Any], *, plain: bool = False) -> list[str]:
    """The report to read, at most 110 columns wide; `plain` in ASCII only."""
    jobs = report["jobs"]
    lines = [
        f"kling-mock run: {_many(len(jobs), 'job')}, {_many(report['exchange_count'], 'exchange')}, "
        f"{span(report['virtual_seconds'])} of virtual time in {report['real_seconds']:.1f} s, "
        f"exit status {report['exit_status']}"
    ]
    if report["untrusted"]:
        times = _many(report["untrusted"], "connection")
        lines.append(f"  {times} broken off: the program does not trust the certificates in SSL_CERT_FILE.")
    elif not report["exchange_count"] and report["exit_status"] not in UNSTARTED:
        lines += UNREACHED
    longest = max((_length(job) for job in jobs), default=0.0)
    lines += [line for job in jobs[:SHOWN] for line in _job_lines(job, longest)]
    if len(jobs) > SHOWN:
        lines.append(f"  … and {len(jobs) - SHOWN} more jobs")
    lines += [f"  trouble   {sentence}" for sentence in report["trouble"][:SHOWN]]
    for finding in report["findings"][:SHOWN]:
        lines.append(
            f"  finding   {finding['says']}" + (f" ({finding['times']}x)" if finding["times"] > 1 else "")
        )
    for breach in report["breaches"][:MOST_BREACHES]:
        word = "advice   " if breach["level"] == "A" else "broken   "
        lines.append(f"  {word} {breach['id']} {breach['name']} ({breach['level']}): {breach['says']}")
    lines.append(_billed(report["charges"]))
    over = report["charges"]["over_budget"]
    lines += wrap(over, 108, initial_indent="  budget    ", subsequent_indent=INDENT, break_on_hyphens=False)
    for one in report.get("held", ()):
        if one["seconds"] >= timing.LONG_HOLD:
            seconds = span(one["seconds"])
            lines.append(f"  slow      time was kept real for {seconds} while `{one['program']}` was at work")
            lines[-1] += "" if one["why"] == Reason.PROCESS else f": {one['says']}"
    if report.get("unguarded"):
        lines.append(f"  offline   by hooks and the proxy alone, not by the system: {report['unguarded']}")
    for label, key in (("real time", "real_time"), ("unwatched", "unwatched")):
        for one in report.get(key, ())[:SHOWN]:
            lines += wrap(
                one["says"],
                108,
                initial_indent=f"  {label:<9} ",
                subsequent_indent=INDENT,
                break_on_hyphens=False,
            )
    if report["refused"]:
        places = ", ".join(f"{one['host']} ({one['attempts']}x)" for one in report["refused"])
        lines.append(
            f"  refused   {places}: offline; --no-offline lets them through, --api-host NAME mocks them"
        )
    return [line.translate(PLAIN).encode("ascii", "replace").decode() if plain else line for line in lines]


SHOWN = 12
MOST_BREACHES = 40
UNSTARTED = (NOT_FOUND, NOT_EXECUTABLE, TIMED_OUT)
"""Exit statuses that say enough about why nothing reached the mock."""
UNREACHED = (
    "  Nothing reached the mock. If the program calls the API, let it use the proxy in HTTPS_PROXY and trust",
    "  the certificates in SSL_CERT_FILE (both are in its environment), or point it at `kling-mock serve`.",
)


def _job_lines(job: Mapping[str, Any], longest: float) -> list[str]:
    if not job["told"]:
        return [f"  {job['id']}  {job['model']}", "    the program was never told of it"]
    created = ["create"] if any(one["times"] > one["polls"] for one in job["told"]) else []
    polled = [
        f"{one['status']} {one['polls']}x" if one["polls"] > 1 else one["status"]
        for one in job["told"]
        if one["polls"]
    ]
    told = " → ".join([*created, *polled])
    return [
        f"  {job['id']}  {job['model']}",
        f"    {job_bar(job, longest)}  {told}, {span(_length(job))}",
    ]


def _length(job: Mapping[str, Any]) -> float:
    told = job["told"]
    return max(0.0, float(told[-1]["until"] - job["made_at"])) if told else 0.0


def job_bar(job: Mapping[str, Any], longest: float, width: int = BAR) -> str:
    """A job's statuses over virtual time, as the program saw them; the longest job fills the width."""
    told = job["told"]
    if not told:
        return " " * width
    cells = max(1, round(width * _length(job) / longest)) if longest > 0 else 1
    bar = ""
    for cell in range(cells):
        at = job["made_at"] + _length(job) * cell / cells
        seen = [one["state"] for one in told if one["from"] <= at + 1e-9] or [told[0]["state"]]
        bar += SIGNS.get(seen[-1], OTHER_SIGN)
    last = told[-1]["state"]
    if last in FINAL_STATUSES:
        bar = bar[: width - 1] + SIGNS[last]
    return bar.ljust(width)


def _billed(charges: Mapping[str, Any]) -> str:
    if not charges["jobs"]:
        return "  billed    nothing"
    price = f", ${charges['usd']:.2f} ({charges['credits']:,} credits)" if charges["credits"] else ""
    unknown = f", {charges['without_price']} without a price" if charges["without_price"] else ""
    return f"  billed    {_many(charges['jobs'], 'video')} would have been{price}{unknown}"


def span(seconds: float) -> str:
    """A span as people say it: `0.4 s`, `4 min 9 s`, `1 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
