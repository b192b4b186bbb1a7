"""The verdict on all workspaces of a server together, those that were ended included."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..workspace import Workspace
from ..workspaces import Workspaces
from .past import keep_past, verdict_of
from .verdict import MOST_JOBS, Seen, Totals, Verdict, merged

__all__ = ["Everybody", "together"]

MOST_ENDED = 1_000
"""Verdicts on workspaces that were ended; of the oldest ones two are made one."""


class Everybody:
    """Keeps what each workspace of a server would forget, from now on."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._ended: list[Verdict] = []
        workspaces.each(keep_past)
        workspaces.on_end.append(self._end)

    def _end(self, space: Workspace) -> None:
        # It has just been reset: what it had is in its past.
        self._ended.append(verdict_of(space, over=True))
        if len(self._ended) > MOST_ENDED:
            self._ended[:2] = [together(self._ended[:2])]

    def verdict(self, *, uncalled: Collection[str] = (), ignore: Collection[str] = ()) -> Verdict:
        """The verdict on all of them, when nobody will ask any more."""
        verdicts = [verdict_of(space, over=True) for space in self._workspaces.values()]
        whole = together([*verdicts, *self._ended])
        if not whole.totals.exchanges:
            whole = verdict_of(self._workspaces.default, over=True, uncalled=uncalled)
        kept = [seen for seen in whole.seen if seen.breach.id not in ignore]
        return replace(whole, seen=kept, checked=[id for id in whole.checked if id not in ignore])


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Several verdicts as one; those of workspaces that nobody used count for nothing."""
    used = [one for one in verdicts if one.totals.exchanges or one.seen] or list(verdicts[:1])
    totals, seen, jobs = Totals(tests=0), list[Seen](), list(used[0].jobs)
    for verdict in used:
        seen += [one._replace(test=one.test + totals.tests) for one in verdict.seen]
        totals += verdict.totals
    for verdict in used[1:]:
        jobs += verdict.jobs
    return replace(used[0], seen=merged(seen), totals=totals, jobs=jobs[:MOST_JOBS])
