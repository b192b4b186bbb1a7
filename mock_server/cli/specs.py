"""`kling-mock specs`: the vendored contracts, and the user's own documents beside and against them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..catalog import Catalog, load_catalog
from ..command_options import JsonOptions, SpecsAddOptions, SpecsOptions
from ..errors import SpecError
from ..options import options_of, read_options
from . import specs_sync
from .commands import Command, Group, argument, flags
from .json_files import json_files

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock specs list
  kling-mock specs show kling-video/v1.6/pro/image-to-video
  kling-mock specs check
  kling-mock specs diff kling-video/v1.6/pro/image-to-video downloaded.json
  kling-mock specs add downloaded.json --into my-specs
  kling-mock specs list --specs my-specs
  kling-mock specs sync --into my-specs
"""


def _list(given: Mapping[str, Any]) -> int:
    catalog = _catalog(given)
    if _as_json(given):
        _print_json(catalog.rows())
        return 0
    wide = max(len(variant.model) for variant in catalog.variants)
    if sys.stdout.isatty():
        # For people alone: what is piped on is a row per model.
        print(f"{'MODEL':<{wide}}  {'UPDATED':<10}  {'OLDER PATH':<14}  NEEDS")
    for variant in catalog.variants:
        older = "older path too" if variant.legacy else ""
        required = ", ".join(name for name in variant.required if name != "model") or "-"
        print(f"{variant.model:<{wide}}  {variant.updated:<10}  {older:<14}  {required}")
    return 0


def _show(given: Mapping[str, Any]) -> int:
    _print_json(_catalog(given).document(given["model"]))
    return 0


def _check(given: Mapping[str, Any]) -> int:
    if not given["files"]:
        return _check_vendored(load_catalog())
    from ..catalog.files import read_document, resolved_file
    from ..specs.checking import faults_of

    faulty = False
    for name in json_files(given["files"]):
        path = Path(name)
        # What is no document at all is unusable; a reference that leads nowhere is a fault.
        read_document(path)
        try:
            faults = faults_of(resolved_file(path))
        except SpecError as error:
            faults = [str(error)]
        faulty = faulty or bool(faults)
        _report(name, faults)
    return 1 if faulty else 0


def _check_vendored(catalog: Catalog) -> int:
    from ..specs.checking import variant_faults

    faulty = 0
    for variant in catalog.variants:
        try:
            faults = variant_faults(catalog.document(variant.model), variant)
        except SpecError as error:
            faults = [str(error)]
        if faults:
            faulty += 1
            _report(variant.file, faults)
    print(f"{len(catalog.variants) - faulty} of {len(catalog.variants)} vendored documents are sound.")
    return 1 if faulty else 0


def _report(name: str, faults: list[str]) -> None:
    print(f"{name}: {'sound' if not faults else f'{len(faults)} faults' if len(faults) > 1 else '1 fault'}")
    for fault in faults:
        print(f"  {fault}")


def _diff(given: Mapping[str, Any]) -> int:
    from ..specs.comparing import changes, source_of

    catalog = _catalog(given)
    first, second = (source_of(given[name], catalog) for name in ("first", "second"))
    models = first.models(catalog) if first.document is None else second.models(catalog)
    if first.document is not None and second.document is not None:
        models = [model for model in first.models(catalog) if model in models] or models
    rows: list[dict[str, str]] = []
    for model in models:
        # What is vendored is said in words of its own.
        wording = first.document is not None and second.document is not None
        found = changes(first.creates(model, catalog), second.creates(model, catalog), wording=wording)
        rows += [({"model": model} if len(models) > 1 else {}) | change.row() for change in found]
    if _as_json(given):
        _print_json(rows)
    else:
        for row in rows:
            model = f"{row['model']}  " if "model" in row else ""
            print(f"{row['severity']:<8}  {model}{row['path']}  {row['line']}")
        if not rows:
            print(f"{', '.join(models)}: no differences.")
    return 1 if any(row["constraint"] != "wording" for row in rows) else 0


def _add(given: Mapping[str, Any]) -> int:
    from ..catalog.upgrade import upgraded
    from ..specs.adding import add_to_folder, read_source
    from ..specs.checking import faults_of

    options = read_options(options_of(SpecsAddOptions), given)
    name, resolved = read_source(given["file"])
    document, changed = upgraded(resolved)
    for change in changed:
        print(f"changed {change}", file=sys.stderr)
    faults = faults_of(document)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    if faults:
        print(f"{given['file']} is not added: correct what is listed above first.", file=sys.stderr)
        return 1
    if options["into"] is None:
        _print_json(document)
    else:
        print(add_to_folder(document, name, Path(options["into"]), replace=options["force"]))
    return 0


def _catalog(given: Mapping[str, Any]) -> Catalog:
    return load_catalog(read_options(options_of(SpecsOptions), given)["specs"])


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _as_json(given: Mapping[str, Any]) -> bool:
    as_json: bool = read_options(options_of(JsonOptions), given)["json"]
    return as_json


MODEL = "MODEL"
FILE = "FILE"
SIDE = "MODEL|FILE"
ACTIONS: dict[str, tuple[str, Callable[[Mapping[str, Any]], int], list[click.Parameter], str]] = {
    "list": (
        "a row per model",
        _list,
        [*flags(SpecsOptions), *flags(JsonOptions)],
        "kling-mock specs list --json",
    ),
    "show": (
        "one document, every reference resolved",
        _show,
        [argument("model", MODEL), *flags(SpecsOptions)],
        "kling-mock specs show klingai/avatar-pro",
    ),
    "check": (
        "look for faults in own documents, or in all vendored ones",
        _check,
        [argument("files", FILE, many=True, required=False)],
        "kling-mock specs check my-specs/avatar.json",
    ),
    "diff": (
        "hold two contracts, by models' ids or in files, against each other; exit 1 where they differ",
        _diff,
        [
            argument("first", "MODEL|FILE"),
            argument("second", "MODEL|FILE"),
            *flags(SpecsOptions),
            *flags(JsonOptions),
        ],
        "kling-mock specs diff klingai/avatar-pro downloaded.json",
    ),
    "add": (
        "turn a document (a file, an address, or - for the input) into a checked OpenAPI 3.1 one",
        _add,
        [argument("file", "FILE|URL|-"), *flags(SpecsAddOptions)],
        "kling-mock specs add downloaded.json --into my-specs",
    ),
    "sync": (specs_sync.HELP, specs_sync.sync, specs_sync.PARAMETERS, specs_sync.EXAMPLE),
}


def _no_action(context: click.Context) -> int:
    print("kling-mock specs: expected list, show, check, diff, add or sync. Try --help.", file=sys.stderr)
    return 2


command = Group(
    "specs",
    {name: action[0] for name, action in ACTIONS.items()},
    alone=_no_action,
    help="The contracts of all models, as vendored OpenAPI 3.1 documents, and own ones beside them.",
    epilog=EPILOG,
    commands={
        name: Command(
            name,
            handler,
            parameters,
            help=f"{says[0].upper()}{says[1:]}.",
            epilog=f"example:\n  {example}\n",
        )
        for name, (says, handler, parameters, example) in ACTIONS.items()
    },
)
