"""What is done to molecules, as operations of one transaction each.

Every list of operations is whole: a process may be killed before or after it, and whoever comes
next finds the molecule as it was or as it is meant to be. `Require` holds each of them to what the
caller has read; when that is not true any more, the caller reads again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.formula import checklist
from gastown_tui.domain.formula.marks import BOND_POINT, FORMULA, STEP
from gastown_tui.domain.formula.progress import (
    FINISHED,
    OUTPUT,
    SKIPPED,
    Progress,
    StepState,
    below_root,
    closing,
)
from gastown_tui.domain.operations import (
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    Operation,
    Require,
    SetField,
    SetState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DIGEST: Final = "digest"
"""The label of the bead that is left of a squashed molecule."""
Bond = Literal["sequential", "parallel", "conditional"]
OPEN: Final = ("open", "in_progress", "hooked", "blocked", "deferred")
"""Statuses of a step that is not closed."""
_LONGEST_NOTE: Final = 20_000
"""Characters of a note or a reason that a step is closed with."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ended."""

    agent: str
    note: str = ""
    skipped: str = ""
    """Why it was not done; empty when it was."""
    output: Any = None
    """What it brought: plain data, kept in the bead's metadata."""
    forced: bool = False
    """Also out of turn, and what somebody else has begun."""


def pick(found: Progress, wanted: str) -> StepState:
    """The step that a bead's id, or a step's id in its formula, means.

    Raises:
        NotFound: there is none.
        BadInput: several are meant.
    """
    fitting = [one for one in found.steps if wanted in {one.bead, one.step}]
    exact = [one for one in fitting if one.bead == wanted and one.bead != found.root]
    if exact:
        return exact[0]
    if not fitting:
        raise NotFound(f"there is no step {wanted} in {found.root}",
                       hint=f"gastown mol current {found.root} shows them")  # fmt: skip
    if len(fitting) > 1:
        raise BadInput(f"{wanted} means several steps", hint=", ".join(f.bead for f in fitting[:8]))
    return fitting[0]


def check_turn(found: Progress, step: StepState) -> None:
    """Raise Conflict unless it is this step's turn: begun, or among what may be begun."""
    if step.state in FINISHED:
        raise Conflict(f"{step.step} is closed already ({step.state})")
    if step.state in {"waiting", "deferred"}:
        for_ = ", ".join(step.waits_for) or "its time"
        hint = "gastown step shows what is next; --force ends this one all the same"
        raise Conflict(f"{step.step} waits for {for_}", hint=hint)
    if step not in found.current:
        first = ", ".join(one.step for one in found.current) or "nothing"
        raise Conflict(f"it is not the turn of {step.step}: first {first}")


def check_owner(found: Progress, step: StepState, agent: str) -> None:
    """Raise Conflict when somebody else has begun this step."""
    is_taken = step.state == "working" and step.assignee not in {"", agent}
    if is_taken and step.bead != found.root:
        raise Conflict(f"{step.assignee} is working on {step.step}",
                       hint="if it never will again: gastown step --take")  # fmt: skip


def begin(found: Progress, step: StepState, agent: str) -> list[Operation]:
    """Take a step: it is worked on by this agent from now on.

    Raises:
        Conflict: it is not its turn.
    """
    check_turn(found, step)
    check_owner(found, step, agent)
    if step.bead == found.root:
        return [
            Require(step.bead, status=OPEN),
            SetState(step.bead, checklist.DOING, step.step),
        ]
    return [Claim(step.bead, agent)]


def finish(
    found: Progress,
    step: StepState,
    how: Ending,
    beads: Mapping[str, Bead],
    brings: Sequence[Operation] = (),
) -> list[Operation]:
    """Close a step and what is done with it, or mark it in the list.

    Args:
        found: how far the molecule is.
        step: one of its steps.
        how: done or skipped, by whom, and what is to be remembered.
        beads: all of the molecule, by id.
        brings: what is bonded to the step now that it is done.

    Raises:
        Conflict: it is not its turn, or another's, and is not forced; a step that is only to be
            skipped may wait for a condition.
    """
    if len(how.note) > _LONGEST_NOTE or len(how.skipped) > _LONGEST_NOTE:
        raise BadInput(f"a note has at most {_LONGEST_NOTE} characters")
    if not step.over and (step.state in FINISHED or not how.forced):
        check_turn(found, step)
        check_owner(found, step, how.agent)
    if step.bead == found.root:
        return _ticked(found, step, how)
    operations: list[Operation] = [Require(step.bead, status=OPEN)]
    if how.skipped:
        reason = f"{SKIPPED}: {' '.join(how.skipped.split())}"
    else:
        reason = "done"
        takes = SetField(step.bead, "assignee", how.agent) if how.forced else None
        operations.append(takes or Claim(step.bead, how.agent))
    if how.note:
        operations.append(AppendNote(step.bead, how.note))
    if how.output is not None:
        known = beads[step.bead].metadata
        metadata = {**(known if isinstance(known, dict) else {}), OUTPUT: how.output}
        operations.append(SetField(step.bead, "metadata", metadata))
    closes = closing(step.bead, reason, found.root, beads.values())
    if brings:
        return [*operations, closes[0], *brings]
    return [*operations, *_witness(found.root, closes, beads), *closes]


def _witness(root: str, closes: Sequence[Close], beads: Mapping[str, Bead]) -> list[Operation]:
    """A step that must be open still: else two that end at once would both leave the root open."""
    gone = {one.bead for one in closes}
    if root in gone:
        return []
    parents = {one.depends_on_id for bead in gone for one in beads[bead].dependencies
               if one.type == "parent-child"}  # fmt: skip
    for parent in parents - gone:
        for name in below_root(parent, beads) if parent in beads else ():
            bead = beads[name]
            if not bead.is_closed and bead.issue_type != "gate" and name not in gone:
                return [Require(name, status=(*OPEN, "pinned"))]
    return []


def _ticked(found: Progress, step: StepState, how: Ending) -> list[Operation]:
    """Mark a step in the list of a root, and close the root with the last one."""
    root = found.root
    mark = checklist.SKIPPED if how.skipped else checklist.DONE
    operations: list[Operation] = [
        Require(root, status=OPEN),
        SetState(root, checklist.DOING, None),
        AddLabel(root, f"{mark}{step.step}"),
    ]
    said = "\n".join(part for part in (how.skipped, how.note) if part)
    if said:
        operations.append(AppendNote(root, f"{step.step}: {said}"))
    if found.done + 1 == found.total:
        operations.append(Close(root, "all of its steps are closed"))
    return operations


def point_of(root: Bead, name: str) -> tuple[str, str]:
    """Where a bond point of a molecule is: `after`, `side` or `before`, and the step.

    Raises:
        NotFound: it has no such point.
    """
    points = dict(
        label.removeprefix(BOND_POINT).split("=", 1)
        for label in root.labels
        if label.startswith(BOND_POINT) and "=" in label
    )
    side, _, step = points.get(name, "").partition(":")
    if not step:
        raise NotFound(f"{root.id} has no bond point {name!r}",
                       hint=f"it has {', '.join(points) or 'none'}")  # fmt: skip
    return side, step


def bonded(
    made: Sequence[Operation],
    name: str,
    found: Progress,
    how: Bond,
    ends: Sequence[str],
    before: str = "",
) -> list[Operation]:
    """Bond what is being poured below a molecule to it.

    Args:
        made: the operations that pour it, with the root as parent.
        name: what they call its root.
        found: how far the molecule is that it is bonded to.
        how: after the ends, beside them, or only if they fail.
        ends: beads that it comes after.
        before: a bead that comes after it.
    """
    kind = "conditional-blocks" if how == "conditional" else "blocks"
    edges: list[Operation] = [
        AddDependency(name, end, kind) for end in (() if how == "parallel" else ends)
    ]
    if before:
        edges.append(AddDependency(before, name))
    return [Require(found.root, status=OPEN), *made, *edges]


def ends_of(root: str, beads: Mapping[str, Bead]) -> list[str]:
    """The beads right below a root that no other one there comes after, and that are open."""
    inside = [name for name in below_root(root, beads) if beads[name].issue_type != "gate"]
    needed = {
        edge.depends_on_id
        for name in inside
        for edge in beads[name].dependencies
        if edge.type != "parent-child"
    }
    right_below = {
        name
        for name in inside
        if any(
            e.depends_on_id == root and e.type == "parent-child" for e in beads[name].dependencies
        )
    }
    return [n for n in inside if n in right_below - needed and not beads[n].is_closed]


def joined(first: Bead, second: Bead, how: Bond, title: str = "") -> list[Operation]:
    """Bond two molecules: the second after the first, only if it fails, or both in a new one."""
    if first.id == second.id:
        raise BadInput("a molecule cannot be bonded to itself")
    both: list[Operation] = [Require(one.id, status=OPEN) for one in (first, second)]
    if how != "parallel":
        kind = "blocks" if how == "sequential" else "conditional-blocks"
        return [*both, AddDependency(second.id, first.id, kind)]
    is_wisp = first.ephemeral and second.ephemeral
    name = " ".join(title.split()) or f"{first.title[:200]} + {second.title[:200]}"
    row = {"id": "~bond", "title": name, "issue_type": "molecule", "ephemeral": is_wisp}
    return [
        *both,
        Create(row, "", "wisp" if is_wisp else "mol"),
        *(AddDependency(one.id, "~bond", "parent-child") for one in (first, second)),
    ]


def squashed(found: Progress, beads: Mapping[str, Bead], summary: str = "") -> list[Operation]:
    """Leave one closed bead of a molecule that says what was done.

    Wisps are gone afterwards; durable steps stay, closed.
    """
    root = beads[found.root]
    inside = [beads[one] for one in below_root(root.id, beads)]
    told = [f"- {one.state}: {' '.join(one.title.split())}" for one in found.steps]
    text = summary.strip() or f"{found.done} of {found.total} steps were closed."
    edges = {e.depends_on_id for e in root.dependencies if e.type == "parent-child"}
    parent = next((one for one in edges if one in beads and not beads[one].ephemeral), "")
    digest = Create(
        {
            "id": "~digest",
            "title": f"Digest: {root.title}".encode()[:500].decode("utf-8", "ignore"),
            "description": "\n".join([text, "", *told])[:200_000],
            "issue_type": "task",
            "status": "closed",
            "close_reason": f"squashed from {root.id}",
            "labels": sorted({DIGEST, *(one for one in root.labels if one.startswith(FORMULA))}),
        },
        parent,
    )
    ends: list[Operation] = []
    for bead in (*reversed(inside), root):
        if bead.ephemeral:
            ends.append(Delete(bead.id, "squashed"))
        elif not bead.is_closed:
            ends.append(
                Close(bead.id, "squashed" if bead.id == root.id else f"{SKIPPED}: squashed")
            )
    return [digest, *ends]


def burned(root: str, beads: Mapping[str, Bead]) -> list[Operation]:
    """Take a molecule away without a digest."""
    return [Delete(one, "burned") for one in (*reversed(below_root(root, beads)), root)]


def put_down(found: Progress, agent: str) -> list[Operation]:
    """Give back what an agent has begun and will not go on with."""
    operations: list[Operation] = []
    for step in found.steps:
        if step.state != "working" or step.assignee != agent:
            continue
        if step.bead == found.root:
            operations.append(SetState(found.root, checklist.DOING, None))
        else:
            operations += [
                Require(step.bead, status=OPEN, assignee=agent),
                SetField(step.bead, "status", "open"),
                SetField(step.bead, "assignee", None),
            ]
    return operations


def step_id(bead: Bead) -> str:
    """What a step is called in its formula; its bead's id when it comes from none."""
    return bead.label(STEP.removesuffix(":")) or bead.id
