"""Beads as rows: written with all their indexes, and read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import Bead, decode, instant
from gastown_tui.domain.ready import is_failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_COLUMNS: Final = (
    "n, id, status, issue_type, assignee, priority, created, deferred, hidden, failed, ephemeral, "
    "in_file, dirty, place, change"
)
_INSERT: Final = (
    f"INSERT OR REPLACE INTO bead({_COLUMNS}) "  # noqa: S608 - fixed texts
    f"VALUES ({', '.join('?' * 15)})"
)
_SELECT: Final = (
    "SELECT n, change, dirty, in_file, place, line, base FROM bead JOIN body USING (n) WHERE id = ?"
)


class Record(msgspec.Struct, kw_only=True):
    """A bead as the store holds it."""

    n: int
    bead: Bead
    line: bytes
    base: bytes | None = None
    """Its line in the last image, when that is another one; None when the image has none."""
    dirty: bool = False
    """The file's last image does not have this line."""
    in_file: bool = True
    place: int | None = None
    """Where it stood in a file that is not sorted by id."""
    change: int = 0

    def edit(self, line: bytes, change: int) -> None:
        """Give it another line; remembers what the image has."""
        if not self.dirty and self.in_file:
            self.base, self.dirty = self.line, True
        self.line, self.change, self.bead = line, change, decode(line)


def load(connection: sqlite3.Connection, bead: str) -> Record | None:
    """A bead by its id; None when there is none (any more)."""
    found = connection.execute(_SELECT, (bead,)).fetchone()
    if found is None or found[5] is None:
        return None
    n, change, dirty, in_file, place, line, base = found
    return Record(
        n=n,
        bead=decode(line),
        line=line,
        base=base,
        dirty=bool(dirty),
        in_file=bool(in_file),
        place=place,
        change=change,
    )


def free_number(connection: sqlite3.Connection) -> int:
    """The row number for a new bead."""
    return int(connection.execute("SELECT coalesce(max(n), 0) + 1 FROM bead").fetchone()[0])


def save(connection: sqlite3.Connection, record: Record) -> None:
    """Write a bead with its indexes, over its former row."""
    n = record.n
    connection.execute(_INSERT, _row(record))
    connection.execute(
        "INSERT OR REPLACE INTO body VALUES (?, ?, ?)", (n, record.line, record.base)
    )
    connection.execute("DELETE FROM label WHERE n = ?", (n,))
    connection.execute("DELETE FROM edge WHERE n = ?", (n,))
    connection.executemany("INSERT OR IGNORE INTO label VALUES (?, ?)", _labels(record))
    connection.executemany("INSERT OR IGNORE INTO edge VALUES (?, ?, ?, ?)", _edges(record))


def save_new(connection: sqlite3.Connection, records: list[Record]) -> None:
    """Write many beads that have no rows yet."""
    connection.executemany(_INSERT, (_row(record) for record in records))
    connection.executemany(
        "INSERT INTO body VALUES (?, ?, ?)", ((r.n, r.line, r.base) for r in records)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO label VALUES (?, ?)", (x for r in records for x in _labels(r))
    )
    connection.executemany(
        "INSERT OR IGNORE INTO edge VALUES (?, ?, ?, ?)", (x for r in records for x in _edges(r))
    )


def drop(connection: sqlite3.Connection, record: Record, change: int) -> None:
    """Take a bead away that no file holds; its id stays taken."""
    connection.execute(
        "UPDATE bead SET status = 'tombstone', dirty = 0, change = ? WHERE n = ?",
        (change, record.n),
    )
    connection.execute("UPDATE body SET line = NULL, base = NULL WHERE n = ?", (record.n,))
    connection.execute("DELETE FROM label WHERE n = ?", (record.n,))
    connection.execute("DELETE FROM edge WHERE n = ?", (record.n,))


def _row(record: Record) -> tuple[Any, ...]:
    bead = record.bead
    return (
        record.n,
        bead.id,
        bead.status,
        bead.issue_type,
        bead.assignee,
        max(-(2**31), min(bead.priority, 2**31)),
        instant(bead.created_at),
        instant(bead.defer_until),
        bead.pinned or bead.is_template or bead.ephemeral,
        is_failure(bead.close_reason),
        bead.ephemeral,
        record.in_file,
        record.dirty,
        record.place,
        record.change,
    )


def _labels(record: Record) -> Iterable[tuple[int, str]]:
    return ((record.n, label) for label in record.bead.labels)


def _edges(record: Record) -> Iterable[tuple[int, str, str, bool]]:
    return (
        (record.n, e.depends_on_id, e.type, e.type == "waits-for" and _any_child(e.metadata))
        for e in record.bead.dependencies
    )


def _any_child(metadata: str) -> bool:
    """Whether the metadata text of a waits-for edge asks for any child instead of all."""
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("gate") == "any-children"
