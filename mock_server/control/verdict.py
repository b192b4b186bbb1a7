"""The verdict over HTTP: in JSON, as text, as Markdown or as JUnit XML."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..off_loop import OffLoop
from ..trace_rules import INVARIANTS, Level
from ..verdicts.beside import as_beside
from ..verdicts.evidence import trace_of
from ..verdicts.past import judged_later
from ..verdicts.shown import as_markdown, as_text
from ..verdicts.verdict import LEVELS, Verdict
from ..workspace import Workspace
from .auth import space_of
from .body import ControlError, switch_in

__all__ = ["evidence", "evidence_of", "ignored", "verdict"]

FORMATS = {
    "json": "application/json",
    "text": "text/plain",
    "markdown": "text/markdown",
    "junit": "application/xml",
}


QUERY = ("format", "rule", "level", "ignore", "over")
"""What a query may say."""


async def verdict(space: Workspace, beside: OffLoop, request: Request) -> Response:
    """Judge a workspace as it is now; `?rule=`, `?level=` and `?ignore=` leave parts out, also repeated.

    `?over=true` says that nobody will ask any more: what is still open was given up then.
    """
    wanted = _wanted(request)
    form = _form(request, wanted["format"])
    rules, ignore = (_rules(wanted[name], name) for name in ("rule", "ignore"))
    levels = _levels(wanted["level"])
    found = await beside.run(judged_later(space, over=switch_in(wanted["over"], "over"), ignore=ignore))
    return _response(found.only(rules=rules, levels=levels), form)


async def evidence(request: Request) -> Response:
    """Say how the exchanges came about: what was armed and not used, which rules are left out."""
    return JSONResponse(evidence_of(request))


def evidence_of(request: Request) -> dict[str, Any]:
    """The same for a recording; `?over=true` says that nobody will ask any more."""
    over = switch_in(request.query_params.getlist("over"), "over")
    return as_beside(trace_of(space_of(request), one=False, over=over))


def ignored(space: Workspace, ids: Any) -> list[str]:
    """Leave these rules out of what is said of this workspace until its next reset."""
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise ControlError(f"ignore: expected a list of ids, received {str(ids)[:100]!r}.")
    space.arming.ignore(_rules(ids, "ignore"))
    return sorted(space.arming.ignored)


def _response(verdict: Verdict, form: str) -> Response:
    if form == "json":
        return JSONResponse(verdict.as_dict())
    if form == "junit":
        from ..verdicts.junit import as_junit

        return Response(as_junit(verdict.rows, verdict.checked), media_type=FORMATS[form])
    text = as_text(verdict) if form == "text" else as_markdown(verdict)
    return Response(text, media_type=FORMATS[form])


def _wanted(request: Request) -> dict[str, list[str]]:
    """The query's values by name, split at commas."""
    wanted: dict[str, list[str]] = {name: [] for name in QUERY}
    for name, value in request.query_params.multi_items():
        if name not in wanted:
            raise ControlError(f"Expected {', '.join(wanted)}, received {name[:100]!r}.")
        wanted[name] += [word for word in value.split(",") if word]
    return wanted


def _form(request: Request, asked: list[str]) -> str:
    """The form that is asked for: by the query, else by `Accept`, else JSON."""
    if asked:
        if asked[-1] not in FORMATS:
            raise ControlError(f"format: expected one of {', '.join(FORMATS)}, received {asked[-1][:100]!r}.")
        return asked[-1]
    for part in request.headers.get("accept", "").split(","):
        media_type = part.partition(";")[0].strip().lower()
        for form, known in FORMATS.items():
            if media_type == known:
                return form
    return "json"


def _rules(asked: list[str], name: str) -> list[str]:
    known = [invariant.id for invariant in INVARIANTS]
    for word in asked:
        if word.upper() not in known:
            raise ControlError(f"{name}: expected ids out of {', '.join(known)}, received {word[:100]!r}.")
    return [word.upper() for word in asked]


def _levels(asked: list[str]) -> list[Level]:
    letters = {str(level): level for level in LEVELS.values()}
    found = [LEVELS.get(word.lower()) or letters.get(word.upper()) for word in asked]
    for word, level in zip(asked, found, strict=True):
        if level is None:
            raise ControlError(f"level: expected one of {', '.join(LEVELS)}, received {word[:100]!r}.")
    return [level for level in found if level is not None]
