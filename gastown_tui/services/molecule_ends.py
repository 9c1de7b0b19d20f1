"""Molecules bonded, squashed to a digest, burned, or closed with the work they were for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from gastown_tui.domain import molecule
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import Conflict, NotFound
from gastown_tui.domain.formula.marks import JOIN, MOLECULE
from gastown_tui.domain.formula.progress import below_root, progress
from gastown_tui.domain.molecule import Bond
from gastown_tui.domain.operations import Close, Create, Delete, Operation
from gastown_tui.services.molecules import (
    MoleculeStore,
    Poured,
    gather,
    got,
    make,
    molecules_of,
    standing,
)

if TYPE_CHECKING:
    from gastown_tui.services.books import Books

_TRIES: Final = 8
"""How often a bead is closed anew while others take parts of its molecules away."""


def store_of(books: Books, rig: str) -> MoleculeStore:
    """A rig's store, as molecules need it."""
    return cast("MoleculeStore", books.rigs[rig].store)


def bond(
    store: MoleculeStore, root: str, made: Sequence[Operation], how: Bond, *, at: str, actor: str
) -> Poured:
    """Pour below a molecule, bonded to it.

    Args:
        store: of the molecule.
        root: of the molecule.
        made: operations of a pour or wisp with this root as the parent.
        how: in order, side by side, or only on failure.
        at: a bond point, or a step that it comes after; empty for after all there is.
        actor: who does it.
    """
    beads = gather(store, root)
    found = progress(root, beads.values())
    if found.is_finished and beads[root].is_closed:
        raise Conflict(f"{root} is closed", hint="reopen it first")
    name = str(next(one for one in made if isinstance(one, Create)).fields()["id"])
    ends, before = molecule.ends_of(root, beads), ""
    if at:
        try:
            side, step = molecule.point_of(beads[root], at)
        except NotFound:
            side, step = "after", at
        bead = molecule.pick(found, step).bead
        ends, before = ([], bead) if side == "before" else ([bead], "")
        if side == "before":
            ends = [e.depends_on_id for e in beads[bead].dependencies if e.type == "blocks"]
        elif side == "side" and how == "sequential":
            ends = [bead]
    return make(store, molecule.bonded(made, name, found, how, ends, before), actor)


def squash(store: MoleculeStore, root: str, summary: str, actor: str) -> tuple[str, list[str]]:
    """Leave the digest of a molecule; its id, and the ids of what went away or was closed."""
    beads = gather(store, root)
    _nobody_needs(store, root, beads, gone=[one for one in beads.values() if one.ephemeral])
    operations = molecule.squashed(progress(root, beads.values()), beads, summary)
    applied = store.apply(operations, actor=actor)
    return applied.ids[0], [one.bead for one in operations if isinstance(one, Delete | Close)]


def burn(store: MoleculeStore, root: str, actor: str, *, force: bool = False) -> list[str]:
    """Take a molecule away without a digest; the ids that are gone.

    Raises:
        Conflict: something living depends on it, or work that came from elsewhere is part of it.
    """
    beads = gather(store, root)
    operations = molecule.burned(root, beads)
    gone = [beads[one.bead] for one in operations if isinstance(one, Delete)]
    if not force:
        other = next((one for one in gone if one.id != root and not _is_step(one)), None)
        if other is not None:
            raise Conflict(f"{other.id} is part of {root}, and did not come from its formula",
                           hint="move it elsewhere first, or --force")  # fmt: skip
        _nobody_needs(store, root, beads, gone=gone)
    store.apply(operations, actor=actor)
    return [one.id for one in gone]


def _is_step(bead: Bead) -> bool:
    """Whether a bead was made with a molecule, and is no work of its own."""
    made = bead.issue_type in {"gate", MOLECULE} or JOIN in bead.labels
    return bead.is_closed or bead.ephemeral or made or bool(bead.source_formula)


def _nobody_needs(
    store: MoleculeStore, root: str, beads: Mapping[str, Bead], gone: Sequence[Bead]
) -> None:
    inside = {root, *below_root(root, beads)}
    for bead in gone:
        if bead.id not in inside:
            continue
        for name, kind in store.dependents(bead.id):
            other = None if name in inside else got(store, name)
            if other is not None and not other.is_closed:
                raise Conflict(f"{name} depends on {bead.id} ({kind})",
                               hint="take that edge away first, or --force")  # fmt: skip


def wrap_up(store: MoleculeStore, work: str, reason: str) -> list[Operation]:
    """Close what is left open of the molecules of a bead that is done."""
    found: list[Operation] = []
    for root in molecules_of(store, work):
        if root.id == work or root.is_closed:
            continue
        beads = gather(store, root.id)
        found += [
            Close(one, reason)
            for one in (*reversed(below_root(root.id, beads)), root.id)
            if not beads[one].is_closed
        ]
    return found


def close_work(
    store: MoleculeStore, work: str, reason: str, operations: Sequence[Operation], actor: str
) -> None:
    """Do what closes a bead, and close what is left open of its molecules with it, or nothing.

    Args:
        store: of the bead.
        work: the bead.
        reason: of the steps and roots that are closed with it.
        operations: what closes the bead.
        actor: who does it.

    Raises:
        NotFound: the bead is no more.
    """
    for _ in range(_TRIES):
        writes = [*wrap_up(store, work, reason), *operations]
        try:
            if writes:
                store.apply(writes, actor=actor)
        except NotFound:
            store.get(work)  # else a wisp has been swept meanwhile: what is read next is without it
        else:
            return
    raise Conflict(f"the molecule of {work} keeps changing")


def handed_over(store: MoleculeStore, work: str, agent: str, now: float) -> list[Operation]:
    """Give back what others than an agent have begun of a bead's molecules, to go with its hook."""
    found: list[Operation] = []
    for root in molecules_of(store, work):
        if root.is_closed:
            continue
        made = standing(store, root.id, now).progress
        others = {one.assignee for one in made.steps if one.state == "working"} - {"", agent}
        for other in sorted(others):
            found += molecule.put_down(made, other)
    return found
