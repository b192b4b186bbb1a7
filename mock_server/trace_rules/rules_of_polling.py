"""The rules of the contract about polling."""

from __future__ import annotations

from .rule import Level, Rule

__all__ = ["RULES"]

RULES = (
    # C. Polling
    Rule(
        "C1",
        "stops-at-terminal",
        Level.REQUIRED,
        "The client polls on for a job that has ended, until it runs out of time.",
        "End the loop at completed and at error.",
        in_trace=True,
    ),
    Rule(
        "C2",
        "pending-vocabulary",
        Level.REQUIRED,
        "A job under way is taken for a finished or failed one, and its video is lost.",
        "Test for the statuses that are final, and take all others for pending.",
    ),
    Rule(
        "C3",
        "unknown-status",
        Level.REQUIRED,
        "The day the API adds a status, unfinished jobs are delivered as videos, or the client breaks.",
        "Read the status with `get`, and poll on (or raise) where it is unknown.",
    ),
    Rule(
        "C4",
        "poll-budget",
        Level.REQUIRED,
        "A job that never ends keeps the client, and whoever waits for it, for ever.",
        "Give the loop a deadline on a monotonic clock.",
    ),
    Rule(
        "C5",
        "timeout-keeps-id",
        Level.REQUIRED,
        "The job is paid for and may still end, but nobody knows its id any more.",
        "Put the job's id into the error that gives it up.",
    ),
    Rule(
        "C6",
        "resumable",
        Level.ADVISORY,
        "After a crash, a job that is paid for cannot be picked up again.",
        "Take a `generation_id`, and poll it instead of making a job.",
    ),
    Rule(
        "C7",
        "sane-cadence",
        Level.REQUIRED,
        "Polls without a pause run into the rate limit, for everything that uses the key.",
        "Sleep between polls in every branch of the loop, that of errors too.",
        in_trace=True,
    ),
    Rule(
        "C8",
        "retry-after",
        Level.REQUIRED,
        "Asked to wait, the client does not, or gives up a job that is paid for.",
        "Wait for as long as Retry-After says, in seconds or as a date; a cap of your own from 10 s on "
        "is well.",
        in_trace=True,
    ),
    Rule(
        "C9",
        "poll-fault-tolerance",
        Level.REQUIRED,
        "A passing fault of a poll, and a job that is paid for is given up.",
        "Catch connection errors, 5xx and bodies that are no JSON around each poll, wait, and go on.",
    ),
    Rule(
        "C10",
        "poll-fail-fast",
        Level.REQUIRED,
        "A key that was withdrawn is tried until the budget is used up.",
        "Count refusals in a row, and raise after two or three.",
    ),
    Rule(
        "C11",
        "id-round-trip",
        Level.REQUIRED,
        "A job whose id holds a reserved character is paid for and never found again.",
        "Encode the id with the library's own parameters (`params=`, `URLSearchParams`, `--data-urlencode`).",
        in_trace=True,
    ),
    Rule(
        "C12",
        "id-opaque",
        Level.REQUIRED,
        "An id that was read as a number is another id: the job is paid for and never found again.",
        "Keep the id as text: no number, no lower case, no pattern that it must match.",
        in_trace=True,
    ),
    Rule(
        "C13",
        "odd-order",
        Level.REQUIRED,
        "A job that takes an unusual way to its end breaks the client.",
        "Look at the last answer alone, and expect no order.",
    ),
    Rule(
        "C14",
        "late-completion",
        Level.REQUIRED,
        "The last poll brings the video, and the client throws it away.",
        "Look at an answer before the deadline is looked at.",
    ),
    Rule(
        "C15",
        "cancel",
        Level.ADVISORY,
        "A client that was told to stop goes on in the background.",
        "Let cancellation through: catch `Exception`, not everything.",
    ),
    Rule(
        "C16",
        "documented-time",
        Level.REQUIRED,
        "An ordinary job is given up before it ends, and its video, which is paid for, is never fetched.",
        "Wait for at least as long as the model is documented to take.",
    ),
    Rule(
        "C17",
        "lasting-outage",
        Level.REQUIRED,
        "While the service is away the client never ends, and whoever waits for it hangs.",
        "Hold every way through the loop to the one deadline, that of failed polls too.",
    ),
    Rule(
        "C18",
        "hung-poll",
        Level.REQUIRED,
        "One answer that gets lost, and a job that is paid for is given up.",
        "Take a timeout of a poll for a passing fault, and poll again.",
    ),
    Rule(
        "C19",
        "in-good-time",
        Level.REQUIRED,
        "The video is there, and its user gets it hours later.",
        "Cap the backoff (a minute will do), and start it anew after a good answer.",
    ),
    Rule(
        "C20",
        "passing-statuses",
        Level.STRICT,
        "A gateway's passing answer, and a job that is paid for is given up.",
        "Treat 408 and 425 as 5xx, and a 2xx without a body as a poll that said nothing.",
    ),
    Rule(
        "C21",
        "silence-afterwards",
        Level.REQUIRED,
        "Polls go on for nobody, use up the rate limit and keep the process alive.",
        "Join threads and cancel tasks before you return.",
    ),
    Rule(
        "C22",
        "steady-clock",
        Level.ADVISORY,
        "A clock that is set back makes a wait of minutes one of hours.",
        "Measure budgets with `time.monotonic()`.",
    ),
)
