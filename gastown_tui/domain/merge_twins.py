"""Two beads that were created under one id, apart from each other: one of them gets another id.

Ids are made from content and children are counted, so two clones can choose the same one. Merging
their fields would make one bead of two pieces of work. The one that was created later moves, and
whatever its own side wrote about it follows: before the merge nobody else can have known of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain import ids, merge_comments
from gastown_tui.domain.bead import Bead, decode, instant
from gastown_tui.domain.bead_line import Line
from gastown_tui.domain.merge_fields import later
from gastown_tui.domain.merge_object import is_one_bead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_tui.domain.merge_fields import Rules

_ID_LENGTH: Final = 8
_NANOSECONDS: Final = 1_000_000_000


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides without twins."""

    ours: Mapping[str, bytes]
    theirs: Mapping[str, bytes]
    moved: tuple[tuple[str, str], ...] = ()
    """Old and new id of each bead that moved."""


def separate(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], rules: Rules
) -> Apart:
    """Give twins ids of their own.

    Args:
        base: lines by id that both sides started from.
        ours: our lines.
        theirs: the other side's.
        rules: in a live file ours keep their ids, as sessions work on them.
    """
    twins = [
        bead
        for bead, line in theirs.items()
        if bead in ours and bead not in base and ours[bead] != line
        if not is_one_bead(decode(ours[bead]), decode(line))
    ]
    if not twins:
        return Apart(ours=ours, theirs=theirs)
    new_ids: tuple[dict[str, str], dict[str, str]] = ({}, {})
    taken = {*base, *ours, *theirs}
    for bead in sorted(twins):
        mine, other = decode(ours[bead]), decode(theirs[bead])
        theirs_move = rules.live or _seniority(other, theirs[bead]) > _seniority(mine, ours[bead])
        mover = other if theirs_move else mine
        fresh = _new_id(mover, (ours, theirs), taken)
        new_ids[theirs_move][bead] = fresh
        taken.add(fresh)
    moved = sorted((*new_ids[0].items(), *new_ids[1].items()))
    return Apart(
        ours=_rename(base, ours, new_ids[0], rules),
        theirs=_rename(base, theirs, new_ids[1], rules),
        moved=tuple(moved),
    )


def _seniority(bead: Bead, line: bytes) -> tuple[float, bytes]:
    return instant(bead.created_at), line


def _new_id(bead: Bead, sides: tuple[Mapping[str, bytes], ...], taken: set[str]) -> str:
    """An id made of what never changes, so that every merge moves the bead to the same place."""
    seed = ids.Seed(
        title=bead.id,
        description="",
        creator=bead.created_by,
        created=int(instant(bead.created_at)) * _NANOSECONDS,
    )
    nonce = 0
    while True:
        fresh = f"{ids.prefix_of(bead.id) or 'bd'}-{ids.hash_part(seed, _ID_LENGTH, nonce)}"
        there = [decode(side[fresh]) for side in sides if fresh in side]
        if fresh not in taken or (there and all(is_one_bead(bead, one) for one in there)):
            return fresh
        nonce += 1


def _rename(
    base: Mapping[str, bytes], side: Mapping[str, bytes], new_ids: dict[str, str], rules: Rules
) -> Mapping[str, bytes]:
    if not new_ids:
        return side
    renamed: dict[str, bytes] = {}
    for bead, line in side.items():
        fresh = line if line == base.get(bead) else _referring(line, new_ids)
        if bead in new_ids:
            renamed.setdefault(new_ids[bead], _moved(fresh, bead, rules))
        else:
            renamed[bead] = fresh
    return renamed


def _referring(line: bytes, new_ids: dict[str, str]) -> bytes:
    """The line with whole values and label values that are a moved id replaced by the new one."""
    for old, new in new_ids.items():
        for before in (b'"', b":"):
            line = line.replace(before + old.encode() + b'"', before + new.encode() + b'"')
    return line


def _moved(line: bytes, old: str, rules: Rules) -> bytes:
    """The line of a bead that moved, with a comment on where it was."""
    edited = Line(line, rules.style)
    text = f"Merged: this was {old}, an id that another bead was given elsewhere."
    told = merge_comments.note(edited.get("id"), text, edited.get("created_at"), edited.style)
    if merge_comments.add(edited, [told], text_ids=rules.text_ids):
        updated = edited.get("updated_at")
        if isinstance(updated, str):
            edited.set("updated_at", later(updated))
    return edited.encode()
