"""How far a molecule is, told by its beads alone.

Steps are the beads below the root that are neither gates nor containers; a container is an epic
with children, and done when they are. Sequential steps are done one at a time in the order of the
formula, what is marked `parallel` as soon as it is ready.

A step may have to wait for a condition, or be skipped by one (`runtime`). What can be decided is:
then the step waits, or is `over`. What cannot is said in `asks`, for whoever takes the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula import checklist, runtime
from gastown_tui.domain.formula.marks import PARALLEL, labelled_condition
from gastown_tui.domain.formula.runtime import Facts
from gastown_tui.domain.ids import natural_key
from gastown_tui.domain.operations import Close
from gastown_tui.domain.ready import BLOCKING, HIDDEN_TYPES, Edge, Node, blocked, is_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gastown_tui.domain.formula.runtime import Outside

SKIPPED: Final = "skipped"
"""How the reason for closing a step begins that was not done."""
_WORKING: Final = frozenset({"in_progress", "hooked"})
FINISHED: Final = frozenset({"done", "skipped", "failed"})
"""States of steps that are closed."""
OUTPUT: Final = "output"
"""The key of a bead's metadata for what its step brought."""
State = Literal["done", "skipped", "failed", "working", "ready", "waiting", "deferred"]


_Found: TypeAlias = "tuple[StepState, str, str, str]"
"""A step, what must hold before it, what skips it, and what it is skipped with."""


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
    over: str = ""
    """Why it is to be skipped."""
    asks: tuple[str, ...] = ()
    """What is to be decided before it is begun, as in `only if ...`."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a molecule is."""

    root: str
    done: int
    """Steps that are closed, whatever for."""
    total: int
    current: tuple[StepState, ...] = ()
    """What is to be done now: what is worked on, and what may be begun."""
    steps: tuple[StepState, ...] = ()
    over: tuple[StepState, ...] = ()
    """Steps that could be begun, but are to be skipped."""
    pace_s: float | None = None
    """Seconds that a step has taken, in the middle; None before the first one is done."""

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the rest takes at the pace so far; None before the first step is done."""
        return None if self.pace_s is None else self.pace_s * (self.total - self.done)

    @property
    def is_finished(self) -> bool:
        """Whether no step is left."""
        return self.done == self.total


def progress(
    root: str, beads: Iterable[Bead], now: float = 0.0, outside: Outside | None = None
) -> Progress:
    """How far the molecule with this root is.

    Args:
        root: its id.
        beads: at least the root and all below it; of beads outside that steps depend on, only
            those that are given hold anything back.
        now: seconds since the epoch, for what is deferred.
        outside: where whoever works is, for conditions that ask about it.

    Raises:
        NotFound: the root is not among the beads.
    """
    by_id = {bead.id: bead for bead in beads if bead.status != "tombstone"}
    if root not in by_id:
        raise NotFound(f"there is no molecule {root}")
    below = below_root(root, by_id)
    items = checklist.read(by_id[root].description)
    is_list = bool(items) and all(by_id[one].issue_type == "gate" for one in below)
    if is_list:
        found = _listed(by_id[root], items, [by_id[one] for one in below])
    else:
        found = _poured(root, by_id, below, now)
    states = _decided(found, by_id, outside)
    ready = [one for one in states if not one.over]
    return Progress(
        root=root,
        done=sum(one.state in FINISHED for one in states),
        total=len(states),
        current=_current(ready),
        steps=tuple(states),
        over=tuple(one for one in states if one.over),
        pace_s=_listed_pace(by_id[root], items)
        if is_list
        else _pace(by_id[root], [by_id[one] for one in below]),
    )


def closing(step: str, reason: str, root: str, beads: Iterable[Bead]) -> list[Close]:
    """Close a step, and every container that is done with it.

    That is an epic or a molecule of which nothing is open any more. The root is one of them when it
    is a molecule or a wisp, and then takes its open gates along; a bead of work never is.

    Args:
        step: the id of its bead.
        reason: why it is closed; beginning with `skipped` when it was not done.
        root: of the molecule.
        beads: at least all of the molecule.
    """
    by_id = {bead.id: bead for bead in beads}
    found = [Close(step, reason)]
    closed = {one.id for one in by_id.values() if one.is_closed} | {step}
    while step != root and (parent := _parent(by_id.get(step))) in by_id:
        step = parent
        if step in closed:
            continue
        holds = by_id[step].issue_type in {"epic", "molecule"} or by_id[step].ephemeral
        below = below_root(step, by_id)
        gates = [one for one in below if by_id[one].issue_type == "gate"]
        if not holds or not closed.issuperset(set(below).difference(gates)):
            break
        doors = [one for one in gates if one not in closed] if step == root else []
        found += [*(Close(one, "nothing waits for it any more") for one in doors),
                  Close(step, "all of its steps are closed")]  # fmt: skip
        closed |= {step, *doors}
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


def below_root(root: str, by_id: Mapping[str, Bead]) -> list[str]:
    """Everything below a root, each with what is below it, in the order of the formula."""
    children = _children(by_id.values())
    found: dict[str, None] = {}
    stack = [root]
    while stack:
        here = stack.pop()
        if here in found:
            continue
        found[here] = None
        # what was bonded has an id of its own, and comes after the parent's own steps
        of_its_own = f"{here}."
        stack += sorted(
            children.get(here, ()),
            key=lambda child, own=of_its_own: (not child.startswith(own), natural_key(child)),
            reverse=True,
        )
    del found[root]
    return list(found)


def _poured(root: str, by_id: Mapping[str, Bead], below: Sequence[str], now: float) -> list[_Found]:
    holders = blocked({one.id: _node(one) for one in by_id.values()}, _edges(by_id.values()))
    containers = {_parent(by_id[one]) for one in below if by_id[one].issue_type != "gate"}
    asleep = {one.id for one in by_id.values() if instant(one.defer_until) > now}
    found: list[_Found] = []
    for name in below:
        bead = by_id[name]
        if bead.issue_type in HIDDEN_TYPES or (bead.issue_type == "epic" and name in containers):
            continue
        sleeps = bool(asleep & {name, _parent(bead)}) or bead.status == "deferred"
        state = StepState(
            bead=name,
            step=bead.label("step") or name,
            title=bead.title,
            state=_state(bead, is_held=name in holders, is_asleep=sleeps),
            waits_for=tuple(dict.fromkeys(holders.get(name, ()))),
            is_parallel=PARALLEL in bead.labels,
            assignee=bead.assignee,
        )
        only_if = next(filter(None, map(labelled_condition, bead.labels)), "")
        found.append((state, only_if, bead.label("until") or "", bead.label("with") or ""))
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


def _listed(root: Bead, items: Sequence[checklist.Item], doors: Sequence[Bead]) -> list[_Found]:
    """The steps of a list; done is what labels of the root say."""
    marks = (checklist.DONE, checklist.SKIPPED)
    done, skipped = (
        {one.removeprefix(mark) for one in root.labels if one.startswith(mark)} for mark in marks
    )
    closed = done | skipped
    held = {door.label("holds") or "": door.id for door in doors if not door.is_closed}
    containers = {item.parent for item in items}
    by_id = {item.id: item for item in items}
    for item in reversed(items):
        inside = [one.id for one in items if one.parent == item.id] if item.id in containers else []
        if inside and closed.issuperset(inside):
            closed.add(item.id)
    found: list[_Found] = []
    for item in items:
        if item.id in containers:
            continue
        holders = _unmet(item, by_id, closed)
        holders += [held[item.id]] if item.id in held else []
        state: State = "waiting" if holders else "ready"
        if not holders and root.label(checklist.DOING) == item.id:
            state = "working"
        if item.id in closed:
            state = "skipped" if item.id in skipped else "done"
        step = StepState(
            bead=root.id,
            step=item.id,
            title=item.title,
            state=state,
            waits_for=tuple(holders),
            is_parallel=item.parallel,
            assignee=root.assignee,
        )
        found.append((step, item.only_if, item.skip_if, item.skip_with))
    return found


def _decided(
    found: Sequence[_Found], by_id: Mapping[str, Bead], outside: Outside | None
) -> list[StepState]:
    """The steps with what their conditions make of them."""
    if not any(only_if or skip_if or with_ for _, only_if, skip_if, with_ in found):
        return [step for step, *_ in found]
    facts = _facts([step for step, *_ in found], by_id, outside)
    return [
        _judged(step, only_if, skip_if, with_, facts) if step.state == "ready" else step
        for step, only_if, skip_if, with_ in found
    ]


def _judged(step: StepState, only_if: str, skip_if: str, with_: str, facts: Facts) -> StepState:
    if with_ and facts.states.get(with_) == "skipped":
        return msgspec.structs.replace(step, over=f"{with_} was skipped")
    asks: list[str] = []
    if skip_if:
        asked = runtime.read(skip_if)
        answer = runtime.holds(asked, facts) if asked else None
        if answer:
            return msgspec.structs.replace(step, over=f"{skip_if} holds")
        asks += [f"skip it if {skip_if}"] if answer is None else []
    if only_if:
        asked = runtime.read(only_if)
        answer = runtime.holds(asked, facts) if asked else None
        if answer is False:
            return msgspec.structs.replace(step, state="waiting", waits_for=(only_if,))
        asks += [f"only if {only_if}"] if answer is None else []
    return msgspec.structs.replace(step, asks=tuple(asks)) if asks else step


def _facts(
    states: Sequence[StepState], by_id: Mapping[str, Bead], outside: Outside | None
) -> Facts:
    """What conditions may ask about the beads of a molecule."""
    outputs: dict[str, object] = {}
    children: dict[str, list[str]] = {}
    names = {one.bead: one.step for one in states}
    for bead in by_id.values():
        name = names.get(bead.id)
        if name is not None and isinstance(bead.metadata, dict):
            outputs[name] = bead.metadata.get(OUTPUT)
        if (parent := names.get(_parent(bead))) is not None and bead.issue_type != "gate":
            state = _state(bead, is_held=False, is_asleep=False)
            children.setdefault(parent, []).append(state)
    return Facts({one.step: one.state for one in states}, outputs, children, outside)


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


def _listed_pace(root: Bead, items: Sequence[checklist.Item]) -> float | None:
    """What a step of a list took on average: a tick has no time but the bead's last change."""
    done = sum(f"{checklist.DONE}{item.id}" in root.labels for item in items)
    start = instant(root.started_at) or instant(root.created_at)
    end = instant(root.closed_at) or instant(root.updated_at)
    return (end - start) / done if done and start and end > start else None


def _pace(root: Bead, below: Sequence[Bead]) -> float | None:
    """The middle of what steps took: from begin to end where both are known, else between ends."""
    done = [
        one
        for one in below
        if one.is_closed and one.closed_at and not one.close_reason.lower().startswith(SKIPPED)
        and one.issue_type not in {"gate", "epic", "molecule"}
    ]  # fmt: skip
    both = [instant(one.closed_at) - instant(one.started_at) for one in done if one.started_at]
    if took := [each for each in both if each > 0]:  # begun and ended in one write says nothing
        return _middle(took)
    ends = sorted(instant(one.closed_at) for one in done)
    start = instant(root.started_at) or instant(root.created_at)
    if not ends or not start:
        return None
    starts = [min(start, ends[0]), *ends]
    return _middle(later - before for before, later in zip(starts, ends, strict=False))


def _middle(numbers: Iterable[float]) -> float:
    """The median of at least one number; `statistics` takes longer to load than a verb may."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
