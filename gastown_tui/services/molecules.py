"""Molecules in a store: read from their beads alone, moved on by one transaction at a time.

Nothing is kept between calls, so that any process can go on where another was killed. What was read
is held against the store again by the operations themselves; where it has changed meanwhile, it is
read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from gastown_tui.domain import molecule
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.formula import checklist
from gastown_tui.domain.formula.marks import MOLECULE, ON_COMPLETE, STEP, is_molecule
from gastown_tui.domain.formula.progress import (
    FINISHED,
    Progress,
    StepState,
    below_root,
    progress,
)
from gastown_tui.domain.formula.runtime import Outside
from gastown_tui.domain.molecule import Ending
from gastown_tui.domain.operations import Create, Operation
from gastown_tui.services.ports import Applied

if TYPE_CHECKING:
    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.domain.formula.hooks import Subject
    from gastown_tui.domain.formula.resolve import Library

_T = TypeVar("_T")
_TRIES: Final = 8
"""How often a write is tried against a molecule that others move on."""


class MoleculeStore(Protocol):
    """What of a beads directory is needed here."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def dependents(self, bead: str, /) -> Sequence[tuple[str, str]]:
        """Id and type of edge of every bead that depends on this one."""

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """One synced transaction, all or nothing."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on a molecule, when, and where."""

    agent: str
    now: float
    """Seconds since the epoch."""
    outside: Outside | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A molecule as it was read."""

    progress: Progress
    beads: dict[str, Bead]
    """All of it, and what it depends on, by id."""

    @property
    def root(self) -> Bead:
        """Its root."""
        return self.beads[self.progress.root]


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is to do in a molecule."""

    molecule: str
    title: str
    done: int
    total: int
    step: StepState | None = None
    """None when it is finished, or when all that is left waits or is others' work."""
    text: str = ""
    acceptance: str = ""
    waits_for: tuple[str, ...] = ()
    """What holds the rest, when there is no step."""
    remaining_s: float | None = None

    @property
    def is_finished(self) -> bool:
        """Whether no step is left."""
        return self.done == self.total


class Poured(msgspec.Struct, frozen=True, kw_only=True):
    """A molecule that was made."""

    root: str
    ids: dict[str, str]
    """Steps to their beads; the root under its own name."""
    created: int


def gather(store: MoleculeStore, root: str) -> dict[str, Bead]:
    """A molecule's beads and those that may hold them back, by id; as much as it is, not the store.

    Raises:
        NotFound: there is no such bead.
    """
    found = {root: store.get(root)}
    queue = [root]
    for name in queue:
        for child, kind in store.dependents(name):
            if kind == "parent-child" and child not in found and (bead := got(store, child)):
                found[child] = bead
                queue.append(child)
    inside = list(found.values())
    above = [edge.depends_on_id for edge in found[root].dependencies if edge.type == "parent-child"]
    for name in above:
        if name not in found and (bead := got(store, name)):
            found[name] = bead
            inside.append(bead)
            above += [e.depends_on_id for e in bead.dependencies if e.type == "parent-child"]
    for one in inside:
        for edge in one.dependencies:
            if edge.depends_on_id not in found and (bead := got(store, edge.depends_on_id)):
                found[bead.id] = bead
    return found


def got(store: MoleculeStore, bead: str) -> Bead | None:
    """A bead, or None when there is none of this id."""
    try:
        return store.get(bead)
    except NotFound:
        return None


def standing(
    store: MoleculeStore, root: str, now: float, outside: Outside | None = None
) -> Standing:
    """How far a molecule is.

    Raises:
        NotFound: there is none of this id.
    """
    beads = gather(store, root)
    return Standing(progress=progress(root, beads.values(), now, outside), beads=beads)


def molecules_of(store: MoleculeStore, work: str) -> list[Bead]:
    """The molecules that a bead is done by: itself, or those right below it, open ones first."""
    bead = store.get(work)
    if is_molecule(bead):
        return [bead]
    below = (got(store, child) for child, kind in store.dependents(work) if kind == "parent-child")
    found = [one for one in below if one is not None and is_molecule(one)]
    return sorted(found, key=lambda one: (one.is_closed, one.created_at, one.id))


def top_ones(store: MoleculeStore, found: Sequence[Bead]) -> list[Bead]:
    """Those of some roots that are no part of another molecule."""

    def is_part(bead: Bead) -> bool:
        above = (got(store, e.depends_on_id) for e in bead.dependencies if e.type == "parent-child")
        return any(one and (one.label("step") or one.issue_type == MOLECULE) for one in above)

    return [one for one in found if not is_part(one)]


def subject_of(bead: Bead) -> Subject:
    """What the hooks of a formula ask about the bead that it is for."""
    from gastown_tui.domain.formula.hooks import Subject

    return Subject(issue_type=bead.issue_type, labels=bead.labels, priority=bead.priority)


def attach(proto: Protomolecule, bead: str, agent: str = "") -> list[Operation]:
    """Make a molecule for a bead of work, to be applied with what else its sling writes.

    Durable if the formula says `liquid`, else a wisp kept for a week; its root is below the bead.
    """
    from gastown_tui.domain.formula.pour import Pouring, pour, wisp

    how = Pouring(parent=bead, assignee=agent, wisp_type="recovery")
    return pour(proto, how) if proto.phase == "liquid" else wisp(proto, how)


def make(
    store: MoleculeStore,
    operations: Sequence[Operation],
    actor: str,
    transaction: str | None = None,
) -> Poured:
    """Apply the operations of a pour or wisp; with a transaction's id, once however often."""
    applied = store.apply(operations, actor=actor, transaction=transaction)
    creates = [one for one in operations if isinstance(one, Create)]
    ids: dict[str, str] = {}
    for create, made in zip(creates, applied.ids, strict=True):
        labels = create.fields().get("labels", ())
        step = next((one for one in labels if one.startswith(STEP)), "")
        if step:
            ids[step.removeprefix(STEP)] = made
    root = applied.ids[0]
    formula = str(creates[0].fields().get("source_formula", "")) if creates else ""
    return Poured(root=root, ids={formula: root, **ids}, created=len(applied.ids))


def settle(store: MoleculeStore, root: str, who: Worker) -> Standing:
    """Skip all that is to be skipped by its condition, and say how far the molecule is."""
    found = standing(store, root, who.now, who.outside)
    while found.progress.over:
        step = found.progress.over[0]
        ending = Ending(agent=who.agent, skipped=step.over)
        try:
            store.apply(molecule.finish(found.progress, step, ending, found.beads), actor=who.agent)
        except Conflict:
            # somebody else was first: what is read next does not have it any more
            again = standing(store, root, who.now, who.outside)
            if again.progress == found.progress:
                raise
            found = again
            continue
        found = standing(store, root, who.now, who.outside)
    return found


def next_step(store: MoleculeStore, root: str, who: Worker, *, begins: bool = True) -> Next:
    """The agent's next step; begun, unless it is only looked at.

    Raises:
        NotFound: there is no such molecule.
        Conflict: others keep taking what would be next.
    """

    def attempt() -> Next:
        found = settle(store, root, who)
        mine = _mine(found.progress, who.agent)
        if mine is not None and mine.state != "working" and begins:
            _apply(store, molecule.begin(found.progress, mine, who.agent), who.agent)
        return _told(found, mine)

    return _retried(attempt) if begins else _told(*_looked(store, root, who))


def _looked(store: MoleculeStore, root: str, who: Worker) -> tuple[Standing, StepState | None]:
    found = standing(store, root, who.now, who.outside)
    return found, _mine(found.progress, who.agent)


def _mine(found: Progress, agent: str) -> StepState | None:
    """What this agent has begun, else the first that it may begin."""
    own = [one for one in found.current if one.assignee in {"", agent} or one.bead == found.root]
    begun = [one for one in own if one.state == "working"]
    return next(iter([*begun, *own]), None)


def _told(found: Standing, step: StepState | None) -> Next:
    made = found.progress
    text = acceptance = ""
    if step is not None and step.bead == made.root:
        items = checklist.read(found.root.description)
        text = next((one.text for one in items if one.id == step.step), "")
    elif step is not None:
        bead = found.beads[step.bead]
        text, acceptance = bead.description, bead.acceptance_criteria
    return Next(
        molecule=made.root,
        title=found.root.title,
        done=made.done,
        total=made.total,
        step=step,
        text=text,
        acceptance=acceptance,
        waits_for=() if step else _waits_for(found),
        remaining_s=made.remaining_s,
    )


def _waits_for(found: Standing) -> tuple[str, ...]:
    """What holds the rest of a molecule: workers, gates, conditions, and beads outside of it."""
    made = found.progress
    left = [one for one in made.steps if one.state not in FINISHED]
    inside = {made.root, *below_root(made.root, found.beads)}
    waits = [one.assignee for one in left if one.state == "working" and one.assignee]
    steps = {one.step for one in made.steps}
    for name in (name for one in left if one.state == "waiting" for name in one.waits_for):
        bead = found.beads.get(name)
        if name not in steps and (bead is None or bead.issue_type == "gate"):
            waits.append(name)
    for bead in found.beads.values():
        for edge in bead.dependencies if not bead.is_closed else ():
            other = found.beads.get(edge.depends_on_id)
            if other and other.id not in inside and not other.is_closed and edge.type == "blocks":
                waits.append(other.id)
    return tuple(dict.fromkeys(waits))


def end_step(
    store: MoleculeStore, root: str, wanted: str, how: Ending, who: Worker, library: Library
) -> StepState:
    """Close a step as done or skipped; one that is closed already is left as it is.

    Args:
        store: of the molecule.
        root: of the molecule.
        wanted: the step's bead or its id in the formula; empty for the one that is begun.
        how: done or skipped.
        who: acts.
        library: where the formula is found that a step is followed by.

    Returns:
        The step as it was before.

    Raises:
        Conflict: it is not its turn, or it is somebody else's.
        BadInput: nothing is begun that could be meant.
    """

    def attempt() -> StepState:
        found = settle(store, root, who)
        step = molecule.pick(found.progress, wanted) if wanted else _begun(found.progress, who)
        if wanted and step.state in FINISHED:
            return step
        brings: list[Operation] = []
        if step.bead != root and not how.skipped:
            bead = found.beads[step.bead]
            if any(label.startswith(ON_COMPLETE) for label in bead.labels):
                brings = _brought(bead, how, library)
        operations = molecule.finish(found.progress, step, how, found.beads, brings)
        _apply(store, operations, who.agent)
        return step

    return _retried(attempt)


def _brought(bead: Bead, how: Ending, library: Library) -> list[Operation]:
    from gastown_tui.domain.formula import fan  # cooking takes a while to load; few steps need it

    after = fan.wanted(bead)
    return fan.fan_out(bead, after, how.output, library) if after else []


def _begun(found: Progress, who: Worker) -> StepState:
    """The one step that an agent has begun.

    A name is asked for where nothing is: done twice, a step would else end the one after it, too.
    """
    begun = [
        one
        for one in found.current
        if one.state == "working" and (one.assignee == who.agent or one.bead == found.root)
    ]
    if len(begun) == 1:
        return begun[0]
    if begun:
        names = ", ".join(one.step for one in begun)
        raise BadInput("several steps are begun", hint=f"name one of {names}")
    raise BadInput("no step is begun", hint="gastown step begins the next one, or name one")


class _Overtaken(Conflict):
    """The store is not any more what was read from it."""


def _apply(store: MoleculeStore, operations: Sequence[Operation], agent: str) -> Applied:
    try:
        return store.apply(operations, actor=agent)
    except Conflict as error:
        raise _Overtaken(error.message, hint=error.hint) from error


def _retried(attempt: Callable[[], _T]) -> _T:
    """Try again while others are faster; the last refusal counts."""
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except _Overtaken:
            continue  # what is read next has what they did
    return attempt()


def take_over(store: MoleculeStore, root: str, agent: str, who: Worker) -> int:
    """Give back what an agent has begun and will not go on with; how many writes that took."""
    found = standing(store, root, who.now)
    operations = molecule.put_down(found.progress, agent)
    if operations:
        store.apply(operations, actor=who.agent)
    return len(operations)
