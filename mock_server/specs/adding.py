"""A document from anywhere, made into a checked one of a user's own folder."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..catalog import resolve
from ..catalog.files import create_schemas, parse_document, read_document, resolved_file
from ..catalog.own_documents import document_files, models_of
from ..errors import SpecError
from .download import download

__all__ = ["add_to_folder", "read_source"]


def read_source(source: str) -> tuple[str, dict[str, Any]]:
    """The document that a file, an http(s) address or `-` (standard input) holds, and a name for it.

    References within it are resolved; raises SpecError where it cannot be read as a document.
    """
    if source != "-" and "://" not in source:
        return Path(source).stem, resolved_file(Path(source))
    where = "standard input" if source == "-" else source
    raw = _standard_input() if source == "-" else download(source)
    document = parse_document(raw, where)
    return _name_of(source), resolve(document, where, {where: document})


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise SpecError("Standard input is closed: expected a document there, or the name of a file.")
    return sys.stdin.buffer.read()


def _name_of(source: str) -> str:
    parts = urlsplit(source)
    asked = parse_qs(parts.query).get("model", [])
    return asked[0] if asked else Path(parts.path).stem or "document"


def add_to_folder(document: Mapping[str, Any], name: str, folder: Path, *, replace: bool) -> Path:
    """Write a document into a folder, under the name of its first model; returns the file.

    Raises SpecError where the folder has a document of one of its models, unless that is to be replaced, and
    where it cannot be written.
    """
    models = list(dict.fromkeys(_models(document)))
    target = folder / f"{_slug(models[0] if models else name)}.json"
    there = [target] if target.exists() else _files_of(models, folder)
    if there and not replace:
        raise SpecError(f"{there[0]} is there already: --force replaces it.")
    target = there[0] if there else target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{target} cannot be written: {error.strerror}.") from None
    return target


def _models(document: Mapping[str, Any]) -> list[str]:
    bodies = [body for _, body in create_schemas(document)]
    options = [option for body in bodies for option in (body, *body.get("oneOf", ()), *body.get("anyOf", ()))]
    return [model for option in options for model in models_of(option)]


def _files_of(models: list[str], folder: Path) -> list[Path]:
    """The files of a folder that describe one of these models."""
    if not folder.is_dir() or not any(folder.rglob("*.json")):
        return []
    return [path for path in document_files(folder) if set(_models(read_document(path))) & set(models)]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "document"
