"""The provider's catalogue held against the contracts that are here: what is new, gone, changed."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

from ..billing.prices import Pricing, priced_models
from ..catalog import MODEL_TYPE, Catalog, resolve
from ..catalog.files import parse_document
from ..catalog.upgrade import upgraded
from ..errors import KlingMockError, SettingsError, SpecError, UnknownModel
from .checking import faults_of
from .comparing import Change, Source, changes, narrowed
from .download import Fetched, fetch
from .severity import worst
from .sync_folder import SyncFolder

__all__ = ["AT_ONCE", "KINDS", "Row", "Synced", "sync"]

AT_ONCE = 4
"""Requests that are under way together: the catalogue is nobody's to hammer on."""
Kind = Literal["unreadable", "breaking", "gone", "dearer", "new", "widening", "price", "wording", "same"]
KINDS: Mapping[Kind, str] = {
    "unreadable": "could not be read, or not be used",
    "breaking": "what was right may be refused, or mean something else",
    "gone": "the catalogue has it no more",
    "dearer": "it costs more",
    "new": "the catalogue has it, and nothing here described it",
    "widening": "more is possible, and what was right still is",
    "price": "it costs less, or nothing says any more what it costs",
    "wording": "its document says the same in other words",
    "same": "nothing changed",
}


@dataclass(frozen=True)
class Row:
    """What became of one model; it may have several rows."""

    model: str
    kind: Kind
    says: str = ""
    changes: tuple[Change, ...] = ()
    file: str = ""
    """Where its document was written to."""

    def lines(self) -> list[str]:
        """What is to be said of it, a line each."""
        changed = [f"{one.difference.severity}: {one.line('there')}" for one in self.changes]
        return [*([self.says] if self.says else []), *changed]

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        shown = [{**one.row(), "line": one.line("there")} for one in self.changes]
        return {
            "model": self.model,
            "kind": self.kind,
            "says": self.says,
            "changes": shown,
            "file": self.file,
        }


@dataclass
class Synced:
    """What a whole comparison came to."""

    source: str
    models: int = 0
    """Video models of the catalogue that were looked at."""
    rows: list[Row] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Row]:
        """The rows of some kinds."""
        return [row for row in self.rows if row.kind in kinds]

    @property
    def status(self) -> int:
        """0 nothing that matters, 1 something breaking, gone or dearer, 2 something could not be read."""
        return 2 if self.of("unreadable") else 1 if self.of("breaking", "gone", "dearer") else 0


@dataclass(frozen=True)
class _Item:
    """One video model of the catalogue."""

    id: str
    aliases: tuple[str, ...]
    link: str
    pricing: Pricing | None

    @property
    def names(self) -> set[str]:
        return {self.id, *self.aliases}


def sync(
    source: str,
    catalog: Catalog,
    folder: SyncFolder,
    *,
    models: Sequence[str] = (),
    progress: Callable[[Iterable[Row], int], Iterable[Row]] = lambda rows, count: rows,
) -> Synced:
    """Compare the catalogue at an address with the one here, and write what changed into a folder.

    `models` are ids or globs, none for all; `progress` gets the rows as they come, and their number. Raises
    SpecError where the catalogue cannot be read; a document that cannot be is a row.
    """
    url = f"{source.rstrip('/')}/v1/models?type={quote(MODEL_TYPE, safe='')}&include=pricing"
    items = [item for item in _items(url) if _wanted(item.names, models)]
    if models and not items and not any(_wanted({one.model}, models) for one in catalog.variants):
        known = [variant.model for variant in catalog.variants]
        raise UnknownModel(models[0], known).blaming("models")
    synced = Synced(source, len(items))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            fetched = pool.map(lambda item: _fetched(item, folder, source), items)
            rows = (_row(item, found, catalog, folder) for item, found in zip(items, fetched, strict=True))
            synced.rows += progress(rows, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True, wait=False)
            raise
    synced.rows += _gone(catalog, items, models, folder)
    synced.rows += _prices(items, folder)
    folder.close(source)
    return synced


def _wanted(names: set[str], patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, one) for name in names for one in patterns)


def _items(url: str) -> list[_Item]:
    """The video models that a catalogue lists; raises SpecError for what is no catalogue."""
    try:
        body = json.loads(fetch(url).body or b"")
    except (ValueError, RecursionError):
        raise SpecError(f"{url} does not answer JSON: expected the list of models.") from None
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise SpecError(f"{url} is no catalogue: expected an object with a list of models as `data`.")
    items = [_item(row, url) for row in listed if isinstance(row, dict) and row.get("type") == MODEL_TYPE]
    if not items:
        raise SpecError(f"{url} lists no video models, which are of the type {MODEL_TYPE}.")
    return items


def _item(row: Mapping[str, Any], url: str) -> _Item:
    model, info, aliases = row.get("id"), row.get("info"), row.get("aliases", [])
    link = info.get("docsJson") if isinstance(info, dict) else None
    right = isinstance(aliases, list) and all(isinstance(alias, str) for alias in aliases)
    if not isinstance(model, str) or not model or not right:
        raise SpecError(f"{url} lists a model without an id, or with other aliases than a list of names.")
    pricing = None
    with suppress(SettingsError):
        pricing = priced_models({model: row["pricing"]}, url)[model] if row.get("pricing") else None
    return _Item(model, tuple(aliases), urljoin(url, link) if isinstance(link, str) else "", pricing)


def _fetched(item: _Item, folder: SyncFolder, source: str) -> Fetched | SpecError:
    if not item.link:
        return SpecError(f"{item.id}: the catalogue has no link to its document (info.docsJson).")
    if urlsplit(item.link).hostname != urlsplit(source).hostname:
        return SpecError(f"{item.link}: the document is at another host than the catalogue, and not read.")
    try:
        return fetch(item.link, etag=folder.etag_of(item.id))
    except SpecError as error:
        return error


def _row(item: _Item, found: Fetched | SpecError, catalog: Catalog, folder: SyncFolder) -> Row:
    if isinstance(found, SpecError):
        return Row(item.id, "unreadable", str(found))
    if found.body is None:
        return Row(item.id, "same")
    try:
        return _compared(item, found, catalog, folder)
    except KlingMockError as error:
        says = str(error)
        return Row(item.id, "unreadable", says if item.link in says else f"{item.link}: {says}")


def _compared(item: _Item, found: Fetched, catalog: Catalog, folder: SyncFolder) -> Row:
    """The row of a document that was read; it is written where it says something new."""
    assert found.body is not None
    raw = parse_document(found.body, item.link)
    document, _ = upgraded(resolve(raw, item.link, {item.link: raw}))
    faults = faults_of(document)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise SpecError(f"{faults[0]}{more}")
    known = next((one for name in (item.id, *item.aliases) if (one := catalog.get(name))), None)
    names = item.names if known is None else item.names | {known.model, *known.aliases}
    document = narrowed(document, item.id, names, item.link)
    theirs = Source(item.link, document).creates_by(names)
    if known is None:
        return Row(item.id, "new", file=folder.write(item.id, document, found, catalog))
    found_changes = changes(Source(known.model, None).creates(known.model, catalog), theirs)
    kind: Kind | None = worst(change.difference.severity for change in found_changes)
    if kind is None and folder.differs(item.id, found.body):
        kind = "wording"
    if kind in (None, "wording") and not folder.has(item.id):
        # What is vendored says the same: a document of it would only stand in its way.
        folder.remember(item.id, found)
        return Row(item.id, kind or "same", changes=tuple(found_changes))
    file = folder.write(item.id, document, found, catalog)
    return Row(item.id, kind or "same", changes=tuple(found_changes), file=file if kind else "")


def _gone(
    catalog: Catalog, items: Sequence[_Item], models: Sequence[str], folder: SyncFolder
) -> Iterator[Row]:
    """A row for each model that the catalogue has no more; a folder is told of it once."""
    listed = {name for item in items for name in item.names}
    for variant in catalog.variants:
        names = {variant.model, *variant.aliases}
        if not _wanted({variant.model}, models):
            continue
        if folder.note_gone(variant.model, gone=not names & listed):
            yield Row(variant.model, "gone")


def _prices(items: Sequence[_Item], folder: SyncFolder) -> Iterator[Row]:
    """A row for each model that costs something else than the folder says, which says so from then on."""
    before = folder.prices
    for item in items:
        if item.pricing is not None and item.id in before and before[item.id].data != item.pricing.data:
            now, then = item.pricing.in_words(), before[item.id].in_words()
            kind: Kind = "dearer" if item.pricing.dearer_than(before[item.id]) else "price"
            yield Row(item.id, kind, f"{then}, now {now}")
        elif item.pricing is None and item.id in before:
            yield Row(item.id, "price", f"{before[item.id].in_words()}, now without a price")
    folder.keep_prices({item.id: item.pricing for item in items})
