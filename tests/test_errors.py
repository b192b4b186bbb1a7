"""The tree of errors, and hints that name what is near."""

from __future__ import annotations

import inspect

import pytest

from kling_mock import errors
from kling_mock.errors import KlingMockError, UnknownModel, UnknownScenario, did_you_mean, nearest

ALL = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)]


@pytest.mark.parametrize("error", [error for error in ALL if not issubclass(error, Warning)])
def test_each_error_is_in_the_tree_and_drawn_in_it(error: type[Exception]) -> None:
    assert issubclass(error, KlingMockError)
    assert error.__name__ in errors.__all__
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


def test_errors_are_what_they_are_caught_as() -> None:
    assert issubclass(errors.ConfigError, errors.SettingsError)
    assert issubclass(errors.SettingsError, ValueError)
    assert issubclass(errors.UnknownScenario, LookupError)
    assert issubclass(errors.ServerError, RuntimeError)


def test_an_unknown_name_shows_the_nearest() -> None:
    error = UnknownModel(
        "kling-video/v1/standard/text-to-vido", ["kling-video/v1/standard/text-to-video", "other"]
    )
    assert error.nearest == ["kling-video/v1/standard/text-to-video"]
    assert "Did you mean 'kling-video/v1/standard/text-to-video'?" in str(error)
    assert "kling-mock scenarios" in str(UnknownScenario("zzzzzzzz", ["completed"]))


def test_a_word_of_any_length_is_answered_shortly() -> None:
    error = UnknownScenario("completed" * 1_000_000, ["completed"])
    assert len(str(error)) < 300


def test_hints_read_well() -> None:
    assert did_you_mean([]) == ""
    assert did_you_mean(["a", "b"]) == " Did you mean 'a' or 'b'?"
    assert nearest("complete", ["completed", "failed"]) == ["completed"]
