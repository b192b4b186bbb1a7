"""The store in Redis or Valkey, which servers on several machines may share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import RLock
from typing import Any
from weakref import finalize

import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

from ..package_files import package_file
from ..real_time import real_time
from ..timing import STORE_ANSWERS, STORE_PAUSE
from .address import shown_store
from .changes import Changes
from .outage import Outage
from .records import (
    FORGOTTEN_AT_ONCE,
    FORMAT,
    Conflict,
    Ranked,
    RankedList,
    StoreAway,
    StoreError,
    StoreReadOnly,
)

__all__ = ["RedisBackend"]

PREFIX = b"kling-mock:"
FORMAT_KEY = PREFIX + b"format"
SPACES_KEY = PREFIX + b"workspaces"
MOST_KNOWN = 20_000
"""Records of a workspace whose last known value is kept, so that most transactions are one question."""
LISTS: dict[RankedList, int] = {"order": 2, "resting": 3, "past": 4}
"""The lists by their place among the keys of the script."""
NO_WRITES = (0, 0, 0, 0, 0, 0)
"""What the script is told of a transaction that only reads."""
UNWRITABLE = ("OOM", "MISCONF", "READONLY", "NOREPLICAS")
"""How errors begin that say that nothing can be written just now."""
DROPPING = "allkeys-"
"""How policies begin that drop any key where memory is short."""
TO_DO = "Start Redis there, or give the address of one that runs: redis://host:port/database."


class Link:
    """One connection, made again where it broke; a question is answered before the next one is asked."""

    def __init__(self, address: str) -> None:
        self.address = shown_store(address)
        pool = ConnectionPool.from_url(
            address,
            protocol=2,
            socket_timeout=STORE_ANSWERS,
            socket_connect_timeout=STORE_ANSWERS,
            retry=Retry(NoBackoff(), 0),
            socket_keepalive=True,
        )
        self._connection: Any = pool.make_connection()
        # Also where nobody closes it: garbage may end a socket before its owner, with a warning.
        finalize(self, self._connection.disconnect)
        self._asked_at = 0.0
        self._lock = RLock()
        self.outage = Outage(self.address)
        self._script = package_file("kling_mock.store", "commit.lua")
        self._sha: bytes | None = None

    def ask(self, *commands: Sequence[Any]) -> list[Any]:
        """The answers to some commands, sent at once; raises what the store answers with an error."""
        with self._lock:
            if (why := self.outage.lasts) is not None:
                raise StoreAway(f"the store {self.address} is away: {why}")
            try:
                answers = self._asked(commands)
            except redis.ResponseError as error:
                if str(error).startswith(UNWRITABLE):
                    said = self.outage.begin(error)
                    raise StoreReadOnly(f"the store {self.address} cannot be written: {said}") from None
                raise
            except (redis.RedisError, OSError) as error:
                with suppress(redis.RedisError, OSError):
                    self._connection.disconnect()
                raise StoreAway(f"the store {self.address} is away: {self.outage.begin(error)}") from None
            self.outage.end()
            return answers

    def _asked(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        connection = self._connection
        now = real_time.monotonic()
        if self._asked_at and now - self._asked_at > STORE_PAUSE and connection.can_read(timeout=0):
            # Nothing is owed: it was closed meanwhile.
            connection.disconnect()
        self._asked_at = now
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        failed: redis.ResponseError | None = None
        for _ in commands:
            try:
                answers.append(connection.read_response(disable_decoding=True, disconnect_on_error=False))
            except redis.ResponseError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return answers

    def commit(self, keys: Sequence[bytes], words: Sequence[Any]) -> list[Any]:
        """Run the script that keeps a transaction."""
        with self._lock:
            if self._sha is None:
                self._sha = self.ask(("SCRIPT", "LOAD", self._script))[0]
            try:
                answer: list[Any] = self.ask(("EVALSHA", self._sha, len(keys), *keys, *words))[0]
            except redis.exceptions.NoScriptError:
                # It was started anew.
                self._sha = None
                return self.commit(keys, words)
            return answer

    def close(self) -> None:
        """End the connection."""
        with self._lock, suppress(redis.RedisError, OSError):
            self._connection.disconnect()


class RedisBackend:
    """One database for all workspaces."""

    lasting = "this process, and Redis itself as its own configuration promises (appendonly)"

    def __init__(self, address: str) -> None:
        """Connect; raises `StoreError` where the database cannot be used."""
        self._link = Link(address)
        self.address = self._link.address
        try:
            _, form = self._link.ask(("SETNX", FORMAT_KEY, FORMAT), ("GET", FORMAT_KEY))
        except StoreError as error:
            why = str(error).partition(": ")[2]
            raise StoreError(f"The store {self.address} cannot be used: {why}. {TO_DO}") from None
        except redis.ResponseError as error:
            raise StoreError(f"The store {self.address} cannot be used: {error}. {TO_DO}") from None
        if form != b"%d" % FORMAT:
            raise StoreError(
                f"The store {self.address} was made by another version of kling-mock (form {form.decode()}): "
                "give another database, such as /1 at the end, or flush this one where nobody needs it. "
                "Nothing in it was changed."
            )

    def records(self, workspace: str) -> RedisRecords:
        """The records of a workspace, which need not be there yet."""
        return RedisRecords(self._link, workspace)

    def one_commit(self) -> AbstractContextManager[bool]:
        """Each transaction is kept by itself."""
        return nullcontext(enter_result=False)

    def journal_sizes(self, above: int) -> dict[str, int]:
        """The bytes that exchanges take, about, by workspace; empty where the database has no more."""
        try:
            (told,) = self._link.ask(("INFO", "memory"))
            used = re.search(rb"used_memory:([0-9]+)", told)
            if used is None or int(used[1]) <= above:
                return {}
            names = ["", *self.workspaces()]
            sizes = self._link.ask(*(("MEMORY", "USAGE", keys_of(name)[4]) for name in names))
        except (StoreError, redis.ResponseError):
            # It is away, as requests say, or does not tell everybody.
            return {}
        return {name: size for name, size in zip(names, sizes, strict=True) if size}

    def touch(self, workspaces: Sequence[str], at: float) -> None:
        """Note that they were used, at a moment of the system's time."""
        if workspaces:
            scored = [word for name in workspaces for word in (at, name)]
            self._link.ask(("ZADD", SPACES_KEY, "XX", *scored))

    def workspaces(self) -> dict[str, float]:
        """The named workspaces that there are, with when they were last used."""
        (found,) = self._link.ask(("ZRANGE", SPACES_KEY, 0, -1, "WITHSCORES"))
        names = zip(found[::2], found[1::2], strict=True)
        return {name.decode(): float(score) for name, score in names if name}

    def drop(self, workspace: str, unused_since: float | None = None) -> bool:
        """Remove a workspace, where it was not used since a moment; False where there is none or it was."""
        (used,) = self._link.ask(("ZSCORE", SPACES_KEY, workspace))
        if used is None or (unused_since is not None and float(used) > unused_since):
            return False
        self._link.ask(("DEL", *keys_of(workspace)), ("ZREM", SPACES_KEY, workspace))
        return True

    def warnings(self) -> Iterator[str]:
        """That jobs may be dropped where memory is short."""
        try:
            (found,) = self._link.ask(("CONFIG", "GET", "maxmemory-policy"))
        except redis.ResponseError:
            # Who may not ask is not told.
            return
        policy = found[1].decode() if len(found) > 1 else ""
        if policy.startswith(DROPPING):
            yield (
                f"The store {self.address} may drop jobs where its memory is short: its maxmemory-policy is "
                f"{policy}; noeviction keeps them."
            )

    def close(self) -> None:
        """End the connection."""
        self._link.close()


def keys_of(workspace: str) -> list[bytes]:
    """The keys of a workspace, in the order in which the script takes them; one slot of a cluster."""
    name = b"%b{%b}:" % (PREFIX, workspace.encode())
    return [name + part for part in (b"records", b"order", b"resting", b"past", b"exchanges")]


def _name(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


class RedisRecords:
    """The records of one workspace in the database."""

    def __init__(self, link: Link, workspace: str) -> None:
        self.link = link
        self.keys = keys_of(workspace)
        self._workspace = workspace
        self.known: dict[str, bytes] = {}
        """What records were last known to be; empty is a record that is not there."""

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[RedisTransaction]:
        """A transaction, kept at the end of the block; `Conflict` where it cannot be."""
        tx = RedisTransaction(self)
        yield tx
        tx.commit(self._workspace, writes=writes)

    def ranked(self, of: RankedList, last: int | None = None, below: float | None = None) -> list[Ranked]:
        """The last members of a list, of those below a rank, lowest first."""
        if last == 0:
            return []
        top = "+inf" if below is None else f"({below!r}"
        limit = () if last is None else ("LIMIT", 0, last)
        key = self.keys[LISTS[of] - 1]
        (found,) = self.link.ask(("ZREVRANGEBYSCORE", key, top, "-inf", "WITHSCORES", *limit))
        return _pairs(found)[::-1]

    def many(self, names: Sequence[str]) -> list[bytes | None]:
        """Several records, each as it is."""
        if not names:
            return []
        found: list[bytes | None] = self.link.ask(("HMGET", self.keys[0], *map(_name, names)))[0]
        return found

    def count_exchange(self) -> int:
        """The number of an exchange that begins; no two servers get the same."""
        number: int = self.link.ask(("HINCRBY", self.keys[0], b"said", 1))[0]
        return number

    def keep_exchanges(self, exchanges: Sequence[tuple[int, bytes]], limit: int) -> None:
        """Keep exchanges by number, and forget those that are more than `limit` behind them."""
        key, newest = self.keys[4], max(number for number, _ in exchanges)
        values = [word for one in exchanges for word in one]
        gone = range(max(1, newest - limit - len(exchanges) + 1), newest - limit + 1)
        self.link.ask(("HSET", key, *values), *([("HDEL", key, *gone)] if gone else []))

    def exchanges(self, last: int | None = None, before: int | None = None) -> list[tuple[int, bytes]]:
        """The last exchanges that are kept with their numbers, of those before one, oldest first."""
        (names,) = self.link.ask(("HKEYS", self.keys[4]))
        numbers = sorted(number for number in map(int, names) if before is None or number < before)
        return self.exchanges_of(numbers if last is None else numbers[max(0, len(numbers) - last) :])

    def exchanges_of(self, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of these numbers that are kept."""
        if not numbers:
            return []
        (texts,) = self.link.ask(("HMGET", self.keys[4], *numbers))
        return [(number, text) for number, text in zip(numbers, texts, strict=True) if text is not None]

    def forget_exchanges(self, size: int) -> None:
        """Forget the oldest exchanges that take so many bytes, or a good many of the oldest."""
        key = self.keys[4]
        (names,) = self.link.ask(("HKEYS", key))
        numbers, gone = sorted(map(int, names))[:FORGOTTEN_AT_ONCE], list[int]()
        taken = self.link.ask(*(("HSTRLEN", key, number) for number in numbers)) if numbers else []
        for number, of_one in zip(numbers, taken, strict=True):
            if size <= 0:
                break
            gone.append(number)
            size -= of_one
        if gone:
            self.link.ask(("HDEL", key, *gone))

    def exchange_count(self) -> tuple[int, int]:
        """How many exchanges were counted, and how many are kept."""
        said, kept = self.link.ask(("HGET", self.keys[0], b"said"), ("HLEN", self.keys[4]))
        return int(said or 0), kept


def _pairs(found: Sequence[bytes]) -> list[Ranked]:
    return [Ranked(float(score), member) for member, score in zip(found[::2], found[1::2], strict=True)]


class RedisTransaction(Changes):
    """Reads what is known of records, and keeps what is written in one go where nobody was before it."""

    def __init__(self, records: RedisRecords) -> None:
        super().__init__()
        self._records = records
        self._known = records.known
        self._read: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        """A record; that it is still the same is seen when the transaction is kept."""
        value = self._read.get(name)
        if value is not None:
            return value or None
        value = self._known.get(name)
        if value is None:
            (found,) = self._records.link.ask(("HGET", self._records.keys[0], _name(name)))
            value = found or b""
            self._know(name, value)
        self._read[name] = value
        return value or None

    def absent(self, name: str) -> bool:
        """Whether there is no such record; one that nobody knows of is taken to be none."""
        if name not in self._known and name not in self.own and name not in self._read:
            self._read[name] = b""
            return True
        return self.get(name) is None

    def load_first(self, of: RankedList, count: int) -> list[Ranked]:
        """The first ones of a list as the database has it."""
        key = self._records.keys[LISTS[of] - 1]
        return _pairs(self._records.link.ask(("ZRANGE", key, 0, count - 1, "WITHSCORES"))[0])

    def load_count(self, of: RankedList, up_to: float) -> int:
        """How many members of a list have at most this rank in the database."""
        key = self._records.keys[LISTS[of] - 1]
        count: int = self._records.link.ask(("ZCOUNT", key, "-inf", repr(up_to)))[0]
        return count

    def commit(self, workspace: str, *, writes: bool) -> None:
        """Keep it, or raise `Conflict`; what others have written is known then."""
        read, own = self._read, self.own
        names = [_name(name) for name in read]
        words: list[Any] = [len(read), *names, *read.values()]
        words += self._writes() if writes else NO_WRITES
        words += [SPACES_KEY, workspace, repr(real_time.time())]
        try:
            done, *rest = self._records.link.commit(self._records.keys, words)
        except BaseException:
            # It may have been kept or not.
            self._known.clear()
            raise
        if not done:
            for name, value in zip(read, rest, strict=True):
                self._know(name, value)
            raise Conflict
        if writes:
            if self.cleared:
                self._known.clear()
            for name, text in own.items():
                self._know(name, text or b"")
            self.number = rest[0]

    def _writes(self) -> list[Any]:
        """All that is written, in the order in which the script takes it."""
        words: list[Any] = [int(self.cleared), len(self.own)]
        for name, value in self.own.items():
            words += (_name(name), value or b"")
        words.append(len(self.unranked))
        for of, member in self.unranked:
            words += (LISTS[of], member)
        words.append(len(self.ranked))
        for (of, member), score in self.ranked.items():
            words += (LISTS[of], repr(score), member)
        words += [len(self.exchanges), *self.exchanges, self.most_exchanges]
        return words

    def _know(self, name: str, value: bytes) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[name] = value
