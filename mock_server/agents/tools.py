"""The tools that need a mock in this process: each takes words and gives a text of a bounded length."""

from __future__ import annotations

from typing import Any

from ..errors import SettingsError
from ..facade import Facade
from ..reference import explain
from ..server import MockServer
from ..verdicts.past import judged_later
from ..verdicts.shown import as_text
from .bounded import cut, last_lines, plain

__all__ = ["Tools"]

FIRST = "agent"
MOST_ASKED = 100
"""Entries of a list at most."""


class Tools:
    """A mock whose named workspaces an agent uses, one for each thing that it tries."""

    def __init__(self, server: MockServer) -> None:
        self._server = server
        self._names: set[str] = set()

    def start_workspace(self, workspace: str = FIRST, polls: str = "1,1") -> str:
        """Start a mock of its own: the base URL and key to give to a client.

        Jobs go on by polls, so nothing has to sleep: `polls` says how many polls answer queued and
        generating. One of this name that is there already is emptied.
        """
        space = self._server.workspace(workspace)
        if workspace in self._names:
            space.end()
            space = self._server.workspace(workspace)
        space.configure(polls=polls)
        self._names.add(workspace)
        found = {
            "workspace": workspace,
            "base_url": space.base_url,
            "api_key": space.api_key,
            "control_api": f"{space.url}/_mock/openapi.json",
            "environment": {"KLING_BASE_URL": space.base_url, "KLING_API_KEY": space.api_key},
        }
        return plain(found)

    def choose_scenario(self, scenario: str, next_create_only: bool = False, workspace: str = FIRST) -> str:
        """Say what happens: by default from now on, or to the next create alone.

        A name such as rate-limited, several joined with +, faults with options: poll-server-error;times=2.
        """
        space = self._space(workspace)
        (space.next if next_create_only else space.use)(scenario)
        queue = [one.name for one in space.space.queue]
        return plain({"default": space.scenario.name, "summary": space.scenario.summary, "next": queue})

    def read_jobs(self, limit: int = 20, workspace: str = FIRST) -> str:
        """Read the last jobs that were made, with what they would have cost."""
        space = self._space(workspace)
        jobs, charges = space.jobs, space.charges
        known = sum(charge.usd or 0 for charge in charges if charge.billed)
        billed = sum(charge.billed for charge in charges)
        head = f"{len(jobs)} jobs, {billed} of them billed, {known:.2f} US dollars where a price is known"
        rows = [
            plain({"id": job.id, "model": job.model, "status": job.status, "scenario": job.scenario})
            for job in jobs[-_limit(limit) :]
        ]
        return last_lines(head, rows, what="jobs")

    def read_exchanges(self, limit: int = 20, kind: str = "", number: int = 0, workspace: str = FIRST) -> str:
        """Read the last requests with their answers, keys hidden; one with headers and bodies by its number.

        `kind` is create, poll, video, models, billing or other.
        """
        found = self._space(workspace).exchanges
        if number:
            one = next((exchange for exchange in found if exchange.number == number), None)
            if one is None:
                raise SettingsError(f"There is no exchange {number} here; there are {len(found)}.")
            return cut(plain(one.as_dict()))
        chosen = [exchange for exchange in found if kind in ("", exchange.kind)][-_limit(limit) :]
        return last_lines(f"{len(found)} exchanges", [_row(one.as_dict(bodies=False)) for one in chosen],
                          what="exchanges")  # fmt: skip

    def read_verdict(self, workspace: str = FIRST) -> str:
        """Say which rules the client broke so far, and how each is mended; `explain` says more of one."""
        return cut(as_text(judged_later(self._space(workspace).space)()))

    def move_clock(self, seconds: float, workspace: str = FIRST) -> str:
        """Let the mock's time pass, for rate limits and URLs that expire."""
        clock = self._space(workspace).clock
        return plain({"now": clock.advance(seconds)})

    def explain(self, word: str) -> str:
        """Say what a rule (B2), a scenario (rate-limited), an option or a word (workspace) means."""
        return cut("\n\n".join(entry.as_text() for entry in explain(word)))

    def _space(self, name: str) -> Facade:
        if name not in self._names:
            known = ", ".join(sorted(self._names)) or "none yet: call start_workspace first"
            raise SettingsError(f"There is no workspace {name!r}. There are {known}.")
        return self._server.workspace(name)


def _limit(asked: int) -> int:
    return max(1, min(asked, MOST_ASKED))


def _row(shown: dict[str, Any]) -> str:
    """An exchange in a line, without what is empty."""
    names = (
        "number",
        "kind",
        "method",
        "path",
        "query",
        "status",
        "word",
        "job_id",
        "model",
        "scenario",
        "fault",
    )
    row = {name: shown[name] for name in names if shown[name] not in (None, "")}
    for name in ("violations", "findings"):
        if shown[name]:
            row[name] = [f"{one['path']}: expected {one['expected']}" for one in shown[name][:5]]
    return plain(row)
