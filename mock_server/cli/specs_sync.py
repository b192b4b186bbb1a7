"""`kling-mock specs sync`: the provider's public catalogue held against the contracts that are here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..catalog import load_catalog
from ..command_options import SpecsOptions, SpecsSyncOptions
from ..errors import SettingsError
from ..options import options_of, read_options
from ..output_files import check_report_file, write_report
from .commands import flags

if TYPE_CHECKING:
    from ..specs.sync import Row

__all__ = ["EXAMPLE", "HELP", "PARAMETERS", "sync"]

HELP = (
    "read the provider's public catalogue, without a key, and compare: exit 0 nothing that matters, "
    "1 something breaking, 2 could not be read; the one command that goes online by itself"
)
EXAMPLE = "kling-mock specs sync --into my-specs --report changes.md"
PARAMETERS: list[click.Parameter] = [*flags(SpecsSyncOptions), *flags(SpecsOptions)]


def sync(given: Mapping[str, Any]) -> int:
    """Compare, print a table, write what changed; the exit status says whether it matters."""
    from ..specs import sync_report
    from ..specs.sync import sync as compare
    from ..specs.sync_folder import SyncFolder

    options = read_options(options_of(SpecsSyncOptions), given)
    specs = list(read_options(options_of(SpecsOptions), given)["specs"])
    source, into, report = str(options["source"]), options["into"], options["report"]
    if not source.startswith(("http://", "https://")):
        raise SettingsError(f"expected an http or https address, received {source!r}.", option="--from")
    check_report_file("--report", report)
    path = None if into is None else Path(into)
    folder = SyncFolder(path)
    if path is not None and any(path.rglob("*.json")) and str(path) not in specs:
        # What an earlier one found is known by now.
        specs.append(str(path))
    catalog = load_catalog(specs)
    print(f"Reading {source} (no key is sent) …", file=sys.stderr, flush=True)
    synced = compare(source, catalog, folder, models=options["models"], progress=_progress)
    for line in sync_report.table(synced):
        # Standard output is the report's where that was asked for.
        print(line, file=sys.stderr if report == "-" else sys.stdout)
    if report is not None:
        is_markdown = Path(report).suffix.lower() in (".md", ".markdown")
        text = sync_report.as_markdown(synced) if is_markdown else sync_report.as_json(synced)
        write_report("--report", report, text)
    return synced.status


def _progress(rows: Iterable[Row], count: int) -> list[Row]:
    """The rows, with a bar on a terminal meanwhile."""
    if not sys.stderr.isatty():
        return list(rows)
    with click.progressbar(rows, length=count, file=sys.stderr, label="documents") as shown:
        return list(shown)
