"""Looks a beads directory over, and repairs of it what can be repaired without a choice.

A damaged file is repaired by a fold: everything that is whole in it has been read into the store,
so the file is written anew from there, as always by an exchange that a crash cannot halve. Before
that a copy of it is laid beside it, and whatever the new file does not hold goes into a file of its
own. Neither ever replaces an older one.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.adapters.store import absorb as absorbing
from gastown_tui.adapters.store import files
from gastown_tui.adapters.store import fold as folding
from gastown_tui.adapters.store.core import digest, record_file
from gastown_tui.adapters.store.location import prefixes_elsewhere
from gastown_tui.domain import bead_config, bead_doctor
from gastown_tui.domain.bead_doctor import Finding
from gastown_tui.domain.bead_file import Aside, scan
from gastown_tui.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from gastown_tui.adapters.store.core import Core
    from gastown_tui.adapters.store.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.bead_file import BeadFile

_ROUNDS: Final = 5
_RIVALS: Final = ("beads.jsonl",)
"""Files that some readers prefer to ours."""
_LEFTOVERS: Final = ("*.left", "*.right", "*.base.jsonl", "*.orig", "*.rej")
_ACTOR: Final = "doctor"


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the beads of a town's other directories."""

    ids: Collection[str] = frozenset()
    prefixes: Collection[str] = frozenset()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a look, or a repair, came to."""

    beads_dir: str
    beads: int = 0
    findings: tuple[Finding, ...] = ()
    """What is there now; after a repair, what it left."""
    repaired: tuple[Finding, ...] = ()
    backup: str = ""
    """The file as it was before; empty when it was not written anew."""
    unreadable: str = ""
    """Where that went which the repaired file does not hold; empty when there was nothing."""

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing left but notes."""
        return all(found.level == "note" for found in self.findings)


def examine(store: BeadStore, now: datetime, town: Town | None = None) -> Report:
    """Look a directory over; changes nothing in its file."""
    core = store._core  # noqa: SLF001 - a part of the store in a module of its own
    store.absorb()
    return _examine(core, store, now, town or Town())


def _examine(core: Core, store: BeadStore, now: datetime, town: Town) -> Report:
    data, _ = core.read_file()
    scanned = scan(data, core.file.name)
    beads = store.list(include_closed=True, include_wisps=True)
    lines = {bead: found.number for bead, found in scanned.beads.items()}
    around = bead_doctor.Surroundings(
        file=core.file.name,
        now=now.timestamp(),
        prefix=store.prefix,
        lines=lines,
        elsewhere=town.ids,
        prefixes=town.prefixes,
        strangers=prefixes_elsewhere(store.beads_dir),
        types=declared(store.beads_dir, "types"),
        statuses=declared(store.beads_dir, "status"),
    )
    if _is_mirror(core, store):
        around = msgspec.structs.replace(
            around,
            types=frozenset(bead.issue_type for bead in beads),
            statuses=frozenset(bead.status for bead in beads),
        )
    findings = [
        *_of_store(core, scanned),
        *_orphan(core, store),
        *bead_doctor.of_file(scanned, core.file.name),
        *_unmerged(core, scanned),
        *bead_doctor.of_beads([*beads, *_tombstones(core, beads)], around),
    ]
    return Report(beads_dir=str(store.beads_dir), beads=len(beads), findings=tuple(findings))


def _is_mirror(core: Core, store: BeadStore) -> bool:
    """Whether the beads are `bd`'s, who knows what it takes, and whose file is not ours."""
    return core.file.parent != store.beads_dir


def _orphan(core: Core, store: BeadStore) -> list[Finding]:
    """The store of a directory that `bd` has taken over since."""
    old = store.beads_dir / core.folder.name / core.database.path.name
    if not _is_mirror(core, store) or not old.exists():
        return []
    with closing(sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            count = connection.execute("SELECT count(*) FROM bead WHERE dirty").fetchone()[0]
        except sqlite3.Error:
            count = 0
    what = f"a store of before bd kept these beads; {count} beads in it were never written out"
    return [_finding(f"{core.folder.name}/{old.name}", "orphaned-store", what)]


def _tombstones(core: Core, beads: list[Bead]) -> list[Bead]:
    """Deleted beads that the file still names."""
    from gastown_tui.domain.bead import decode

    known = {bead.id for bead in beads}
    rows = core.database.rows(
        "SELECT id, line FROM bead JOIN body USING (n) "
        "WHERE status = 'tombstone' AND line IS NOT NULL"
    )
    return [decode(line) for bead, line in rows if bead not in known]


def _unmerged(core: Core, scanned: BeadFile) -> list[Finding]:
    """Lines that could not be merged into what the store has."""
    told = {(p.line, p.kind) for p in scanned.problems}
    return [
        Finding(
            level="problem",
            kind=p.kind,
            file=p.file,
            line=p.line,
            what=p.what,
            repair="the line is put aside, and what the store has is kept",
        )
        for p in core.problems()
        if (p.line, p.kind) not in told
    ]


def _of_store(core: Core, scanned: BeadFile) -> list[Finding]:
    """What is odd about the directory itself."""
    found: list[Finding] = []
    folder = core.file.parent
    query = "SELECT count(*) FROM bead JOIN body USING (n) WHERE in_file AND line IS NOT NULL"
    count = core.database.row(query)[0]
    if count and not core.file.exists():
        what = f"the file is gone; the store beside it still has {count} beads"
        found.append(_finding(core.file.name, "orphaned-store", what, "the file is written anew"))
    elif count > len(scanned.beads) and core.database.meta("incomplete") == "1":
        what = f"{count - len(scanned.beads)} beads that were in the file have gone from it"
        found.append(_finding(core.file.name, "missing", what, "they are written again"))
    for name in _RIVALS:
        if (folder / name).exists():
            what = f"some tools read {name} instead of {core.file.name}: they see other beads"
            found.append(_finding(name, "second-file", what))
    for pattern in _LEFTOVERS:
        what = "a merge left this behind"
        found += (_finding(p.name, "leftover", what) for p in sorted(folder.glob(pattern)))
    for path in sorted(core.folder.glob("outside-*")):
        what = "another program's damaged file, kept when two writers met"
        found.append(_finding(f"{core.folder.name}/{path.name}", "leftover", what))
    return found


def _finding(file: str, kind: str, what: str, repair: str = "") -> Finding:
    level: bead_doctor.Level = "note" if kind == "leftover" else "warning"
    return Finding(level=level, kind=kind, file=file, what=what, repair=repair)


def repair(store: BeadStore, now: datetime, town: Town | None = None) -> Report:
    """Repair what can be, and tell what was done and what is left.

    Raises:
        Unavailable: no room, no right to write, or another program keeps writing.
    """
    core = store._core  # noqa: SLF001
    before = examine(store, now, town)
    if _is_mirror(core, store):
        return before
    backup = unreadable = ""
    if any(f.repair and _is_about_file(f) for f in before.findings):
        backup, unreadable = _rewrite(core, now)
    beads = store.list(include_closed=True, include_wisps=True)
    if operations := bead_doctor.repairs(beads):
        store.apply(operations, actor=_ACTOR)
    missing = bead_doctor.undeclared_types(beads, declared(store.beads_dir, "types"))
    if missing:
        declare(store.beads_dir, "types", missing, now)
    if operations and not store.problems:
        store.fold()
    after = _examine(core, store, now, town or Town())
    left = {(f.kind, f.bead, f.what) for f in after.findings}
    return msgspec.structs.replace(
        after,
        repaired=tuple(
            f for f in before.findings if f.repair and (f.kind, f.bead, f.what) not in left
        ),
        backup=backup,
        unreadable=unreadable,
    )


def _is_about_file(found: Finding) -> bool:
    kinds = {"byte-order-mark", "open-end", "orphaned-store", "missing"}
    return found.level == "problem" or found.kind in kinds


def _rewrite(core: Core, now: datetime) -> tuple[str, str]:
    """Lay a copy of the file beside it and write it anew; names of copy and side file."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    with core.fold_lock.held():
        folding.recover(core)
        for _ in range(_ROUNDS):
            absorbing.absorb(core)
            data, _signature = core.read_file()
            if digest(data) == core.database.meta("image"):
                break
        else:
            raise Unavailable(f"{core.file} is written all the time", hint="stop who does it")
        scanned = scan(data, core.file.name)
        asides = [*scanned.asides, *_unmerged_lines(core, scanned, data)]
        try:
            backup = _keep(core.file, f"{stamp}.backup", data) if data else ""
            unreadable = _keep(core.file, f"{stamp}.unreadable", _page(asides)) if asides else ""
        except OSError as error:
            raise Unavailable(
                f"{core.file} cannot be copied ({error.strerror}); nothing was changed",
                hint="make room or see who owns it",
            ) from error
        layout = msgspec.structs.replace(scanned.layout, bom=False, open_end=False)
        whole = msgspec.structs.replace(scanned, problems=(), layout=layout)
        with core.database.write() as connection:
            record_file(connection, whole)
        folding.fold(core, force=True)
    return backup, unreadable


def _unmerged_lines(core: Core, scanned: BeadFile, data: bytes) -> list[Aside]:
    lines = data.split(b"\n")
    return [
        Aside(line=f.line, data=lines[f.line - 1], why=f.what)
        for f in _unmerged(core, scanned)
        if 0 < f.line <= len(lines)
    ]


def _page(asides: list[Aside]) -> bytes:
    """The side file: what each part is, and its bytes as they were."""
    parts = sorted(asides, key=lambda aside: aside.line)
    return b"".join(b"# line %d: %s\n%s\n" % (a.line, a.why.encode(), a.data) for a in parts)


def _keep(file: Path, suffix: str, data: bytes) -> str:
    """Write a synced file beside the given one, under a name that is still free."""
    mode = file.stat().st_mode & 0o777
    for number in range(1, 1000):
        more = f"-{number}" if number > 1 else ""
        path = file.with_name(f"{file.name}.{suffix}{more}")
        try:
            kept = path.open("xb")
        except FileExistsError:
            continue
        with kept:
            os.fchmod(kept.fileno(), mode)
            kept.write(data)
            kept.flush()
            files.sync(kept.fileno())
        files.sync_folder(file.parent)
        return str(path)
    raise Unavailable(f"{file.parent} is full of backups", hint="move some away")


def declared(beads_dir: Path, name: str) -> frozenset[str]:
    """The custom `types` or `status` names that the directory's `config.yaml` declares."""
    return bead_config.declared(_config(beads_dir), name)


def declare(beads_dir: Path, name: str, more: Iterable[str], now: datetime) -> None:
    """Add custom `types` or `status` names to `config.yaml`; a copy of it is kept beside it.

    Raises:
        Unavailable: no room or no right to write.
    """
    path = beads_dir / "config.yaml"
    text = bead_config.declaring(_config(beads_dir), name, more)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        if path.exists():
            _keep(path, now.strftime("%Y%m%dT%H%M%SZ.backup"), path.read_bytes())
        with beside.open("wb") as fresh:
            fresh.write(text.encode())
            fresh.flush()
            files.sync(fresh.fileno())
        beside.replace(path)
        files.sync_folder(beads_dir)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Unavailable(f"{path} cannot be written ({error.strerror})") from error


def _config(beads_dir: Path) -> str:
    path = beads_dir / "config.yaml"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def all_ids(store: BeadStore) -> Mapping[str, None]:
    """The ids of a directory, for `Town`."""
    core = store._core  # noqa: SLF001
    return dict.fromkeys(row[0] for row in core.database.rows("SELECT id FROM bead"))
