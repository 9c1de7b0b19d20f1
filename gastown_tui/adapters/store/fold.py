"""The file brought up to date, without a moment in which anything could be lost.

1. The new image is written beside the file and synced.
2. {hash of the base, hash of the new image, through} and the image's new lines are recorded.
3. The two files are exchanged in one step.
4. What came out is looked at. If it is the base, all is done. If another program had replaced the
   file in between, its edits are merged and the next round writes them; if what it wrote is
   damaged, it is put back and the fold refused.

After a crash the hashes tell how far it came: our image still beside the file means that nothing
happened, anything else there is what came out.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.adapters.store import absorb as absorbing
from gastown_tui.adapters.store import files, rows
from gastown_tui.adapters.store.core import digest, last_change, record_file
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.records import AbsorbResult, FoldResult
from gastown_tui.domain.bead_file import Layout, Other, compose, scan
from gastown_tui.domain.errors import Damaged, Unavailable

if TYPE_CHECKING:
    import sqlite3

    from gastown_tui.adapters.store.core import Core

_ROUNDS: Final = 20
"""So often another program may get in between before we give up."""
_BATCH: Final = 1 << 20


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that is about to happen or has happened."""

    base: str
    new: str
    through: int
    signature: str
    """Of the file once our image is in its place."""
    beads: int


def fold(core: Core, *, force: bool) -> FoldResult:
    """Write the file anew if the store has anything that it has not.

    Args:
        core: the store.
        force: write it in any case.

    Raises:
        Damaged: the file has problems; it is left as it is.
        Unavailable: no room, no right to write, or another program will not stop writing.
    """
    try:
        with core.fold_lock.held():
            return _fold(core, force=force)
    except OSError as error:
        raise Unavailable(
            f"{core.file} cannot be written ({error.strerror}); nothing was changed",
            hint="make room or see who owns it",
        ) from error


def _fold(core: Core, *, force: bool) -> FoldResult:
    recover(core)
    through = int(core.database.meta("change"))
    absorbed = AbsorbResult()
    for _ in range(_ROUNDS):
        absorbed = _both(absorbed, absorbing.absorb(core))
        refuse_problems(core)
        if not (force or _needed(core)):
            return FoldResult(written=False, through=through, beads=0, absorbed=absorbed)
        written = _write(core)
        if written.new == written.base and core.file.exists():
            _settle(core, written, None)
            core.next.unlink()
            out = None
        else:
            _exchange(core)
            out = _look(core, written)
        if out is None:
            return FoldResult(
                written=True, through=written.through, beads=written.beads, absorbed=absorbed
            )
        absorbed = _both(absorbed, out)
    raise Unavailable(f"{core.file} is written by another program all the time", hint="stop it")


def recover(core: Core) -> None:
    """Finish or undo what a killed fold left; the caller holds the fold lock."""
    text = core.database.meta("pending")
    if not text:
        core.next.unlink(missing_ok=True)
        return
    pending = msgspec.json.decode(text, type=Pending)
    try:
        beside = digest(core.next.read_bytes())
    except FileNotFoundError:
        beside = ""
    if beside == pending.new and pending.new != pending.base:
        _forget(core)
        core.next.unlink()
    else:
        _look(core, pending)


def refuse_problems(core: Core) -> None:
    """Raise Damaged, with the first problem's place, when the file has any."""
    problems = core.problems()
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise Damaged(
            f"{core.file.parent}/{problems[0]}{more}; the file is left as it is",
            hint="run gastown bead doctor",
        )


def _needed(core: Core) -> bool:
    dirty = core.database.row("SELECT 1 FROM bead WHERE dirty AND in_file LIMIT 1")
    return dirty is not None or core.database.meta("incomplete") == "1"


def _write(core: Core) -> Pending:
    """Steps 1 and 2."""
    with core.database.frozen() as connection:
        through = last_change(connection)
        fresh = connection.execute(
            "SELECT id, line FROM bead JOIN body USING (n) WHERE dirty AND in_file"
        ).fetchall()
        new, beads, signature = _write_image(core, connection)
    pending = Pending(
        base=core.database.meta("image"),
        new=new,
        through=through,
        signature=signature,
        beads=beads,
    )
    with core.database.write() as connection:
        connection.execute("DELETE FROM folding")
        connection.executemany("INSERT INTO folding VALUES (?, ?)", fresh)
        set_meta(connection, "pending", msgspec.json.encode(pending).decode())
    return pending


def _write_image(core: Core, connection: sqlite3.Connection) -> tuple[str, int, str]:
    """Write and sync the new image; its hash, its number of beads and its signature."""
    layout = core.layout()
    order = "id" if layout.by_id else "place IS NULL, place, id"
    lines = connection.execute(
        f"SELECT id, line FROM bead JOIN body USING (n) "  # noqa: S608 - two fixed texts
        f"WHERE in_file AND line IS NOT NULL ORDER BY {order}"
    )
    others = [
        Other(line=line, before=before)
        for before, line in connection.execute("SELECT before, line FROM other ORDER BY place")
    ]
    total = hashlib.sha256()
    count = connection.execute(
        "SELECT count(*) FROM bead JOIN body USING (n) WHERE in_file AND line IS NOT NULL"
    ).fetchone()[0]
    try:
        with core.next.open("wb", buffering=_BATCH) as image:
            for piece in compose(lines, others, open_end=layout.open_end, bom=layout.bom):
                total.update(piece)
                image.write(piece)
            image.flush()
            os.fchmod(image.fileno(), _mode(core))
            files.sync(image.fileno())
            found = os.fstat(image.fileno())
    except OSError:
        core.next.unlink(missing_ok=True)
        raise
    return total.hexdigest(), count, f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _mode(core: Core) -> int:
    """The file's permissions; 0644 for a new one, as other tools write it."""
    try:
        return core.file.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o644


def _exchange(core: Core) -> None:
    """Step 3; where there is no file, ours appears and an empty one counts as having come out."""
    files.sync_folder(core.folder)
    while True:
        try:
            files.exchange(core.next, core.file)
            break
        except FileNotFoundError:
            try:
                os.link(core.next, core.file)
            except FileExistsError:
                continue
            core.next.unlink()
            break
    files.sync_folder(core.file.parent)
    files.sync_folder(core.folder)


def _look(core: Core, pending: Pending) -> AbsorbResult | None:
    """Step 4: settle what came out; None when it was the base."""
    try:
        out = core.next.read_bytes()
    except FileNotFoundError:
        _settle(core, pending, None)
        return None
    if digest(out) == pending.base:
        _settle(core, pending, None)
        absorbed = None
    elif scan(out, core.file.name).problems:
        _put_back(core, pending)
        return absorbing.absorb(core)
    else:
        absorbed = _settle(core, pending, out)
    core.next.unlink()
    return absorbed


def _put_back(core: Core, pending: Pending) -> None:
    """Exchange again, so that a damaged file stands where its writer left it.

    If yet another program replaced our image meanwhile, its file stays in place, and what had come
    out first is kept beside the store.
    """
    _exchange(core)
    if core.next.exists() and digest(core.next.read_bytes()) != pending.new:
        _exchange(core)
        core.next.rename(core.folder / f"outside-{digest(core.next.read_bytes())[:12]}")
    _forget(core)
    core.next.unlink(missing_ok=True)


def _forget(core: Core) -> None:
    with core.database.write() as connection:
        connection.execute("DELETE FROM folding")
        set_meta(connection, "pending", "")


def _settle(core: Core, pending: Pending, out: bytes | None) -> AbsorbResult:
    """Record in one transaction that the file is our image, and merge what came out of it."""
    absorbed = AbsorbResult()
    with core.database.write() as connection:
        if out is not None:
            scanned = scan(out, core.file.name)
            known = absorbing.known_lines(connection)
            changed, failed = absorbing.merge_in(connection, core, scanned, known)
            absorbing.remember_images(connection, scanned, known)
            layout = msgspec.structs.replace(scanned.layout, by_id=core.layout().by_id)
            record_file(connection, msgspec.structs.replace(scanned, layout=layout))
            absorbed = AbsorbResult(changed=tuple(changed), problems=tuple(failed))
        for bead, line in connection.execute("SELECT id, line FROM folding").fetchall():
            _rebase(connection, bead, line)
        connection.execute("DELETE FROM folding")
        set_meta(connection, "image", pending.new)
        set_meta(connection, "signature", pending.signature)
        set_meta(connection, "pending", "")
        set_meta(connection, "incomplete", "" if out is None else "1")
        if connection.execute("SELECT value FROM meta WHERE key = 'layout'").fetchone() is None:
            set_meta(connection, "layout", msgspec.json.encode(Layout()).decode())
    return absorbed


def _rebase(connection: sqlite3.Connection, bead: str, image: bytes) -> None:
    """The image has `image` for this bead: clean when that is its line still."""
    n, line, before = connection.execute(
        "SELECT n, line, base FROM bead JOIN body USING (n) WHERE id = ?", (bead,)
    ).fetchone()
    if before is not None and before != image:
        rows.remember_image(connection, n, before)
    base = None if line == image else image
    connection.execute("UPDATE bead SET dirty = ? WHERE n = ?", (base is not None, n))
    connection.execute("UPDATE body SET base = ? WHERE n = ?", (base, n))


def _both(one: AbsorbResult, two: AbsorbResult) -> AbsorbResult:
    return AbsorbResult(
        changed=tuple(dict.fromkeys((*one.changed, *two.changed))),
        put_back=one.put_back + two.put_back,
        problems=two.problems,
    )
