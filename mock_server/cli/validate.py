"""`kling-mock validate`: request bodies judged offline, by the contract of the model that they name."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..catalog import Catalog, load_catalog
from ..command_options import ValidateOptions
from ..errors import PayloadError, SpecError, UnknownModel
from ..exchanges.redaction import NO_KEYS, Redactor, environment_keys, keys_of
from ..exchanges.shown_problems import shown_problems
from ..options import options_of, read_options
from ..validation import Problem, Validator, Verdict, parse_json
from .commands import Command, argument, flags
from .json_files import json_files

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock validate body.json
  kling-mock validate --strict payloads/
  echo '{"model": "klingai/avatar-pro", "image_url": "https://example.com/a.png"}' | kling-mock validate -

exit status: 0 all valid, 1 at least one invalid, 2 at least one that cannot be judged (unreadable, not JSON,
no known model).
"""


def validate(given: Mapping[str, Any]) -> int:
    """Judge each file; the exit status says how it went."""
    options = read_options(options_of(ValidateOptions), given)
    strict, legacy, as_json = options["strict"], options["legacy"], options["json"]
    catalog = load_catalog(options["specs"])
    validator = Validator(catalog)
    rows: list[dict[str, Any]] = []
    hides = NO_KEYS
    for name in json_files(given["files"]):
        try:
            body = _read(name)
            hides = Redactor([*keys_of((), body=body), *environment_keys()])
            row = _row(name, _verdict(body, catalog, validator, strict=strict, legacy=legacy), hides)
        except (PayloadError, SpecError, UnknownModel) as error:
            row = {"file": name, "model": None, "result": "unusable", "error": hides(str(error))}
        rows.append(row)
        if not as_json:
            _tell(row)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    results = {row["result"] for row in rows}
    return 2 if "unusable" in results else 1 if "invalid" in results else 0


def _verdict(
    raw: bytes, catalog: Catalog, validator: Validator, *, strict: bool, legacy: bool
) -> tuple[str, Verdict]:
    body = parse_json(raw)
    if not isinstance(body, dict):
        raise PayloadError("a JSON object", "another kind of JSON value")
    model = body.get("model")
    if not isinstance(model, str):
        what = "none" if "model" not in body else "one that is not a string"
        raise PayloadError("the id of a model in `model`", what)
    variant = catalog.find(model)
    if legacy and not variant.legacy:
        raise SpecError(f"{variant.model} has no older contract: check it without --older-path.")
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


def _row(name: str, judged: tuple[str, Verdict], hides: Redactor) -> dict[str, Any]:
    model, verdict = judged
    return {
        "file": name,
        "model": model,
        "result": "valid" if verdict.valid else "invalid",
        "violations": [problem.as_dict() for problem in shown_problems(verdict.violations, hides)],
        "findings": [problem.as_dict() for problem in shown_problems(verdict.findings, hides)],
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


command = Command(
    "validate",
    validate,
    [argument("files", "FILE", many=True), *flags(ValidateOptions)],
    help="Check request bodies, one JSON object per file (- is the input), against their model's contract.",
    epilog=EPILOG,
    usage="[options] FILE... | -",
)
