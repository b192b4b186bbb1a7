"""What the video of a create costs: by the prices that were given, else as documented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import SettingsError
from ..jobs.charges import CREDITS_PER_USD
from .prices import PRICES_FILE, Prices, Pricing, read_prices

if TYPE_CHECKING:
    from ..catalog import Catalog, Facts, Variant
    from ..media import Clip
    from ..settings import Settings

__all__ = ["credits_of", "prices_named", "prices_of"]


class _Asked(Protocol):
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def variant(self) -> Variant: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def clip(self) -> Clip: ...
    @property
    def legacy(self) -> bool: ...


def prices_of(settings: Settings) -> Prices:
    """The prices that hold under some settings: those of `prices`, then those in the folders of `specs`.

    Raises `SettingsError` for a file that cannot be used.
    """
    files = [Path(folder) / PRICES_FILE for folder in reversed(settings.specs)]
    files = [file for file in files if file.is_file()]
    named = [] if settings.prices is None else [prices_named(settings.prices)]
    return Prices(*named, *(read_prices(file) for file in files))


def prices_named(path: str) -> dict[str, Pricing]:
    """The prices in the file that the option `prices` names, which a `SettingsError` blames."""
    try:
        return read_prices(path)
    except SettingsError as error:
        raise error.blaming("prices") from None


def credits_of(prices: Prices, catalog: Catalog, asked: _Asked) -> int | None:
    """The credits of what was asked for; None where nobody says."""
    variant, seconds = asked.variant, asked.clip.seconds
    pricing = prices.find(variant.model, *variant.aliases) if prices else None
    if pricing is None:
        return asked.facts.credits_for(seconds)
    fields: Mapping[str, Any] = {}
    if pricing.depends:
        fields = catalog.create_schema(variant.model, legacy=asked.legacy).get("properties", {})

    def value_of(field: str) -> Any:
        return asked.payload[field] if field in asked.payload else fields.get(field, {}).get("default")

    usd = pricing.usd(value_of, seconds)
    return None if usd is None else round(usd * CREDITS_PER_USD)
