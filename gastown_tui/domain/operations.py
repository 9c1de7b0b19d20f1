"""What may be done to beads, as records: journalled, replayed and sent as they are.

Every operation has an id, given by the store when the caller gave none; one that the journal
already holds is not done again. A `Create` may name its bead `~word`: the store gives it a real id,
and the other operations of the same transaction may say `~word` for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from gastown_tui.domain.bead import Bead, Dependency, plain, to_row


class _Operation(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", omit_defaults=True):
    id: str = ""
    """Of the operation itself; unique for ever."""


class SetField(_Operation, frozen=True, tag=True):
    """Give one field a value; None or an empty one takes the field out of the line.

    Labels, edges and comments have operations of their own. A status brings its times with it:
    `closed_at`, and `started_at` with the first `in_progress`.
    """

    bead: str
    field: str
    value: Any = None


class AddLabel(_Operation, frozen=True, tag=True):
    """Add a label, if the bead has it not."""

    bead: str
    label: str


class RemoveLabel(_Operation, frozen=True, tag=True):
    """Take a label away, if it is there."""

    bead: str
    label: str


class SetState(_Operation, frozen=True, tag=True):
    """Replace every label `dimension:*` by one of `value`, or by none."""

    bead: str
    dimension: str
    value: str | None = None


class AppendNote(_Operation, frozen=True, tag=True):
    """Add a paragraph to the notes."""

    bead: str
    text: str


class AddComment(_Operation, frozen=True, tag=True):
    """Add a comment of the acting person's."""

    bead: str
    text: str


class AddDependency(_Operation, frozen=True, tag=True):
    """Make `bead` depend on `depends_on`; two beads have one edge in each direction.

    Raises when applied: Conflict when the pair has an edge of another type, or when the edge
    would close a circle of blocking edges.
    """

    bead: str
    depends_on: str
    type: str = "blocks"
    metadata: str = ""


class RemoveDependency(_Operation, frozen=True, tag=True):
    """Take the edge away, if it is there; an empty `type` means whatever type it has."""

    bead: str
    depends_on: str
    type: str = ""


class Create(_Operation, frozen=True, tag=True):
    """Make a bead of a `Bead` or a mapping of its fields.

    An id that is empty or `~word` is made by the store: `parent.N` under a parent, `kind` between
    prefix and hash when given (`mol`, `cv`), `wisp` for what is ephemeral.
    """

    bead: Any
    parent: str = ""
    kind: str = ""

    def fields(self) -> dict[str, Any]:
        """The bead's fields that say something."""
        if isinstance(self.bead, Bead):
            return to_row(self.bead)
        if isinstance(self.bead, Mapping):
            return {key: value for key, value in self.bead.items() if value is not None}
        raise ValueError("a Bead or a mapping of its fields is expected")


class Close(_Operation, frozen=True, tag=True):
    """Close, also what is closed already (which changes nothing)."""

    bead: str
    reason: str = "Closed"
    session: str = ""


class Reopen(_Operation, frozen=True, tag=True):
    """Open what was closed; close time and reason go."""

    bead: str


class Delete(_Operation, frozen=True, tag=True):
    """Leave a tombstone in the file; a wisp goes without one."""

    bead: str
    reason: str = ""


class Claim(_Operation, frozen=True, tag=True):
    """Take an open bead that is unassigned or one's own: assignee and `status` in one step.

    Raises when applied: Conflict when another has it or it is not open. Claiming again what one
    has already claimed changes nothing.
    """

    bead: str
    assignee: str
    status: str = "in_progress"


class Hook(_Operation, frozen=True, tag=True):
    """Put an open bead on an agent's hook in one town: status, assignee and label `town:<id>`.

    Raises when applied: Conflict when it is neither open nor hooked by the same agent there.
    """

    bead: str
    assignee: str
    town: str


class Require(_Operation, frozen=True, tag=True):
    """Fail the whole transaction with Conflict unless the bead is as said; None asks nothing.

    `assignee` of "" asks for an unassigned bead; `change` for one untouched since that change.
    """

    bead: str
    status: str | tuple[str, ...] | None = None
    assignee: str | None = None
    label: str | None = None
    change: int | None = None


OUTSIDE: Final = "outside"
"""Whom the journal names for edits of the file."""


class Outside(_Operation, frozen=True, tag=True):
    """Journal only: another program changed these fields in the file (all, for a new bead)."""

    bead: str
    fields: tuple[str, ...] = ()


Operation: TypeAlias = (
    SetField | AddLabel | RemoveLabel | SetState | AppendNote | AddComment | AddDependency
    | RemoveDependency | Create | Close | Reopen | Delete | Claim | Hook | Require | Outside
)  # fmt: skip


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One operation as the journal tells it."""

    change: int
    at: str
    actor: str
    operation: Operation


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Operation] | None = None


def encode_operation(operation: Operation) -> bytes:
    """JSON of one operation."""
    return _encoder.encode(operation)


def decode_operation(data: bytes) -> Operation:
    """The operation of `encode_operation`."""
    global _decoder
    if _decoder is None:
        _decoder = msgspec.json.Decoder(Operation)
    return _decoder.decode(data)


def subject(operation: Operation) -> str:
    """The id of the bead that an operation is about; of a `Create`, as far as it is given."""
    if isinstance(operation, Create):
        return str(operation.fields().get("id", ""))
    return operation.bead


def renamed(operation: Operation, names: Mapping[str, str]) -> Operation:
    """The operation with every `~word` replaced by the id it was given."""
    if isinstance(operation, Create):
        return renamed_create(operation, names)
    bead = names.get(operation.bead, operation.bead)
    if isinstance(operation, AddDependency | RemoveDependency):
        target = names.get(operation.depends_on, operation.depends_on)
        return msgspec.structs.replace(operation, bead=bead, depends_on=target)
    return msgspec.structs.replace(operation, bead=bead)


def renamed_create(operation: Create, names: Mapping[str, str]) -> Create:
    """The same of a `Create`: its id, its parent and both ends of its edges."""
    row = operation.fields()
    row["id"] = names.get(row.get("id", ""), row.get("id", ""))
    if "dependencies" in row:
        edges = msgspec.convert(msgspec.to_builtins(row["dependencies"]), list[Dependency])
        row["dependencies"] = [plain(_edge(edge, names)) for edge in edges]
    parent = names.get(operation.parent, operation.parent)
    return msgspec.structs.replace(operation, bead=row, parent=parent)


def _edge(edge: Dependency, names: Mapping[str, str]) -> Dependency:
    return msgspec.structs.replace(
        edge,
        issue_id=names.get(edge.issue_id, edge.issue_id),
        depends_on_id=names.get(edge.depends_on_id, edge.depends_on_id),
    )
