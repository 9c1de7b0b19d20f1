"""What other programs wrote into the file, taken into the store.

Every line that differs from the last image is merged into the bead field by field. A line that has
gone is no deletion: the next fold writes it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gastown_tui.adapters.store import rows
from gastown_tui.adapters.store.core import digest, next_change, record_file
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.records import AbsorbResult
from gastown_tui.domain.bead import decode, timestamp
from gastown_tui.domain.bead_file import Problem, scan
from gastown_tui.domain.merge_fields import changed_fields, merge
from gastown_tui.domain.operations import Outside, encode_operation

if TYPE_CHECKING:
    import sqlite3

    from gastown_tui.adapters.store.core import Core
    from gastown_tui.domain.bead_file import BeadFile, Scanned

OUTSIDE: str = "outside"
"""Whom the journal names for edits of the file."""


def import_file(core: Core) -> None:
    """Fill a store that was just made from the file; does nothing to one that is filled."""
    with core.database.write() as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0]:
            return
        core.database.create(connection)
        data, signature = core.read_file()
        scanned = scan(data, core.file.name)
        change = int(core.clock().timestamp() * 1000)
        records = [
            rows.Record(n=n, bead=found.bead, line=found.line, place=n, change=change)
            for n, found in enumerate(scanned.beads.values(), start=1)
        ]
        rows.save_new(connection, records)
        set_meta(connection, "change", str(change))
        _remember(connection, scanned, digest(data), signature)
        core.database.finish(connection)


def absorb(core: Core) -> AbsorbResult:
    """Merge the file's edits; the caller holds the fold lock.

    Returns:
        At once and empty when the file is the last image.
    """
    if core.signature() == core.database.meta("signature"):
        return AbsorbResult(problems=core.problems())
    data, signature = core.read_file()
    image = digest(data)
    if image == core.database.meta("image"):
        with core.database.write() as connection:
            set_meta(connection, "signature", signature)
        return AbsorbResult(problems=core.problems())
    scanned = scan(data, core.file.name)
    with core.database.write() as connection:
        changed, failed = merge_in(connection, core, scanned)
        _rebase(connection, scanned)
        scanned = msgspec.structs.replace(scanned, problems=(*scanned.problems, *failed))
        _remember(connection, scanned, image, signature)
        put_back = _missing(connection, scanned)
        set_meta(connection, "incomplete", "1" if put_back else "")
    return AbsorbResult(changed=tuple(changed), put_back=put_back, problems=scanned.problems)


def merge_in(
    connection: sqlite3.Connection, core: Core, scanned: BeadFile
) -> tuple[list[str], list[Problem]]:
    """Take the edits of an image into the beads, as edits like any other.

    Returns:
        The ids that changed, and lines that could not be merged.
    """
    known = {
        bead: (line, base if dirty else line)
        for bead, line, base, dirty in connection.execute(
            "SELECT id, line, base, dirty FROM bead JOIN body USING (n)"
        )
    }
    changed: list[str] = []
    failed: list[Problem] = []
    number = 0
    for bead, found in scanned.beads.items():
        line, base = known.get(bead, (None, None))
        if found.line in (line, base):
            continue
        try:
            merged = (
                found.line if line is None else merge(base, line, found.line, scanned.layout.style)
            )
        except ValueError as error:
            failed.append(_unmerged(core, found, error))
            continue
        if merged == line:
            continue
        number = number or next_change(connection)
        _store(connection, bead, merged, number)
        fields = changed_fields(line, merged) if line is not None else ()
        operation = Outside(bead, fields, id=f"{number}.{len(changed)}")
        connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            (operation.id, number, len(changed), bead, timestamp(core.clock()), OUTSIDE,
             encode_operation(operation)),
        )  # fmt: skip
        changed.append(bead)
    return changed, failed


def _unmerged(core: Core, found: Scanned, error: ValueError) -> Problem:
    what = f"{found.bead.id} cannot be merged ({error})"
    return Problem(file=core.file.name, line=found.number, what=what, kind="bad-line")


def _store(connection: sqlite3.Connection, bead: str, line: bytes, change: int) -> None:
    """Give a bead the merged line; it is made when it is not there."""
    record = rows.load(connection, bead)
    if record is None:
        row = connection.execute("SELECT n FROM bead WHERE id = ?", (bead,)).fetchone()
        n = row[0] if row else rows.free_number(connection)
        record = rows.Record(n=n, bead=decode(line), line=line, dirty=True, change=change)
    else:
        record.edit(line, change)
        record.dirty, record.in_file = True, True
    rows.save(connection, record)


def _rebase(connection: sqlite3.Connection, scanned: BeadFile) -> None:
    """Make the scanned lines the image that later edits are compared with."""
    ordered = not scanned.layout.by_id
    known = connection.execute("SELECT id, n, line, dirty FROM bead JOIN body USING (n)").fetchall()
    places = {bead: place for place, bead in enumerate(scanned.beads)} if ordered else {}
    for bead, n, line, dirty in known:
        found = scanned.beads.get(bead)
        if found is None:
            continue
        if dirty or line != found.line:
            base = None if line == found.line else found.line
            connection.execute(
                "UPDATE bead SET dirty = ?, in_file = 1 WHERE n = ?", (base is not None, n)
            )
            connection.execute("UPDATE body SET base = ? WHERE n = ?", (base, n))
        if ordered:
            connection.execute("UPDATE bead SET place = ? WHERE n = ?", (places[bead], n))


def _missing(connection: sqlite3.Connection, scanned: BeadFile) -> int:
    """How many beads of the last image are not in the scanned one."""
    rows_ = connection.execute("SELECT id, dirty, base FROM bead JOIN body USING (n) WHERE in_file")
    return sum(
        bead not in scanned.beads and (not dirty or base is not None) for bead, dirty, base in rows_
    )


def _remember(
    connection: sqlite3.Connection, scanned: BeadFile, image: str, signature: str
) -> None:
    record_file(connection, scanned)
    set_meta(connection, "image", image)
    set_meta(connection, "signature", signature)
    found = connection.execute("SELECT value FROM meta WHERE key = 'comment'").fetchone()
    numbers = [
        comment.id
        for each in scanned.beads.values()
        for comment in each.bead.comments
        if isinstance(comment.id, int)
    ]
    last = max([int(found[0]) if found else 0, *numbers])
    set_meta(connection, "comment", str(last))
