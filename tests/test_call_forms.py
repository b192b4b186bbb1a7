"""Clients that take a part of the contract: how that is read, said, and told in the report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest

from kling_mock.cli import main
from kling_mock.contract_tests.driving.call_forms import fields_taken, takes_fields_by_name
from kling_mock.contract_tests.driving.clients import CallableClient, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.driving.errors_raised import is_unsupported, raised_on_purpose
from kling_mock.contract_tests.generation.contract_view import ContractView, viewed
from kling_mock.contract_tests.generation.payloads import boundary_payloads, fields_left_out, smallest_payload
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.errors import SettingsError
from tests.clients.right import NotSupported, by_name, takes_some_fields, typed
from tests.clients.zoo import IMAGE, TEXT

OLDER = "kling-video/v2.1/standard/image-to-video"


class Fields(TypedDict, total=False):
    prompt: str
    image_url: str
    mine: int


def of_a_dict(payload: dict[str, Any], *, base_url: str, api_key: str) -> str:
    return ""


def of_fields(payload: Fields, *, base_url: str, api_key: str) -> str:
    return ""


def of_names(prompt: str, image_url: str = "", mine: int = 0, *, base_url: str, api_key: str) -> str:
    return ""


def of_any_names(prompt: str, *, base_url: str, api_key: str, **more: Any) -> str:
    return ""


@pytest.mark.parametrize(
    ("function", "by_keyword", "fields"),
    [
        (of_a_dict, False, None),
        (of_fields, False, {"prompt", "image_url"}),
        (of_names, True, {"prompt", "image_url"}),
        (of_any_names, True, None),
        (len, False, None),
    ],
)
def test_a_signature_says_what_is_taken(
    function: Callable[..., Any], by_keyword: bool, fields: set[str] | None
) -> None:
    assert takes_fields_by_name(function) is by_keyword
    assert fields_taken(function) == fields


def test_payloads_hold_what_the_client_takes_and_nothing_else() -> None:
    with viewed(ContractView(frozenset({"prompt", "duration"}))):
        bodies = [case.payload for case in boundary_payloads(TEXT)]
        assert {name for body in bodies for name in body} == {"model", "prompt", "duration"}
        assert "cfg_scale" in fields_left_out(TEXT)
        with pytest.raises(SettingsError, match="needs image_url, which the client's fields leave out"):
            smallest_payload(IMAGE)
    assert fields_left_out(TEXT) == []


def test_a_client_of_the_older_path_is_asked_by_its_contract() -> None:
    newer = {name for case in boundary_payloads(OLDER) for name in case.payload}
    with viewed(ContractView(legacy=True)):
        assert {name for case in boundary_payloads(OLDER) for name in case.payload} != newer
        assert boundary_payloads(TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("client", [typed, by_name, takes_some_fields])
def test_what_a_client_was_not_asked_is_told(client: Callable[..., Any]) -> None:
    plan = Plan(models=[TEXT], properties=["A2", "A11", "C2"], limits=Limits(2, math.inf))
    finished = verify(CallableClient(client), plan)
    assert [result.result for result in finished.results] == ["passed"] * 3
    assert "cfg_scale" in " ".join(finished.summary.not_asked)


def test_fields_are_named_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["verify", "tests.clients.reference:generate", "--model", TEXT, "--property", "A2"]
    assert main([*words, "--fields", "prompt,duration", "--report", "report.json"]) == 0
    assert json.loads(Path("report.json").read_text())["summary"]["not_asked"][:2] == [
        "negative_prompt",
        "cfg_scale",
    ]
    assert "Not asked of the client: negative_prompt, cfg_scale" in capsys.readouterr().out
    assert main([*words, "--fields", "promt"]) == 2
    assert "Did you mean 'prompt'" in capsys.readouterr().err


def test_a_client_that_supports_nothing_cannot_be_checked() -> None:
    def refuses(payload: Any, *, base_url: str, api_key: str) -> str:
        raise NotSupported("not this one")

    finished = verify(CallableClient(refuses), Plan(models=[TEXT], properties=["A2"]))
    assert "not this one, for the smallest payload that there is" in finished.summary.problem


def test_status_64_says_so_for_a_program() -> None:
    attempt: Any = CommandClient(["true"]).call(None)  # type: ignore[arg-type]
    assert attempt._outcome(64, "", "no masks here").unsupported
    assert not attempt._outcome(1, "", "no masks here").unsupported


def test_any_exception_of_the_name_will_do() -> None:
    class OfOurs(NotSupported):
        pass

    assert is_unsupported(OfOurs("x"))
    assert not is_unsupported(ValueError("NotSupported"))


def on_purpose(act: Callable[[], Any]) -> bool:
    try:
        act()
    except Exception as error:
        return raised_on_purpose(error, "tests")
    raise AssertionError("nothing was raised")


def test_an_error_that_is_raised_with_a_text_is_told_from_an_accident() -> None:
    def deliberate() -> None:
        raise TypeError("the reply names no job")

    def without_text() -> None:
        raise KeyError("id")

    def accident() -> Any:
        empty: dict[str, Any] = {}
        return empty["the reply names no job"]

    def asserted() -> None:
        assert not "an", "assertion with a text"

    def in_a_library() -> Any:
        return json.dumps(object())

    tries = (deliberate, without_text, accident, asserted, in_a_library)
    assert [on_purpose(act) for act in tries] == [True, False, False, False, False]


def test_a_function_by_names_can_be_loaded() -> None:
    client = load_callable("tests.clients.right:by_name")
    assert client.by_name
    assert client.fields == frozenset({"model", "prompt", "duration"})
