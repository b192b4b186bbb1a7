"""`kling-mock validate`: request bodies judged offline, by the contract of the model that they name."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..catalog import Catalog, load_catalog
from ..errors import PayloadError, SpecError, UnknownModel
from ..settings import ENV_PREFIX
from ..units import parse_flag
from ..validation import Problem, Validator, Verdict, parse_json

__all__ = ["add_parser"]

EPILOG = """\
examples:
  kling-mock validate body.json
  kling-mock validate --strict payloads/*.json
  echo '{"model": "klingai/avatar-pro", "image_url": "https://example.com/a.png"}' | kling-mock validate -

exit status: 0 all valid, 1 at least one invalid, 2 at least one that cannot be judged (unreadable, not JSON,
no known model).
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "validate",
        help="check request bodies, offline",
        description="Check request bodies, one JSON object per file, against the contract of their model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file with one body; - reads the input")
    parser.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="refuse what the API overlooks: numeric strings, undocumented fields, rules of the prose",
    )
    parser.add_argument(
        "--legacy",
        action="store_true",
        default=None,
        help="judge by the contract of /v2/generate/video/kling/generation",
    )
    parser.add_argument("--json", action="store_true", default=None, help="the verdicts as JSON")
    parser.set_defaults(handler=_validate)


def _validate(namespace: argparse.Namespace) -> int:
    strict, legacy, as_json = (_flag(namespace, name) for name in ("strict", "legacy", "json"))
    catalog = load_catalog()
    validator = Validator(catalog)
    rows: list[dict[str, Any]] = []
    for name in namespace.files:
        try:
            row = _row(name, _verdict(name, catalog, validator, strict=strict, legacy=legacy))
        except (PayloadError, SpecError, UnknownModel) as error:
            row = {"file": name, "model": None, "result": "unusable", "error": str(error)}
        rows.append(row)
        if not as_json:
            _tell(row)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    results = {row["result"] for row in rows}
    return 2 if "unusable" in results else 1 if "invalid" in results else 0


def _flag(namespace: argparse.Namespace, name: str) -> bool:
    given = getattr(namespace, name)
    return parse_flag(os.environ.get(ENV_PREFIX + name.upper(), "")) if given is None else bool(given)


def _verdict(
    name: str, catalog: Catalog, validator: Validator, *, strict: bool, legacy: bool
) -> tuple[str, Verdict]:
    body = parse_json(_read(name))
    if not isinstance(body, dict):
        raise PayloadError("a JSON object", "another kind of JSON value")
    model = body.get("model")
    if not isinstance(model, str):
        what = "none" if "model" not in body else "one that is not a string"
        raise PayloadError("the id of a model in `model`", what)
    variant = catalog.find(model)
    if legacy and not variant.legacy:
        raise SpecError(f"{variant.model} has no older contract: check it without --legacy.")
    return variant.model, validator.check(variant, body, legacy=legacy, strict=strict)


def _read(name: str) -> bytes:
    if name == "-":
        if sys.stdin is None:
            raise SpecError("Standard input is closed: expected a body there, or the name of a file.")
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SpecError(f"It cannot be read: {error.strerror}.") from None


def _row(name: str, judged: tuple[str, Verdict]) -> dict[str, Any]:
    model, verdict = judged
    return {
        "file": name,
        "model": model,
        "result": "valid" if verdict.valid else "invalid",
        "violations": [problem.as_dict() for problem in verdict.violations],
        "findings": [problem.as_dict() for problem in verdict.findings],
    }


def _tell(row: dict[str, Any]) -> None:
    if row["result"] == "unusable":
        print(f"{row['file']}: unusable")
        print(f"  {row['error']}")
        return
    print(f"{row['file']}: {row['result']} for {row['model']}")
    for kind in ("violations", "findings"):
        for problem in row[kind]:
            print(f"  {kind[:-1]}: {Problem(**problem).sentence()}")
