"""The folder that `specs sync` writes to: checked documents, prices, and what was read when."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..billing.prices import PRICES_FILE, Pricing, read_prices
from ..catalog import Catalog
from ..catalog.own_documents import read_folder
from ..errors import SpecError
from ..version import __version__
from .download import Fetched

__all__ = ["STATE_FILE", "SyncFolder"]

STATE_FILE = "sync.json"
KEYS = ("etag", "digest", "file", "gone")
"""What is noted of a model: of the document that was read last, where it is, and whether the model went."""


class SyncFolder:
    """A folder of documents, or none at all: then nothing is remembered and nothing is written."""

    def __init__(self, path: Path | None) -> None:
        """Raises SpecError, or SettingsError for its prices, where it cannot be used."""
        self._path = path
        self._known: dict[str, dict[str, str]] = {}
        self.prices: dict[str, Pricing] = {}
        """What the folder said of prices before."""
        if path is None:
            return
        if path.exists() and not path.is_dir():
            raise SpecError(f"--into: expected a folder, received the file {path}.")
        if (path / PRICES_FILE).is_file():
            self.prices = read_prices(path / PRICES_FILE)
        self._known = _state(path / STATE_FILE)
        self._new_prices: dict[str, Pricing] = dict(self.prices)

    def etag_of(self, model: str) -> str:
        """The tag of the document that was read of a model, where what came of it is still there."""
        known = self._known.get(model, {})
        file = known.get("file", "")
        gone = self._path is None or (file and not (self._path / file).is_file())
        return "" if gone else known.get("etag", "")

    def has(self, model: str) -> bool:
        """Whether the folder has a document of a model that was written here."""
        file = self._known.get(model, {}).get("file")
        return self._path is not None and bool(file) and (self._path / str(file)).is_file()

    def differs(self, model: str, body: bytes) -> bool:
        """Whether another document of a model was read before."""
        known = self._known.get(model)
        return known is not None and known["digest"] not in ("", _digest(body))

    def remember(self, model: str, found: Fetched, file: str = "") -> None:
        """Note what was read of a model."""
        assert found.body is not None
        self._known[model] = dict(zip(KEYS, (found.etag, _digest(found.body), file, ""), strict=True))

    def write(self, model: str, document: Mapping[str, Any], found: Fetched, catalog: Catalog) -> str:
        """Write a document once it is known that a server could use it; returns the file."""
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        name = f"{re.sub(r'[^A-Za-z0-9.]+', '-', model).strip('-.') or 'model'}.json"
        with tempfile.TemporaryDirectory() as apart:
            (Path(apart) / name).write_text(text, encoding="utf-8")
            try:
                read_folder(Path(apart), catalog)
            except SpecError as error:
                says = str(error).replace(f"{Path(apart) / name}: ", "")
                raise SpecError(says, place=error.place, keyword=error.keyword) from None
        if self._path is None:
            return ""
        file = self._known.get(model, {}).get("file") or name
        _put(self._path / file, text)
        self.remember(model, found, file)
        return str(self._path / file)

    def note_gone(self, model: str, *, gone: bool) -> bool:
        """Note whether the catalogue has a model; returns whether it has gone since it was looked last."""
        known = self._known.get(model, {})
        if gone:
            self._known[model] = {**dict.fromkeys(KEYS, ""), **known, "gone": "yes"}
        elif known.get("gone"):
            self._known[model] = {**known, "gone": ""}
        return gone and not known.get("gone")

    def keep_prices(self, prices: Mapping[str, Pricing | None]) -> None:
        """Have the folder say these prices; what it says of other models stays."""
        if self._path is None:
            return
        for model, pricing in prices.items():
            if pricing is not None:
                self._new_prices[model] = pricing
            else:
                self._new_prices.pop(model, None)

    def close(self, source: str) -> None:
        """Write what was read, and the prices."""
        if self._path is None:
            return
        if self._new_prices or self.prices:
            shown = {model: pricing.data for model, pricing in sorted(self._new_prices.items())}
            _put(self._path / PRICES_FILE, json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
        state = {"version": __version__, "from": source, "models": dict(sorted(self._known.items()))}
        _put(self._path / STATE_FILE, json.dumps(state, indent=2) + "\n")


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:24]


def _state(path: Path) -> dict[str, dict[str, str]]:
    """What was read before, by the same version: another one may compare otherwise."""
    try:
        state = json.loads(path.read_bytes())
        models = state["models"] if state["version"] == __version__ else {}
        return {model: {key: str(one.get(key, "")) for key in KEYS} for model, one in models.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SpecError(f"{path} is not what `specs sync` writes: remove it, and all is read anew.") from None


def _put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    apart = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        apart.write_text(text, encoding="utf-8")
        os.replace(apart, path)
    except OSError as error:
        apart.unlink(missing_ok=True)
        raise SpecError(f"{path} cannot be written: {error.strerror}.") from None
