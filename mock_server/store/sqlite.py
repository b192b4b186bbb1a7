"""The store in a file of SQLite: it survives the end of the process, and several servers may share it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from threading import RLock
from weakref import finalize

from ..real_time import real_time
from ..timing import STORE_ANSWERS
from .changes import Changes
from .outage import Outage
from .records import FORGOTTEN_AT_ONCE, FORMAT, Ranked, RankedList, StoreAway, StoreError, StoreReadOnly

__all__ = ["SqliteBackend"]

APPLICATION = 0x6B6C6D6F
"""Says in the file's head whose it is."""
TABLES = """
CREATE TABLE spaces (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, used REAL NOT NULL);
CREATE TABLE records (space INTEGER, name BLOB, value BLOB, PRIMARY KEY (space, name)) WITHOUT ROWID;
CREATE TABLE ranked (space INTEGER, list TEXT, score REAL, member BLOB,
                     PRIMARY KEY (space, list, score, member)) WITHOUT ROWID;
CREATE TABLE exchanges (place INTEGER PRIMARY KEY, value BLOB);
"""
OF_ONE = 1 << 40
"""Places of exchanges that one workspace has: its number times this, and the exchange's number.

A table by such numbers keeps a row of a thousand bytes in its page, and new ones at its end.
"""
AT_ONCE = 128
"""Exchanges that are forgotten in one go, so that whole pages become free: that many may be too many."""
EXCHANGE = "INSERT OR REPLACE INTO exchanges VALUES (?, ?)"
SIZES = (
    "SELECT name, sum(length(value)) FROM exchanges JOIN spaces ON spaces.id = place / ? GROUP BY spaces.id"
)
OLDEST = "SELECT place, length(value) FROM exchanges WHERE place > ? AND place < ? ORDER BY place LIMIT ?"
ONE_EXCHANGE = "SELECT value FROM exchanges WHERE place = ?"
FORGET = "DELETE FROM exchanges WHERE place >= ? AND place <= ?"
AWAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
GET = "SELECT value FROM records WHERE space = ? AND name = ?"
RANK = "INSERT OR IGNORE INTO ranked VALUES (?, ?, ?, ?)"
UNRANK = "DELETE FROM ranked WHERE space = ? AND list = ? AND score = ? AND member = ?"
FIRST = "SELECT score, member FROM ranked WHERE space = ? AND list = ? ORDER BY score, member LIMIT ?"
COUNT = "SELECT count(*) FROM ranked WHERE space = ? AND list = ? AND score <= ?"
UNSET = "DELETE FROM records WHERE space = ? AND name = ?"
SET = "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"


def _name(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


class SqliteBackend:
    """One file for all workspaces."""

    lasting = "the end of this process, however it ends"

    def __init__(self, file: str) -> None:
        """Open the file, or make it; raises `StoreError` for one that cannot be used."""
        self.address, self._file = f"sqlite:{file}", file
        self._lock = RLock()
        self._within = False
        self._outage = Outage(self.address)
        try:
            self._connection = sqlite3.connect(
                file, timeout=STORE_ANSWERS, isolation_level=None, check_same_thread=False
            )
            # Also where nobody closes it, and where it turns out to be no file of ours.
            finalize(self, self._connection.close)
            self._prepare()
            self._outage.end()
        except sqlite3.Error as error:
            raise StoreError(
                f"The store {self.address} cannot be used: {error}. "
                "Give a file that can be written, in a folder that is there: sqlite:path/to/file."
            ) from None

    def _prepare(self) -> None:
        run = self._connection.execute
        whose, form = run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0]
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and (whose, form) != (APPLICATION, FORMAT):
            made_by = (
                f"another version of kling-mock (form {form})" if whose == APPLICATION else "something else"
            )
            raise StoreError(
                f"The store {self.address} was made by {made_by}: give another file, or remove this one "
                "where nobody needs it. Nothing in it was changed."
            )
        if run("PRAGMA journal_mode = WAL").fetchone()[0] not in ("wal", "memory"):
            raise StoreError(
                f"The store {self.address} cannot be used: no WAL there (a network's file system?)."
            )
        # A process may be killed at any moment; only a machine that loses power may lose the last moment.
        run("PRAGMA synchronous = NORMAL")
        # Copying the log into the file takes as long as writing it: seldom is soon enough.
        run("PRAGMA wal_autocheckpoint = 8000")
        if not tables:
            run("BEGIN IMMEDIATE")
            if not run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in TABLES.split(";"):
                    run(statement)
                run(f"PRAGMA application_id = {APPLICATION}")
                run(f"PRAGMA user_version = {FORMAT}")
            run("COMMIT")

    def records(self, workspace: str) -> SqliteRecords:
        """The records of a workspace, which need not be there yet."""
        return SqliteRecords(self, workspace)

    @contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """A transaction of the file, kept at the end of the block; within one it is a part of that."""
        with self._lock:
            connection = self._connection
            if self._within:
                yield connection
                return
            try:
                connection.execute(begin)
                self._within = True
                try:
                    yield connection
                    connection.execute("COMMIT")
                    if begin != "BEGIN":
                        self._outage.end()
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    self._within = False
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                kind = StoreAway if code in AWAY else StoreReadOnly
                raise kind(f"the store {self.address} cannot be used: {self._outage.begin(error)}") from None

    @contextmanager
    def one_commit(self) -> Iterator[bool]:
        """Keep the transactions of several workspaces together at the end of the block."""
        with self.transaction():
            yield True

    def journal_sizes(self, above: int) -> dict[str, int]:
        """The bytes that exchanges take by workspace; empty where the file has no more than `above`."""
        try:
            # A connection of its own: whoever answers requests does not wait for it.
            with closing(sqlite3.connect(self._file, timeout=STORE_ANSWERS)) as connection:
                pages, free, size = (
                    connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("page_count", "freelist_count", "page_size")
                )
                if (pages - free) * size <= above:
                    return {}
                return dict(connection.execute(SIZES, (OF_ONE,)))
        except sqlite3.Error:
            # Requests say that it is away.
            return {}

    def touch(self, workspaces: Sequence[str], at: float) -> None:
        """Note that they were used, at a moment of the system's time."""
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE spaces SET used = max(used, ?) WHERE name = ?", [(at, name) for name in workspaces]
            )

    def workspaces(self) -> dict[str, float]:
        """The named workspaces that there are, with when they were last used."""
        with self.transaction("BEGIN") as connection:
            return dict(connection.execute("SELECT name, used FROM spaces WHERE name != '' ORDER BY id"))

    def drop(self, workspace: str, unused_since: float | None = None) -> bool:
        """Remove a workspace, where it was not used since a moment; False where there is none or it was."""
        with self.transaction() as connection:
            row = connection.execute("SELECT id, used FROM spaces WHERE name = ?", (workspace,)).fetchone()
            if row is None or (unused_since is not None and row[1] > unused_since):
                return False
            _empty(connection, row[0])
            connection.execute("DELETE FROM spaces WHERE id = ?", row[:1])
            return True

    def warnings(self) -> Iterator[str]:
        """Nothing: a file drops nothing by itself."""
        return iter(())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


class SqliteRecords:
    """The records of one workspace in the file."""

    def __init__(self, backend: SqliteBackend, workspace: str) -> None:
        self._backend = backend
        self._workspace = workspace
        self._number: int | None = None
        """Its number in the file, as far as is known."""

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[SqliteTransaction]:
        """A transaction, kept at the end of the block; without `writes` it only reads."""
        with self._backend.transaction("BEGIN IMMEDIATE" if writes else "BEGIN") as connection:
            space = self._number
            if space is None or connection.execute(GET, (space, b"v")).fetchone() is None:
                # Nobody has used it here yet, or another server has dropped it.
                space = self._number = self._space(connection, make=writes)
            tx = SqliteTransaction(connection, space)
            yield tx
            if writes:
                tx.flush()

    def _space(self, connection: sqlite3.Connection, *, make: bool = False) -> int:
        row = connection.execute("SELECT id FROM spaces WHERE name = ?", (self._workspace,)).fetchone()
        if row is None and make:
            insert = "INSERT INTO spaces (name, used) VALUES (?, ?)"
            return connection.execute(insert, (self._workspace, real_time.time())).lastrowid or 0
        return -1 if row is None else int(row[0])

    def ranked(self, of: RankedList, last: int | None = None, below: float | None = None) -> list[Ranked]:
        """The last members of a list, of those below a rank, lowest first."""
        with self._backend.transaction("BEGIN") as connection:
            rows = connection.execute(
                "SELECT score, member FROM ranked WHERE space = ? AND list = ? AND score < ? "
                "ORDER BY score DESC, member DESC LIMIT ?",
                (self._space(connection), of, float("inf") if below is None else below, _limit(last)),
            )
            return [Ranked(*row) for row in rows][::-1]

    def many(self, names: Sequence[str]) -> list[bytes | None]:
        """Several records, each as it is."""
        with self._backend.transaction("BEGIN") as connection:
            space = self._space(connection)
            found = (connection.execute(GET, (space, _name(name))).fetchone() for name in names)
            return [None if row is None else row[0] for row in found]

    def count_exchange(self) -> int:
        """The number of an exchange that begins; no two servers get the same."""
        with self.transaction() as tx:
            tx.count_exchange()
        return tx.number

    def keep_exchanges(self, exchanges: Sequence[tuple[int, bytes]], limit: int) -> None:
        """Keep exchanges by number, and forget those that are more than `limit` behind them."""
        with self._backend.transaction() as connection:
            _keep(connection, self._space(connection), exchanges, limit)

    def exchanges(self, last: int | None = None, before: int | None = None) -> list[tuple[int, bytes]]:
        """The last exchanges that are kept with their numbers, of those before one, oldest first."""
        with self._backend.transaction("BEGIN") as connection:
            space = self._space(connection)
            rows = connection.execute(
                "SELECT place - ?, value FROM exchanges WHERE place > ? AND place < ? "
                "ORDER BY place DESC LIMIT ?",
                (
                    space * OF_ONE,
                    space * OF_ONE,
                    space * OF_ONE + min(OF_ONE, OF_ONE if before is None else before),
                    _limit(last),
                ),
            )
            return list(rows)[::-1]

    def exchanges_of(self, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of these numbers that are kept."""
        with self._backend.transaction("BEGIN") as connection:
            first = self._space(connection) * OF_ONE
            rows = (connection.execute(ONE_EXCHANGE, (first + number,)).fetchone() for number in numbers)
            return [(number, row[0]) for number, row in zip(numbers, rows, strict=True) if row is not None]

    def forget_exchanges(self, size: int) -> None:
        """Forget the oldest exchanges that take so many bytes, or a good many of the oldest."""
        with self._backend.transaction() as connection:
            first = self._space(connection) * OF_ONE
            last = first
            for place, taken in connection.execute(OLDEST, (first, first + OF_ONE, FORGOTTEN_AT_ONCE)):
                if size <= 0:
                    break
                last, size = place, size - taken
            connection.execute(FORGET, (first, last))

    def exchange_count(self) -> tuple[int, int]:
        """How many exchanges were counted, and how many are kept."""
        with self._backend.transaction("BEGIN") as connection:
            space = self._space(connection)
            said = connection.execute(GET, (space, b"said")).fetchone()
            kept = connection.execute(
                "SELECT count(*) FROM exchanges WHERE place > ? AND place < ?",
                (space * OF_ONE, (space + 1) * OF_ONE),
            ).fetchone()
            return int(said[0]) if said else 0, kept[0]


def _limit(last: int | None) -> int:
    return -1 if last is None else last


def _keep(
    connection: sqlite3.Connection, space: int, exchanges: Sequence[tuple[int, bytes]], limit: int
) -> None:
    """Keep exchanges of a workspace, and forget those that are `limit` behind the newest, now and then."""
    first = space * OF_ONE
    connection.executemany(EXCHANGE, [(first + number, text) for number, text in exchanges])
    oldest, newest = exchanges[0][0], max(number for number, _ in exchanges)
    if newest > limit and (newest // AT_ONCE != (oldest - 1) // AT_ONCE or limit < AT_ONCE):
        connection.execute(FORGET, (first, first + newest - limit))


def _empty(connection: sqlite3.Connection, space: int) -> None:
    """Remove all that a workspace has."""
    for table in ("records", "ranked"):
        connection.execute(f"DELETE FROM {table} WHERE space = ?", (space,))
    connection.execute(FORGET, (space * OF_ONE, (space + 1) * OF_ONE - 1))


class SqliteTransaction(Changes):
    """A transaction of one workspace; what it writes goes to the file at its end, each record once."""

    def __init__(self, connection: sqlite3.Connection, space: int) -> None:
        super().__init__()
        self._connection = connection
        self._space = space
        self._read: dict[str, bytes | None] = {}

    def load(self, name: str) -> bytes | None:
        """A record as the file has it; nobody changes it before the transaction is kept."""
        if name in self._read:
            return self._read[name]
        row = self._connection.execute(GET, (self._space, _name(name))).fetchone()
        value = self._read[name] = None if row is None else row[0]
        return value

    def load_first(self, of: RankedList, count: int) -> list[Ranked]:
        """The first ones of a list as the file has it."""
        return [Ranked(*row) for row in self._connection.execute(FIRST, (self._space, of, count))]

    def load_count(self, of: RankedList, up_to: float) -> int:
        """How many members of a list have at most this rank in the file."""
        row = self._connection.execute(COUNT, (self._space, of, up_to)).fetchone()
        return int(row[0])

    def flush(self) -> None:
        """Write it all."""
        connection, space = self._connection, self._space
        if self.cleared:
            _empty(connection, space)
        if self.exchanges:
            before = int(self.get("said") or b"0")
            self.number = before + len(self.exchanges)
            self.own["said"] = b"%d" % self.number
            kept = [one for one in enumerate(self.exchanges, before + 1) if one[1]]
            if kept:
                _keep(connection, space, kept, self.most_exchanges)
        own = [(space, _name(name), value) for name, value in self.own.items()]
        connection.executemany(SET, [row for row in own if row[2] is not None])
        gone = [row[:2] for row in own if row[2] is None]
        if gone:
            connection.executemany(UNSET, gone)
        if self.unranked:
            connection.executemany(UNRANK, self._rows(self.unranked))
        if self.ranked:
            connection.executemany(RANK, self._rows(self.ranked))

    def _rows(self, of: dict[tuple[RankedList, bytes], float]) -> list[tuple[int, str, float, bytes]]:
        return [(self._space, name, score, member) for (name, member), score in of.items()]
