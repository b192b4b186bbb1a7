"""Every constant of real time, with its reason: what is waited for in seconds of the system's clock.

Virtual time is exact and needs none of these. They are guesses about machines: how long a process, a thread,
an event loop or another service may take before it counts as idle, stuck or gone. Those that wait for such a
machine are multiplied by one factor, `SLOWNESS`: `KLING_MOCK_SLOWNESS=5` gives a slow or busy machine five
times as long. The others say how often something is looked at, and stay as they are.

The standard library only, for Python 3.9 as well: the hooks in the child processes of `kling-mock run`, which
inherit the variable, wait by the same table. Other hooks get their rows through the run's configuration.
"""

from __future__ import annotations

import math
import os

__all__ = [
    "ACCEPT_PAUSE",
    "ANSWER_FAR",
    "ANSWER_HERE",
    "BLIND_SOCKET_WAIT",
    "CENSUS_LOOK",
    "CLIENT_STARTS",
    "CLIENT_STOPS",
    "CLOCK_MOVED",
    "CONNECTION_ENDS",
    "CONNECTION_IDLE",
    "CONTROL_LOADED",
    "COUNTED_GAP",
    "DOWNLOAD",
    "DOWNLOAD_ENDS",
    "ENDLESS_WORK",
    "GATEWAY_ENDS",
    "GATEWAY_KEEP_ALIVE",
    "HALF_CLOSED_LOOK",
    "HANDSHAKE",
    "HEALTH_ANSWERS",
    "HEALTH_LOOK",
    "HOOK_LOADS",
    "HOOK_SPEAKS",
    "IMPORT",
    "LAST_WORDS",
    "LATE_LOOK",
    "LATE_RUN",
    "LEFTOVER_LOOK",
    "LOG_ENDS",
    "LOG_FLUSH",
    "LONG_HOLD",
    "LOOK_AGAIN",
    "LOOK_IDLE",
    "LOOK_IDLE_IN_NODE",
    "LOOK_OUTSIDE",
    "LOOK_RARELY",
    "LOOK_SOON",
    "LOOP_COMES_ROUND",
    "LOOP_LOOKS",
    "LOOP_RUNS",
    "LOOP_TURN",
    "MORE_FAR",
    "MORE_HERE",
    "OUTPUT_ENDS",
    "PROCESS_BLOCKED",
    "PROCESS_ENDS",
    "PROCESS_UNSEEN",
    "PROXY_ANSWERS",
    "REAL_WAIT",
    "REPORT_ANSWERS",
    "RETRY_PAUSE",
    "RETRY_PAUSE_MOST",
    "RUN_ENDS",
    "SERVER_ENDS_ANSWERS",
    "SERVER_STARTS",
    "SHORT_WAIT",
    "SIGNAL_LOOK",
    "SLEEP_LOOK",
    "SLOWNESS",
    "SNAPSHOT_SHARED",
    "STAND_LOOK",
    "STILL_WAITING",
    "STOP_LOOK",
    "STORE_ANSWERS",
    "STORE_LOOK",
    "STORE_PAUSE",
    "STORE_TIDIED",
    "STREAM_GAP",
    "STREAM_GATHER",
    "STREAM_LOOK",
    "SUBPROCESS_WAIT",
    "THREAD_BLOCKED",
    "TRACE_ENDS",
    "TRACE_LOOK",
    "TURN_COMES",
    "UNHOOKED_LOOK",
    "UNSEEN_WAIT",
    "UNTAKEN_SIGNAL_LOOK",
    "UNTRUSTED_HEARS",
    "VARIABLE",
    "VERIFY_ENDS",
    "check_slowness",
    "for_hooks",
]

VARIABLE = "KLING_MOCK_SLOWNESS"
"""The variable of the environment that holds the factor."""
MOST_SLOWNESS = 100.0


def _slowness(text: str | None) -> tuple[float, str]:
    """The factor, and what is wrong with the text that was to give it; 1 where there is none."""
    try:
        factor = float(text) if text and text.strip() else 1.0
    except ValueError:
        factor = math.nan
    if 1 <= factor <= MOST_SLOWNESS:
        return factor, ""
    return 1.0, f"expected a factor from 1 to {MOST_SLOWNESS:.0f}, received {text!r}."


SLOWNESS, _problem = _slowness(os.environ.get(VARIABLE))
"""The factor by which this machine is taken to be slow: from `KLING_MOCK_SLOWNESS`, 1 without it."""


def check_slowness() -> None:
    """Raise `SettingsError` where the variable holds something else than a factor: it is not used then."""
    if _problem:
        from .errors import SettingsError

        raise SettingsError(_problem, option=VARIABLE)


def _patient(seconds: float) -> float:
    """A wait for somebody else's machine."""
    return seconds * SLOWNESS


# Virtual time: when does somebody count as waiting, so that time may jump? Too short lets time overtake
# somebody who works, too long costs real time at every jump.

PROCESS_BLOCKED = _patient(0.006)
"""After which a process that has not moved counts as blocked. More than a time slice of Linux's scheduler."""
PROCESS_UNSEEN = _patient(0.25)
"""The same since it was last heard of, for one that the system tells nothing of (macOS), and for a thread
beside the one that asks."""
HOOK_SPEAKS = _patient(2.0)
"""The same for a process that says something after each of its waits, as Node's event loops do, and for a
thread that has begun and has not made itself known."""
THREAD_BLOCKED = _patient(1.2)
"""In switch intervals of the interpreter (5 ms each): after which a thread that has not moved counts as
blocked. One that waits for the interpreter moves once in each interval."""
SUBPROCESS_WAIT = _patient(1.0)
"""For which a thread that waits for an idle child process still holds time up: the child may ask a host."""
ENDLESS_WORK = _patient(30.0)
"""After which threads and processes that never rest hold time up no longer: they might never."""
ANSWER_HERE = _patient(1.0)
"""That a service on this machine gets to answer what was sent to it."""
ANSWER_FAR = _patient(30.0)
"""That a service on another machine gets: as long as HTTP clients wait by habit."""
MORE_HERE = _patient(0.05)
"""For which a pipe, or a service on this machine that has answered, may have more to say."""
MORE_FAR = _patient(1.0)
"""The same for a service on another machine: a round trip round the world takes a third of it."""
BLIND_SOCKET_WAIT = _patient(0.25)
"""That a socket waits in real time first, where only a clock is known and not whether its server rests."""
LOOP_COMES_ROUND = _patient(1.0)
"""After which a server's event loop that does not say whether it rests counts as busy."""
LAST_WORDS = _patient(1.0)
"""In which the server gets to read what the processes of a run said before they ended."""
COUNTED_GAP = 0.5
"""Between two looks at most, for a program that worked at both to be blamed for the time between them."""
CLOCK_MOVED = 60.0
"""By which a program's time of day has to differ from the machine's to count as set by libfaketime."""
LONG_HOLD = 5.0
"""For which a program holds time up before a run's summary speaks of it."""

# How often is it looked whether time may jump? Short enough to cost nothing, long enough to let others work.

LOOK_SOON = 0.0002
"""Between the first looks of one who waits: an answer has just come, and the server soon rests."""
LOOK_AGAIN = 0.001
"""Between looks of one who waits, while somebody works."""
LOOK_RARELY = 0.005
"""The same after many looks in vain: many processes that ask and ask keep each other from resting."""
LOOK_OUTSIDE = 0.01
"""Between looks while something may come from the real world."""
LATE_LOOK = 0.025
"""Between looks of one who waits for the real world, of which no more counts: on a machine that is too busy
to look in time, whoever is to answer is late as well."""
LOOK_IDLE = 0.05
"""Between looks while nobody is due at any moment."""
LOOK_IDLE_IN_NODE = 0.02
"""The same in Node, whose timers cost less."""
SLEEP_LOOK = 0.002
"""Between two questions of what sleeps and does nothing else: a shell's `sleep`, Ruby, PHP."""
STAND_LOOK = 4 * PROCESS_BLOCKED
"""Between looks of a thread that stands still in between: longer than until it counts as blocked."""
UNHOOKED_LOOK = 0.004
"""Between looks at whether a program without a hook waits for the clock."""

# The server.

SERVER_STARTS = _patient(10.0)
"""In which the server's thread comes up, or ends."""
SERVER_ENDS_ANSWERS = _patient(0.2)
"""That running answers get to finish when the server stops; held ones end at once."""
HEALTH_ANSWERS = _patient(3.0)
"""In which a server that is well answers when `health` asks it."""
HEALTH_LOOK = 0.05
"""Between questions of `health --wait`."""
CONTROL_LOADED = 1.0
"""After which a server that stands by itself loads what a page of it needs: the first one opens fast then."""
STORE_ANSWERS = _patient(1.0)
"""That a store outside of this process gets to answer: a request waits for it, and others behind that one."""
STORE_PAUSE = 0.2
"""After which a store that was away is asked again: requests meanwhile are told at once that it is away."""
STORE_LOOK = 0.05
"""Between looks at what other servers of a store have done, while somebody waits for it."""
STORE_TIDIED = 10.0
"""Between looks at what the journals of a store take together."""
STREAM_LOOK = 0.02
"""Between looks at whether only streams of events are left then."""
SNAPSHOT_SHARED = 0.5
"""For which a snapshot is given to all pages that lost the same events; they ask at about the same time."""
STREAM_GAP = 0.5
"""Between gaps that are told one stream: each of them has it ask for all anew."""
STREAM_GATHER = 0.03
"""For which events are gathered for their streams: a page that shows them is not slower for it."""
LOOP_RUNS = _patient(0.05)
"""That the loop gets to run what another thread wants of it, between two exchanges."""
HALF_CLOSED_LOOK = 1.0
"""Between looks at a client that sends no more and whose answer is held back: it may have left."""
LOOP_TURN = 0.005
"""For which one task works in the loop before the others get their turn."""
LOG_ENDS = _patient(0.5)
"""In which the last lines of the log are written when the server stops; nobody may read them."""
LOG_FLUSH = 0.05
"""For which lines of the log are gathered, so that a burst of requests costs one write."""

# Documents from elsewhere.

DOWNLOAD = _patient(20.0)
"""In which an address that `specs` was told to read has to answer, and between two parts of its answer."""
DOWNLOAD_ENDS = _patient(60.0)
"""In which all of its answer has to come."""
RETRY_PAUSE = 0.25
"""Before an address is asked again, doubled each time, where its answer does not say."""
RETRY_PAUSE_MOST = 30.0
"""The same where it asks for longer."""

# Verdicts.

REPORT_ANSWERS = _patient(30.0)
"""In which a server has to give its verdict to `kling-mock report`."""
TRACE_ENDS = _patient(2.0)
"""In which a server elsewhere has to see that the connections of a client which has ended are closed."""
TRACE_LOOK = 0.02
"""Between two looks for that."""
VERIFY_ENDS = _patient(20.0)
"""In which `kling-mock verify` has to end and write its report once it was interrupted."""

# `kling-mock run`.

GATEWAY_KEEP_ALIVE = 7.0
"""That an idle connection of a run stays: Node does not end before, where an answer was left unread."""
CONNECTION_IDLE = _patient(0.1)
"""The same once nothing but the end of idle connections can happen any more."""
HANDSHAKE = _patient(10.0)
"""In which a TLS handshake is made, or a request's head comes."""
PROXY_ANSWERS = _patient(60.0)
"""In which a proxy of the user's has to say whether it has reached a host."""
ACCEPT_PAUSE = 0.2
"""That no connection is taken where no file descriptor is left for one."""
GATEWAY_ENDS = _patient(10.0)
"""In which the server's loop opens or closes the gateway of a run."""
CONNECTION_ENDS = _patient(1.0)
"""That connections which are just taken get to end when the gateway closes."""
STILL_WAITING = _patient(20.0)
"""For which an answer is owed, and nothing else asked for, before a run says that its command waits."""
PROCESS_ENDS = _patient(2.0)
"""Between asking a process to end and ending it."""
LEFTOVER_LOOK = 0.02
"""Between looks at whether what a command left running has ended."""
SIGNAL_LOOK = 0.5
"""Between looks at a command that runs, where signals and its end are told at once anyway."""
UNTAKEN_SIGNAL_LOOK = 0.1
"""The same where the system cannot tell."""
CENSUS_LOOK = 0.02
"""Between looks at which programs a run has started."""
HOOK_LOADS = _patient(0.5)
"""After which a program that has a hook has shown it."""
REAL_WAIT = 1.0
"""For which a program waits in real time before a run's summary speaks of it."""

# The contract kit.

RUN_ENDS = _patient(20.0)
"""After which one run of a client is ended from outside."""
CLIENT_STOPS = _patient(0.3)
"""That a client gets to end by itself after the server has stopped answering."""
STOP_LOOK = _patient(0.1)
"""That it gets to end after each interruption."""
LOOP_LOOKS = _patient(10.0)
"""In which the server's loop comes round after a run; the machine is too busy for checks otherwise."""
LATE_RUN = _patient(0.5)
"""Beyond the time limit, in which a run that has begun may still end by itself."""
CLIENT_STARTS = _patient(0.4)
"""In which a program that does nothing, and has sent nothing yet, is still taken to start up."""
SHORT_WAIT = 0.2
"""That stands for a scenario's waits, where a client cannot be told of another time."""
IMPORT = _patient(60.0)
"""That the import of a client may take; `KLING_MOCK_IMPORT_SECONDS` says otherwise."""
UNSEEN_WAIT = _patient(0.9)
"""Between two requests of a program whose sleeps jump: it waits in a way that no hook sees."""
UNTRUSTED_HEARS = _patient(1.0)
"""In which a client that has connected to a host without a trusted certificate says something, if ever."""
TURN_COMES = _patient(30.0)
"""In which those that check beside this one get to the end of a run: one that is stopped never does."""
OUTPUT_ENDS = _patient(1.0)
"""In which what a program wrote must have been read once it has ended."""


def for_hooks() -> dict[str, float]:
    """The seconds that the hooks of Node, Ruby and PHP wait by."""
    return {
        "answer_here": ANSWER_HERE,
        "answer_far": ANSWER_FAR,
        "more_here": MORE_HERE,
        "more_far": MORE_FAR,
        "late_look": LATE_LOOK,
        "look_again": LOOK_AGAIN,
        "look_rarely": LOOK_RARELY,
        "look_idle": LOOK_IDLE_IN_NODE,
        "sleep_look": SLEEP_LOOK,
        "stand_look": STAND_LOOK,
    }
