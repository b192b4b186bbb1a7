"""A catalogue with what is built of it: the validator, and the list of models as the API shows it."""

from __future__ import annotations

from typing import Any

from .api.generation_paths import generation_paths
from .api.judged import KeptJudged
from .catalog import Catalog
from .validation import Validator

__all__ = ["Contracts"]


class Contracts:
    """What requests are judged by."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.validator = Validator(catalog)
        self.generations = generation_paths(catalog)
        """The paths of its creates and polls."""
        self.judged = KeptJudged()
        """The last bodies that were taken by it."""
        self.model_rows: list[dict[str, Any]] | None = None
        """The list of models as the API shows it, once somebody has asked for it."""
