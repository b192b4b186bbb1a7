"""The create: what makes a job, what is tolerated, and what a refusal names."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog

from .support import PATHS, ask, body_for, check_error, create, poll

IMAGE_MODEL = "kling-video/v1.6/pro/image-to-video"
CATALOG = load_catalog()


@pytest.mark.slow
@pytest.mark.parametrize("variant", CATALOG.variants, ids=lambda variant: variant.model)
def test_every_variant_makes_a_job_with_a_valid_answer(server: MockServer, variant: Any) -> None:
    reply = create(server, model=variant.model)
    assert reply.status == 200
    jsonschema.validate(reply.json, CATALOG.answer_schema(variant.model))
    assert reply.json["status"] == "queued" and reply.json["id"] == server.jobs[0].id


@pytest.mark.parametrize("alias", [name for variant in CATALOG.variants for name in variant.aliases][:10])
def test_an_alias_is_its_variant(server: MockServer, alias: str) -> None:
    model = CATALOG.find(alias).model
    assert ask(server, "POST", PATHS[0], body_for(model) | {"model": alias}).status == 200
    assert server.jobs[0].model == model


def test_each_required_field_is_named_when_it_is_missing(server: MockServer) -> None:
    for variant in CATALOG.variants:
        body = body_for(variant.model)
        for name in variant.required:
            if name == "model":
                continue
            cut = {key: value for key, value in body.items() if key != name}
            error = check_error(ask(server, "POST", PATHS[0], cut), 400, name)
            assert [problem["path"] for problem in error["errors"]] == [name], variant.model
    assert not server.jobs


def test_a_refusal_names_everything_in_one_message(server: MockServer) -> None:
    mask = {"mask": "https://a.b/m.png", "trajectories": [{"x": 1, "y": 1}]}
    reply = ask(
        server,
        "POST",
        PATHS[0],
        body_for(IMAGE_MODEL, cfg_scale=1.5, duration=7, aspect_ratio="4:3", dynamic_masks=[mask] * 7),
    )
    body = check_error(reply, 400)
    assert body["message"].startswith("Body validation error")
    paths = {problem["path"] for problem in body["errors"]}
    assert {"cfg_scale", "duration", "dynamic_masks"} <= paths
    for problem in body["errors"]:
        assert set(problem) == {"path", "expected", "received", "constraint"}
        assert problem["path"].partition("[")[0] in body["message"]
        assert problem["expected"] and problem["received"]


@pytest.mark.parametrize("points", [1, 78])
def test_too_few_and_too_many_points_are_refused(server: MockServer, points: int) -> None:
    mask = {"mask": "https://a.b/m.png", "trajectories": [{"x": 1, "y": 1}] * points}
    error = check_error(ask(server, "POST", PATHS[0], body_for(IMAGE_MODEL, dynamic_masks=[mask])), 400)
    assert [problem["path"] for problem in error["errors"]] == ["dynamic_masks[0].trajectories"]


def test_an_unknown_enum_value_is_shown_as_the_api_does(server: MockServer) -> None:
    error = check_error(create(server, aspect_ratio="4:3"), 400, "Invalid enum value. Expected '16:9'")
    assert "received '4:3'" in error["message"]


def test_what_the_provider_tolerates_is_a_finding(server: MockServer) -> None:
    assert create(server, duration="5", last_image_url="https://a.b/c.png").status == 200
    (seen,) = server.exchanges
    assert {problem.constraint for problem in seen.findings} == {"numeric-string", "undocumented"}


def test_strict_refuses_what_is_a_finding() -> None:
    with MockServer(strict=True) as server:
        wrong: tuple[dict[str, Any], ...] = ({"duration": "5"}, {"last_image_url": "https://a.b/c.png"})
        for more in wrong:
            error = check_error(create(server, **more), 400, next(iter(more)))
            assert [problem["path"] for problem in error["errors"]] == list(more)
        assert create(server).status == 200


@pytest.mark.parametrize("duration", ["7", 7, 5.5, "x", "", None, [5], True])
def test_a_wrong_duration_is_refused_in_any_form(server: MockServer, duration: Any) -> None:
    error = check_error(create(server, duration=duration), 400, "duration")
    assert [problem["path"] for problem in error["errors"]] == ["duration"]


def test_the_older_contract_is_taken_on_the_older_path(server: MockServer) -> None:
    old = body_for("kling-video/v1/pro/image-to-video", static_mask_url="https://a.b/m.png")
    assert ask(server, "POST", PATHS[3], old).status == 201
    assert not server.exchanges[-1].findings
    assert ask(server, "POST", PATHS[0], old).status == 200
    assert [problem.path for problem in server.exchanges[-1].findings] == ["static_mask_url"]


def test_nothing_is_fetched(server: MockServer) -> None:
    # The server itself is the host of the picture: it would see the request.
    body = body_for(IMAGE_MODEL, image_url=f"{server.url}/picture.png")
    job_id = ask(server, "POST", PATHS[0], body).json["id"]
    for _ in range(3):
        poll(server, job_id)
    assert all(seen.path != "/picture.png" for seen in server.exchanges)


def test_twenty_creates_are_twenty_jobs(server: MockServer) -> None:
    ids = [create(server).json["id"] for _ in range(20)]
    assert len(set(ids)) == 20 and [job.id for job in server.jobs] == ids


@pytest.mark.parametrize(
    ("model", "constraint"),
    [(None, "required"), (5, "type"), ("", "enum"), ("somebody/veo3", "unknown-model")],
)
def test_a_body_without_a_known_model_is_told_some(server: MockServer, model: Any, constraint: str) -> None:
    body = {"prompt": "x"} if model is None else {"prompt": "x", "model": model}
    answer = ask(server, "POST", PATHS[0], body)
    check_error(answer, 400, "model:")
    (problem,) = answer.json["errors"]
    assert (problem["path"], problem["constraint"]) == ("model", constraint)
    known = [variant.model for variant in CATALOG.variants]
    assert any(name in problem["expected"] for name in known)
    assert any(name in answer.json["message"] for name in known)


@pytest.mark.parametrize("body", [b"zz", b"", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff"])
def test_what_is_not_strict_json_is_told_machine_readable_too(server: MockServer, body: bytes) -> None:
    answer = ask(server, "POST", PATHS[0], body, {"Content-Type": "application/json"})
    check_error(answer, 400, "Body validation error")
    (problem,) = answer.json["errors"]
    assert (problem["path"], problem["constraint"]) == ("body", "json")
    assert problem["received"] in answer.json["message"]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (IMAGE_MODEL, {"aspect_ratio": "9:16"}),
        ("klingai/avatar-pro", {"duration": 12}),
        ("kling-video/v1.5/pro/text-to-video", {"multi_prompt": [{"duration": 7}]}),
    ],
)
def test_an_undocumented_field_decides_nothing(server: MockServer, model: str, more: dict[str, Any]) -> None:
    assert create(server, model=model).status == create(server, model=model, **more).status == 200
    plain, with_more = (job.as_dict()["clip"] for job in server.jobs)
    assert server.exchanges[1].findings and with_more == plain


def test_a_body_of_endless_findings_leaves_little_in_the_journal(server: MockServer) -> None:
    endless: dict[str, Any] = {f"a{number}": 1 for number in range(1000)}
    assert create(server, **endless).status == 200
    (exchange,) = server.exchanges
    assert len(exchange.findings) == 51 and "950 more" in exchange.findings[-1].received
