"""The contract as one client has it: whose documents, which path's, and which of its fields."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from kling_mock.catalog import Catalog, load_catalog

__all__ = ["WHOLE", "ContractView", "current_catalog", "current_view", "viewed"]


@dataclass(frozen=True)
class ContractView:
    """The contract as one client has it; without `fields` all of them."""

    fields: frozenset[str] | None = None
    legacy: bool = False
    """True for a client of an older path: models that have an older contract are asked for by that one."""
    catalog: Catalog | None = None
    """The models that there are; None for the vendored ones."""


WHOLE = ContractView()
_view: ContextVar[ContractView] = ContextVar("contract_view", default=WHOLE)


def current_view() -> ContractView:
    """The view by which payloads are made here."""
    return _view.get()


def current_catalog() -> Catalog:
    """The models that there are here."""
    return current_view().catalog or load_catalog()


@contextlib.contextmanager
def viewed(view: ContractView) -> Iterator[None]:
    """Make payloads by this view until the end of the block."""
    token = _view.set(view)
    try:
        yield
    finally:
        _view.reset(token)
