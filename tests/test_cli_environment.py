"""The command line's surroundings: variables instead of options, and streams that are closed or full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kling_mock import Settings, SettingsError
from kling_mock.cli import serve
from kling_mock.cli.options import settings_from
from kling_mock.settings import unread_variables

KLING_MOCK = [sys.executable, "-m", "kling_mock"]


def _settings(*words: str) -> Settings:
    context = serve.command.make_context("serve", list(words))
    return settings_from(context.params)


def test_a_configuration_file_is_named_by_a_variable_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('queued = "7s"\n')
    two.write_text('queued = "8s"\n')
    monkeypatch.setenv("KLING_MOCK_CONFIG", str(one))
    assert _settings().queued == 7
    assert _settings("--config", str(two)).queued == 8
    monkeypatch.setenv("KLING_MOCK_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml"):
        _settings()


@pytest.mark.parametrize(
    ("variable", "value", "magic"),
    [("NO_MAGIC", "1", False), ("NO_MAGIC", "0", True), ("MAGIC", "0", False), ("MAGIC", "yes", True)],
)
def test_a_switch_that_is_on_is_switched_off_by_its_option_as_a_variable(
    variable: str, value: str, magic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"KLING_MOCK_{variable}", value)
    assert _settings().magic is magic


def test_a_value_out_of_bounds_is_named_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_MOCK_PORT", "70000")
    with pytest.raises(SettingsError, match=r"^KLING_MOCK_PORT: expected 0 to 65535, received 70000"):
        _settings()
    with pytest.raises(SettingsError, match=r"^--port: expected 0 to 65535, received 80000"):
        _settings("--port", "80000")


def test_a_variable_that_looks_like_another_is_pointed_at() -> None:
    variables = ("KLING_MOCK_QUEUD", "KLING_MOCK_URL", "QUEUD", "KLING_MOCK_SEED", "KLING_MOCK_RUN")
    (said,) = unread_variables(dict.fromkeys(variables, "1"))
    assert said == "the variable KLING_MOCK_QUEUD is not read. Did you mean 'KLING_MOCK_QUEUED'?"


def _shell(line: str) -> subprocess.CompletedProcess[str]:
    words = " ".join(f"'{word}'" for word in KLING_MOCK)
    return subprocess.run(
        ["sh", "-c", line.format(words)], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("line", ["{} specs list >&-", "{} scenarios >&-"])
def test_a_closed_output_is_no_error(line: str) -> None:
    done = _shell(line)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_input_is_unusable() -> None:
    done = _shell("{} validate - <&-")
    assert done.returncode == 2 and "Standard input is closed" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("line", ["{} specs list >/dev/full", "{} serve --port 0 >/dev/full"])
def test_a_full_disk_is_one_line(line: str) -> None:
    done = _shell(line)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert "cannot be written" in said and "No space left" in said
