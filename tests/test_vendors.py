"""Vendors are rows of data: their models are listed, answered as documented, and checked like any other."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from kling_mock import MockServer, Scenario
from kling_mock.catalog import CREATE_PATH, Variant, load_catalog
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import DEFAULT_MODEL, Plan, select_models, verify
from kling_mock.exchanges.video_urls import video_urls
from tests.clients.reference import generate

from .support import FAMILIES, ROOT, ask, body_for, poll

CATALOG = load_catalog()
SPECIAL = [variant for variant in CATALOG.variants if variant.answers]
FOLDERS = ("mock_server", "contract_tests", "fixtures")
CHECKED = [
    *(
        next(one.model for one in SPECIAL if one.answers == form)
        for form in {one.answers: 0 for one in SPECIAL}
    ),
    *("google/veo-3.1-t2v", "luma/ray-2", "alibaba/wan2.2-vace-fun-a14b-inpainting", "magic/text-to-video"),
]
"""A model for each kind of answers, and some whose bodies are unlike those of the others."""


def test_every_vendor_has_models_and_every_model_a_vendor() -> None:
    assert list(dict.fromkeys(variant.vendor for variant in CATALOG.variants)) == list(CATALOG.vendors)
    assert CATALOG.variants[0].vendor == FAMILIES[0] and len(CATALOG.vendors) == 18
    families = [vendor.older_path for vendor in CATALOG.vendors.values() if vendor.older_path]
    assert families == [f"/v2/generate/video/{family}/generation" for family in FAMILIES]
    for variant in CATALOG.variants:
        assert variant.file.startswith(f"{variant.vendor}/")
        if "/" in variant.model:
            assert CATALOG.vendors.of_model(variant.model) == variant.vendor


@pytest.mark.slow
def test_no_name_of_a_vendor_stands_in_code() -> None:
    first, *others = CATALOG.vendors.values()
    names = {name for vendor in others for name in (vendor.id, vendor.name, *vendor.prefixes)}
    # A word of its own: requests choose a scenario by it.
    names -= {"magic", "Magic"}
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b", re.IGNORECASE)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found = pattern.search(text)
            assert found is None, (path, found)
            # Nor does that of the first one, which is the product's too, where a path is meant.
            assert f"/video/{first.id}" not in text, path
    assert first.id == FAMILIES[0]


@pytest.mark.slow
@pytest.mark.parametrize("variant", SPECIAL, ids=lambda variant: variant.model)
def test_answers_are_those_that_the_vendor_gives(variant: Variant) -> None:
    with MockServer(polls=(0, 0)) as server:
        older = CATALOG.vendor(variant).older_path
        for path in [CREATE_PATH, *([older] if older else [])]:
            made = ask(server, "POST", path, body_for(variant.model)).json
            jsonschema.validate(made, CATALOG.answer_schema(variant.model))
            assert made.get("generation_id") == (made["id"] if "generation-id" in variant.answers else None)
            told: dict[str, Any] = poll(server, made["id"], path).json
            jsonschema.validate(told, CATALOG.poll_schema(variant.model))
            assert told["status"] == ("succeeded" if "succeeded" in variant.answers else "completed")
            (url,) = video_urls(told)
            assert ask(server, "HEAD", url.removeprefix(server.url), key=None).status == 200
            if "url-list" in variant.answers:
                assert told["video"] == [url]
            else:
                details = (
                    {"content_type", "file_name", "file_size"} if variant.answers[0][:4] == "file" else set()
                )
                assert set(told["video"]) == {"url", *details}


@pytest.mark.parametrize("scenario", ["completed-in-create", "completed-without-url", "nulls", "failed"])
def test_scenarios_go_with_the_answers_of_every_vendor(scenario: str) -> None:
    with MockServer(polls=(0, 0), scenario=scenario) as server:
        for variant in SPECIAL:
            made = ask(server, "POST", CREATE_PATH, body_for(variant.model)).json
            told = poll(server, made["id"]).json
            assert made["id"] == told["id"]
            assert bool(told.get("error")) == (scenario == "failed")
            wanted = scenario in ("completed-in-create", "nulls")
            assert len(video_urls(told)) == wanted, (variant.model, told)


def test_words_of_a_scenario_win_over_those_of_a_vendor() -> None:
    own = Scenario("own", "Says it in another way.", words={"completed": "done"})
    with MockServer(polls=(0, 0), scenario=own) as server:
        made = ask(server, "POST", CREATE_PATH, body_for("pixverse/v5/text-to-video")).json
        assert poll(server, made["id"]).json["status"] == "done"


def test_models_are_chosen_by_their_vendor_and_the_default_stays() -> None:
    assert select_models([]) == [DEFAULT_MODEL] == ["kling-video/v1/standard/image-to-video"]
    chosen = select_models(["google/*"])
    assert len(chosen) == 15 and all(CATALOG.find(model).vendor == "google" for model in chosen)
    assert select_models(["*"]) == [variant.model for variant in CATALOG.variants]


@pytest.mark.slow
def test_a_document_is_read_when_it_is_needed() -> None:
    code = (
        "import sys; seen = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and seen.append(str(args[0])))\n"
        "from kling_mock import MockServer\n"
        "with MockServer() as server: pass\n"
        "mine = lambda one: 'schemas' in one and '.json' in one\n"
        "read = lambda: sorted({one.rpartition('/')[2] for one in seen if mine(one)})\n"
        "print(read())\n"
        "server.space.catalog.create_schema('google/veo-3.1-t2v')\n"
        "print(read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    before, after = done.stdout.splitlines()
    assert before == "['index.json', 'vendors.json']"
    assert after == "['components.json', 'index.json', 'vendors.json', 'veo-3.1-t2v.json']"


@pytest.mark.long
@pytest.mark.slow
def test_the_reference_client_keeps_what_counts_on_models_of_other_vendors() -> None:
    plan = Plan(models=CHECKED, properties=["A2", "B1", "C2", "D1"], limits=Limits(1, math.inf))
    finished = verify(CallableClient(generate), plan)
    assert {result.result for result in finished.results} == {"passed"}, finished.summary
    assert len(finished.results) == 4 * len(CHECKED)
