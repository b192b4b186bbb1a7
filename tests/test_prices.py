"""Prices as the provider has them: read from a file, and what a video costs by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, SettingsError
from kling_mock.billing.prices import Prices, Pricing, read_prices

from .support import MODEL, create

PER_SECOND: dict[str, Any] = {
    "kind": "fixed",
    "units": [{"name": "video", "measure": "second", "price": 0.65, "per": 1}],
}
UNIT = PER_SECOND["units"][0]
LISTED = {"object": "list", "data": [{"id": MODEL, "pricing": PER_SECOND}, {"id": "x"}]}
BY_RESOLUTION = {
    "kind": "variants",
    "dimensions": ["resolution", "sound"],
    "variants": [
        {"when": {"resolution": "720p"}, "price": 0.1, "unit": "second", "per": 1},
        {"when": {"resolution": "1080P"}, "price": 0.2, "unit": "second", "per": 1},
        {"when": {"resolution": "1080p", "sound": True}, "price": 3, "unit": "video", "per": 2},
        {"when": {"seconds": 5}, "price": 9, "unit": "token", "per": 1},
    ],
}


def file_of(folder: Path, data: Any) -> Path:
    path = folder / "prices.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def usd(pricing: dict[str, Any], seconds: float = 5, **payload: Any) -> float | None:
    return Pricing(pricing).usd(payload.get, seconds)


@pytest.mark.parametrize(
    ("pricing", "payload", "cost"),
    [
        (PER_SECOND, {}, 3.25),
        (BY_RESOLUTION, {"resolution": "720p"}, 0.5),
        (BY_RESOLUTION, {"resolution": "1080p", "sound": False}, 1.0),
        (BY_RESOLUTION, {"resolution": "1080p", "sound": True}, 1.5),
        (BY_RESOLUTION, {"resolution": "480p"}, None),
        (BY_RESOLUTION, {}, None),
        (BY_RESOLUTION, {"seconds": "5"}, None),
        ({"kind": "variable"}, {}, None),
        ({**PER_SECOND, "currency": "EUR"}, {}, None),
        (
            {"kind": "fixed", "units": [UNIT, {"price": 1, "measure": "videos", "per": 1}]},
            {},
            4.25,
        ),
        ({"kind": "fixed", "units": [UNIT, {"price": 1, "measure": "token"}]}, {}, None),
        ({"kind": "fixed", "units": [{"price": 6, "measure": "minute"}]}, {}, 0.5),
    ],
)
def test_a_video_costs_what_its_pricing_says_or_nobody_knows(
    pricing: dict[str, Any], payload: dict[str, Any], cost: float | None
) -> None:
    assert usd(pricing, **payload) == (None if cost is None else pytest.approx(cost))


@given(price=st.floats(0, 100), per=st.floats(0.1, 1000), seconds=st.floats(0.5, 60), times=st.integers(2, 9))
def test_a_price_per_second_grows_with_the_clip(price: float, per: float, seconds: float, times: int) -> None:
    pricing = {"kind": "fixed", "units": [{"measure": "second", "price": price, "per": per}]}
    once = usd(pricing, seconds)
    assert once is not None and once == pytest.approx(price * seconds / per)
    assert usd(pricing, seconds * times) == pytest.approx(once * times)


@pytest.mark.parametrize(
    "written",
    [{MODEL: PER_SECOND}, LISTED],
)
def test_a_file_is_a_table_or_the_answer_of_the_api(tmp_path: Path, written: Any) -> None:
    prices = read_prices(file_of(tmp_path, written))
    assert list(prices) == [MODEL]
    assert Prices(prices).find("none", MODEL.upper()) is prices[MODEL]
    with MockServer(prices=file_of(tmp_path, written), log_format="none") as server:
        reply = create(server)
        assert reply.json["meta"]["usage"] == {"credits_used": 6_500_000, "usd_spent": 3.25}
        assert reply.headers["x-aimlapi-usd-spent"] == "3.250000"
        assert [charge.usd for charge in server.charges] == [3.25]
        create(server, duration=10)
        assert [charge.usd for charge in server.charges] == [3.25, 6.5]


def test_a_default_of_the_contract_decides_where_the_body_says_nothing(tmp_path: Path) -> None:
    model = "klingai/video-v3-standard-text-to-video"
    by_length = {
        "kind": "variants",
        "variants": [{"when": {"duration": length}, "price": length, "unit": "video"} for length in (5, 10)],
    }
    with MockServer(prices=file_of(tmp_path, {model: by_length}), log_format="none") as server:
        create(server, model=model)
        create(server, model=model, duration="10")
        create(server, model=model, duration=7)
        assert [charge.usd for charge in server.charges] == [5.0, 10.0, None]


def test_the_first_of_several_tables_wins() -> None:
    here, there = Pricing(PER_SECOND), Pricing(BY_RESOLUTION)
    assert Prices({"a": here}, {"a": there, "b": there}).find("a") is here
    assert Prices({"a": here}, {"a": there, "b": there}).find("b") is there
    assert Prices().find("a") is None


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("<html>", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ([1], "expected an object of models"),
        ({MODEL: 0.65}, f"{MODEL}: expected a pricing as the API has it, received 0.65"),
        ({MODEL: {"kind": "free"}}, f"{MODEL}: kind: expected fixed, variants or variable, received 'free'"),
        ({MODEL: {"kind": "fixed"}}, "expected units, received none"),
        ({MODEL: {"kind": "variants", "variants": []}}, "expected variants, received none"),
        ({MODEL: {"kind": "fixed", "units": 1}}, "units: expected a list, received 1"),
        ({MODEL: {"kind": "fixed", "units": [1]}}, r"units\[0\]: expected an object with a price"),
        ({MODEL: {"kind": "fixed", "units": [{"price": "1"}]}}, r"units\[0\].price: expected a number of 0"),
        ({MODEL: {"kind": "fixed", "units": [{"price": -1}]}}, r"units\[0\].price: expected a number of 0"),
        ({MODEL: {"kind": "fixed", "units": [{"price": 1, "per": 0}]}}, r"units\[0\].per: expected a number"),
        ({MODEL: {"kind": "variants", "variants": [{"price": 1, "when": 2}]}}, r"variants\[0\]: expected an"),
    ],
)
def test_a_file_that_cannot_be_names_itself_and_the_model(tmp_path: Path, written: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=f"prices.json.*{says}"):
        MockServer(prices=file_of(tmp_path, written))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.json cannot be read: No such file"):
        MockServer(prices=tmp_path / "nowhere.json")
    with pytest.raises(SettingsError, match="cannot be read"):
        MockServer(prices=tmp_path)


TWO: dict[str, Any] = {"kind": "variants", "variants": [
    {"when": {"resolution": "720p"}, "price": 0.1, "unit": "second"},
    {"when": {"resolution": "1080p"}, "price": 0.2, "unit": "second"},
]}  # fmt: skip
SIX_SECONDS = [{"price": 3.9, "measure": "seconds", "per": 6}]


def scaled(pricing: dict[str, Any], by: float) -> dict[str, Any]:
    name = "units" if pricing["kind"] == "fixed" else "variants"
    return pricing | {name: [unit | {"price": unit["price"] * by} for unit in pricing[name]]}


@pytest.mark.parametrize(
    ("before", "after", "dearer"),
    [
        (PER_SECOND, PER_SECOND, False),
        (PER_SECOND, scaled(PER_SECOND, 1.01), True),
        (PER_SECOND, scaled(PER_SECOND, 0.9), False),
        (PER_SECOND, {"kind": "fixed", "units": SIX_SECONDS}, False),
        (PER_SECOND, {"kind": "fixed", "units": [*SIX_SECONDS, *SIX_SECONDS]}, True),
        (PER_SECOND, {"kind": "fixed", "units": [UNIT, {"price": 1, "measure": "video"}]}, True),
        ({"kind": "fixed", "units": [UNIT, {"price": 1, "measure": "video"}]}, PER_SECOND, False),
        (PER_SECOND, {"kind": "fixed", "units": [{"price": 0.1, "measure": "token"}]}, True),
        (PER_SECOND, {"kind": "variable"}, True),
        ({"kind": "variable"}, {"kind": "variable"}, False),
        (TWO, scaled(TWO, 2), True),
        (TWO, {**TWO, "variants": TWO["variants"][:1]}, False),
        ({**TWO, "variants": TWO["variants"][:1]}, TWO, False),
        (TWO, {**TWO, "variants": [TWO["variants"][0] | {"when": {"resolution": "2160p"}}]}, True),
    ],
)
def test_a_price_that_rose_is_told_from_one_that_fell(
    before: dict[str, Any], after: dict[str, Any], dearer: bool
) -> None:
    assert Pricing(after).dearer_than(Pricing(before)) is dearer
