"""Stores of earlier versions, brought to the present tables in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gastown_tui.adapters.store import blocking, rows
from gastown_tui.adapters.store.database import READY_INDEXES, SCHEMA_VERSION, run_all, version_of
from gastown_tui.domain.bead import decode
from gastown_tui.domain.ready import edge_of

if TYPE_CHECKING:
    import sqlite3

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


def upgrade(database: Database) -> None:
    """Bring a store up to this version; another process may have done it meanwhile."""
    with database.write() as connection:
        if version_of(connection) == 1:
            _from_1(connection)
        if version_of(connection) < 3:  # version 2 did not know what the file had said before
            run_all(connection, _TO_3)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.version = SCHEMA_VERSION


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
