"""Blocked as a column: brought up to date in the transaction of the change that moves it.

Whoever writes rows notes in `touched` which beads readiness must look at; before a transaction is
committed, `settle` works out whom that reaches. Queries are put together from fixed texts.
"""

# ruff: noqa: S608

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gastown_tui.domain.blocking import settle as settled
from gastown_tui.domain.ready import GASTOWN, Edge, Node, Rules, blocked, rules_named

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator

TOUCHED: Final = "CREATE TEMP TABLE touched(id TEXT PRIMARY KEY) WITHOUT ROWID"
"""Of a connection: what its open transaction has changed."""
_ALL: Final = ""
"""Stands for every bead in `touched`."""
_MANY: Final = 2000
"""More touched beads than this are cheaper worked out together with all others."""
_CHUNK: Final = 500
"""Ids in one query; SQLite of old allows 999 values."""
_KINDS: Final = "('blocks', 'conditional-blocks', 'waits-for', 'parent-child')"
_OPEN: Final = "status NOT IN ('closed', 'tombstone', 'pinned')"
_NODE: Final = "id, status, issue_type, priority, created, deferred, hidden, failed"
_EDGE: Final = "bead.id, target, type, any_child, spawner"


def touch(connection: sqlite3.Connection, beads: Iterable[str]) -> None:
    """Note beads whose status, failure or blocking edges change, and parents that they lose."""
    connection.executemany("INSERT OR IGNORE INTO touched VALUES (?)", ((one,) for one in beads))


def touch_all(connection: sqlite3.Connection) -> None:
    """Have everything worked out anew at the end of the transaction."""
    touch(connection, [_ALL])


def settle(connection: sqlite3.Connection) -> None:
    """Bring the column up to date with what the transaction has changed."""
    touched = {bead for (bead,) in connection.execute("SELECT id FROM touched")}
    if not touched:
        return
    connection.execute("DELETE FROM touched")
    rules = rules_of(connection)
    if _ALL in touched or len(touched) > _MANY:
        held = blocked(*graph(connection), rules)
        was = {bead for (bead,) in connection.execute("SELECT id FROM bead WHERE blocked")}
        moved = {bead: bead in held for bead in was.symmetric_difference(held)}
    else:
        moved = settled(touched, _Rows(connection), rules)
    connection.executemany(
        "UPDATE bead SET blocked = ? WHERE id = ?", ((now, bead) for bead, now in moved.items())
    )


def rules_of(connection: sqlite3.Connection) -> Rules:
    """The rules that the column follows."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'rules'").fetchone()
    return GASTOWN if found is None else rules_named(found[0])


def graph(connection: sqlite3.Connection) -> tuple[dict[str, Node], list[Edge]]:
    """What readiness depends on: open beads, their blocking edges, and what these ask about."""
    edges = _edges(connection, f"type IN {_KINDS} AND {_OPEN}")
    nodes = connection.execute(f"SELECT {_NODE} FROM bead WHERE {_OPEN}").fetchall()
    if any(edge.type == "conditional-blocks" for edge in edges):
        nodes += connection.execute(
            f"SELECT {_NODE} FROM bead WHERE NOT ({_OPEN}) AND id IN "
            "(SELECT target FROM edge WHERE type = 'conditional-blocks')"
        )
    if any(edge.any_child for edge in edges):
        asked = "SELECT target FROM edge WHERE any_child UNION SELECT spawner FROM edge"
        done = f"NOT ({_OPEN}) AND type = 'parent-child' AND target IN ({asked})"
        nodes += connection.execute(
            f"SELECT DISTINCT {_NODE} FROM bead JOIN edge USING (n) WHERE {done}"
        )
        edges += _edges(connection, done)
    return {node.id: node for node in map(Node._make, nodes)}, edges


def near(connection: sqlite3.Connection, bead: str) -> tuple[dict[str, Node], list[Edge]]:
    """As `graph`, as far as it tells what holds one bead by its own edges."""
    rows = _Rows(connection)
    edges = rows.edges_from([bead])
    asked = {name for e in edges if e.type == "waits-for" for name in (e.target, e.spawner)}
    edges += [edge for edge in rows.edges_to(asked - {""}) if edge.type == "parent-child"]
    return rows.nodes({bead, *(name for e in edges for name in (e.bead, e.target))}), edges


def _edges(connection: sqlite3.Connection, where: str) -> list[Edge]:
    query = f"SELECT {_EDGE} FROM bead CROSS JOIN edge USING (n) WHERE {where}"
    return list(map(Edge._make, connection.execute(query)))


class _Rows:
    """What `domain.blocking` looks up, from the tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def nodes(self, ids: Collection[str], /) -> dict[str, Node]:
        query = f"SELECT {_NODE} FROM bead WHERE id IN"
        return {node.id: node for node in map(Node._make, self._of(ids, query))}

    def edges_from(self, ids: Collection[str], /) -> list[Edge]:
        query = (
            f"SELECT {_EDGE} FROM bead CROSS JOIN edge USING (n) "
            f"WHERE type IN {_KINDS} AND bead.id IN"
        )
        return list(map(Edge._make, self._of(ids, query)))

    def edges_to(self, ids: Collection[str], /) -> list[Edge]:
        start = f"SELECT {_EDGE} FROM edge JOIN bead USING (n) WHERE type IN {_KINDS} AND"
        found = list(map(Edge._make, self._of(ids, f"{start} target IN")))
        known = set(found)
        spawned = map(Edge._make, self._of(ids, f"{start} spawner <> '' AND spawner IN"))
        return found + [edge for edge in spawned if edge not in known]

    def blocked(self, ids: Collection[str], /) -> set[str]:
        return {bead for (bead,) in self._of(ids, "SELECT id FROM bead WHERE blocked AND id IN")}

    def _of(self, ids: Collection[str], query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that ends in `IN`, for these ids."""
        known = list(ids)
        for start in range(0, len(known), _CHUNK):
            part = known[start : start + _CHUNK]
            marks = ", ".join("?" * len(part))
            yield from self._connection.execute(f"{query} ({marks})", part)
