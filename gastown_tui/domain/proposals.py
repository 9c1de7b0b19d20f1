"""What the mayor files: proposed, until the overseer accepts it.

A proposed convoy has the label `proposed:mayor`, and `proposed:dropped` from the overseer's no
until the mayor has been told. The beads that the mayor files have the first, and are deferred:
neither this town nor another tool takes them for work to pick up. Taking the label off the convoy
is the whole acceptance; what it sets free follows from that, whatever dies in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import ReturnProposal
from gastown_tui.domain.operations import (
    AddLabel,
    Create,
    Operation,
    RemoveLabel,
    SetField,
    SetState,
)
from gastown_tui.domain.staging import DISPATCHED
from gastown_tui.domain.view import View

MAYOR: Final = "mayor"
"""Whose filings are proposals."""
DIMENSION: Final = "proposed"
DROPPED: Final = "dropped"
LABEL: Final = f"{DIMENSION}:{MAYOR}"
_KEPT: Final = (f"{DIMENSION}:", "sling:", "town:")
"""Begin the labels that say whether a bead is worked on."""


def is_proposed(bead: Bead) -> bool:
    """Whether a bead waits for the overseer's word."""
    return bead.label(DIMENSION) == MAYOR and not bead.is_closed


def freeing(bead: str) -> list[Operation]:
    """The operations that make a proposed bead one like any other."""
    return [
        SetField(bead=bead, field="status", value="open"),
        SetState(bead=bead, dimension=DIMENSION),
    ]


def filed(operations: Sequence[Operation]) -> list[Operation]:
    """A transaction of the mayor's in which every bead that it makes is a proposed one."""
    return [_filed(one) if isinstance(one, Create) else one for one in operations]


def _filed(one: Create) -> Create:
    row = one.fields()
    if row.get("issue_type", "") not in DISPATCHED:
        return one  # nobody is sent to it
    labels = [*(label for label in row.get("labels", ()) if not label.startswith(_KEPT)), LABEL]
    status = "deferred" if row.get("status", "open") == "open" else row["status"]
    return msgspec.structs.replace(one, bead=row | {"labels": labels, "status": status})


def freed_by(operations: Sequence[Operation], proposed: Sequence[str]) -> str:
    """What a transaction of the mayor's would send to work; empty when nothing."""
    for one in operations:
        if isinstance(one, SetState) and f"{one.dimension}:" in _KEPT:
            return one.bead
        if isinstance(one, AddLabel | RemoveLabel) and one.label.startswith(_KEPT):
            return one.bead
        opens = isinstance(one, SetField) and one.field == "status" and one.value == "open"
        if opens and one.bead in proposed:
            return one.bead
    return ""


def returning(view: View) -> Iterator[ReturnProposal]:
    """Dropped proposals: their beads are closed, and the mayor hears why, once it is there."""
    for name, convoy in sorted(view.town.convoys.items()):
        if convoy.proposed == DROPPED:
            run = view.living.get(MAYOR)
            yield ReturnProposal(
                key=f"proposal:{name}", version=run.run if run else "", convoy=name
            )
