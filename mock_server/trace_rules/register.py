"""The register of rules: the id, name and level of each, and what it costs a user when a client breaks it.

The contract kit tries every rule of it on a client; the passive checks find some of them broken in a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["RULES", "Level", "OfRule", "Rule", "Section"]


class Level(StrEnum):
    """The weight of a rule."""

    REQUIRED = "R"
    """Every client has to keep it."""
    STRICT = "S"
    """It counts where the strict level is asked for."""
    ADVISORY = "A"
    """Advice: breaking it is reported and fails nothing."""


class Section(StrEnum):
    """The part of a client's work that a rule is about; the first letter of the rule's id."""

    REQUEST = "A"
    CREATE = "B"
    POLL = "C"
    RESULT = "D"
    TRANSPORT = "E"
    PROCESS = "F"
    TOGETHER = "G"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the contract."""

    id: str
    name: str
    level: Level
    cost: str
    """One sentence: what breaking it costs the person who pays for the client."""
    in_trace: bool = False
    """True where a trace alone can show that it is broken."""

    @property
    def section(self) -> Section:
        """The section, from the first letter of the id."""
        return Section(self.id[0])


class OfRule:
    """What speaks of one rule, in its attribute `rule`, and is called as the rule is."""

    __slots__ = ()

    rule: Rule

    @property
    def id(self) -> str:
        """The rule's id, such as `B1`."""
        return self.rule.id

    @property
    def name(self) -> str:
        """The rule's name, such as `one-create-per-job`."""
        return self.rule.name

    @property
    def level(self) -> Level:
        """The weight of the rule."""
        return self.rule.level


_ALL = (
    # A. What is sent
    Rule(
        "A1",
        "payload-valid",
        Level.REQUIRED,
        "A correct input is refused, so its user gets no video.",
        in_trace=True,
    ),
    Rule(
        "A2", "payload-faithful", Level.REQUIRED, "What the user asked for is not what is made, and paid for."
    ),
    Rule(
        "A3",
        "no-undocumented-fields",
        Level.REQUIRED,
        "A field that the model does not know is ignored today and may be refused tomorrow.",
        in_trace=True,
    ),
    Rule("A4", "omit-not-null", Level.REQUIRED, "A null where the contract has no null is answered 400."),
    Rule(
        "A5",
        "integer-duration",
        Level.ADVISORY,
        "The contract says integer; that a string is accepted as well is not promised.",
    ),
    Rule(
        "A6",
        "exact-route",
        Level.REQUIRED,
        "Behind a proxy, or with a slash too many in a setting, nothing works.",
    ),
    Rule(
        "A7",
        "bearer-everywhere",
        Level.REQUIRED,
        "A request without the key is refused; a key in a URL ends up in logs.",
        in_trace=True,
    ),
    Rule(
        "A8",
        "strict-json",
        Level.REQUIRED,
        "What is not JSON to a strict reader is answered 400, or misread.",
        in_trace=True,
    ),
    Rule(
        "A9",
        "unicode-exact",
        Level.REQUIRED,
        "A prompt in another script makes another video than the one that was asked for.",
    ),
    Rule(
        "A10",
        "big-inline-image",
        Level.REQUIRED,
        "A picture from a phone does not get through, or is paid for twice.",
    ),
    Rule(
        "A11",
        "invalid-refused",
        Level.REQUIRED,
        "A mistake in the input is silently turned into another request, and paid for.",
    ),
    Rule(
        "A12",
        "variant-fit",
        Level.REQUIRED,
        "Another model than the one that was asked for makes, and prices, the video.",
    ),
    # B. Making the job
    Rule(
        "B1",
        "one-create-per-job",
        Level.REQUIRED,
        "Every create makes a job that is paid for: trouble while polling buys the video again.",
        in_trace=True,
    ),
    Rule(
        "B2",
        "no-blind-repost",
        Level.REQUIRED,
        "The job was made and its answer lost: every further create is a second video on the bill.",
        in_trace=True,
    ),
    Rule("B3", "refused-may-retry", Level.ADVISORY, "With the service down, the user is not told so."),
    Rule(
        "B4",
        "fail-fast-4xx",
        Level.REQUIRED,
        "A request that can never succeed is repeated, or its refusal is hidden behind another error.",
        in_trace=True,
    ),
    Rule(
        "B5", "surfaces-message", Level.REQUIRED, "The API says what is wrong, and the user never reads it."
    ),
    Rule(
        "B6",
        "create-429",
        Level.REQUIRED,
        "Asked to wait, the client does not, and is locked out for longer.",
    ),
    Rule("B7", "200-or-201", Level.REQUIRED, "A job that was made and paid for is taken for a failure."),
    Rule(
        "B8",
        "bad-create-reply",
        Level.REQUIRED,
        "Without an id there is nothing to poll; the client asks for nobody's job, or breaks.",
    ),
    Rule("B9", "terminal-in-create", Level.REQUIRED, "A job that has ended already is waited for."),
    Rule("B10", "no-crosstalk", Level.REQUIRED, "One user gets the other user's video."),
    # C. Polling
    Rule(
        "C1",
        "stops-at-terminal",
        Level.REQUIRED,
        "The client polls on for a job that has ended, until it runs out of time.",
        in_trace=True,
    ),
    Rule(
        "C2",
        "pending-vocabulary",
        Level.REQUIRED,
        "A job under way is taken for a finished or failed one, and its video is lost.",
    ),
    Rule(
        "C3",
        "unknown-status",
        Level.REQUIRED,
        "The day the API adds a status, unfinished jobs are delivered as videos, or the client breaks.",
    ),
    Rule(
        "C4",
        "poll-budget",
        Level.REQUIRED,
        "A job that never ends keeps the client, and whoever waits for it, for ever.",
    ),
    Rule(
        "C5",
        "timeout-keeps-id",
        Level.REQUIRED,
        "The job is paid for and may still end, but nobody knows its id any more.",
    ),
    Rule(
        "C6", "resumable", Level.ADVISORY, "After a crash, a job that is paid for cannot be picked up again."
    ),
    Rule(
        "C7",
        "sane-cadence",
        Level.REQUIRED,
        "Polls without a pause run into the rate limit, for everything that uses the key.",
    ),
    Rule(
        "C8",
        "retry-after",
        Level.REQUIRED,
        "Asked to wait, the client does not, or gives up a job that is paid for.",
        in_trace=True,
    ),
    Rule(
        "C9",
        "poll-fault-tolerance",
        Level.REQUIRED,
        "A passing fault of a poll, and a job that is paid for is given up.",
    ),
    Rule(
        "C10",
        "poll-fail-fast",
        Level.REQUIRED,
        "A key that was withdrawn is tried until the budget is used up.",
    ),
    Rule(
        "C11",
        "id-round-trip",
        Level.REQUIRED,
        "A job whose id holds a reserved character is paid for and never found again.",
        in_trace=True,
    ),
    Rule(
        "C12",
        "id-opaque",
        Level.REQUIRED,
        "An id that was read as a number is another id: the job is paid for and never found again.",
        in_trace=True,
    ),
    Rule("C13", "odd-order", Level.REQUIRED, "A job that takes an unusual way to its end breaks the client."),
    Rule(
        "C14",
        "late-completion",
        Level.REQUIRED,
        "The last poll brings the video, and the client throws it away.",
    ),
    Rule("C15", "cancel", Level.ADVISORY, "A client that was told to stop goes on in the background."),
    Rule(
        "C16",
        "documented-time",
        Level.STRICT,
        "An ordinary job is given up before it ends, and its video, which is paid for, is never fetched.",
    ),
    # D. Reading the result
    Rule(
        "D1",
        "null-friendly",
        Level.REQUIRED,
        "A key with nothing to say breaks the client while its job, paid for, goes on.",
    ),
    Rule(
        "D2",
        "completed-without-url",
        Level.REQUIRED,
        "A job without a video is delivered as one, or waited for.",
    ),
    Rule(
        "D3",
        "error-shapes",
        Level.REQUIRED,
        "A failed job is delivered as a video, or nobody learns why it failed.",
    ),
    Rule("D4", "extra-fields-ignored", Level.REQUIRED, "The day the API adds a field, the client breaks."),
    Rule("D5", "any-usage", Level.REQUIRED, "A missing figure about the price costs the video itself."),
    Rule(
        "D6",
        "url-verbatim",
        Level.REQUIRED,
        "A signature that was changed is no signature: the video cannot be fetched.",
    ),
    Rule(
        "D7",
        "no-key-leak",
        Level.STRICT,
        "Whoever serves the videos, or reads the logs, can spend the user's credits.",
    ),
    Rule("D8", "download-integrity", Level.ADVISORY, "Half a file, or an error page, is kept as the video."),
    # E. Transport
    Rule(
        "E1",
        "always-timeout",
        Level.REQUIRED,
        "One answer that never comes, and the program hangs until somebody kills it.",
    ),
    Rule(
        "E2",
        "slow-and-chunked",
        Level.REQUIRED,
        "An answer that is right, and only travels oddly, loses a job that is paid for.",
    ),
    Rule(
        "E3", "redirect-safe", Level.STRICT, "Whoever can make the API answer with a redirect gets the key."
    ),
    Rule(
        "E4",
        "reply-hygiene",
        Level.REQUIRED,
        "A proxy that changes a header or adds a mark breaks the client in a way nobody understands.",
    ),
    # F. The process
    Rule(
        "F1",
        "honours-base-url",
        Level.REQUIRED,
        "Tests that were meant for a mock make real jobs, and a real bill.",
    ),
    Rule(
        "F2",
        "exit-code",
        Level.REQUIRED,
        "A script that calls the client goes on with a failure, or with a text that is no URL.",
    ),
    Rule(
        "F3",
        "key-not-shown",
        Level.REQUIRED,
        "The key can be read in logs, or by anybody who lists the processes.",
    ),
    Rule(
        "F4",
        "deterministic-trace",
        Level.ADVISORY,
        "A failure that cannot be repeated cannot be looked into.",
    ),
    # G. What comes together
    Rule(
        "G1",
        "all-pairs",
        Level.REQUIRED,
        "Two things that the client survives one at a time break it on the day they come together.",
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule by its id, in the order of the sections."""
