"""The verdict on all workspaces of a server together, those that were ended included."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from ..workspace import Workspace
from ..workspaces import Workspaces

if TYPE_CHECKING:
    from .verdict import Verdict

__all__ = ["Everybody"]

MOST_ENDED = 1_000
"""Verdicts on workspaces that were ended; of the oldest ones two are made one."""


class Everybody:
    """Keeps what each workspace of a server would forget, from now on.

    The rules are imported when there is something to judge: a server starts without.
    """

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._ended: list[Verdict] = []
        workspaces.each(lambda space: space.before_reset.append(_fold))
        workspaces.on_end.append(self._end)

    def _end(self, space: Workspace) -> None:
        from .past import verdict_of
        from .verdict import together

        # It has just been reset: what it had is in its past.
        self._ended.append(verdict_of(space, over=True))
        if len(self._ended) > MOST_ENDED:
            self._ended[:2] = [together(self._ended[:2])]

    def verdict(self, *, uncalled: Collection[str] = (), ignore: Collection[str] = ()) -> Verdict:
        """The verdict on all of them, when nobody will ask any more."""
        from .past import verdict_of
        from .verdict import together

        verdicts = [verdict_of(space, over=True) for space in self._workspaces.values()]
        whole = together([*verdicts, *self._ended])
        if not whole.totals.exchanges:
            whole = verdict_of(self._workspaces.default, over=True, uncalled=uncalled)
        kept = [seen for seen in whole.seen if seen.breach.id not in ignore]
        return replace(whole, seen=kept, checked=[id for id in whole.checked if id not in ignore])


def _fold(space: Workspace) -> None:
    from .past import past_of

    past_of(space).fold(space)
