"""Convoys: made, worked out, launched, added to, landed. Written straight to the town's beads."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gastown_tui.domain import proposals, records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, Conflict, Forbidden, NotFound
from gastown_tui.domain.operations import (
    AddDependency,
    AddLabel,
    Close,
    Operation,
    RemoveDependency,
    RemoveLabel,
    Reopen,
    Require,
    SetState,
)
from gastown_tui.domain.staging import Ground, Staged, stage
from gastown_tui.services.books import Books


def ground(books: Books, room: int) -> Ground:
    """What staging needs to know: all beads of all rigs, and which rigs are held."""
    beads: dict[str, Bead] = {}
    rig_of: dict[str, str] = {}
    for name, rig in books.rigs.items():
        for bead in rig.store.list(include_closed=True):
            # what is proposed is judged as it will be once it is accepted
            proposed = proposals.is_proposed(bead) and bead.status == "deferred"
            beads[bead.id] = msgspec.structs.replace(bead, status="open") if proposed else bead
            rig_of[bead.id] = name
    held = {name: rig.held for name, rig in books.rig_views({}).items() if rig.held}
    return Ground(beads=beads, rig_of=rig_of, held=held, room=room)


def of(books: Books, convoy: str) -> Bead:
    """A convoy's record, open or closed.

    Raises:
        NotFound: there is no such convoy.
    """
    try:
        found = books.town.get(convoy)
    except NotFound:
        raise NotFound(f"there is no convoy {convoy}", hint="gastown convoy list") from None
    if found.issue_type != records.CONVOY:
        raise BadInput(f"{convoy} is a {found.issue_type}, not a convoy")
    return found


def tracked(convoy: Bead) -> tuple[str, ...]:
    """The beads of a convoy."""
    return records.convoy_of(convoy).tracked


def staging(books: Books, wanted: Sequence[str], room: int) -> Staged:
    """Work out a convoy of beads and epics, or one that is there already."""
    if len(wanted) == 1:
        try:
            return stage(tracked(of(books, wanted[0])), ground(books, room))
        except NotFound:
            pass
    return stage(wanted, ground(books, room))


def create(
    books: Books, title: str, beads: Sequence[str], *, actor: str, labels: Sequence[str] = ()
) -> str:
    """Make a convoy; its id.

    Raises:
        BadInput: it has no beads.
        NotFound: one of them does not exist.
    """
    found = [books.bead(bead) for bead in dict.fromkeys(beads)]
    # An epic stands for its children; it would hold the convoy open after the last of them.
    mine = [bead.id for bead in found if bead.issue_type != "epic"]
    if not mine:
        raise BadInput("a convoy needs beads that can be worked on")
    if actor == proposals.MAYOR:
        labels = [*labels, proposals.LABEL]
    made = records.create_convoy(records.one_line(title, "convoy"), mine)
    operations: list[Operation] = [made]
    operations += [AddLabel(bead="~convoy", label=label) for label in labels]
    return books.write_town(operations, actor=actor).ids[0]


def staged_state(staged: Staged) -> str:
    """How ready a convoy is for its launch.

    Raises:
        Conflict: something forbids it.
    """
    if staged.errors:
        more = f" (and {len(staged.errors) - 1} more)" if len(staged.errors) > 1 else ""
        raise Conflict(f"it cannot be launched: {staged.errors[0].text}{more}")
    return "warnings" if staged.warnings else "ready"


def launch(
    books: Books, town: str, convoy: str, *, room: int, actor: str, force: bool = False
) -> str:
    """Sling everything in a convoy that can be worked on; each starts when nothing blocks it.

    Raises:
        Conflict: something forbids it, or warnings are not forced over.
        Forbidden: the mayor asks.
    """
    found = of(books, convoy)
    if actor == proposals.MAYOR:
        raise Forbidden(f"{convoy} is launched by the overseer", hint="what you file is proposed")
    if found.is_closed:
        raise Conflict(f"{convoy} is closed", hint="gastown convoy add reopens it")
    worked_out = stage(tracked(found), ground(books, room))
    if staged_state(worked_out) == "warnings" and not force:
        more = f" (and {len(worked_out.warnings) - 1} more)" if worked_out.warnings[1:] else ""
        raise Conflict(f"{worked_out.warnings[0].text}{more}", hint="--force launches it anyway")
    slung = [bead for wave in worked_out.waves for bead in wave]
    if proposals.is_proposed(found):  # one write accepts it; what it sets free follows from that
        text = f"{found.title}: accepted"
        books.write_town(
            [
                Require(bead=convoy, status="open", label=proposals.LABEL),
                SetState(bead=convoy, dimension=proposals.DIMENSION),
                *launching(convoy),
                records.event("accepted", convoy, text, actor),
            ],
            actor=actor,
        )
    count = 0
    for rig in sorted({books.rig_of(bead) for bead in slung}):
        count += sling_all(books, rig, town, [b for b in slung if books.rig_of(b) == rig], actor)
    operations = launching(convoy)
    text = f"{found.title}: {count} beads in {len(worked_out.waves)} waves"
    books.write_town([*operations, records.event("launched", convoy, text, actor)], actor=actor)
    first = len(worked_out.waves[0]) if worked_out.waves else 0
    return f"{convoy} is launched: {count} beads slung, {first} can begin now"


def launching(convoy: str) -> list[Operation]:
    """The operations that make a convoy a launched one."""
    return [
        SetState(bead=convoy, dimension=records.STAGED),
        SetState(bead=convoy, dimension=records.LAUNCHED, value="yes"),
    ]


def sling_all(books: Books, rig: str, town: str, beads: Sequence[str], actor: str) -> int:
    """Sling what is open and not slung yet, in one transaction; how many."""
    operations: list[Operation] = []
    count = 0
    for name in beads:
        bead = books.bead(name)
        proposed = proposals.is_proposed(bead) and bead.status in {"open", "deferred"}
        if not proposed and (bead.status != "open" or bead.label("sling") is not None):
            continue
        if bead.label("town") not in {None, town}:
            raise Conflict(f"{name} is worked on in the town {bead.label('town')}")
        operations += [
            Require(bead=name, status=bead.status),
            *(proposals.freeing(name) if proposed else ()),
            SetState(bead=name, dimension="town", value=town),
            SetState(bead=name, dimension="sling", value="any"),
        ]
        count += 1
    if operations:
        books.write_rig(rig, operations, actor=actor)
    return count


def add(books: Books, convoy: str, beads: Sequence[str], *, actor: str) -> str:
    """Add beads; a closed convoy is open again."""
    found = of(books, convoy)
    if actor == proposals.MAYOR and not proposals.is_proposed(found):
        raise Forbidden(f"{convoy} is under way", hint="propose another convoy")
    there = tracked(found)
    new = [bead for bead in dict.fromkeys(beads) if bead not in there]
    for bead in new:
        books.bead(bead)
    operations: list[Operation] = [Reopen(bead=convoy)] if found.is_closed and new else []
    operations += [AddDependency(bead=convoy, depends_on=bead, type="tracks") for bead in new]
    if operations:
        books.write_town(operations, actor=actor)
    again = ", which is open again" if found.is_closed and new else ""
    return f"{len(new)} added to {convoy}{again}"


def remove(books: Books, convoy: str, beads: Sequence[str], *, actor: str) -> str:
    """Take beads out of a convoy; they go on as they are.

    Raises:
        NotFound: one of them is not in it.
    """
    there, beads = tracked(of(books, convoy)), list(dict.fromkeys(beads))
    for bead in beads:
        if bead not in there:
            raise NotFound(f"{bead} is not in {convoy}")
    operations = [RemoveDependency(bead=convoy, depends_on=one, type="tracks") for one in beads]
    books.write_town(operations, actor=actor)
    return f"{len(beads)} taken out of {convoy}"


def own(books: Books, convoy: str, *, owned: bool, actor: str) -> None:
    """Say whether only `land` closes a convoy."""
    of(books, convoy)
    books.write_town(
        [(AddLabel if owned else RemoveLabel)(bead=convoy, label=records.OWNED)], actor=actor
    )


def land(books: Books, convoy: str, *, actor: str, force: bool = False) -> str:
    """Close a convoy whose beads are all closed; `force` closes it as it is.

    Raises:
        Conflict: beads of it are open.
    """
    found = of(books, convoy)
    if found.is_closed:
        return f"{convoy} is closed already"
    left = [bead for bead in tracked(found) if not _is_closed(books, bead)]
    if left and not force:
        some = ", ".join(left[:5]) + (" ..." if left[5:] else "")
        raise Conflict(f"{len(left)} beads of {convoy} are open: {some}", hint="--force closes it")
    reason = "All its beads are closed" if not left else f"Closed with {len(left)} beads open"
    books.write_town(
        [
            Require(bead=convoy, status="open"),
            Close(bead=convoy, reason=reason),
            records.event("convoy-landed", convoy, f"{found.title}: {reason.lower()}", actor),
        ],
        actor=actor,
    )
    return f"{convoy} has landed" if not left else f"{convoy} is closed, {len(left)} beads are open"


def _is_closed(books: Books, bead: str) -> bool:
    try:
        return books.bead(bead).is_closed
    except NotFound:
        return False
