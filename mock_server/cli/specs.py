"""`kling-mock specs`: the vendored contracts, and the user's own documents held against them."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from ..catalog import LEGACY_PATH, Catalog, Variant, load_catalog
from ..errors import SpecError

__all__ = ["add_parser"]

EPILOG = """\
examples:
  kling-mock specs list
  kling-mock specs show kling-video/v1.6/pro/image-to-video
  kling-mock specs check
  kling-mock specs diff kling-video/v1.6/pro/image-to-video downloaded.json
  kling-mock specs add downloaded.json --into my-specs
"""


def add_parser(subparsers: Any) -> None:
    """Add the command and its own sub-commands."""
    parser = subparsers.add_parser(
        "specs",
        help="list, show and check the vendored contracts",
        description="The contracts of all Kling variants, as vendored OpenAPI 3.1 documents.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    parser.set_defaults(handler=_no_action)
    listing = _action(actions, "list", _list, "a row per variant", "kling-mock specs list --json")
    listing.add_argument("--json", action="store_true", help="rows as JSON: model, vendor, file, paths, …")
    show = _action(
        actions,
        "show",
        _show,
        "one document, every reference resolved",
        "kling-mock specs show klingai/avatar-pro",
    )
    show.add_argument("model", metavar="MODEL", help="a model id, such as klingai/avatar-pro")
    check = _action(
        actions,
        "check",
        _check,
        "look for faults in documents",
        "kling-mock specs check my-specs/avatar.json",
    )
    check.add_argument("files", metavar="FILE", nargs="*", help="own documents (default: all vendored ones)")
    diff = _action(
        actions,
        "diff",
        _diff,
        "hold a vendored contract against a document of your own; exit 1 where they differ",
        "kling-mock specs diff klingai/avatar-pro downloaded.json",
    )
    diff.add_argument("model", metavar="MODEL", help="a model id")
    diff.add_argument("file", metavar="FILE", help="an OpenAPI 3.0 or 3.1 document as JSON")
    diff.add_argument("--json", action="store_true", help="the differences as JSON")
    add = _action(
        actions,
        "add",
        _add,
        "turn a downloaded document into a checked OpenAPI 3.1 one",
        "kling-mock specs add downloaded.json --into my-specs",
    )
    add.add_argument("file", metavar="FILE", help="an OpenAPI 3.0 or 3.1 document as JSON")
    add.add_argument("--into", metavar="FOLDER", help="where to write it (default: to the output)")
    add.add_argument("--force", action="store_true", help="replace a file that is already there")


def _action(actions: Any, name: str, handler: Any, says: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=says,
        description=f"{says[0].upper()}{says[1:]}.",
        epilog=f"example:\n  {example}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=handler)
    return parser


def _no_action(namespace: argparse.Namespace) -> int:
    print("kling-mock specs: expected list, show, check, diff or add. Try --help.", file=sys.stderr)
    return 2


def _list(namespace: argparse.Namespace) -> int:
    catalog = load_catalog()
    if namespace.json:
        _print_json(catalog.rows())
        return 0
    wide = max(len(variant.model) for variant in catalog.variants)
    for variant in catalog.variants:
        older = "older path too" if variant.legacy else ""
        required = ", ".join(name for name in variant.required if name != "model") or "-"
        print(f"{variant.model:<{wide}}  {variant.updated}  {older:<14}  {required}")
    return 0


def _show(namespace: argparse.Namespace) -> int:
    _print_json(load_catalog().document(namespace.model))
    return 0


def _check(namespace: argparse.Namespace) -> int:
    if not namespace.files:
        return _check_vendored(load_catalog())
    from ..specs.checking import faults_of
    from ..specs.files import read_document, resolved_file

    faulty = False
    for name in namespace.files:
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


def _diff(namespace: argparse.Namespace) -> int:
    from ..catalog.upgrade import upgraded
    from ..specs.diff import differences
    from ..specs.files import resolved_file

    catalog = load_catalog()
    variant = catalog.find(namespace.model)
    theirs, _ = upgraded(resolved_file(Path(namespace.file)))
    rows: list[dict[str, str]] = []
    for path, schema in _creates_of(theirs, variant, namespace.file):
        legacy = path == LEGACY_PATH
        if legacy and not variant.legacy:
            rows.append({"path": path, "line": "the vendored contract does not have this path"})
            continue
        ours = catalog.create_schema(variant.model, legacy=legacy)
        for difference in differences(_nameless(ours), _nameless(schema)):
            fields = {
                "field": difference.field,
                "constraint": difference.constraint,
                "vendored": difference.ours,
                "file": difference.theirs,
            }
            rows.append({"path": path, "line": difference.line(), **fields})
    if namespace.json:
        _print_json(rows)
    else:
        for row in rows:
            print(f"{row['path']}  {row['line']}")
        if not rows:
            print(f"{variant.model}: no differences.")
    return 1 if rows else 0


def _creates_of(document: dict[str, Any], variant: Variant, file: str) -> list[tuple[str, dict[str, Any]]]:
    from ..specs.files import create_schemas

    names = {variant.model, *variant.aliases}
    found: list[tuple[str, dict[str, Any]]] = []
    models: set[str] = set()
    for path, schema in create_schemas(document):
        for option in [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]:
            model = option.get("properties", {}).get("model", {})
            listed = [model["const"]] if "const" in model else model.get("enum", [])
            models.update(name for name in listed if isinstance(name, str))
            if names & set(listed):
                found.append((path, option))
    if not found:
        known = ", ".join(sorted(models)) or "no model"
        raise SpecError(f"{file} has no create of {variant.model}: it documents {known}.")
    return found


def _nameless(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with any text as model: a document may list several models beside the one compared."""
    properties = {**schema.get("properties", {}), "model": {"type": "string"}}
    return {**schema, "properties": properties}


def _add(namespace: argparse.Namespace) -> int:
    from ..catalog.upgrade import upgraded
    from ..specs.checking import faults_of
    from ..specs.files import resolved_file

    document, changed = upgraded(resolved_file(Path(namespace.file)))
    for change in changed:
        print(f"changed {change}", file=sys.stderr)
    faults = faults_of(document)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    if faults:
        print(f"{namespace.file} is not added: correct what is listed above first.", file=sys.stderr)
        return 1
    if namespace.into is None:
        _print_json(document)
        return 0
    target = Path(namespace.into) / f"{_slug(document, Path(namespace.file).stem)}.json"
    if target.exists() and not namespace.force:
        raise SpecError(f"{target} is there already: --force replaces it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{target} cannot be written: {error.strerror}.") from None
    print(target)
    return 0


def _slug(document: dict[str, Any], otherwise: str) -> str:
    """A file name after the first model of the document."""
    from ..specs.files import create_schemas

    for _, schema in create_schemas(document):
        for name in schema["properties"]["model"].get("enum", ()):
            return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or otherwise
    return otherwise


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
