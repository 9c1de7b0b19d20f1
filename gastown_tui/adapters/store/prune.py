"""What a store needs no more, taken away in small transactions, so that nobody waits for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.adapters.store import rows
from gastown_tui.adapters.store.core import last_change, next_change
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.domain.bead import instant
from gastown_tui.domain.retention import CHANGES_KEPT, EVENTS, JOURNAL
from gastown_tui.domain.wisps import KEEP

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from gastown_tui.adapters.store.core import Core

_CHUNK: Final = 500
"""Rows in one transaction: a few milliseconds."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """How much was taken away."""

    events: int = 0
    gone: int = 0
    """Deleted wisps whose ids are free again."""
    journal: int = 0
    """Entries of the journal."""
    transactions: int = 0
    """Ids of transactions that nobody will send again."""
    images: int = 0
    """What the file said of a bead before the journal begins."""


def prune(core: Core, now: float) -> Pruned:
    """Take away what `domain.retention` does not keep; killed anywhere, the rest goes next time.

    Args:
        core: of the store.
        now: seconds since the epoch.
    """
    return Pruned(
        events=_prune_events(core, now),
        gone=_repeat(core, _forget_gone),
        journal=_prune_journal(core, now),
        transactions=_prune_done(core),
        images=_repeat(core, _forget_images),
    )


def _repeat(core: Core, once: Callable[[sqlite3.Connection], int]) -> int:
    """Do a part of the work in one transaction after the other until nothing is left of it."""
    total = 0
    while True:
        with core.database.write() as connection:
            count = once(connection)
        total += count
        if count < _CHUNK:
            return total


def _prune_events(core: Core, now: float) -> int:
    found = core.database.rows(
        "SELECT id, created FROM bead WHERE issue_type = 'event' AND status = 'closed' "
        "AND ephemeral AND NOT EXISTS (SELECT 1 FROM edge WHERE target = bead.id) "
        "ORDER BY created DESC, n DESC"
    )
    old = [
        bead
        for newer, (bead, created) in enumerate(found)
        if not EVENTS.keeps(newer, now - created)
    ]
    return sum(_drop_events(core, part) for part in _parts(old))


def _drop_events(core: Core, beads: Sequence[str]) -> int:
    """Delete events that nobody has written to; what is wanted is for the sweep to keep."""
    count = 0
    with core.database.write() as connection:
        change = 0
        for bead in beads:
            record = rows.load(connection, bead)
            if record is None or record.in_file or not record.bead.is_closed:
                continue
            if record.bead.comments or KEEP in record.bead.labels:
                continue
            change = change or next_change(connection)
            rows.drop(connection, record, change)
            count += 1
    return count


def _forget_gone(connection: sqlite3.Connection) -> int:
    """Free the ids of wisps that were deleted long ago; who follows from before must read anew."""
    found = connection.execute(
        "SELECT n, id, change FROM bead JOIN body USING (n) WHERE status = 'tombstone' "
        "AND NOT in_file AND line IS NULL AND change <= ? LIMIT ?",
        (last_change(connection) - CHANGES_KEPT, _CHUNK),
    ).fetchall()
    if found:
        for table in ("bead", "body", "past"):
            connection.executemany(
                f"DELETE FROM {table} WHERE n = ?",  # noqa: S608 - three fixed names
                ((n,) for n, _, _ in found),
            )
        connection.executemany(
            "DELETE FROM journal WHERE bead = ?", ((one,) for _, one, _ in found)
        )
        known = connection.execute("SELECT value FROM meta WHERE key = 'horizon'").fetchone()
        horizon = max(int(known[0]) if known else 0, *(change for _, _, change in found))
        set_meta(connection, "horizon", str(horizon))
    return len(found)


def _prune_journal(core: Core, now: float) -> int:
    """Delete old entries; those of beads stay that the file does not have as they are."""
    left = int(core.database.row("SELECT count(*) FROM journal")[0])
    removed, last, reached = 0, 0, False
    while not reached:
        part = core.database.rows(_OLDEST, (last, _CHUNK))
        reached = len(part) < _CHUNK
        old: list[tuple[int]] = []
        for place, at, is_needed in part:
            left -= 1
            if JOURNAL.keeps(left, now - instant(at)):
                reached = True
                break
            last = place
            if not is_needed:
                old.append((place,))
        if old:
            with core.database.write() as connection:
                connection.executemany("DELETE FROM journal WHERE rowid = ?", old)
        removed += len(old)
    return removed


def _forget_images(connection: sqlite3.Connection) -> int:
    query = "SELECT n, image FROM past WHERE change < (SELECT min(change) FROM journal) LIMIT ?"
    found = connection.execute(query, (_CHUNK,)).fetchall()
    connection.executemany("DELETE FROM past WHERE n = ? AND image = ?", found)
    return len(found)


_OLDEST: Final = """
SELECT journal.rowid, at, coalesce(dirty AND in_file, 0) FROM journal
LEFT JOIN bead ON bead.id = journal.bead WHERE journal.rowid > ?
ORDER BY journal.rowid LIMIT ?
"""


def _prune_done(core: Core) -> int:
    """Delete ids of transactions older than the journal, if what they made is no more."""
    oldest = core.database.row("SELECT min(change) FROM journal")[0]
    if oldest is None:
        return 0
    found = core.database.rows("SELECT id, ids FROM done WHERE change < ?", (oldest,))
    old = [name for name, ids in found if not _lives(core, json.loads(ids)[0])]
    for part in _parts(old):
        with core.database.write() as connection:
            connection.executemany("DELETE FROM done WHERE id = ?", ((name,) for name in part))
    return len(old)


def _lives(core: Core, beads: Iterable[str]) -> bool:
    """Whether any of these is still there, so that making it again must be answered with it."""
    query = "SELECT 1 FROM bead WHERE id = ? AND status <> 'tombstone'"
    return any(core.database.row(query, (bead,)) is not None for bead in beads)


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
