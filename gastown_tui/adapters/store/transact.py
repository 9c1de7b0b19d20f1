"""Operations carried out in one transaction."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.adapters.store import blocking, rows
from gastown_tui.adapters.store.core import last_change, next_change
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.records import Applied
from gastown_tui.domain import bead_edit, ids
from gastown_tui.domain.bead import TOMBSTONE, Bead, decode, instant, timestamp
from gastown_tui.domain.bead_line import Line
from gastown_tui.domain.errors import BadInput, Conflict, Damaged, NotFound
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    Claim,
    Create,
    Delete,
    Hook,
    Outside,
    Require,
    SetField,
    encode_operation,
    renamed,
    renamed_create,
    subject,
)
from gastown_tui.domain.ready import is_awake

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from gastown_tui.domain.bead_file import Layout
    from gastown_tui.domain.operations import Operation

_ORDERING: Final = ("blocks", "conditional-blocks")
"""Edges that must not form a circle together; parent-child edges must not among themselves."""
WAKER: Final = "gastown-wake"
"""Whom the journal names when a deferred bead's date has passed."""
_COUNTED: Final = 10_000
"""Above so many rows, ids are not counted to choose their length."""
_REACHES: Final = """
WITH RECURSIVE reached(id) AS (
    SELECT ?
    UNION
    SELECT edge.target FROM reached
        JOIN bead ON bead.id = reached.id JOIN edge ON edge.n = bead.n
        WHERE edge.type IN (?, ?)
)
SELECT 1 FROM reached WHERE id = ? LIMIT 1
"""


class Transaction:
    """One run of operations: all of them or, when one raises, none."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        prefix: str,
        layout: Layout,
        actor: str,
        now: datetime,
        elsewhere: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`elsewhere` tells the prefixes of other directories; asked about what is not here."""
        self._connection = connection
        self._elsewhere = elsewhere
        self._prefix = prefix
        self._layout = layout
        self._actor = actor
        self._now = now
        self._number = 0
        self._noted = 0
        """Entries of the journal so far."""
        self._names: dict[str, str] = {}
        self._created: list[str] = []
        self._touched: dict[str, None] = {}
        self._counts: dict[str, int] = {}
        """Of ids with a prefix, those of this transaction apart."""

    def run(self, operations: Sequence[Operation], transaction: str | None) -> Applied:
        """Carry them out.

        Raises:
            BadInput, Conflict, NotFound: nothing is to be kept.
        """
        if transaction is not None and (before := self._done(transaction)) is not None:
            return before
        for part, operation in enumerate(operations):
            self._one(operation, part, transaction)
        change = self._number or last_change(self._connection)
        if transaction is not None:
            values = (transaction, change, json.dumps([self._created, list(self._touched)]))
            self._connection.execute("INSERT INTO done VALUES (?, ?, ?)", values)
        return self._applied(change, self._created, list(self._touched))

    def _done(self, transaction: str) -> Applied | None:
        found = self._connection.execute(
            "SELECT change, ids FROM done WHERE id = ?", (transaction,)
        ).fetchone()
        return None if found is None else self._applied(found[0], *json.loads(found[1]))

    def _applied(self, change: int, created: list[str], touched: list[str]) -> Applied:
        records = (rows.load(self._connection, bead) for bead in touched)
        beads = tuple(record.bead for record in records if record is not None)
        return Applied(change=change, ids=tuple(created), beads=beads)

    def _one(self, operation: Operation, part: int, transaction: str | None) -> None:
        given = operation.id
        if given and self._journalled(given):
            return
        if isinstance(operation, Outside):
            raise BadInput("what others did is not applied but absorbed")
        if isinstance(operation, Create):
            operation, changed = self._create(operation, given), True
        else:
            operation = renamed(operation, self._names)
            changed = self._change(operation)
        self._touched[subject(operation)] = None
        if isinstance(operation, Require) or not (changed or given):
            return
        self._note(
            operation, given or f"{transaction or self._change_number()}.{part}", self._actor
        )

    def _note(self, operation: Operation, name: str, actor: str) -> None:
        """Write an operation into the journal."""
        change, part = self._change_number(), self._noted
        self._noted += 1
        entry = (name, change, part, subject(operation), timestamp(self._now), actor)
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*entry, encode_operation(msgspec.structs.replace(operation, id=name))),
        )

    def wake(self) -> list[str]:
        """Open what was deferred to a date that has passed; the ids, none where rules forbid it."""
        if not blocking.rules_of(self._connection).wakes:
            return []
        query = "SELECT id FROM bead WHERE status = 'deferred' AND deferred > 0 AND deferred <= ?"
        due = self._connection.execute(query, (self._now.timestamp(),)).fetchall()
        for (bead,) in due:
            self._wake(self._load(bead))
        return [bead for (bead,) in due]

    def _wake(self, record: rows.Record) -> None:
        """Open a deferred bead, as an edit of nobody's."""
        name = f"{self._change_number()}.{record.bead.id}"
        for field, value in (("status", "open"), ("defer_until", None)):
            operation = SetField(record.bead.id, field, value)
            self._edit(record, operation, self._stamp(operation, record))
            self._note(operation, f"{name}.{field}", WAKER)

    def _is_due(self, bead: Bead) -> bool:
        """Whether a bead is deferred only in name, as its date has passed."""
        rules = blocking.rules_of(self._connection)
        return is_awake(bead.status, instant(bead.defer_until), self._now.timestamp(), rules)

    def _journalled(self, name: str) -> bool:
        query = "SELECT 1 FROM journal WHERE id = ?"
        return self._connection.execute(query, (name,)).fetchone() is not None

    def _change_number(self) -> int:
        """This transaction's number, taken when something really changes."""
        if not self._number:
            self._number = next_change(self._connection)
        return self._number

    def _load(self, bead: str) -> rows.Record:
        record = rows.load(self._connection, bead)
        if record is None or record.bead.status == TOMBSTONE:
            raise NotFound(f"there is no bead {bead}")
        return record

    def _change(self, operation: Operation) -> bool:
        """Do anything but a Create; whether it changed something."""
        record = self._load(subject(operation))
        if isinstance(operation, Require):
            due = self._is_due(record.bead)
            bead = msgspec.structs.replace(record.bead, status="open") if due else record.bead
            bead_edit.require(bead, record.change, operation)
            return False
        if isinstance(operation, Delete) and not record.in_file:
            rows.drop(self._connection, record, self._change_number())
            return True
        if isinstance(operation, AddDependency):
            self._check_edge(record.bead.id, operation.depends_on, operation.type)
        if isinstance(operation, Claim | Hook) and self._is_due(record.bead):
            self._wake(record)
        return self._edit(record, operation, self._stamp(operation, record))

    def _edit(self, record: rows.Record, operation: Operation, stamp: bead_edit.Stamp) -> bool:
        """Do an operation to a bead's line and write it; whether that changed something."""
        line = self._line(record)
        if not bead_edit.apply(line, operation, stamp):
            return False
        record.edit(line.encode(), self._change_number())
        if isinstance(operation, SetField) and operation.field == "ephemeral":
            record.in_file = record.in_file or not record.bead.ephemeral
            record.dirty = record.dirty or record.in_file
        rows.save(self._connection, record)
        return True

    def _line(self, record: rows.Record) -> Line:
        try:
            return Line(record.line, self._layout.style)
        except ValueError as error:
            raise Damaged(f"{record.bead.id} cannot be edited ({error})") from error

    def _stamp(self, operation: Operation, record: rows.Record) -> bead_edit.Stamp:
        again = self._number == record.change
        stamp = bead_edit.Stamp(actor=self._actor, now=self._now, again=again)
        if not isinstance(operation, AddComment):
            return stamp
        if self._layout.text_ids:
            return msgspec.structs.replace(stamp, comment=str(uuid.uuid4()))
        query = "SELECT value FROM meta WHERE key = 'comment'"
        found = self._connection.execute(query).fetchone()
        number = 1 + (int(found[0]) if found else 0)
        set_meta(self._connection, "comment", str(number))
        return msgspec.structs.replace(stamp, comment=number)

    def _create(self, operation: Create, given: str) -> Create:
        """Make a bead; the operation as it is journalled, with the bead's real id."""
        try:
            row = renamed_create(operation, self._names).fields()
        except (ValueError, TypeError) as error:
            raise BadInput(f"no bead can be made of this: {error}") from error
        parent = self._names.get(operation.parent, operation.parent)
        if parent:
            self._load(parent)
            edges = [e for e in row.get("dependencies", ()) if e["depends_on_id"] != parent]
            edge = {"depends_on_id": parent, "type": "parent-child"}
            row["dependencies"] = [*edges, edge]
        row["id"] = self._settle(str(row.get("id", "")), operation, row)
        operation = Create(row, parent, operation.kind, id=given)
        line = bead_edit.create(
            operation, bead_edit.Stamp(actor=self._actor, now=self._now), self._layout.style
        )
        for edge in row.get("dependencies", ()):
            self._check_edge(row["id"], edge["depends_on_id"], edge.get("type", "blocks"))
        if self._layout.typed:
            line.set("_type", "issue")
        data = line.encode() + (b"\r" if self._layout.newline == "\r\n" else b"")
        bead = decode(data)
        in_file = not bead.ephemeral
        n, change = rows.free_number(self._connection), self._change_number()
        rows.save(
            self._connection,
            rows.Record(n=n, bead=bead, line=data, dirty=in_file, in_file=in_file, change=change),
        )
        self._created.append(bead.id)
        return operation

    def _settle(self, wanted: str, operation: Create, row: dict[str, object]) -> str:
        """The id of a new bead; remembers what a `~word` stands for."""
        if wanted and not wanted.startswith("~"):
            if not ids.is_id(wanted):
                raise BadInput(f"{wanted!r} cannot be an id")
            if self._taken(wanted):
                raise Conflict(f"there is a bead {wanted} already")
            return wanted
        if wanted in self._names:
            raise BadInput(f"{wanted} is made twice")
        parent = self._names.get(operation.parent, operation.parent)
        found = (
            self._child(parent) if parent and not operation.kind else self._hashed(operation, row)
        )
        if wanted:
            self._names[wanted] = found
        return found

    def _child(self, parent: str) -> str:
        """The next free `parent.N`; numbers of deleted children are not given again."""
        if ids.depth(parent) >= ids.DEEPEST:
            raise BadInput(f"{parent} is nested {ids.DEEPEST} deep already")
        return f"{parent}.{rows.last_child(self._connection, parent) + 1}"

    def _hashed(self, operation: Create, row: dict[str, object]) -> str:
        kind = operation.kind or ("wisp" if row.get("ephemeral") else "")
        if kind and not ids.is_prefix(kind):
            raise BadInput(f"{kind!r} cannot be part of an id")
        prefix = f"{self._prefix}-{kind}" if kind else self._prefix
        seed = ids.Seed(
            title=str(row.get("title", "")),
            description=str(row.get("description", "")),
            creator=self._actor,
            created=int(self._now.timestamp() * 1e6) * 1000 + len(self._created),
        )
        count = self._top_level(prefix)
        for candidate in ids.candidates(prefix, seed, count):
            if not self._taken(candidate):
                return candidate
        raise Conflict("no free id was found", hint="try again")

    def _top_level(self, prefix: str) -> int:
        """How many ids of a prefix are no children; in a large store all of its beads count."""
        total = rows.free_number(self._connection) - 1
        if total > _COUNTED:
            return total
        if prefix not in self._counts:
            query = "SELECT count(*) FROM bead WHERE id > ? AND id < ? AND instr(id, '.') = 0"
            found = self._connection.execute(query, (f"{prefix}-", f"{prefix}."))
            self._counts[prefix] = int(found.fetchone()[0]) - len(self._created)
        return self._counts[prefix] + len(self._created)

    def _taken(self, bead: str) -> bool:
        query = "SELECT 1 FROM bead WHERE id = ?"
        return self._connection.execute(query, (bead,)).fetchone() is not None

    def _load_or_elsewhere(self, target: str) -> None:
        """Look that a bead is there, unless its prefix is a longer one of another directory."""
        try:
            self._load(target)
        except NotFound:
            known = (self._prefix, *self._elsewhere())
            if self._taken(target) or ids.prefix_of(target, known) == self._prefix:
                raise

    def _check_edge(self, bead: str, target: str, kind: str) -> None:
        """Refuse an edge to nothing, and one that closes a circle."""
        if target.startswith(f"{self._prefix}-"):
            self._load_or_elsewhere(target)
        family = _ORDERING if kind in _ORDERING else (kind, kind)
        if kind not in _ORDERING and kind != "parent-child":
            return
        if bead == target:
            raise BadInput(f"{bead} cannot depend on itself")
        if self._connection.execute(_REACHES, (target, *family, bead)).fetchone():
            raise Conflict(f"{bead} cannot depend on {target}: that one depends on {bead} already")
