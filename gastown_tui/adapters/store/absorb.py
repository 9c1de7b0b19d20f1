"""What other programs wrote into the file, taken into the store.

Every line that differs from the last image is merged into the bead field by field. A line that has
gone is no deletion: the next fold writes it again. A bead that was made here and in the file under
one id, apart from each other, becomes two: the file's gets another id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from gastown_tui.adapters.store import rows
from gastown_tui.adapters.store.core import digest, next_change, record_file
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.records import AbsorbResult
from gastown_tui.domain.bead import decode, timestamp
from gastown_tui.domain.bead_file import Problem, scan
from gastown_tui.domain.merge_beads import merge_beads
from gastown_tui.domain.merge_fields import Rules, changed_fields, updated_of
from gastown_tui.domain.operations import OUTSIDE, Outside, encode_operation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from gastown_tui.adapters.store.core import Core
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.bead_file import BeadFile, Scanned

Known: TypeAlias = dict[str, tuple[bytes, bytes | None]]


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
            rows.Record(n=n, bead=found.bead(), line=found.line, place=n, change=change)
            for n, found in enumerate(scanned.beads.values(), start=1)
        ]
        rows.save_new(connection, records)
        set_meta(connection, "change", str(change))
        _remember(connection, scanned, digest(data), signature)
        _count_comments(connection, (record.bead for record in records))
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
    with core.database.write() as connection:
        known = known_lines(connection)
        scanned = scan(data, core.file.name, {line: bead for bead, (line, _) in known.items()})
        changed, failed = merge_in(connection, core, scanned, known)
        _rebase(connection, scanned, known)
        scanned = msgspec.structs.replace(scanned, problems=(*scanned.problems, *failed))
        _remember(connection, scanned, image, signature)
        put_back = _missing(connection, scanned)
        set_meta(connection, "incomplete", "1" if put_back else "")
    return AbsorbResult(changed=tuple(changed), put_back=put_back, problems=scanned.problems)


def known_lines(connection: sqlite3.Connection) -> Known:
    """Line of every bead, and what the last image has for it: the same, another line or none."""
    query = "SELECT id, line, dirty, base FROM bead JOIN body USING (n) WHERE line IS NOT NULL"
    return {
        bead: (line, base if dirty else line)
        for bead, line, dirty, base in connection.execute(query)
    }


def merge_in(
    connection: sqlite3.Connection, core: Core, scanned: BeadFile, known: Known
) -> tuple[list[str], list[Problem]]:
    """Take the edits of an image into the beads, as edits like any other.

    Returns:
        The ids that changed, and lines that could not be merged.
    """
    base = {bead: image for bead, (_, image) in known.items() if image is not None}
    ours = {bead: line for bead, (line, _) in known.items()}
    theirs = {bead: found.line for bead, found in scanned.beads.items()}
    _leave_out_the_past(connection, base, ours, theirs)
    layout = scanned.layout
    rules = Rules(style=layout.style, text_ids=layout.text_ids, live=True)
    merged = merge_beads(base, ours, theirs, rules)
    changed = [bead for bead, line in merged.lines.items() if ours.get(bead) != line]
    number = next_change(connection) if changed else 0
    for index, bead in enumerate(changed):
        line = merged.lines[bead]
        record = _store(connection, bead, line, number)
        _count_comments(connection, [record.bead])
        fields = changed_fields(ours[bead], line) if bead in ours else ()
        if bead in ours and not fields:
            continue  # the same, written in another way
        operation = Outside(bead, fields, id=f"{number}.{index}")
        connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            (operation.id, number, index, bead, timestamp(core.clock()), OUTSIDE,
             encode_operation(operation)),
        )  # fmt: skip
    return changed, [_unmerged(core, scanned.beads[bead], why) for bead, why in merged.failed]


def _leave_out_the_past(
    connection: sqlite3.Connection,
    base: dict[str, bytes],
    ours: dict[str, bytes],
    theirs: dict[str, bytes],
) -> None:
    """Take lines that the file had before for what they are: nobody's edit, but a checkout.

    A stash, a reset or another branch brings them back, in good faith, under a store that has
    acknowledged more since. Only an undone edit that left the time as it was is one.
    """
    for bead, line in theirs.items():
        before, mine = base.get(bead), ours.get(bead)
        if before is None or mine is None or line in (before, mine):
            continue
        if updated_of(line) < updated_of(mine) and rows.was_image(connection, bead, line):
            theirs[bead] = before


def remember_images(connection: sqlite3.Connection, scanned: BeadFile, known: Known) -> None:
    """Note what an image said that came out of an exchange, where it is not our last one's."""
    for bead, found in scanned.beads.items():
        if known.get(bead, (b"", None))[1] != found.line:
            row = connection.execute("SELECT n FROM bead WHERE id = ?", (bead,)).fetchone()
            if row is not None:
                rows.remember_image(connection, row[0], found.line)


def _unmerged(core: Core, found: Scanned, why: str) -> Problem:
    what = f"{found.id} cannot be merged ({why})"
    return Problem(file=core.file.name, line=found.number, what=what, kind="bad-line")


def _store(connection: sqlite3.Connection, bead: str, line: bytes, change: int) -> rows.Record:
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
    return record


def _rebase(connection: sqlite3.Connection, scanned: BeadFile, known: Known) -> None:
    """Make the scanned lines the image that later edits are compared with.

    Args:
        connection: in a transaction, with the scanned lines merged.
        scanned: the image.
        known: what there was before it was merged.
    """
    for bead, found in scanned.beads.items():
        if known.get(bead) == (found.line, found.line):
            continue
        query = "SELECT n, line FROM bead JOIN body USING (n) WHERE id = ?"
        row = connection.execute(query, (bead,)).fetchone()
        if row is None:
            continue
        n, line = row
        former = known.get(bead, (b"", None))[1]
        if former is not None and former != found.line:
            rows.remember_image(connection, n, former)
        base = None if line == found.line else found.line
        connection.execute(
            "UPDATE bead SET dirty = ?, in_file = 1 WHERE n = ?", (base is not None, n)
        )
        connection.execute("UPDATE body SET base = ? WHERE n = ?", (base, n))
    if not scanned.layout.by_id:
        places = ((place, bead) for place, bead in enumerate(scanned.beads))
        connection.executemany("UPDATE bead SET place = ? WHERE id = ?", places)


def _missing(connection: sqlite3.Connection, scanned: BeadFile) -> int:
    """How many beads of the last image are not in the scanned one."""
    found = connection.execute(
        "SELECT id FROM bead WHERE in_file AND NOT dirty UNION ALL "
        "SELECT id FROM bead JOIN body USING (n) WHERE in_file AND dirty AND base IS NOT NULL"
    )
    return sum(bead not in scanned.beads for (bead,) in found)


def _remember(
    connection: sqlite3.Connection, scanned: BeadFile, image: str, signature: str
) -> None:
    record_file(connection, scanned)
    set_meta(connection, "image", image)
    set_meta(connection, "signature", signature)


def _count_comments(connection: sqlite3.Connection, beads: Iterable[Bead]) -> None:
    """Keep the highest number of a comment, so that the next one gets a free one."""
    highest = max(
        (c.id for bead in beads for c in bead.comments if isinstance(c.id, int)), default=0
    )
    found = connection.execute("SELECT value FROM meta WHERE key = 'comment'").fetchone()
    if found is None or highest > int(found[0]):
        set_meta(connection, "comment", str(highest))
