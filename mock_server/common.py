"""What all workspaces of one server share: the models, the validators, the address, the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .billing.prices import Prices, read_prices
from .catalog import Catalog, Variant, load_catalog
from .jobs.charges import CREDITS_PER_USD
from .limits import Limits
from .off_loop import OffLoop
from .settings import Settings
from .traffic import Traffic
from .validation import Validator
from .workspace import Workspace

__all__ = ["Common"]


class Common:
    """One server's common parts and its workspaces; the one without a name is made at once."""

    def __init__(self, settings: Settings, *, catalog: Catalog | None = None) -> None:
        self.settings = settings
        """What the server was started with; each workspace may lay its own options over it."""
        self.catalog = catalog or load_catalog()
        self.validator = Validator(self.catalog)
        self.prices = Prices() if settings.prices is None else Prices(read_prices(settings.prices))
        self.traffic = Traffic()
        self.limits = Limits.of(settings)
        self.off_loop = OffLoop()
        """Where bodies are judged that are too large to do so between two requests."""
        self.model_rows: list[dict[str, Any]] | None = None
        """The list of models as the API shows it, once somebody has asked for it."""
        self.address = f"{settings.host}:{settings.port}"
        """Where clients reach it that do not say how they did; the listener knows its real port."""
        self.default = Workspace(settings, self.traffic)
        self.workspaces: dict[str, Workspace] = {"": self.default}

    def price(
        self, variant: Variant, payload: Mapping[str, Any], seconds: float, *, legacy: bool = False
    ) -> int | None:
        """The credits that a video costs: by the prices that were given, else as documented, else unknown."""
        pricing = self.prices.find(variant.model, *variant.aliases)
        if pricing is None:
            return self.catalog.facts(variant.model).credits_for(seconds)
        fields = self.catalog.create_schema(variant.model, legacy=legacy).get("properties", {})

        def value_of(field: str) -> Any:
            return payload[field] if field in payload else fields.get(field, {}).get("default")

        usd = pricing.usd(value_of, seconds)
        return None if usd is None else round(usd * CREDITS_PER_USD)
