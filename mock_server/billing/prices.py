"""Prices as the provider's catalogue has them, and what one video costs by them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import SettingsError

__all__ = ["PRICES_FILE", "Prices", "Pricing", "priced_models", "read_prices"]

PRICES_FILE = "prices.json"
"""What a folder of documents calls the prices in it."""
PER_VIDEO = frozenset({"video", "generation", "request", "item", "unit"})
"""Units of which one video is one."""
SECONDS_OF = {"second": 1.0, "sec": 1.0, "s": 1.0, "minute": 60.0}
LARGEST_FILE = 16 * 1024**2
"""Bytes of a file of prices at most; the provider's whole catalogue has less than a tenth."""

ValueOf = Callable[[str], Any]
"""Gives what a payload has for a field, the field's default where it has nothing; None for neither."""


class Pricing:
    """The `pricing` of one model: units of a fixed price, or a price for each variant of some fields."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Raises `SettingsError` that names what cannot be."""
        self.data = dict(data)
        kind = data.get("kind")
        if kind not in ("fixed", "variants", "variable"):
            raise SettingsError(f"expected fixed, variants or variable, received {kind!r}.", option="kind")
        for name in ("units", "variants"):
            if not isinstance(data.get(name, []), list):
                raise SettingsError(f"expected a list, received {data[name]!r}.", option=name)
        for name in ("units", "variants"):
            for number, unit in enumerate(data.get(name, ())):
                _check_unit(unit, f"{name}[{number}]")
        if kind != "variable" and not data.get("units" if kind == "fixed" else "variants"):
            raise SettingsError(f"expected {'units' if kind == 'fixed' else 'variants'}, received none.")

    @property
    def depends(self) -> bool:
        """Whether the price depends on what a payload asks for."""
        return bool(self.data["kind"] == "variants")

    def in_words(self) -> str:
        """Such as `$0.65 per second`."""
        if self.data["kind"] == "variable":
            return "a variable price"
        units = self.data["units"] if self.data["kind"] == "fixed" else self.data["variants"]
        return ", ".join(dict.fromkeys(_unit_in_words(unit) for unit in units))

    def dearer_than(self, before: Pricing) -> bool:
        """Whether something costs more by these prices than before, or nothing says that it does not."""
        old, new = before._rates(), self._rates()
        if new is None or old is None:
            # Nobody knows what a variable price comes to.
            return new is not old
        if any(rate > old[key] for key, rate in new.items() if key in old):
            return True
        # What is offered beside all that there was makes none of it dearer, unless it is paid on top.
        return bool(new.keys() - old.keys()) and (not self.depends or bool(old.keys() - new.keys()))

    def _rates(self) -> dict[tuple[str, str], float] | None:
        """The price of one second or one video by what it is for; None for a variable price."""
        if self.data["kind"] == "variable":
            return None
        units = self.data["units"] if self.data["kind"] == "fixed" else self.data["variants"]
        rates: dict[tuple[str, str], float] = {}
        for unit in units:
            measure, price = _measure(unit), unit["price"] / unit.get("per", 1)
            if measure in SECONDS_OF:
                measure, price = "s", price / SECONDS_OF[measure]
            elif measure in PER_VIDEO:
                measure = "video"
            key = measure, json.dumps(unit.get("when", {}), sort_keys=True)
            known = rates.get(key, 0.0)
            rates[key] = max(price, known) if self.depends else price + known
        return rates

    def usd(self, value_of: ValueOf, seconds: float) -> float | None:
        """What a video of so many seconds costs in US dollars; None where these prices do not say."""
        if str(self.data.get("currency", "USD")).upper() != "USD" or self.data["kind"] == "variable":
            return None
        if self.data["kind"] == "fixed":
            return _sum(_cost(unit, seconds) for unit in self.data["units"])
        fitting = [one for one in self.data["variants"] if _fits(one.get("when", {}), value_of)]
        if not fitting:
            return None
        # Of several the one that says most.
        return _cost(max(fitting, key=lambda one: len(one.get("when", {}))), seconds)


def _check_unit(unit: Any, place: str) -> None:
    if not isinstance(unit, dict) or not isinstance(unit.get("when", {}), dict):
        raise SettingsError(f"expected an object with a price, received {unit!r}.", option=place)
    price, per = unit.get("price"), unit.get("per", 1)
    if not _is_number(price) or price < 0:
        raise SettingsError(f"expected a number of 0 or more, received {price!r}.", option=f"{place}.price")
    if not _is_number(per) or per <= 0:
        raise SettingsError(f"expected a number of more than 0, received {per!r}.", option=f"{place}.per")


def _unit_in_words(unit: Mapping[str, Any]) -> str:
    measure = unit.get("unit") or unit.get("measure") or unit.get("name") or "video"
    per = unit.get("per", 1)
    when = ", ".join(f"{name} {value}" for name, value in unit.get("when", {}).items())
    return f"${unit['price']:g} per {measure if per == 1 else f'{per:g} {measure}'}" + (
        f" ({when})" if when else ""
    )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _measure(unit: Mapping[str, Any]) -> str:
    name = unit.get("unit") or unit.get("measure") or unit.get("name") or ""
    measure = str(name).lower().removeprefix("per ")
    return measure if measure in SECONDS_OF else measure.removesuffix("s")


def _cost(unit: Mapping[str, Any], seconds: float) -> float | None:
    measure = _measure(unit)
    price: float = unit["price"] / unit.get("per", 1)
    if measure in SECONDS_OF:
        return price * seconds / SECONDS_OF[measure]
    return price if measure in PER_VIDEO else None


def _sum(costs: Iterable[float | None]) -> float | None:
    total = 0.0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def _fits(when: Mapping[str, Any], value_of: ValueOf) -> bool:
    return all(_word(value_of(field)) in _words(wanted) for field, wanted in when.items())


def _words(wanted: Any) -> list[str]:
    return [_word(one) for one in (wanted if isinstance(wanted, list) else [wanted])]


def _word(value: Any) -> str:
    """A value as it is compared: `"5"` is 5, and case does not matter."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else str(value).strip().lower()


class Prices:
    """The prices of models by id; those of several places, where the first one that has a model wins."""

    def __init__(self, *tables: Mapping[str, Pricing]) -> None:
        self._by_id: dict[str, Pricing] = {}
        for table in reversed(tables):
            self._by_id |= {model.lower(): pricing for model, pricing in table.items()}

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def find(self, *names: str) -> Pricing | None:
        """The pricing of a model by the first of its names that has one."""
        found = (self._by_id.get(name.lower()) for name in names)
        return next((pricing for pricing in found if pricing is not None), None)


def read_prices(path: str | Path) -> dict[str, Pricing]:
    """The prices in a file: `{MODEL: PRICING}`, or the answer of `/v1/models?include=pricing` as it came.

    Raises `SettingsError` that names the file, and the model whose pricing is wrong.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise SettingsError(f"{path} has more than {LARGEST_FILE // 1024**2} MiB.")
        data = json.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{path} is not JSON. Expected an object of models with their prices.") from None
    return priced_models(data, str(path))


def priced_models(data: Any, source: str) -> dict[str, Pricing]:
    """The same from JSON that came from a source."""
    listed = data.get("data") if isinstance(data, dict) else None
    if isinstance(listed, list):
        rows = [row for row in listed if isinstance(row, dict)]
        data = {
            row["id"]: row["pricing"] for row in rows if isinstance(row.get("id"), str) and row.get("pricing")
        }
    if not isinstance(data, dict):
        raise SettingsError(f"{source}: expected an object of models with their prices.")
    prices = {}
    for model, pricing in data.items():
        if not isinstance(pricing, dict):
            raise SettingsError(
                f"{source}: {model}: expected a pricing as the API has it, received {pricing!r}."
            )
        try:
            prices[model] = Pricing(pricing)
        except SettingsError as error:
            raise SettingsError(f"{source}: {model}: {error}") from None
    return prices
