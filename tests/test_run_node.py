"""Virtual time in Node: worker threads from the moment they start, child processes, and every clock."""

from __future__ import annotations

import json

import pytest

from tests.running import NODE, needs_linux, needs_node, run

pytestmark = needs_node


@pytest.mark.slow
def test_a_worker_thread_is_not_overtaken_while_it_starts() -> None:
    done = run("--fast-forward", "--realistic", "--offline", "--", "node", str(NODE / "workers.mjs"))
    assert done.stdout == b"worker completed worker completed true\n", done.stderr.decode()


def test_a_child_that_is_forked_with_an_environment_of_its_own_is_a_part_of_the_program() -> None:
    done = run("--fast-forward", "--offline", "--", "node", str(NODE / "forks.mjs"))
    assert done.stdout == b'[[404,"kept"],5]\n', done.stderr.decode()


def test_time_limits_of_child_processes_and_all_clocks_are_virtual() -> None:
    done = run("--fast-forward", "--offline", "--", "node", str(NODE / "limits.mjs"))
    result = json.loads(done.stdout)
    assert result["spawn"] == ["SIGTERM", pytest.approx(600, abs=10)]
    assert result["execFile"] == [True, "SIGTERM", pytest.approx(600, abs=10)]
    assert result["echo"] == "kept"
    assert all(result["contexts"]), result
    assert [result["date"], result["temporal"]] == pytest.approx([300, 300], abs=10)


@needs_linux
def test_what_a_thread_stands_still_for_ends_in_virtual_time() -> None:
    done = run("--fast-forward", "--offline", "--", "node", str(NODE / "standing.mjs"))
    result = json.loads(done.stdout)
    about = {seconds: pytest.approx(seconds, abs=10) for seconds in (30, 60, 90, 600)}
    assert result["slept"] == ["timed-out", about[600]]
    assert result["other"] == "not-equal"
    assert result["late"] == ["ETIMEDOUT", "SIGTERM", None, about[90]]
    assert result["inTime"] == [None, None, 0, about[60]]
    assert result["missing"][0] == "ENOENT"
    assert result["file"] == ["ETIMEDOUT", "SIGKILL", about[90]]
    assert result["shell"] == ["kept", about[60]]
    assert result["list"] == ["ETIMEDOUT", "SIGTERM", about[90]]
    assert result["woken"] == ["ok", about[30]]
    assert result["worker"] == ["ETIMEDOUT", "SIGTERM", None, about[30]]
