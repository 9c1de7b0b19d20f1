"""Beads as rows: written with all their indexes, and read back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.adapters.store import blocking
from gastown_tui.domain import ids
from gastown_tui.domain.bead import Bead, decode, instant
from gastown_tui.domain.ready import edge_of, is_failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_COLUMNS: Final = (
    "n", "id", "status", "issue_type", "assignee", "priority", "created", "deferred", "hidden",
    "failed", "ephemeral", "in_file", "dirty", "place", "change",
)  # fmt: skip
_MOVING: Final = (_COLUMNS.index("status"), _COLUMNS.index("failed"))
"""Columns that decide whether others are blocked, and whether the bead can be."""
_FORMER: Final = f"SELECT {', '.join(_COLUMNS)} FROM bead WHERE n = ?"  # noqa: S608 - fixed texts
_INSERT: Final = (
    f"INSERT INTO bead({', '.join(_COLUMNS)}) "  # noqa: S608 - fixed texts
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_INSERT_EDGE: Final = "INSERT INTO edge(n, target, type, any_child, spawner) VALUES (?, ?, ?, ?, ?)"
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
    """Write a bead with its indexes, over its former row; only what differs is written."""
    n, row = record.n, _row(record)
    former = connection.execute(_FORMER, (n,)).fetchone()
    if former is None:
        connection.execute(_INSERT, row)
        count_children(connection, [record.bead.id])
    elif other := [place for place, value in enumerate(row) if value != former[place]]:
        changes = ", ".join(f"{_COLUMNS[place]} = ?" for place in other)
        query = f"UPDATE bead SET {changes} WHERE n = ?"  # noqa: S608 - names of columns
        connection.execute(query, (*(row[place] for place in other), n))
    connection.execute(
        "INSERT OR REPLACE INTO body VALUES (?, ?, ?)", (n, record.line, record.base)
    )
    labels = set(_labels(record))
    if labels != set(connection.execute("SELECT n, label FROM label WHERE n = ?", (n,))):
        connection.execute("DELETE FROM label WHERE n = ?", (n,))
        connection.executemany("INSERT INTO label VALUES (?, ?)", labels)
    edges, before = list(_edges(record)), _edges_of(connection, n)
    if set(edges) != set(before):
        connection.execute("DELETE FROM edge WHERE n = ?", (n,))
        connection.executemany(_INSERT_EDGE, edges)
        blocking.touch(connection, [record.bead.id, *_parents(before)])
    elif former is None or any(row[place] != former[place] for place in _MOVING):
        blocking.touch(connection, [record.bead.id])


def save_new(connection: sqlite3.Connection, records: list[Record]) -> None:
    """Write many beads that have no rows yet."""
    connection.executemany(_INSERT, (_row(record) for record in records))
    connection.executemany(
        "INSERT INTO body VALUES (?, ?, ?)", ((r.n, r.line, r.base) for r in records)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO label VALUES (?, ?)", (x for r in records for x in _labels(r))
    )
    connection.executemany(_INSERT_EDGE, (x for r in records for x in _edges(r)))
    count_children(connection, (record.bead.id for record in records))
    blocking.touch_all(connection)


def remember_image(connection: sqlite3.Connection, n: int, *lines: bytes) -> None:
    """Note that the file once said this of a bead: whoever brings it back edits nothing."""
    connection.executemany(
        "INSERT OR REPLACE INTO past VALUES (?, ?, (SELECT value FROM meta WHERE key = 'change'))",
        ((n, _short(line)) for line in lines),
    )


def was_image(connection: sqlite3.Connection, bead: str, line: bytes) -> bool:
    """Whether the file once said this of a bead."""
    query = "SELECT 1 FROM past JOIN bead USING (n) WHERE id = ? AND image = ?"
    return connection.execute(query, (bead, _short(line))).fetchone() is not None


def _short(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=12).digest()


def drop(connection: sqlite3.Connection, record: Record, change: int) -> None:
    """Take a bead away that no file holds; its id stays taken."""
    n = record.n
    blocking.touch(connection, [record.bead.id, *_parents(_edges_of(connection, n))])
    connection.execute(
        "UPDATE bead SET status = 'tombstone', dirty = 0, change = ? WHERE n = ?", (change, n)
    )
    connection.execute("UPDATE body SET line = NULL, base = NULL WHERE n = ?", (n,))
    connection.execute("DELETE FROM label WHERE n = ?", (n,))
    connection.execute("DELETE FROM edge WHERE n = ?", (n,))


def last_child(connection: sqlite3.Connection, parent: str) -> int:
    """The highest number that a child of a bead ever had here; 0 when it had none."""
    found = connection.execute("SELECT last FROM child WHERE parent = ?", (parent,)).fetchone()
    return 0 if found is None else int(found[0])


def count_children(connection: sqlite3.Connection, beads: Iterable[str]) -> None:
    """Keep the highest number that children of each parent have, these among them."""
    highest: dict[str, int] = {}
    for bead in beads:
        if parent := ids.parent_of(bead):
            number = ids.child_number(parent, bead)
            highest[parent] = max(number, highest.get(parent, 0))
    connection.executemany(
        "INSERT INTO child VALUES (?, ?) "
        "ON CONFLICT(parent) DO UPDATE SET last = max(last, excluded.last)",
        highest.items(),
    )


def _edges_of(connection: sqlite3.Connection, n: int) -> list[tuple[Any, ...]]:
    query = "SELECT n, target, type, any_child, spawner FROM edge WHERE n = ?"
    return connection.execute(query, (n,)).fetchall()


def _parents(edges: Iterable[tuple[Any, ...]]) -> list[str]:
    return [edge[1] for edge in edges if edge[2] == "parent-child"]


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


def _edges(record: Record) -> list[tuple[int, str, str, bool, str]]:
    """One row for each pair of target and type; of a repeated one the first counts."""
    found: dict[tuple[str, str], tuple[int, str, str, bool, str]] = {}
    for dependency in record.bead.dependencies:
        _, target, kind, any_child, spawner = edge_of(record.bead.id, dependency)
        found.setdefault((target, kind), (record.n, target, kind, any_child, spawner))
    return list(found.values())
