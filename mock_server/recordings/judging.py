"""A recording judged: the client by all that a trace shows, the server by its contract, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..catalog import Catalog, load_catalog
from ..errors import KlingMockError
from ..exchanges.exchange import Exchange
from ..trace_rules import RULES, Breach, Trace, check_trace
from ..verdicts.beside import with_beside
from .differences import Differences
from .exchanges import Reader
from .har_entry import wire_of
from .har_file import HarFile
from .judged_request import Judge
from .server_side import ServerSide

__all__ = ["Judged", "Recorded", "judge_recordings"]

WINDOW = 20_000
"""Exchanges that are held at once: of a longer recording they are judged part by part."""
MOST_NUMBERS = 100
"""Entries that are named for one breach."""
_ORDER = {id: place for place, id in enumerate(RULES)}
NEED_THE_END = ("B1",)
"""Rules that a part of a recording may show although the whole does not."""
NO_KEY = "with no Authorization header"


@dataclass
class Recorded:
    """One recording, judged."""

    path: Path
    breaches: list[Breach] = field(default_factory=list)
    entries: int = 0
    exchanges: int = 0
    creates: int = 0
    jobs: int = 0
    unfinished: int = 0
    """Jobs whose end the recording does not tell."""
    without_body: int = 0
    unread: int = 0
    other_models: int = 0
    others: dict[str, int] = field(default_factory=dict)
    """Requests of other hosts that were left out, by host."""
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    """Why it could not be judged; empty where it was."""


@dataclass
class Judged:
    """All recordings, judged."""

    files: list[Recorded] = field(default_factory=list)
    differences: Differences = field(default_factory=Differences)


def judge_recordings(
    paths: Collection[Path],
    *,
    hosts: tuple[str, ...] = (),
    ignore: Collection[str] = (),
    specs: Sequence[str] = (),
    on_read: Callable[[Path, int, int], None] = lambda path, read, size: None,
) -> Judged:
    """Judge recordings, each as the trace of one client; `hosts` are further hosts of the API.

    `specs` are folders of documents beside the vendored ones.
    """
    judged = Judged()
    catalog = load_catalog(specs)
    for path in paths:
        one = _File(path, catalog, judged.differences, hosts, ignore)
        try:
            one.read(partial(on_read, path))
        except KlingMockError as error:
            one.recorded.problem = str(error)
        judged.files.append(one.recorded)
    return judged


class _File:
    """One file on its way through the judges."""

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        differences: Differences,
        hosts: tuple[str, ...],
        ignore: Collection[str],
    ) -> None:
        self.recorded = Recorded(path)
        self._reader = Reader(hosts, Judge(catalog))
        self._server = ServerSide(catalog)
        self._differences = differences
        self._ignore = ignore
        self._window: list[Exchange] = []
        self._in_parts = False
        self._found: dict[tuple[str, str, bool], Breach] = {}
        self._open: dict[str, None] = {}

    def read(self, on_read: Callable[[int, int], None]) -> None:
        """Judge all that can be read."""
        recorded, har = self.recorded, HarFile(self.recorded.path, on_read)
        for number, entry in enumerate(har.entries(), 1):
            recorded.entries = number
            wire = wire_of(entry, har.body)
            if wire is None:
                recorded.unread += 1
                continue
            self._take(wire, number)
        recorded.unread += har.splitter.unread
        if har.broken_off:
            recorded.notes.append(f"{har.broken_off}: what was read of it is judged")
        self._finish(har.splitter.aside if isinstance(har.splitter.aside, dict) else {})

    def _take(self, wire: Any, number: int) -> None:
        request = self._reader.read(wire, number)
        if request is None:
            return
        recorded, exchange = self.recorded, request.exchange
        recorded.exchanges += 1
        recorded.creates += exchange.kind == "create"
        if exchange.kind == "create" and exchange.job_id is not None:
            recorded.jobs += 1
            self._open[exchange.job_id] = None
        if exchange.state in ("completed", "error") and exchange.job_id is not None:
            self._open.pop(exchange.job_id, None)
        found = {one[:2]: one for one in self._server.judge(request)}
        for difference in found.values():
            self._differences.add(difference, f"{recorded.path.name}#{number}", exchange.model)
        self._window.append(exchange)
        if len(self._window) >= WINDOW:
            self._judge_part()

    def _judge_part(self) -> None:
        """Judge the window, and keep the last part of it for what comes."""
        self._in_parts = True
        self._judge(Trace(_in_order(self._window), one=False, lost=True), also=NEED_THE_END)
        kept = WINDOW // 4
        self._window = self._window[-kept:]

    def _finish(self, aside: dict[str, Any]) -> None:
        recorded, reader = self.recorded, self._reader
        recorded.unfinished = len(self._open)
        recorded.without_body = reader.without_body
        recorded.other_models = self._server.unjudged
        recorded.others = dict(sorted(reader.others.items(), key=lambda item: -item[1]))
        trace = Trace(_in_order(self._window), one=False, lost=True, called="recording")
        if not self._in_parts:
            # Who stopped recording too early has not seen what became of the last job.
            trace = with_beside(replace(trace, whole=not recorded.notes), aside)
        self._judge(trace)
        breaches = list(self._found.values())
        if not reader.authorised:
            # Some tools take the header out, and then nobody knows whether it was there.
            breaches = [one for one in breaches if not (one.id == "A7" and NO_KEY in one.says)]
        recorded.breaches = sorted(breaches, key=lambda one: _ORDER[one.id])

    def _judge(self, trace: Trace, *, also: Collection[str] = ()) -> None:
        for breach in check_trace(trace, ignore={*self._ignore, *also}):
            key = breach.id, breach.says, breach.certain
            before = self._found.get(key)
            numbers = breach.exchanges
            if before is not None:
                numbers = tuple(dict.fromkeys((*before.exchanges, *numbers)))
            self._found[key] = Breach(breach.rule, breach.says, numbers[:MOST_NUMBERS], breach.certain)


def _in_order(exchanges: list[Exchange]) -> list[Exchange]:
    """By the time at which they began, as far as the recording says: not all tools write them so."""
    if any(exchange.at == 0 for exchange in exchanges):
        return list(exchanges)
    return sorted(exchanges, key=lambda exchange: exchange.at)
