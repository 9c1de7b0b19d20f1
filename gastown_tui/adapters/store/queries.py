"""Look-ups that need no writing.

Queries are put together from fixed texts; values are always bound.
"""

# ruff: noqa: S608

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.adapters.store import blocking
from gastown_tui.domain import ids
from gastown_tui.domain.bead import TOMBSTONE, Bead, Deleted, decode
from gastown_tui.domain.errors import BadInput, NotFound
from gastown_tui.domain.operations import OUTSIDE, Entry, Outside, decode_operation
from gastown_tui.domain.ready import Node, Rules, blocked, pick, ready
from gastown_tui.domain.retention import TooFarBehind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gastown_tui.adapters.store.database import Database


_MOST_SHOWN: Final = 8
_PART: Final = 500
"""Ids in one query."""
_RECORDS: Final = frozenset(
    {"agent", "role", "merge-request", "rig", "convoy", "event", "town", "slot", "queue"}
)
"""Types of beads that a town runs by: where work is meant, only their whole ids name them."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which beads to list; None asks nothing."""

    status: str | Sequence[str] | None = None
    issue_type: str | Sequence[str] | None = None
    label: str | Sequence[str] | None = None
    """All of them."""
    assignee: str | None = None
    """An empty text asks for unassigned ones."""
    include_closed: bool = False
    include_wisps: bool = False


def listed(database: Database, wanted: Filter) -> list[Bead]:
    """The beads that a filter lets through, by priority, then age, then id."""
    clauses, values = ["line IS NOT NULL", "status <> 'tombstone'"], list[Any]()
    for column, given in (("status", wanted.status), ("issue_type", wanted.issue_type)):
        if given is not None:
            several = [given] if isinstance(given, str) else list(given)
            clauses.append(f"{column} IN ({', '.join('?' * len(several))})")
            values += several
    if wanted.status is None and not wanted.include_closed:
        clauses.append("status <> 'closed'")
    if not wanted.include_wisps:
        clauses.append("NOT ephemeral")
    if wanted.assignee is not None:
        clauses.append("assignee = ?")
        values.append(wanted.assignee)
    labels = [wanted.label] if isinstance(wanted.label, str) else list(wanted.label or ())
    for label in labels:
        clauses.append("n IN (SELECT n FROM label WHERE label = ?)")
        values.append(label)
    query = (
        f"SELECT line FROM bead JOIN body USING (n) WHERE {' AND '.join(clauses)} "
        "ORDER BY priority, created, id"
    )
    return [decode(line) for (line,) in database.rows(query, tuple(values))]


def one(database: Database, bead: str) -> Bead:
    """The bead with this full id.

    Raises:
        NotFound: there is none, or it was deleted.
    """
    line = line_of(database, bead)
    found = None if line is None else decode(line)
    if found is None or found.status == TOMBSTONE:
        raise NotFound(f"there is no bead {bead}")
    return found


def line_of(database: Database, bead: str) -> bytes | None:
    """The stored line of a bead, tombstones included."""
    query = "SELECT line FROM bead JOIN body USING (n) WHERE id = ?"
    found = database.row(query, (bead,))
    return None if found is None or found[0] is None else bytes(found[0])


def lines_of(database: Database, beads: Sequence[str]) -> dict[str, bytes]:
    """The stored lines of many beads, tombstones included; without those that have none."""
    query = "SELECT id, line FROM bead JOIN body USING (n) WHERE line IS NOT NULL AND id IN "
    return dict(_many(database, query, beads))


def dependent_counts(database: Database, beads: Sequence[str]) -> dict[str, int]:
    """How many beads depend on each of many, parts not counted; without those that have none."""
    query = (
        "SELECT target, count(*) FROM edge JOIN bead USING (n) WHERE status <> 'tombstone' "
        "AND type <> 'parent-child' AND target IN "
    )
    return dict(_many(database, query, beads, " GROUP BY target"))


def closed_parts(database: Database, beads: Sequence[str]) -> dict[str, int]:
    """How many closed beads are directly part of each of many; without those that have none."""
    query = (
        "SELECT target, count(*) FROM edge JOIN bead USING (n) WHERE status = 'closed' "
        "AND NOT ephemeral AND type = 'parent-child' AND target IN "
    )
    return dict(_many(database, query, beads, " GROUP BY target"))


def _many(database: Database, query: str, beads: Sequence[str], end: str = "") -> Iterator[Any]:
    """The rows of a query that ends in a list of ids, asked for a part of them at a time."""
    for start in range(0, len(beads), _PART):
        part = tuple(beads[start : start + _PART])
        yield from database.rows(f"{query}({', '.join('?' * len(part))}){end}", part)


def found_id(database: Database, partial: str, prefix: str, issue_type: str | None) -> str:
    """The full id that is meant: exact, without its prefix, or by the beginning of its hash.

    Args:
        database: the store.
        partial: what was given.
        prefix: of the store's ids.
        issue_type: of the bead that is meant; None for work: what a town runs by is then found
            by its whole id only.

    Raises:
        BadInput: nothing was asked for, or several fit; they are named.
        NotFound: none fits.
    """
    if not ids.is_id(partial):
        raise BadInput(f"{partial!r} is no id")
    for whole in (partial, f"{prefix}-{partial}"):
        if database.row(f"SELECT 1 FROM bead WHERE id = ? AND {_LIVE}", (whole,)):
            return whole
    hits = ids.meant(partial, prefix, _candidates(database, partial, prefix, issue_type))
    if not hits:
        raise NotFound(f"there is no bead {partial}")
    if len(hits) > 1:
        more = " ..." if len(hits) > _MOST_SHOWN else ""
        raise BadInput(f"{partial} may be {', '.join(hits[:_MOST_SHOWN])}{more}")
    return hits[0]


def _candidates(database: Database, partial: str, prefix: str, issue_type: str | None) -> list[str]:
    """Ids of the asked type, or of work whose hash may begin with what was given."""
    if issue_type is not None:
        query = f"SELECT id FROM bead WHERE issue_type = ? AND {_LIVE}"
        return [bead for (bead,) in database.rows(query, (issue_type,))]
    tail = partial.removeprefix(f"{prefix}-")
    query = f"SELECT id, issue_type FROM bead WHERE id >= ? AND id < ? AND {_LIVE}"
    starts = [f"{prefix}-{tail}", *(f"{prefix}-{kind}-{tail}" for kind in ids.KINDS)]
    found = (row for start in starts for row in database.rows(query, (start, start + "\U0010ffff")))
    return [bead for bead, kind in found if kind not in _RECORDS]


_LIVE: Final = "status <> 'tombstone'"


def ready_ids(database: Database, now: float, rules: Rules | None) -> list[str]:
    """The ids of what can be worked on, in their order; no bead is decoded.

    Args:
        database: the store.
        now: seconds since the epoch.
        rules: None for those of the directory, whose answer is kept up to date.
    """
    with database.read() as connection:
        own = blocking.rules_of(connection)
        if rules is not None and rules != own:
            return ready(*blocking.graph(connection), now, rules)
        free = connection.execute(_FREE).fetchall()
        asleep = {bead for (bead,) in connection.execute(_ASLEEP, (now,))}
    return pick(map(Node._make, free), asleep, now, own)


_FREE: Final = """
SELECT id, status, issue_type, priority, created, deferred, 0, 0 FROM bead INDEXED BY bead_ready
WHERE NOT blocked AND NOT hidden AND status IN ('open', 'deferred')
"""
_ASLEEP: Final = """
SELECT child.id FROM bead
CROSS JOIN edge ON edge.target = bead.id
JOIN bead child ON child.n = edge.n
WHERE bead.deferred > ? AND bead.deferred > 0 AND edge.type = 'parent-child'
AND bead.status NOT IN ('closed', 'tombstone', 'pinned')
"""
"""Children of what is deferred."""


def ready_beads(
    database: Database, now: float, limit: int | None, rules: Rules | None
) -> list[Bead]:
    """The beads that can be worked on, in their order, at most `limit` of them."""
    found = ready_ids(database, now, rules)[:limit]
    lines = lines_of(database, found)
    return [decode(lines[bead]) for bead in found if bead in lines]


def blockers(database: Database, bead: str, rules: Rules | None) -> list[str]:
    """The ids that a bead waits for; empty when it is not blocked."""
    with database.read() as connection:
        own = blocking.rules_of(connection)
        if rules is not None and rules != own:
            return blocked(*blocking.graph(connection), rules).get(bead, [])
        if connection.execute("SELECT blocked FROM bead WHERE id = ?", (bead,)).fetchone() != (1,):
            return []
        found = blocked(*blocking.near(connection, bead), own).get(bead, [])
        parents = connection.execute(_BLOCKED_PARENTS, (bead,))
        return list(dict.fromkeys([*found, *(parent for (parent,) in parents)]))


_BLOCKED_PARENTS: Final = """
SELECT parent.id FROM bead JOIN edge USING (n) JOIN bead parent ON parent.id = edge.target
WHERE bead.id = ? AND edge.type = 'parent-child' AND parent.blocked
"""


def any_due(database: Database, now: float) -> bool:
    """Whether any bead is deferred to a moment that has passed; seconds since the epoch."""
    query = (
        "SELECT 1 FROM bead WHERE status = 'deferred' AND deferred > 0 AND deferred <= ? LIMIT 1"
    )
    return database.row(query, (now,)) is not None


def all_blocked(database: Database, rules: Rules | None) -> dict[str, list[str]]:
    """The ids that each blocked bead waits for."""
    with database.read() as connection:
        return blocked(*blocking.graph(connection), rules or blocking.rules_of(connection))


def dependents(database: Database, bead: str) -> list[tuple[str, str]]:
    """Id and type of edge of every bead that depends on this one."""
    query = (
        "SELECT id, type FROM edge JOIN bead USING (n) WHERE target = ? AND status <> 'tombstone' "
        "ORDER BY id"
    )
    return [(str(source), str(kind)) for source, kind in database.rows(query, (bead,))]


def changes(database: Database, after: int) -> tuple[int, list[Bead | Deleted]]:
    """Beads changed since a change, newest state each, and the number of the last change.

    Args:
        database: the store.
        after: 0 for everything.

    Raises:
        TooFarBehind: the store never gave out this number, or does not know any more what was
            deleted since.
    """
    query = "SELECT id, line, change FROM bead JOIN body USING (n) WHERE change > ? ORDER BY change"
    with database.read() as connection:
        known = dict(connection.execute(_KNOWN))
        found = connection.execute(query, (after,)).fetchall()
    last = int(known["change"])
    if after > last or 0 < after < int(known.get("horizon", 0)):
        raise TooFarBehind(after)
    result: list[Bead | Deleted] = []
    for bead, line, _ in found:
        state = None if line is None else decode(line)
        gone = state is None or state.status == TOMBSTONE
        result.append(Deleted(id=bead) if state is None or gone else state)
    return last, result


_KNOWN: Final = "SELECT key, value FROM meta WHERE key IN ('change', 'horizon')"


def history(database: Database, bead: str) -> list[Entry]:
    """What was done to a bead here, the oldest first."""
    found = database.rows(
        "SELECT change, at, actor, operation FROM journal WHERE bead = ? ORDER BY change, part",
        (bead,),
    )
    return [
        Entry(change=change, at=at, actor=actor, operation=decode_operation(operation))
        for change, at, actor, operation in found
    ]


def edited_outside(
    database: Database, after: int, through: int
) -> list[tuple[str, tuple[str, ...]]]:
    """What others changed in the file between two change numbers, the oldest first.

    Beads with their fields, none for one that is new. Only what the journal still holds.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    with database.read() as connection:
        # The newest rows first: what is looked for is among the last ones.
        rows = connection.execute(
            "SELECT change, actor, bead, operation FROM journal ORDER BY rowid DESC"
        )
        for change, actor, bead, operation in rows:
            if change <= after:
                break
            if actor != OUTSIDE or change > through:
                continue
            if isinstance(one := decode_operation(operation), Outside):
                found.append((bead, one.fields))
    return found[::-1]
