"""The SQLite file: opening it, one write at a time, and its errors in plain words."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from gastown_tui.adapters.store import blocking, doorbell
from gastown_tui.adapters.store.files import FileLock
from gastown_tui.domain.errors import Damaged, GastownError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION: Final = 3
_WAIT: Final = 30.0
"""Seconds to wait for another process's recovery or checkpoint."""
_SCHEMA: Final = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE bead(
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    issue_type TEXT NOT NULL,
    assignee TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created REAL NOT NULL,
    deferred REAL NOT NULL,
    hidden INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    ephemeral INTEGER NOT NULL,
    in_file INTEGER NOT NULL,
    dirty INTEGER NOT NULL,
    place INTEGER,
    change INTEGER NOT NULL,
    blocked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE body(n INTEGER PRIMARY KEY, line BLOB, base BLOB);
CREATE TABLE label(n INTEGER NOT NULL, label TEXT NOT NULL, PRIMARY KEY(n, label)) WITHOUT ROWID;
CREATE TABLE edge(
    n INTEGER NOT NULL, target TEXT NOT NULL, type TEXT NOT NULL, any_child INTEGER NOT NULL,
    spawner TEXT NOT NULL DEFAULT '', PRIMARY KEY(n, target, type)
) WITHOUT ROWID;
CREATE TABLE child(parent TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE other(place INTEGER PRIMARY KEY, before TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE folding(id TEXT PRIMARY KEY, line BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE journal(
    id TEXT PRIMARY KEY, change INTEGER NOT NULL, part INTEGER NOT NULL, bead TEXT NOT NULL,
    at TEXT NOT NULL, actor TEXT NOT NULL, operation BLOB NOT NULL
);
CREATE TABLE past(
    n INTEGER NOT NULL, image BLOB NOT NULL, change INTEGER NOT NULL, PRIMARY KEY(n, image)
) WITHOUT ROWID;
CREATE TABLE done(id TEXT PRIMARY KEY, change INTEGER NOT NULL, ids TEXT NOT NULL) WITHOUT ROWID;
"""
_INDEXES: Final = """
CREATE INDEX bead_status ON bead(status, issue_type);
CREATE INDEX bead_assignee ON bead(assignee) WHERE assignee <> '';
CREATE INDEX bead_change ON bead(change);
CREATE INDEX bead_open ON bead(n) WHERE status NOT IN ('closed', 'tombstone', 'pinned');
CREATE INDEX bead_dirty ON bead(n) WHERE dirty;
CREATE INDEX label_label ON label(label);
CREATE INDEX edge_target ON edge(target);
CREATE INDEX journal_bead ON journal(bead, change);
"""
READY_INDEXES: Final = """
CREATE INDEX bead_ready ON bead(priority, created DESC, id, status, issue_type, deferred)
    WHERE NOT blocked AND NOT hidden AND status IN ('open', 'deferred');
CREATE INDEX bead_deferred ON bead(deferred) WHERE deferred > 0;
CREATE INDEX edge_spawner ON edge(spawner) WHERE spawner <> '';
"""


class Database:
    """One connection, shared by the threads of a process under a lock.

    A write holds a file lock as well, so that writers of all processes queue fairly instead of
    polling SQLite's own lock.
    """

    def __init__(self, folder: Path) -> None:
        """Open or make `folder/store.db`.

        Raises:
            Damaged: it is no database of ours.
            Unavailable: it cannot be opened or written.
        """
        self.path = folder / "store.db"
        self._threads = threading.RLock()
        self._lock = FileLock(folder / "lock")
        self._writing = False
        with self.translated():
            self._connection = self._connect()
            self.version = version_of(self._connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                with self._lock.held():  # two that switch at once would refuse each other
                    connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute(blocking.TOUCHED)
            if sys.platform == "darwin":
                connection.execute("PRAGMA fullfsync=1")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the file and the lock."""
        with self._threads:
            self._connection.close()
            self._lock.close()

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query."""
        with self._threads, self.translated():
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, values: tuple[Any, ...] = ()) -> Any:
        """The first row of a query, or None."""
        with self._threads, self.translated():
            return self._connection.execute(query, values).fetchone()

    def meta(self, key: str) -> str:
        """A setting of the store; empty when unset."""
        found = self.row("SELECT value FROM meta WHERE key = ?", (key,))
        return "" if found is None else str(found[0])

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for several queries that see one state."""
        with self._threads, self.translated():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: synced when the block ends, undone when it raises.

        What is blocked is brought up to date with it.
        """
        with self._threads, self._lock.held(), self.translated():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._refuse_newer(connection)
                yield connection
                blocking.settle(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        doorbell.ring(self.path.parent)

    def _refuse_newer(self, connection: sqlite3.Connection) -> None:
        if version_of(connection) > SCHEMA_VERSION:
            raise Unavailable(
                f"{self.path} is written by a newer gastown now", hint="start this one anew"
            )

    @contextmanager
    def frozen(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own that sees one state, while others write on."""
        with self.translated():
            connection = self._connect()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables; the indexes come after the first import."""
        run_all(connection, _SCHEMA)

    def finish(self, connection: sqlite3.Connection) -> None:
        """Make the indexes and declare the store whole."""
        run_all(connection, _INDEXES)
        run_all(connection, READY_INDEXES)
        connection.execute(
            "INSERT INTO meta SELECT 'horizon', value FROM meta WHERE key = 'change'"
        )
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn SQLite's errors into one line each."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._plain(error) from error

    def _plain(self, error: sqlite3.Error) -> GastownError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            return Unavailable(
                f"{self.path} cannot be written ({error}); nothing was changed",
                hint="make room on the disk and try again",
            )
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return Damaged(
                f"{self.path} is damaged ({error})",
                hint="move it away: it is rebuilt from issues.jsonl, without what was not folded",
            )
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return Unavailable(f"{self.path} is locked", hint="see which process holds it")
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return Unavailable(
                f"{self.path} cannot be written ({error}); nothing was changed",
                hint="it was moved away or is not yours: open the store again",
            )
        return Damaged(f"{self.path}: {error}", hint="run gastown bead doctor")


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Write a setting within a transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def run_all(connection: sqlite3.Connection, script: str) -> None:
    """Run statements within a transaction, each ended by `;` and a line's end."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 before there are any."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
