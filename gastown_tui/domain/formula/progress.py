"""How far a molecule is, told by its beads alone.

Steps are the beads below the root that are neither gates nor containers; a container is an epic
with children, and done when they are. Sequential steps are done one at a time in the order of the
formula, what is marked `parallel` as soon as it is ready.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula import checklist
from gastown_tui.domain.formula.pour import PARALLEL
from gastown_tui.domain.ids import natural_key
from gastown_tui.domain.operations import Close
from gastown_tui.domain.ready import BLOCKING, HIDDEN_TYPES, Edge, Node, blocked, is_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

SKIPPED: Final = "skipped"
"""How the reason for closing a step begins that was not done."""
_WORKING: Final = frozenset({"in_progress", "hooked"})
State = Literal["done", "skipped", "failed", "working", "ready", "waiting", "deferred"]


class StepState(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it stands."""

    bead: str
    """Its own, or the root when the steps are text in it."""
    step: str
    """Its id in the formula."""
    title: str
    state: State
    waits_for: tuple[str, ...] = ()
    """What holds it: beads, or steps when they are text."""
    is_parallel: bool = False
    assignee: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a molecule is."""

    root: str
    done: int
    """Steps that are closed, whatever for."""
    total: int
    current: tuple[StepState, ...] = ()
    """What is to be done now: what is worked on, and what may be begun."""
    steps: tuple[StepState, ...] = ()
    remaining_s: float | None = None
    """Seconds that the rest takes at the pace so far; None before the first step is closed."""

    @property
    def is_finished(self) -> bool:
        """Whether no step is left."""
        return self.done == self.total


def progress(root: str, beads: Iterable[Bead], now: float = 0.0) -> Progress:
    """How far the molecule with this root is.

    Args:
        root: its id.
        beads: at least the root and all below it; of beads outside that steps depend on, only
            those that are given hold anything back.
        now: seconds since the epoch, for what is deferred.

    Raises:
        NotFound: the root is not among the beads.
    """
    by_id = {bead.id: bead for bead in beads if bead.status != "tombstone"}
    if root not in by_id:
        raise NotFound(f"there is no molecule {root}")
    below = _below(root, by_id)
    if not below and (items := checklist.read(by_id[root].description)):
        states = _listed(by_id[root], items)
    else:
        states = _poured(root, by_id, below, now)
    done = sum(one.state in {"done", "skipped", "failed"} for one in states)
    return Progress(
        root=root,
        done=done,
        total=len(states),
        current=_current(states),
        steps=tuple(states),
        remaining_s=_remaining(by_id[root], [by_id[one] for one in below], len(states) - done),
    )


def closing(step: str, reason: str, root: str, beads: Iterable[Bead]) -> list[Close]:
    """Close a step, and every container that is done with it; never the root.

    Args:
        step: the id of its bead.
        reason: why it is closed; beginning with `skipped` when it was not done.
        root: of the molecule.
        beads: at least all of the molecule.
    """
    by_id = {bead.id: bead for bead in beads}
    children = _children(by_id.values())
    found = [Close(step, reason)]
    closed = {one.id for one in by_id.values() if one.is_closed} | {step}
    while (parent := _parent(by_id.get(step))) and parent != root and parent not in closed:
        is_epic = parent in by_id and by_id[parent].issue_type == "epic"
        if not is_epic or any(child not in closed for child in children.get(parent, ())):
            break
        found.append(Close(parent, "all of its steps are closed"))
        closed.add(parent)
        step = parent
    return found


def _parent(bead: Bead | None) -> str:
    edges = bead.dependencies if bead is not None else ()
    return next((edge.depends_on_id for edge in edges if edge.type == "parent-child"), "")


def _children(beads: Iterable[Bead]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for bead in beads:
        for edge in bead.dependencies:
            if edge.type == "parent-child":
                children.setdefault(edge.depends_on_id, []).append(bead.id)
    return children


def _below(root: str, by_id: Mapping[str, Bead]) -> list[str]:
    """Everything below a root in the order of ids, which is the order of the formula."""
    children = _children(by_id.values())
    found: dict[str, None] = {}
    queue = [root]
    for parent in queue:
        for child in children.get(parent, ()):
            if child not in found and child != root:
                found[child] = None
                queue.append(child)
    return sorted(found, key=natural_key)


def _poured(
    root: str, by_id: Mapping[str, Bead], below: Sequence[str], now: float
) -> list[StepState]:
    holders = blocked({one.id: _node(one) for one in by_id.values()}, _edges(by_id.values()))
    containers = {_parent(by_id[one]) for one in below if by_id[one].issue_type != "gate"}
    asleep = {one.id for one in by_id.values() if instant(one.defer_until) > now}
    found: list[StepState] = []
    for name in below:
        bead = by_id[name]
        if bead.issue_type in HIDDEN_TYPES or (bead.issue_type == "epic" and name in containers):
            continue
        sleeps = bool(asleep & {name, _parent(bead)}) or bead.status == "deferred"
        found.append(
            StepState(
                bead=name,
                step=bead.label("step") or name,
                title=bead.title,
                state=_state(bead, is_held=name in holders, is_asleep=sleeps),
                waits_for=tuple(dict.fromkeys(holders.get(name, ()))),
                is_parallel=PARALLEL in bead.labels,
                assignee=bead.assignee,
            )
        )
    return found


def _state(bead: Bead, *, is_held: bool, is_asleep: bool) -> State:
    if bead.is_closed:
        if bead.close_reason.lower().startswith(SKIPPED):
            return "skipped"
        return "failed" if is_failure(bead.close_reason) else "done"
    if bead.status in _WORKING:
        return "working"
    if is_held or bead.status == "blocked":
        return "waiting"
    return "deferred" if is_asleep else "ready"


def _node(bead: Bead) -> Node:
    return Node(
        id=bead.id,
        status=bead.status,
        issue_type=bead.issue_type,
        priority=bead.priority,
        created=0.0,
        deferred_until=0.0,
        hidden=False,
        failed=is_failure(bead.close_reason),
    )


def _edges(beads: Iterable[Bead]) -> list[Edge]:
    return [
        Edge(bead.id, edge.depends_on_id, edge.type, "any-children" in edge.metadata)
        for bead in beads
        for edge in bead.dependencies
        if edge.type in BLOCKING
    ]


def _listed(root: Bead, items: Sequence[checklist.Item]) -> list[StepState]:
    """The steps of a list; done is what labels of the root say."""
    marks = (checklist.DONE, checklist.SKIPPED)
    done, skipped = (
        {one.removeprefix(mark) for one in root.labels if one.startswith(mark)} for mark in marks
    )
    closed = done | skipped
    containers = {item.parent for item in items}
    by_id = {item.id: item for item in items}
    for item in reversed(items):
        inside = [one.id for one in items if one.parent == item.id] if item.id in containers else []
        if inside and closed.issuperset(inside):
            closed.add(item.id)
    found: list[StepState] = []
    for item in items:
        if item.id in containers:
            continue
        holders = _unmet(item, by_id, closed)
        state: State = "waiting" if holders else "ready"
        if item.id in closed:
            state = "skipped" if item.id in skipped else "done"
        found.append(
            StepState(
                bead=root.id,
                step=item.id,
                title=item.title,
                state=state,
                waits_for=tuple(holders),
                is_parallel=item.parallel,
                assignee=root.assignee,
            )
        )
    return found


def _unmet(
    item: checklist.Item, by_id: Mapping[str, checklist.Item], closed: Collection[str]
) -> list[str]:
    """What an item, or what it is part of, still comes after."""
    found: list[str] = []
    seen: set[str] = set()
    here: checklist.Item | None = item
    while here is not None and here.id not in seen:
        seen.add(here.id)
        found += [need for need in here.needs if need in by_id and need not in closed]
        here = by_id.get(here.parent)
    return list(dict.fromkeys(found))


def _current(states: Sequence[StepState]) -> tuple[StepState, ...]:
    """What is worked on, all that is parallel and ready, else the first that is ready."""
    working = [one for one in states if one.state == "working"]
    ready = [one for one in states if one.state == "ready"]
    side_by_side = [one for one in ready if one.is_parallel]
    if side_by_side or any(not one.is_parallel for one in working):
        return (*working, *side_by_side)
    return (*working, *ready[:1])


def _remaining(root: Bead, below: Sequence[Bead], left: int) -> float | None:
    """The middle of the times between closings, for each step that is left."""
    ends = sorted(instant(one.closed_at) for one in below if one.is_closed and one.closed_at)
    start = instant(root.started_at) or instant(root.created_at)
    if not ends or not start:
        return None
    starts = [min(start, ends[0]), *ends]
    gaps = [later - before for before, later in zip(starts, ends, strict=False)]
    return median(gaps) * left
