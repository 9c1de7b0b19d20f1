"""What may be closed, and what closing, opening and putting off a bead brings with it.

An epic (and whatever else has parts) is closed when its parts are. It never closes by itself,
except in a molecule, where a container goes with its last step, and the molecule with its last one.
Opening a part again opens what it is part of. What is put off until a time wakes by itself; without
a time it waits for a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.bead import Bead, timestamp
from gastown_tui.domain.bead_filters import parent_of
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import (
    AddDependency,
    Close,
    RemoveDependency,
    Reopen,
    Require,
    SetField,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from gastown_tui.domain.operations import Operation

DEFERRED: Final = "deferred"
WITH_PARTS: Final = frozenset({"epic", "molecule", "convoy"})
"""Types that are closed only while all that is part of them is."""
_REPLACED: Final = frozenset({"duplicates", "supersedes"})
"""Edges that say why a bead was closed; opened again, it is neither."""
_SHOWN: Final = 5


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around a bead that is to be closed."""

    bead: Bead
    parts: Sequence[Bead] = ()
    """What is directly part of it."""
    blockers: Sequence[str] = ()
    """What it waits for."""


def guard(around: Around, closing: Collection[str] = ()) -> None:
    """Refuse to close what is not to be closed yet.

    Args:
        around: the bead and what it touches.
        closing: ids that are closed with it.

    Raises:
        Conflict: it is pinned, a template or a gate that a machine opens, it waits for something,
            or has open parts.
    """
    bead = around.bead
    if bead.is_closed:
        return
    if bead.pinned or bead.status == "pinned":
        raise Conflict(f"{bead.id} is pinned", hint="unpin it, or --force")
    if bead.is_template:
        raise Conflict(f"{bead.id} is a template", hint="--force closes it")
    if bead.issue_type == "gate" and bead.await_type not in {"", "human"}:
        raise Conflict(
            f"{bead.id} is a gate that opens by itself ({bead.await_type})",
            hint="wait for it, or --force",
        )
    holders = [one for one in around.blockers if one not in closing]
    if holders:
        raise Conflict(f"{bead.id} waits for {_some(holders)}", hint="close those, or --force")
    still_open = [part.id for part in around.parts if not part.is_closed and part.id not in closing]
    if still_open:
        raise Conflict(
            f"{bead.id} has open children: {_some(still_open)}", hint="close those, or --force"
        )


def _some(beads: Sequence[str]) -> str:
    more = f" and {len(beads) - _SHOWN} more" if len(beads) > _SHOWN else ""
    return ", ".join(beads[:_SHOWN]) + more


def closing(
    bead: Bead, reason: str, molecule: Sequence[Bead] = (), session: str = ""
) -> list[Operation]:
    """The operations that close a bead, with the containers of a molecule that end with it.

    Args:
        bead: what is closed.
        reason: why.
        molecule: when it is a step: all beads of its molecule, the root first.
        session: of the agent that closes.
    """
    own = Close(bead.id, reason, session)
    if not molecule or molecule[0].id == bead.id:
        return [own]
    from gastown_tui.domain.formula import progress  # only steps pay for it

    return [own, *progress.closing(bead.id, reason, molecule[0].id, molecule)[1:]]


def reopening(bead: Bead, above: Iterable[Bead] = ()) -> list[Operation]:
    """The operations that open a bead again, with whatever closed thing it is part of.

    It is open whatever it was: not put off any longer, and neither duplicate nor superseded.

    Args:
        bead: closed, or put off.
        above: what it is part of, the nearest first.
    """
    found: list[Operation] = [Reopen(bead.id)]
    if bead.status not in {"closed", DEFERRED}:
        return found
    if bead.status == DEFERRED:
        found.append(SetField(bead.id, "status", "open"))
    if bead.defer_until:
        found.append(SetField(bead.id, "defer_until"))
    found += [
        RemoveDependency(bead.id, edge.depends_on_id, edge.type)
        for edge in bead.dependencies
        if edge.type in _REPLACED
    ]
    found += [
        Reopen(one.id) for one in above if one.status == "closed" and one.issue_type in WITH_PARTS
    ]
    return found


def replacing(bead: str, by: str, kind: str) -> list[Operation]:
    """Close a bead in favour of another one; `kind` is `duplicates` or `supersedes`.

    Raises:
        BadInput: they are the same bead.
    """
    if bead == by:
        raise BadInput(f"{bead} cannot replace itself")
    said = "duplicate of" if kind == "duplicates" else "superseded by"
    return [AddDependency(bead, by, kind), Close(bead, f"{said} {by}")]


def deferring(bead: Bead, until: datetime | None) -> list[Operation]:
    """Put a bead off until a time, or until somebody says otherwise.

    Raises:
        Conflict: it is closed.
    """
    if bead.is_closed:
        raise Conflict(f"{bead.id} is {bead.status}", hint="reopen it first")
    return [
        Require(bead.id, status=(bead.status, "open")),
        SetField(bead.id, "status", DEFERRED),
        SetField(bead.id, "defer_until", None if until is None else timestamp(until)),
    ]


def undeferring(bead: Bead) -> list[Operation]:
    """Take a bead up again.

    Raises:
        Conflict: it is not put off.
    """
    if bead.status != DEFERRED and not bead.defer_until:
        raise Conflict(f"{bead.id} is {bead.status}, not deferred")
    found: list[Operation] = [SetField(bead.id, "defer_until")]
    if bead.status == DEFERRED:
        found.append(SetField(bead.id, "status", "open"))
    return found


class Epic(msgspec.Struct, frozen=True, kw_only=True):
    """How far an epic is."""

    bead: Bead
    total: int
    closed: int

    @property
    def may_close(self) -> bool:
        """Whether it has parts and all are closed."""
        return bool(self.total) and self.closed == self.total and not self.bead.is_closed


def epics(beads: Iterable[Bead]) -> list[Epic]:
    """How far every open epic is, in the order of the beads.

    Args:
        beads: at least the epics and all that is part of them, closed ones too.
    """
    kept = list(beads)
    parts: dict[str, list[bool]] = {}
    for bead in kept:
        if parent := parent_of(bead):
            parts.setdefault(parent, []).append(bead.is_closed)
    return [
        Epic(bead=bead, total=len(parts.get(bead.id, ())), closed=sum(parts.get(bead.id, ())))
        for bead in kept
        if bead.issue_type == "epic" and not bead.is_closed
    ]
