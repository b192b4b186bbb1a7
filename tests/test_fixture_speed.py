"""The benchmark of the fixtures measures what it says; how fast is not for a test to say."""

from __future__ import annotations

import pytest

from benchmarks import fixture_speed

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_every_figure_is_measured_and_held_against_its_goal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixture_speed, "REPEATS", 1)
    assert fixture_speed.main(["--tests", "3"]) in (0, 1)
    table = capsys.readouterr().out
    for what in (
        "import of the plugin",
        "start of the",
        "reset between",
        "3 tests, one process",
        "3 tests, pytest",
    ):
        (line,) = [line for line in table.splitlines() if line.startswith(f"| fixtures | {what}")]
        assert "≤" in line
