"""What `bd` keeps, as rows of a store: a snapshot, then what has changed since.

`bd` is asked only when its files show that something may have changed. Their sizes and the
manifest's text tell, not their times, which reading moves as well. Where the directory's events
journal is on, only what is new is read; it says nothing of pulls and raw SQL, so when it has
nothing new to tell, and now and then in any case, everything is read again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.adapters.store import rows
from gastown_tui.adapters.store.core import last_change, next_change
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.domain.bead import FIELD_RANK, decode, timestamp
from gastown_tui.domain.bead_file import scan
from gastown_tui.domain.bead_line import Line, Style
from gastown_tui.domain.errors import Damaged, GastownError
from gastown_tui.domain.merge_fields import changed_fields
from gastown_tui.domain.operations import Outside, encode_operation
from gastown_tui.domain.retention import CHANGES_KEPT

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from gastown_tui.adapters.dolt.bd import Bd
    from gastown_tui.adapters.store.core import Core

WHOLE_S: Final = 600.0
"""Seconds after which everything is read again although the journal is on."""
_JOURNAL: Final = re.compile(r"^\s*events-journal:\s*[\"']?true", re.MULTILINE)
_STORES: Final = (
    "embeddeddolt/*/.dolt/noms", "dolt/.dolt/noms", "dolt/*/.dolt/noms",
)  # fmt: skip
_BD: Final = "bd"
"""Whom the journal names for what others did."""
_FORGOTTEN: Final = "events_journal_truncated"


def database_folders(beads_dir: Path) -> list[Path]:
    """Where the files of the database lie that move with every write; none when it is elsewhere."""
    return [noms for pattern in _STORES for noms in sorted(beads_dir.glob(pattern))]


def signature(beads_dir: Path) -> str:
    """What shows whether the database may be another one; empty when it lies elsewhere."""
    told: list[str] = []
    for noms in database_folders(beads_dir):
        sizes = (file.stat().st_size for file in sorted(noms.glob("vvvv*")))
        told += (f"{noms.parent.parent.name} {size}" for size in sizes)
        manifest = noms / "manifest"
        if manifest.is_file():
            told.append(manifest.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(told)


def has_journal(beads_dir: Path) -> bool:
    """Whether the directory's configuration keeps an events journal."""
    path = beads_dir / "config.yaml"
    return path.is_file() and bool(_JOURNAL.search(path.read_text("utf-8", errors="replace")))


class Mirror:
    """The rows of one Dolt-backed directory."""

    def __init__(self, core: Core, beads_dir: Path, bd: Bd) -> None:
        self._core = core
        self._beads_dir = beads_dir
        self._bd = bd

    def is_current(self) -> bool:
        """Whether the files of the database say that nothing has changed."""
        told = signature(self._beads_dir)
        return bool(told) and told == self._core.database.meta("bd_signature")

    def refresh(self, now: float) -> tuple[str, ...]:
        """Read what is new; the ids that are different.

        Args:
            now: seconds since the epoch.
        """
        seen = float(self._core.database.meta("bd_whole") or 0)
        changed: tuple[str, ...] | None = None
        told = signature(self._beads_dir)
        if has_journal(self._beads_dir) and 0 <= now - seen < WHOLE_S:
            changed = self._events()
        if changed is None:
            changed = self._snapshot(now)
        if told:
            # Of before the reading: what came in between shows as another one the next time.
            with self._core.database.write() as connection:
                set_meta(connection, "bd_signature", told)
        return changed

    def change_of(self, bead: str) -> int:
        """The number of the bead's last change; 0 for none."""
        query = "SELECT change FROM bead JOIN body USING (n) WHERE id = ?"
        found = self._core.database.row(query, (bead,))
        return 0 if found is None else int(found[0])

    def due(self, now: float) -> list[str]:
        """Ids of the beads that are deferred to a moment that has passed."""
        query = "SELECT id FROM bead WHERE status = 'deferred' AND deferred > 0 AND deferred <= ?"
        return [row[0] for row in self._core.database.rows(query, (now,))]

    def forget(self) -> int:
        """Drop old news; the beads themselves are not touched. Returns how many entries went."""
        with self._core.database.write() as connection:
            old = last_change(connection) - CHANGES_KEPT
            gone = connection.execute("DELETE FROM journal WHERE change <= ?", (old,)).rowcount
            connection.execute("DELETE FROM done WHERE change <= ?", (old,))
        return int(gone)

    def _snapshot(self, now: float) -> tuple[str, ...]:
        """Read everything."""
        head = self._head() if has_journal(self._beads_dir) else ""
        scanned = scan(self._bd.text(["export", "--all"]), "bd export")
        if scanned.problems:
            raise Damaged(f"{scanned.problems[0]}", hint="run bd doctor there")
        with self._core.database.write() as connection:
            known = dict(
                connection.execute(
                    "SELECT id, line FROM bead JOIN body USING (n) WHERE line NOT NULL"
                )
            )
            work = _Work(self._core, connection)
            for bead, found in scanned.beads.items():
                if known.get(bead) != found.line:
                    work.put(bead, known.get(bead), found.line)
            for bead in known.keys() - scanned.beads.keys():
                work.drop(bead)
            set_meta(connection, "bd_whole", str(now))
            set_meta(connection, "bd_seq", head)
        return tuple(work.changed)

    def _head(self) -> str:
        """The number of the journal's last record; empty when it cannot be told."""
        try:
            text = self._bd.text(["events", "tail", f"--since={self._since()}", "--json"])
        except GastownError:
            return ""
        records = _records(text)
        return str(records[-1]["seq"]) if records else str(self._since())

    def _since(self) -> int:
        return int(self._core.database.meta("bd_seq") or 0)

    def _events(self) -> tuple[str, ...] | None:
        """Read what the journal tells; None when that may not be all."""
        if not self._core.database.meta("bd_seq"):
            return None
        try:
            text = self._bd.text(["events", "tail", f"--since={self._since()}", "--json"])
        except GastownError:
            return None
        records = _records(text)
        if not records or records[0]["seq"] != self._since() + 1:
            return None
        with self._core.database.write() as connection:
            work = _Work(self._core, connection)
            for record in records:
                work.apply(record)
            set_meta(connection, "bd_seq", str(records[-1]["seq"]))
        return tuple(dict.fromkeys(work.changed))


def _records(text: bytes) -> list[dict[str, Any]]:
    """The journal's records; lines that are none are passed over."""
    found = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("seq"), int):
            found.append(record)
    return found


class _Work:
    """Changes of one transaction."""

    def __init__(self, core: Core, connection: sqlite3.Connection) -> None:
        self.changed: list[str] = []
        self._core = core
        self._connection = connection
        self._number = 0

    def put(self, bead: str, before: bytes | None, line: bytes) -> None:
        """Give a bead this line."""
        number = self._count(bead)
        record = rows.load(self._connection, bead)
        if record is None:
            row = self._connection.execute("SELECT n FROM bead WHERE id = ?", (bead,)).fetchone()
            n = row[0] if row else rows.free_number(self._connection)
            record = rows.Record(n=n, bead=decode(line), line=line, in_file=False)
        record.line, record.bead, record.change = line, decode(line), number
        rows.save(self._connection, record)
        fields = changed_fields(before, line) if before is not None else ()
        self._note(bead, Outside(bead, fields))

    def drop(self, bead: str) -> None:
        """Take away a bead that is no more."""
        record = rows.load(self._connection, bead)
        if record is not None:
            rows.drop(self._connection, record, self._count(bead))

    def apply(self, record: dict[str, Any]) -> None:
        """Do what a record of the journal tells."""
        bead = record.get("issue_id")
        issue = record.get("issue")
        if not isinstance(bead, str) or not bead:
            return
        if not isinstance(issue, dict):
            if record.get("op") == "delete":
                self.drop(bead)
            return
        found = rows.load(self._connection, bead)
        before = found.line if found is not None else None
        line = _line(record, issue, before)
        if line != before:
            self.put(bead, before, line)

    def _count(self, bead: str) -> int:
        self._number = self._number or next_change(self._connection)
        self.changed.append(bead)
        return self._number

    def _note(self, bead: str, operation: Outside) -> None:
        part = len(self.changed)
        operation = msgspec.structs.replace(operation, id=f"{self._number}.{part}")
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            (operation.id, self._number, part, bead, timestamp(self._core.clock()), _BD,
             encode_operation(operation)),
        )  # fmt: skip


def _line(record: dict[str, Any], issue: dict[str, Any], before: bytes | None) -> bytes:
    """The bead's line after an event: its fields, with edges and comments kept from before."""
    old = Line(before) if before is not None else None
    edges = list((old.get("dependencies") if old else None) or [])
    comments = list((old.get("comments") if old else None) or [])
    dep, comment = record.get("dep"), record.get("comment")
    bead = str(record["issue_id"])
    if isinstance(dep, dict) and dep.get("target"):
        edges = [edge for edge in edges if edge.get("depends_on_id") != dep["target"]]
        if record.get("op") == "dep_add":
            edges.append(_edge(record, dep))
    if isinstance(comment, dict) and comment.get("source") != "audit":
        told = {key: comment.get(key) for key in ("author", "text", "created_at")}
        if all(known.get("id") != comment.get("id") for known in comments):
            comments.append({"id": comment.get("id"), "issue_id": bead, **told})
    row = {key: value for key, value in issue.items() if key != "is_blocked"}
    row |= {"_type": "issue"}
    row |= {"dependencies": edges} if edges else {}
    row |= {"comments": comments} if comments else {}
    ordered = sorted(row, key=lambda key: FIELD_RANK.get(key, len(FIELD_RANK)))
    return Line.new({key: row[key] for key in ordered}, Style()).encode()


def _edge(record: dict[str, Any], dep: dict[str, Any]) -> dict[str, Any]:
    return {
        "issue_id": record["issue_id"],
        "depends_on_id": dep["target"],
        "type": dep.get("kind") or "blocks",
        "created_at": record.get("ts", ""),
        "created_by": record.get("actor", ""),
        "metadata": dep.get("metadata") or "{}",
    }
