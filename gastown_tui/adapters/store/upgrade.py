"""Stores of earlier versions, brought to the present tables in one transaction.

Before the first statement a copy lies beside the store, whole and synced. A crash at any moment
leaves the store either as it was or as it is to be, never in between.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from gastown_tui.adapters.store import blocking, rows
from gastown_tui.adapters.store.database import READY_INDEXES, SCHEMA_VERSION, run_all, version_of
from gastown_tui.adapters.store.files import sync, sync_folder
from gastown_tui.domain.bead import decode
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.ready import edge_of

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_tui.adapters.store.database import Database

_TO_2: Final = """
ALTER TABLE bead ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edge ADD COLUMN spawner TEXT NOT NULL DEFAULT '';
CREATE TABLE child(parent TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
"""
_TO_3: Final = """
CREATE TABLE past(
    n INTEGER NOT NULL, image BLOB NOT NULL, change INTEGER NOT NULL, PRIMARY KEY(n, image)
) WITHOUT ROWID;
"""
_BACKUP: Final = "store-v{}.backup"
_KEPT: Final = 2
"""Copies, the newest; each is as large as the store."""


def upgrade(database: Database) -> None:
    """Bring a store up to this version; another process may have done it meanwhile.

    Raises:
        Unavailable: there is no room for the copy or the new tables; nothing was changed.
    """
    with database.write() as connection:
        version = version_of(connection)
        if version >= SCHEMA_VERSION:
            database.version = version
            return
        _back_up(database.path, version)
        if version == 1:
            _from_1(connection)
        if version_of(connection) < 3:  # version 2 did not know what the file had said before
            run_all(connection, _TO_3)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.version = SCHEMA_VERSION


def _back_up(store: Path, version: int) -> None:
    """Copy what is committed to `store-vN.backup` beside the store; older copies go.

    Raises:
        Unavailable: it cannot be written; no copy is left half-way.
    """
    found = store.with_name(_BACKUP.format(version))
    part = found.with_suffix(".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, to be put back by a plain copy
        with part.open("rb+") as copied:
            sync(copied.fileno())
        part.replace(found)
        sync_folder(store.parent)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise Unavailable(
            f"{store} is of an earlier gastown and cannot be copied before it is brought up to"
            f" this one ({error}); nothing was changed",
            hint="make room on the disk and try again",
        ) from error
    copies = sorted(store.parent.glob(_BACKUP.format("*")), key=lambda one: one.stat().st_mtime_ns)
    for old in copies[:-_KEPT]:
        old.unlink(missing_ok=True)


def _from_1(connection: sqlite3.Connection) -> None:
    """Version 1 worked out readiness anew whenever it was asked for, and counted no children."""
    run_all(connection, _TO_2)
    run_all(connection, READY_INDEXES)
    rows.count_children(connection, (bead for (bead,) in connection.execute("SELECT id FROM bead")))
    waiting = connection.execute(
        "SELECT n, line FROM body WHERE line IS NOT NULL "
        "AND n IN (SELECT n FROM edge WHERE type = 'waits-for')"
    ).fetchall()
    for n, line in waiting:
        bead = decode(line)
        connection.executemany(
            "UPDATE edge SET spawner = ? WHERE n = ? AND target = ? AND type = 'waits-for'",
            (
                (edge.spawner, n, edge.target)
                for edge in (edge_of(bead.id, one) for one in bead.dependencies)
                if edge.spawner
            ),
        )
    blocking.touch_all(connection)
