"""What may be written to beads from inside a session.

Three things are kept from agents, whatever verb they use: the records that the town runs by, the
gates that hold work back until the overseer or the world outside has spoken, and what belongs to
another agent's molecule, or to nobody's. All are looked at in the operations of a transaction, as
every verb's writes come down to those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.bead_filters import parent_of
from gastown_tui.domain.bead_gates import ESCALATED, GATE
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula import checklist
from gastown_tui.domain.formula.marks import is_molecule
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    Hook,
    RemoveDependency,
    RemoveLabel,
    Require,
    SetField,
    SetState,
    subject,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gastown_tui.domain.operations import Operation

_RECORDS: Final = frozenset({*records.CUSTOM_TYPES, records.EVENT})
_DONE: Final = frozenset({"closed", "pinned", "tombstone"})
"""Statuses that let go what waits for a bead."""
_LOOSE: Final = frozenset(
    {"related", "relates-to", "discovered-from", "caused-by", "tracks", "replies-to"}
)
"""Edges that hold nothing back, and take nothing out of what it is part of."""
_TAKING: Final = frozenset({"status", "assignee", "issue_type", "defer_until"})
"""Fields by which a step is ended, put aside or taken from whoever has it."""
_MARKS: Final = (checklist.DONE, checklist.SKIPPED, f"{checklist.DOING}:", "step:", "formula:")
"""Begin the labels that say how far a molecule is, and what it is made of."""
_DEEP: Final = 50


class Beads(Protocol):
    """What is read of a store."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def dependents(self, bead: str, /) -> Sequence[tuple[str, str]]:
        """Id and type of edge of every bead that depends on this one."""

    def blockers(self, bead: str, /) -> Sequence[str]:
        """What a bead waits for, a parent that waits itself among them."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction does to work that is not its caller's."""

    bead: str
    holder: str
    """Who has it; empty for nobody."""
    molecule: str
    """The root of what it is part of, or itself."""

    def __str__(self) -> str:
        """Who has it, for a person."""
        of = "" if self.molecule == self.bead else f", a step of {self.molecule},"
        return f"{self.bead}{of} is {self.holder or 'nobody'}'s"


def record_touched(beads: Beads, operations: Sequence[Operation]) -> tuple[str, str]:
    """The first record of the town that is made or changed: its id (empty when new) and type."""
    for operation in operations:
        if isinstance(operation, Create):
            found, kind = "", str(operation.fields().get("issue_type", ""))
        else:
            bead = _got(beads, subject(operation))
            found, kind = (bead.id, bead.issue_type) if bead else ("", "")
        if kind in _RECORDS:
            return found, kind
    return "", ""


def guarded_kinds(beads: Beads, ids: Iterable[str]) -> dict[str, str]:
    """The types of those beads that no session writes to: gates and records of the town."""
    found = (_got(beads, name) for name in ids)
    return {
        bead.id: bead.issue_type
        for bead in found
        if bead is not None and bead.issue_type in {GATE, *_RECORDS}
    }


def gate_touched(beads: Beads, operations: Sequence[Operation], *, in_turn: bool = False) -> str:
    """What is for the overseer when a shut gate is opened, disguised, silenced or gone round.

    A gate may be made, be commented on and be waited for. One whose waiters are all closed goes
    with its molecule.

    Args:
        beads: where they are.
        operations: of one transaction.
        in_turn: nothing is ended out of turn: the caller works through a molecule.

    Returns:
        The gate or the label, as a refusal names it; empty when nothing is.
    """
    for one in operations:
        if _silences(one):
            return f"the label {ESCALATED}"
        if gate := _gate_changed(beads, one) or ("" if in_turn else _gate_passed(beads, one)):
            return f"the gate {gate}"
    return ""


def _gate_changed(beads: Beads, one: Operation) -> str:
    """The shut gate that an operation writes to, or that it takes a waiter from."""
    if isinstance(one, Create | Require | AddComment | AppendNote):
        return ""
    bead = _got(beads, one.bead)
    if bead is None or (isinstance(one, AddDependency) and one.type in _LOOSE):
        return ""
    if isinstance(one, RemoveDependency):
        if all(kind in _LOOSE for kind in _removed(bead, one)):
            return ""
        other = _got(beads, one.depends_on)
        if other is not None and _is_shut(other):
            return other.id
    is_over = isinstance(one, Close) and _holds_nothing(beads, bead)
    return bead.id if _is_shut(bead) and not is_over else ""


def _gate_passed(beads: Beads, one: Operation) -> str:
    """The shut gate before a bead that is ended, or taken out of what waits for it."""
    bead = _got(beads, subject(one))
    if bead is None or bead.is_closed:
        return ""
    leaves = isinstance(one, RemoveDependency) and "parent-child" in _removed(bead, one)
    ends = isinstance(one, SetField) and one.field == "status" and one.value in _DONE
    if not (leaves or ends or isinstance(one, Close | Delete)):
        return ""
    waits_for = list(beads.blockers(bead.id))
    for name in waits_for:
        found = _got(beads, name)
        if found is not None and _is_shut(found):
            return found.id
        if found is not None and name == parent_of(bead):
            waits_for += [more for more in beads.blockers(name) if more not in waits_for]
            bead = found
    return ""


def _removed(bead: Bead, one: RemoveDependency) -> list[str]:
    """The types of the edges that go."""
    return [
        edge.type
        for edge in bead.dependencies
        if edge.depends_on_id == one.depends_on and one.type in {"", edge.type}
    ]


def _is_shut(bead: Bead) -> bool:
    return bead.issue_type == GATE and not bead.is_closed


def _silences(one: Operation) -> bool:
    """Whether something is marked as if the overseer had been called to it."""
    if isinstance(one, AddLabel):
        return one.label == ESCALATED
    if isinstance(one, SetState):
        return one.value is not None and f"{one.dimension}:{one.value}" == ESCALATED
    return isinstance(one, Create) and ESCALATED in one.fields().get("labels", ())


def _holds_nothing(beads: Beads, gate: Bead) -> bool:
    """Whether all that waited for a gate is closed, and something did."""
    waiters = [_got(beads, name) for name, kind in beads.dependents(gate.id) if kind not in _LOOSE]
    return bool(waiters) and all(one is None or one.is_closed for one in waiters)


def steps_touched(beads: Beads, operations: Sequence[Operation]) -> bool:
    """Whether any step or molecule is ended or taken, by whomever."""
    return next(_takings(beads, operations), None) is not None


def taken(
    beads: Beads, operations: Sequence[Operation], agent: str, *, takes_nobodys: bool = False
) -> Taken | None:
    """The first step or molecule that is ended or taken although it is not the agent's.

    A step is whose it is assigned to, else whose its molecule is, or the work that this is for.

    Args:
        beads: where they are.
        operations: of one transaction.
        agent: the session that asks.
        takes_nobodys: what is nobody's may be ended: the caller works through a molecule.
    """
    mine: set[str] = set()
    over: set[str] = set()
    for one, chain, root in _takings(beads, operations):
        bead = chain[0]
        holder = _holder(chain, root)
        is_own = bead.id in mine or holder == agent
        is_free = not holder and (takes_nobodys or not _ends(one))
        is_closing = isinstance(one, Close)
        if not is_own and not is_free and not (is_closing and _falls(beads, bead, over)):
            return Taken(bead=bead.id, holder=holder, molecule=root.id)
        mine.add(bead.id)
        if is_closing:
            over.add(bead.id)
    return None


def _takings(
    beads: Beads, operations: Sequence[Operation]
) -> Iterator[tuple[Operation, list[Bead], Bead]]:
    """What ends or takes a step: the operation, the step with what it is part of, and the root."""
    for one in operations:
        bead = _got(beads, subject(one)) if _takes(one) else None
        if bead is None or (isinstance(one, Close) and bead.is_closed):
            continue
        chain = _chain(beads, bead)
        root = next((part for part in reversed(chain) if is_molecule(part)), None)
        if root is not None:
            yield one, chain, root


def _takes(one: Operation) -> bool:
    """Whether an operation ends a step, or takes it from whoever has it."""
    if isinstance(one, SetField):
        return one.field in _TAKING
    if isinstance(one, AddLabel | RemoveLabel):
        return one.label.startswith(_MARKS)
    if isinstance(one, SetState):
        return f"{one.dimension}:".startswith(_MARKS)
    if isinstance(one, RemoveDependency):
        return one.type in {"", "parent-child"}
    return isinstance(one, Close | Delete | Claim | Hook)


def _ends(one: Operation) -> bool:
    """Whether nothing of the step is left to do afterwards; what is nobody's may be taken."""
    if isinstance(one, SetField):
        return one.field == "issue_type" or (one.field == "status" and one.value in _DONE)
    return not isinstance(one, Claim | Hook | SetState)


def _falls(beads: Beads, bead: Bead, over: set[str]) -> bool:
    """Whether a container ends because its last part does, in the same transaction."""
    parts = [name for name, kind in beads.dependents(bead.id) if kind == "parent-child"]
    if over.isdisjoint(parts):
        return False
    rest = (_got(beads, name) for name in parts if name not in over)
    return all(one is None or one.is_closed or one.issue_type == GATE for one in rest)


def _holder(chain: Sequence[Bead], root: Bead) -> str:
    """Who has the first bead of a chain; who did a step that is closed has no claim on it."""
    for bead in chain:
        if bead.assignee and (not bead.is_closed or bead.id == root.id):
            return bead.assignee
    return ""


def _chain(beads: Beads, bead: Bead) -> list[Bead]:
    """A bead and what it is part of, the nearest first."""
    found = [bead]
    while (parent := parent_of(found[-1])) and len(found) < _DEEP:
        above = _got(beads, parent)
        if above is None:  # in another directory, or deleted
            break
        found.append(above)
    return found


def _got(beads: Beads, name: str) -> Bead | None:
    try:
        return beads.get(name) if name and not name.startswith("~") else None
    except NotFound:
        return None
