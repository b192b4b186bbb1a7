"""The rules about a test itself: what it has armed must be met, or it proves nothing."""

from __future__ import annotations

from .rule import Level, Rule

__all__ = ["RULES"]

RULES = (
    # T. The test itself
    Rule(
        "T1",
        "scenario-used",
        Level.REQUIRED,
        "A test that passes proves nothing of what it is named after: the trouble never came.",
        "Let the client make a job after `next`, or take the line out.",
        asks="meets every scenario that the test has queued with `next`",
        in_trace=True,
        in_kit=False,
    ),
    Rule(
        "T2",
        "fault-reached",
        Level.REQUIRED,
        "A test of a fault passes although the client never met it.",
        "Let the client go as far as the fault: poll the job, fetch the video, or lower `after`.",
        asks="goes far enough to meet the fault that the test has armed",
        meet="poll-server-error;after=100",
        in_trace=True,
        in_kit=False,
    ),
    Rule(
        "T3",
        "mock-called",
        Level.REQUIRED,
        "A test, or a whole suite, passes because nothing of it reached the mock.",
        "Hand the client the mock's address (`KLING_BASE_URL`), or intercept the host that it calls.",
        asks="calls the host that the test intercepts",
        in_trace=True,
        in_kit=False,
    ),
)
