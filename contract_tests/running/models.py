"""Trials and their runs: an input of a client, the exchanges that it led to, and how the client ended."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from kling_mock.exchanges.exchange import Exchange, trace_redactor
from kling_mock.exchanges.redaction import Redactor, environment_keys
from kling_mock.jobs.charges import Charge
from kling_mock.scenarios import Scenario
from kling_mock.wording import one_line, quoted

from ..driving.holdings import Holdings

__all__ = ["CRASHES", "PREFIX", "BaseUrl", "Cut", "Outcome", "OutcomeKind", "Run", "Trial"]

PREFIX = "/proxy/kling"
"""The path that stands before `/v2` where a trial asks for a base URL with a prefix."""
BaseUrl = Literal["plain", "slash", "prefix", "refused", "untrusted"]
"""Forms of the base URL: as it is, with a slash at the end, behind a path, of a port where nobody listens, of
a host whose certificate nobody vouches for."""
OutcomeKind = Literal["returned", "raised", "exited", "stopped"]
"""The end of a call: with a value, with an exception or an exit status that is not 0, with `sys.exit` in a
callable, or not within its limits, so that it was stopped."""
Cut = Literal["", "requests", "time"]
"""The reason why the server stopped answering a run; empty where it did not."""

CRASHES = frozenset(
    {
        "AssertionError",
        "AttributeError",
        "IndexError",
        "KeyError",
        "NameError",
        "RangeError",
        "RecursionError",
        "ReferenceError",
        "TypeError",
        "UnboundLocalError",
        "UnicodeDecodeError",
        "UnicodeEncodeError",
        "ZeroDivisionError",
    }
)
"""Names of errors that tell of a mistake in the program, not of what the server did."""
_MISREAD = re.compile(
    r"could not convert string to float|invalid literal for int|(not enough|too many) values to unpack"
    r"|sleep length must be non-negative|timeout value must be a non-negative"
)
"""What a ValueError says that was no word of the program's to its user."""

_VALIDATORS = re.compile(r"(?:ValidationError|ZodError|ValiError)$")
"""Names of what libraries raise that read answers into types."""
_ENUM = re.compile(r".* is not a valid [A-Z][\w.]*$|.*\bmust be in .*\(got ", re.M)
"""What Python's enumerations, and attrs, say of a word that they do not know."""

_NETWORK = re.compile(r"^(?:Uncaught )?TypeError: (?:fetch failed|terminated)\b", re.M)
"""Node's names of a connection that was refused, reset or broken off."""


@dataclass(frozen=True, repr=False)
class Trial:
    """One thing to try: a payload against a server's behaviour, and how the client is called.

    `jobs` are the payloads of further calls that run at the same time. `requests` and `seconds` are the
    limits of the run, in requests and virtual seconds. `note` says in words what the trial is about.
    """

    model: str
    payload: Any
    scenario: Scenario
    base: BaseUrl = "plain"
    jobs: tuple[Any, ...] = ()
    first: Scenario | None = None
    """What becomes of the job that is made first, where that is not what becomes of the others."""
    interrupt_after: int | None = None
    """Interrupt the client while it has had this many polls answered."""
    resume: bool = False
    """Hand in the id of a job that exists instead of letting the client make one."""
    inspect: bool = False
    """Read the arguments of a command's processes while it runs."""
    twice: bool = False
    """Run it a second time, to compare."""
    in_turn: bool = False
    """Make the further calls one after the other, instead of at the same time."""
    linger: float = 0.0
    """Let so many virtual seconds pass after the last call has ended."""
    set_back: float = 0.0
    """Set the time of day back by so many seconds after two polls; what measures intervals goes on."""
    ahead: float = 0.0
    """Have the time of day of a function be ahead by so many seconds, as that of a computer may be."""
    counts: int = 0
    """Count what the process holds after so many calls, and after the last one; not at all where 0."""
    watch_files: bool = False
    """Look at the files that the client leaves."""
    requests: int = 600
    seconds: float = 7_200.0
    strict: bool = False
    note: str = ""
    expect: Any = None
    """A value that a property keeps with the trial for its own judgement."""

    def __repr__(self) -> str:
        # Short: a payload may hold a picture of megabytes.
        return f"<Trial {self.model} {self.scenario.name} {self.note}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the short form: Hypothesis would print every field otherwise."""
        printer.text(repr(self))

    def replace(self, **changes: Any) -> Trial:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    @property
    def payloads(self) -> tuple[Any, ...]:
        """The payload of every call."""
        return (self.payload, *self.jobs)

    @property
    def key(self) -> str:
        """Equal for trials that are the same to the client and the server."""
        shown = {
            name.name: getattr(self, name.name)
            for name in dataclasses.fields(self)
            if name.name not in ("payload", "jobs", "note", "expect", "strict")
        }
        payloads = json.dumps(self.payloads)
        if len(payloads) > 1_000:
            payloads = hashlib.sha1(payloads.encode(), usedforsecurity=False).hexdigest()
        return payloads + repr(shown)

    @property
    def bulky(self) -> bool:
        """True where a run of it is too big to be kept."""
        return any(isinstance(value, str) and len(value) > 200_000 for value in dict(self.payload).values())

    @property
    def weight(self) -> int:
        """The amount to read in it; the smaller of two counterexamples is shown."""
        scenario = self.scenario
        parts = len(scenario.faults) + len(scenario.course or ()) + len(scenario.shapes) + len(scenario.words)
        return len(json.dumps(self.payloads)) + 40 * parts + 10 * (self.base != "plain")


_BRIEF = 120
"""Characters of what a client returned or said that stand in a sentence."""


@dataclass
class Outcome:
    """The end of one call of the client."""

    kind: OutcomeKind
    value: Any = None
    """The value returned; for a command the last line of stdout."""
    error: str = ""
    """The class of what was raised, as far as it is known."""
    text: str = ""
    """All that can be read of an error: messages, causes, what was printed."""
    output: str = ""
    """The text that was printed."""
    status: int | None = None
    """A command's exit status."""
    deliberate: bool = False
    """True where the program itself raised the error, with a text of its own."""
    unsupported: bool = False
    """True where the client said that it has no way to express its input."""

    @property
    def failed(self) -> bool:
        """True where the client said that it failed."""
        return self.kind in ("raised", "exited")

    @property
    def crashed(self) -> bool:
        """True where it failed by a mistake of its own, such as an attribute of None."""
        if self.status is not None and self.error == "TypeError" and _NETWORK.search(self.text):
            return False
        if self.deliberate:
            return False
        if self.error == "ValueError" and _MISREAD.match(self.text):
            return True
        return self.failed and self.error.rpartition(".")[2] in CRASHES

    @property
    def misread(self) -> bool:
        """True where the types of an answer refused it, and the client has no words of its own for that."""
        if _VALIDATORS.search(self.error):
            # A validator of the client's own says what it was told to say.
            return self.failed and not self.deliberate and "Value error, " not in self.text
        # A program's last lines show the `raise` of the standard library as if it were its own.
        own = self.deliberate and self.status is None
        return self.failed and self.error == "ValueError" and not own and bool(_ENUM.match(self.text))

    @property
    def everything(self) -> str:
        """All text that a user of the client gets to see."""
        value = self.value if isinstance(self.value, str) else ""
        return "\n".join(part for part in (self.text, self.output, value) if part)

    def brief(self, hide: Callable[[str], str] = str) -> str:
        """The outcome in one line; `hide` takes keys out of its texts before they are shortened."""
        if self.kind == "returned":
            return self._returned(hide)
        if self.kind == "stopped":
            return "did not end and was stopped" + (f": {hide(self.text)}" if self.text else "")
        lines = hide(self.text).strip().splitlines()
        first = lines[0].removeprefix("Uncaught ") if lines else ""
        if lines and _VALIDATORS.search(self.error):
            # Its first line is a headline; what was refused stands below.
            first = " ".join(line.strip() for line in lines)
        # A program says the name of its error itself.
        first = "" if first == self.error else first.removeprefix(f"{self.error}: ")
        shown = one_line(first, _BRIEF)
        status = "" if self.status is None else f" (exit status {self.status})"
        named = f"{self.error}{status}" if self.error else status.strip(" ()") or "an error"
        return f"failed with {named}" + (f": {shown}" if shown else "")

    def _returned(self, hide: Callable[[str], str]) -> str:
        if not isinstance(self.value, str):
            return f"returned {one_line(hide(repr(self.value)), _BRIEF)}"
        shown = quoted(hide(self.value), _BRIEF)
        if self.status is None:
            return f"returned {shown}"
        return f"{f'printed {shown}' if self.value else 'printed nothing'} and exited with {self.status}"


@dataclass
class Run:
    """One trial as it went: the exchanges in the order of arrival, the outcomes, the virtual time it took."""

    trial: Trial
    trace: list[Exchange]
    outcomes: list[Outcome]
    seconds: float = 0.0
    cut: Cut = ""
    cut_after: float = 0.0
    """Virtual seconds after which it did."""
    received: int = 0
    """Requests that came, those after the cut included."""
    stale: int = 0
    """Requests that came with the key of an earlier run, and got no answer."""
    started: float = 0.0
    """Virtual seconds since the epoch at the start."""
    key: str = ""
    """The API key that the client was given."""
    base_url: str = ""
    interrupted_at: int | None = None
    """The number of requests that had come when the client was interrupted."""
    charges: tuple[Charge, ...] = ()
    """What would have been billed."""
    jobs: list[str] = field(default_factory=list)
    """Ids of the jobs that were made."""
    urls: dict[str, str] = field(default_factory=dict)
    """The video's URL as it was shown, by job."""
    real_seconds: float = 0.0
    """Real seconds that it took."""
    blocked: bool = False
    """True where a call waits for something in its own process that never comes, as for a lock."""
    past_deadline: bool = False
    """True where it was ended by the engine's deadline, before the limits of a run."""
    half_followed: bool = False
    """True where its sleeps follow the mock's clock, and of its other waits and clocks nobody knows."""
    longest_pause: float = 0.0
    """The most real seconds that went by without a request."""
    awaits_program: bool = False
    """True where real time ended it while a program that the callable had started was still at work."""
    arguments: str = ""
    """The arguments of a command's processes, for the check that the key is not among them."""
    served: Scenario | None = None
    """The trial's behaviour with statuses that show for longer, so that this client sees each; None where
    nothing had to be stretched."""
    begun: tuple[int, ...] = ()
    """The number of requests that had come when each of the calls began."""
    begun_at: tuple[float, ...] = ()
    """Virtual seconds after the start at which they did."""
    late: tuple[int, ...] = ()
    """The numbers of the requests that came after the last call had ended."""
    open_connections: int = 0
    """The most connections that were open at one time; 0 where that is not known."""
    kept_payloads: list[Any] = field(default_factory=list)
    """The payloads that were handed in, as they were when the calls had ended; none for a command."""
    held: tuple[Holdings, ...] = ()
    """What the process held at the two moments of a trial that counts it."""
    told_untrusted: tuple[str, ...] = ()
    """The first lines of requests that came to the host whose certificate nobody vouches for."""
    half_files: tuple[str, ...] = ()
    """Files with a part of the video, or with an error page, that were left where the video would be."""
    again: Run | None = None
    """The second run of a trial that is to be run twice."""

    @functools.cached_property
    def redactor(self) -> Redactor:
        """What hides keys in all that is shown of it: the run's own is called KEY."""
        called = {self.key: "KEY"} if self.key else None
        return trace_redactor(self.trace, also=environment_keys(), called=called)

    def brief(self, outcome: Outcome | None = None) -> str:
        """The end of a call (of the first one) in one line, as reports show it."""
        return (outcome or self.outcome).brief(self.redactor)

    @property
    def charged(self) -> int:
        """How many jobs would have been billed."""
        return len(self.charges)

    @property
    def outcome(self) -> Outcome:
        """The end of the call (the first of several)."""
        return self.outcomes[0]

    @property
    def held_back(self) -> bool:
        """True where the client sent nothing, and said so of its own accord."""
        outcome = self.outcome
        return not self.received and outcome.kind == "raised" and not (outcome.crashed or outcome.unsupported)

    @property
    def remembered(self) -> bool:
        """True where the client sent nothing and came back with something: with what an earlier call got."""
        return not self.received and not self.stale and self.outcome.kind == "returned"

    @property
    def jammed(self) -> bool:
        """True where the client was blocked before it sent anything: by what earlier calls have left."""
        return self.blocked and not self.received

    @property
    def out_of_time(self) -> bool:
        """True where it had more requests and virtual time left when its real time was over."""
        stopped = any(outcome.kind == "stopped" for outcome in self.outcomes)
        return stopped and self.cut != "requests" and self.cut_after < self.trial.seconds

    @property
    def unsupported(self) -> bool:
        """True where the client said that it cannot express an input, and made nothing of it."""
        able = sum(not outcome.unsupported for outcome in self.outcomes)
        return able < len(self.outcomes) and len(self.creates) <= able

    @property
    def creates(self) -> list[Exchange]:
        """The POSTs that came to a generation path."""
        return [exchange for exchange in self.trace if exchange.kind == "create"]

    @property
    def polls(self) -> list[Exchange]:
        """The GETs that came to a generation path."""
        return [exchange for exchange in self.trace if exchange.kind == "poll"]

    @property
    def url(self) -> str | None:
        """The URL that the server gave for the job, None where it was not asked."""
        return next(iter(self.urls.values()), None)

    @property
    def delivered(self) -> bool:
        """True where the client came back with the video that the server gave."""
        return self.outcome.kind == "returned" and self.url is not None and self.shows(self.url)

    def shows(self, url: str, outcome: Outcome | None = None) -> bool:
        """True where the outcome is this URL; F2 judges commands that print more than the URL."""
        outcome = outcome or self.outcome
        if outcome.value == url:
            return True
        return outcome.status is not None and url in outcome.output
