"""The account: a balance that runs dry, and a ledger as the API pages it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kling_mock import MockServer
from kling_mock.billing.ledger import LANDS_AFTER

from .support import MODEL, UPSTREAM, Reply, ask, check_error, create, needs_upstream, poll

PRICE = {"kind": "fixed", "units": [{"measure": "second", "price": 0.65, "per": 1}]}
PATHS = ("/v2/billing", "/v2/billing/detail", "/v1/billing/balance", "/v2/billing/transactions")
LEDGER = PATHS[3]
UNPRICED = "klingai/v2.5-turbo/pro/text-to-video"


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prices") / "prices.json"
    path.write_text(json.dumps({MODEL: PRICE}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def _priced(prices: Path) -> Iterator[MockServer]:
    options: dict[str, Any] = {"prices": prices, "queued": 1, "generating": 1, "speed": 0, "seed": 5}
    with MockServer(log_format="none", balance=100, **options) as server:
        yield server


@pytest.fixture
def priced(_priced: MockServer) -> MockServer:
    """A server whose videos cost $3.25, with $100, on a clock that stands still."""
    _priced.reset()
    return _priced


def ledger(server: MockServer, **query: Any) -> Any:
    reply = ask(server, "GET", f"{LEDGER}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    assert reply.status == 200, reply.body
    return reply.json


def charged(server: MockServer) -> list[str]:
    return [entry["reference_id"] for entry in ledger(server, type="MODEL_USAGE")["data"]]


def balance(server: MockServer) -> float:
    return float(ask(server, "GET", PATHS[0]).json["current_balance"])


def test_a_charge_lands_after_the_poll_said_completed(priced: MockServer) -> None:
    job_id = create(priced).json["id"]
    priced.clock.advance(until="completed")
    assert poll(priced, job_id).json["status"] == "completed"
    assert charged(priced) == [] and balance(priced) == 100
    priced.clock.advance(LANDS_AFTER)
    page = ledger(priced)
    assert [entry["type"] for entry in page["data"]] == ["MODEL_USAGE", "INIT"]
    entry = page["data"][0]
    assert entry["reference_id"] == job_id and entry["model"] == MODEL and entry["direction"] == "CHARGE"
    assert entry["amount"] == {"usd": 3.25, "credits": 6_500_000}
    assert page["pagination"] == {"next_cursor": None, "has_more": False}
    assert balance(priced) == 96.75
    older = ask(priced, "GET", PATHS[2]).json
    assert older["balance"] == 193_500_000 and older["lowBalance"] is False


@pytest.mark.parametrize("scenario", ["failed", "stuck-queued", "server-error", "failed-in-create"])
def test_what_costs_nothing_has_no_entry(priced: MockServer, scenario: str) -> None:
    priced.next(scenario)
    create(priced)
    priced.clock.advance(1000)
    assert charged(priced) == [] and balance(priced) == 100


def test_a_model_without_a_price_has_no_entry_and_is_said_to_have_none(priced: MockServer) -> None:
    create(priced, model=UNPRICED)
    priced.clock.advance(1000)
    (charge,) = priced.charges
    assert charge.billed and charge.usd is None and charged(priced) == []


def test_the_ledger_comes_newest_first_page_by_page(priced: MockServer) -> None:
    made = []
    for number in range(7):
        made.append(create(priced).json["id"])
        # Some of them land at one moment.
        priced.clock.advance(number % 2)
    priced.clock.advance(LANDS_AFTER + 10)
    everything = ledger(priced)["data"]
    assert [entry["reference_id"] for entry in everything] == [*made[::-1], None]
    assert [entry["created_at"] for entry in everything] == sorted(
        (entry["created_at"] for entry in everything), reverse=True
    )
    for limit in (1, 2, 3, 7, 8, 100):
        pages, query = [], {"limit": limit}
        while True:
            page = ledger(priced, **query)
            assert len(page["data"]) <= limit
            pages += page["data"]
            if not page["pagination"]["has_more"]:
                assert page["pagination"]["next_cursor"] is None
                break
            query["cursor"] = page["pagination"]["next_cursor"]
        assert pages == everything
    for entry in everything:
        since = ledger(priced, **{"from": entry["created_at"]})["data"]
        until = ledger(priced, to=entry["created_at"])["data"]
        assert since + until == everything and entry in since
    assert ledger(priced, direction="TOPUP")["data"] == everything[-1:]
    assert ledger(priced, direction="TOPUP", type="MODEL_USAGE")["data"] == []
    assert sum(
        e["amount"]["credits"] * (1 if e["direction"] == "TOPUP" else -1) for e in everything
    ) == round(balance(priced) * 2_000_000)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("page=2", "page: expected none but from, to"),
        ("limit=0", "limit: expected a number from 1 to 100"),
        ("limit=101", "limit: expected a number from 1 to 100"),
        ("limit=ten", "limit: expected a number"),
        ("limit=", "limit: expected a number"),
        ("limit=5&limit=6", "limit: expected one of it"),
        ("direction=charge", "direction: expected one of TOPUP, CHARGE"),
        ("type=ANY", "type: expected one of PAYMENT"),
        ("from=yesterday", "from: expected a date"),
        ("from=2026-08-21T10:00:00Z&to=2026-08-21T10:00:00Z", "to: expected a moment after from"),
        ("from=2026-08-21&to=2026-08-20", "to: expected a moment after from"),
        ("to=" + "9" * 200, "to: expected a date"),
        ("cursor=", "cursor: expected a next_cursor as it was issued"),
        ("cursor=AAAA", "cursor: expected a next_cursor as it was issued"),
        ("cursor=%C3%A9", "cursor: expected a next_cursor as it was issued"),
    ],
)
def test_what_the_ledger_does_not_know_is_answered_400(priced: MockServer, query: str, says: str) -> None:
    check_error(ask(priced, "GET", f"{LEDGER}?{query}"), 400, says)


def test_a_cursor_is_taken_only_as_it_was_issued(priced: MockServer) -> None:
    for _ in range(3):
        create(priced)
    priced.clock.advance(1000)
    cursor = ledger(priced, limit=1)["pagination"]["next_cursor"]
    assert len(ledger(priced, cursor=cursor)["data"]) == 3
    for at in range(len(cursor)):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        check_error(ask(priced, "GET", f"{LEDGER}?cursor={changed}"), 400, "cursor")
    for changed in (cursor[:-1], cursor + "A", cursor + "="):
        check_error(ask(priced, "GET", f"{LEDGER}?cursor={changed}"), 400, "cursor")


@pytest.mark.parametrize("path", PATHS)
def test_the_account_wants_a_key_and_a_get(priced: MockServer, path: str) -> None:
    check_error(ask(priced, "GET", path, key=None), 401, "https://aimlapi.com/app/keys")
    assert ask(priced, "POST", path, {}).status == 405
    assert ask(priced, "OPTIONS", path).status == 204
    assert priced.exchanges[0].kind == "billing"


@needs_upstream("upstream", "account")
@pytest.mark.parametrize(
    ("path", "file"),
    [
        (PATHS[0], "billing-v2"),
        (PATHS[1], "billing-detail-v2"),
        (PATHS[2], "billing-balance-v1"),
        (PATHS[3], "billing-transactions-v2"),
    ],
)
def test_the_answers_are_as_documented(priced: MockServer, path: str, file: str) -> None:
    create(priced)
    priced.clock.advance(1000)
    document = json.loads((UPSTREAM / "upstream" / "account" / f"{file}.json").read_bytes())
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    # OpenAPI 3.0 says null in a way of its own; one list of required names stands an object too deep.
    answer["properties"].get("autotopup_settings", {}).pop("required", None)
    schema = json.loads(json.dumps(answer).replace('{"type": "string", "nullable": true}', "{}"))
    body = ask(priced, "GET", path).json
    jsonschema.Draft202012Validator(schema).validate(body)
    assert set(body) == set(schema["properties"])


# An account that runs dry


def dry(reply: Reply) -> bool:
    if reply.status == 200:
        return False
    assert check_error(reply, 403, "run out of credits")["message"].endswith(
        "https://aimlapi.com/app/billing/"
    )
    return True


def test_an_account_runs_dry_and_stays_so(prices: Path) -> None:
    with MockServer(prices=prices, balance="7", polls=(0, 0), log_format="none") as server:
        # Two videos of $3.25, whose charges have not even landed; polls and videos go on.
        assert [dry(create(server)) for _ in range(5)] == [False, False, True, True, True]
        assert [poll(server, job.id).status for job in server.jobs] == [200, 200]
        (problem,) = server.exchanges[4].violations
        assert "--balance" in problem.expected
        server.clock.advance(1000)
        assert dry(create(server)) and balance(server) == 0.5
        server.reset()
        assert not dry(create(server))


def test_failed_jobs_leave_the_account_as_it_is(prices: Path) -> None:
    with MockServer(
        prices=prices, balance=3.25, polls=(0, 0), scenario="failed", log_format="none"
    ) as server:
        assert not any(dry(create(server)) for _ in range(3))
        server.use("completed")
        assert [dry(create(server)) for _ in range(2)] == [False, True]


def test_a_balance_of_nothing_refuses_what_has_no_price_too(prices: Path) -> None:
    with MockServer(prices=prices, balance=0, log_format="none") as server:
        assert dry(create(server)) and dry(create(server, model=UNPRICED))
        assert [entry["type"] for entry in ledger(server)["data"]] == []


def test_without_a_balance_no_account_runs_dry(server: MockServer) -> None:
    assert balance(server) == 1000
    assert not dry(create(server))
