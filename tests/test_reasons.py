"""Why time may not jump: one table, whoever asks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time

import pytest

from kling_mock.clock import Clock
from kling_mock.virtual_time import fast_forward, originals
from kling_mock.virtual_time.reasons import SAYS, Reason, reason_of
from tests.running import needs_node
from tests.test_timing import PACKAGE

WORDS = {reason.name: reason.value for reason in Reason}
INTERCEPTION = PACKAGE / "interception"


def test_each_reason_is_said() -> None:
    assert list(SAYS) == list(Reason)


def test_the_protocol_has_the_same_table() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (.*) \|$", (INTERCEPTION / "PROTOCOL.md").read_text(), re.M)
    assert [row for row in rows if row[0] in WORDS.values()] == [(one.value, SAYS[one]) for one in Reason]


@needs_node
def test_nodes_hook_has_the_same_words() -> None:
    file = INTERCEPTION / "child/node/reasons.cjs"
    source = f"process.stdout.write(JSON.stringify(require({json.dumps(str(file))})))"
    node = shutil.which("node")
    assert node is not None
    assert json.loads(subprocess.run([node, "-e", source], capture_output=True).stdout) == WORDS


@pytest.mark.parametrize("word", ["", None, 3, "of another version"])
def test_a_word_that_is_not_known_is_work(word: object) -> None:
    assert reason_of(word) is Reason.WORK


def test_a_session_says_what_holds_time_up_and_for_how_long() -> None:
    clock = Clock(speed=0, start=1_800_000_000.0)
    calls = iter([False] * 5)

    def quiet() -> bool:
        originals.sleep(0.01)
        return next(calls, True)

    with fast_forward(clock, quiet=quiet) as session:
        time.sleep(5)
        assert session.scheduler.held[Reason.SERVER] > 0.03
        end = threading.Event()
        worker = threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(end.is_set, True)])

        def stop() -> None:
            originals.sleep(0.05)
            end.set()

        timer = threading.Thread(target=stop)
        worker.start()
        timer.start()
        time.sleep(5)
        worker.join()
        timer.join()
        assert session.scheduler.held[Reason.WORK] > 0
        assert session.scheduler.why is None
