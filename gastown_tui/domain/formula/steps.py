"""Steps as they are cooked: a flat list, in which a container is named by its children."""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.formula import step_ids
from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.gates import problem
from gastown_tui.domain.formula.schema import MAX_STEPS, Gate, Loop, OnComplete, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_tui.domain.formula.schema import StepTable

WAITS: Final = re.compile(r"(all-children|any-children)|children-of\(\s*([^()\s]+)\s*\)")
"""`waits_for`: of the first needed step, or of the one that is named."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a molecule."""

    id: str
    title: str = ""
    description: str = ""
    notes: str = ""
    acceptance: str = ""
    type: str = "task"
    priority: int | None = None
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    needs: tuple[str, ...] = ()
    """Ids of steps that come first."""
    parent: str = ""
    """Id of the step that this one is part of."""
    waits_for: str = ""
    assignee: str = ""
    agent: str = ""
    review_only: bool = False
    parallel: bool = False
    interactive: bool = False
    gate: Gate | None = None
    on_complete: OnComplete | None = None
    source: str = ""
    """Where it was written, as in `steps[2]`."""
    condition: str = ""
    expand: str = ""
    expand_vars: dict[str, Scalar] = {}
    loop: Loop | None = None


def length(steps: Iterable[Step]) -> int:
    """Characters of all that the steps say."""
    return sum(
        len(step.title) + len(step.description) + len(step.notes) + len(step.acceptance)
        for step in steps
    )


def flat(tables: Iterable[StepTable], place: str, parent: str = "") -> list[Step]:
    """Steps and their children, containers first.

    Args:
        tables: as the file has them.
        place: the key they stand under.
        parent: the id of the step they are part of.
    """
    found: list[Step] = []
    for number, table in enumerate(tables):
        here = f"{place}[{number}]"
        children = flat(table.children, f"{here}.children", table.id)
        if table.type == "parallel":
            children = [
                msgspec.structs.replace(one, parallel=True) if one.parent == table.id else one
                for one in children
            ]
        found += [_step(table, here, parent, has_children=bool(children)), *children]
    return found


def _step(table: StepTable, place: str, parent: str, *, has_children: bool) -> Step:
    return Step(
        id=table.id,
        title=table.title,
        description=table.description,
        notes=table.notes,
        acceptance=table.acceptance,
        type="epic" if has_children else table.type or "task",
        priority=table.priority,
        labels=table.labels,
        metadata=table.metadata,
        needs=tuple(dict.fromkeys((*table.needs, *table.depends_on))),
        parent=parent,
        waits_for=table.waits_for,
        assignee=table.assignee,
        agent=table.agent,
        review_only=table.review_only,
        parallel=table.parallel,
        interactive=table.interactive,
        gate=table.gate,
        on_complete=table.on_complete,
        source=place,
        condition=table.condition,
        expand=table.expand,
        expand_vars=table.expand_vars,
        loop=table.loop,
    )


def sinks(steps: Sequence[Step]) -> tuple[str, ...]:
    """The outermost steps that no other of these needs: done when they are, all are."""
    ids = {step.id for step in steps}
    outer = [step for step in steps if step.parent not in ids]
    needed = {need for step in steps for need in step.needs}
    return tuple(step.id for step in outer if step.id not in needed) or tuple(
        step.id for step in outer[-1:]
    )


def after(steps: Sequence[Step], first: Sequence[str], parent: str = "") -> list[Step]:
    """The same steps, of which those that need none of the others come after `first`.

    Args:
        steps: a group.
        first: ids outside of the group.
        parent: the container of the group's outermost steps.
    """
    ids = {step.id for step in steps}
    found: list[Step] = []
    for step in steps:
        is_outer = step.parent not in ids
        if is_outer and parent:
            step = msgspec.structs.replace(step, parent=parent)  # noqa: PLW2901
        if is_outer and first and not ids & set(step.needs):
            needs = tuple(dict.fromkeys((*first, *step.needs)))
            step = msgspec.structs.replace(step, needs=needs)  # noqa: PLW2901
        found.append(step)
    return found


def spliced(steps: Sequence[Step], groups: Mapping[str, Sequence[Step]]) -> list[Step]:
    """Put a group of steps in the place of each named one, or nothing.

    What the step needed comes before the group, and what needed the step comes after the whole
    group; without a group, its dependants need what it needed, and its children go with it. A
    group may hold the step itself.
    """
    by_id = {step.id: step for step in steps}
    groups = dict(groups)
    for step in steps:
        if step.parent in groups and not groups[step.parent]:
            groups.setdefault(step.id, ())
    ends = _ends(by_id, groups)
    found: list[Step] = []
    for step in steps:
        group = groups.get(step.id)
        if group is None:
            found.append(_rewired(step, ends, frozenset()))
            continue
        inside = frozenset(one.id for one in group)
        outside = _rewired(step, ends, frozenset()).needs
        found += [_rewired(one, ends, inside) for one in after(group, outside, parent=step.parent)]
    return found


def _ends(
    by_id: Mapping[str, Step], groups: Mapping[str, Sequence[Step]]
) -> dict[str, tuple[str, ...]]:
    """What stands for each replaced step in the needs of others."""
    ends = {name: sinks(group) for name, group in groups.items() if group}
    for name in groups:
        trail = {name: None} if name not in ends else {}
        while trail:
            last = next(reversed(trail))
            needs = by_id[last].needs if last in by_id else ()
            open_ = [n for n in needs if n in groups and n not in ends and n not in trail]
            if open_:
                trail[open_[0]] = None
                continue
            reached = (end for need in needs for end in ends.get(need, (need,)))
            ends[last] = tuple(dict.fromkeys(reached))
            del trail[last]
    return ends


def _rewired(step: Step, ends: Mapping[str, tuple[str, ...]], inside: frozenset[str]) -> Step:
    if all(need in inside or need not in ends for need in step.needs):
        return step
    reached = (
        end
        for need in step.needs
        for end in ((need,) if need in inside else ends.get(need, (need,)))
    )
    return msgspec.structs.replace(step, needs=tuple(dict.fromkeys(reached)))


def waits_on(step: Step) -> tuple[str, bool]:
    """Whose children a step waits for, and whether any of them is enough.

    Raises:
        ValueError: the key is none of the forms, or there is nobody to wait for.
    """
    found = WAITS.fullmatch(step.waits_for.strip())
    if found is None:
        raise ValueError(f"{step.waits_for!r} is none of all-children, any-children, "
                         "children-of(step)")  # fmt: skip
    target = found[2] or (step.needs[0] if step.needs else "")
    if not target:
        raise ValueError("there is no step whose children are meant: name one in needs")
    return target, found[1] == "any-children"


def check(steps: Sequence[Step], path: str) -> None:
    """Raise FormulaError unless ids are unique, needs are known, and all of it can be done."""
    if len(steps) > MAX_STEPS:
        raise FormulaError(path, "steps", f"{len(steps)} steps; at most {MAX_STEPS} are allowed")
    places: dict[str, str] = {}
    for step in steps:
        if why := step_ids.problem(step.id):
            raise step_ids.refusal(path, f"{step.source}.id", step.id, why)
        if step.id in places:
            where = places[step.id]
            where = f" (the other is {where})" if where != step.source else ""
            raise FormulaError(path, f"{step.source}.id", f"two steps are called {step.id}{where}")
        places[step.id] = step.source
    for step in steps:
        _check_references(step, places, path)
    if circle := _circle(steps):
        raise FormulaError(path, f"{places[circle[0]]}.needs",
                           f"steps wait for each other: {' -> '.join(circle)}")  # fmt: skip


def _check_references(step: Step, places: Mapping[str, str], path: str) -> None:
    if step.parent and step.parent not in places:
        raise FormulaError(path, step.source,
                           f"its container {step.parent} was replaced by other steps",
                           hint="loop or expand the children instead")  # fmt: skip
    for need in step.needs:
        if need not in places:
            raise FormulaError(path, f"{step.source}.needs",
                               f"step {step.id} needs {need!r}, and there is no such step",
                               hint=closest(need, places))  # fmt: skip
    if step.gate is not None and (reason := problem(step.gate)):
        raise FormulaError(path, f"{step.source}.gate", reason)
    if not step.waits_for:
        return
    try:
        target, _ = waits_on(step)
    except ValueError as error:
        raise FormulaError(path, f"{step.source}.waits_for", str(error)) from error
    if target not in places:
        raise FormulaError(path, f"{step.source}.waits_for", f"there is no step {target!r}",
                           hint=closest(target, places))  # fmt: skip


def ordered(steps: Sequence[Step]) -> list[Step] | None:
    """The steps so that each comes after what it needs and what it is part of; None in a circle.

    What can go first does so in the order of the file.
    """
    number = {step.id: place for place, step in enumerate(steps)}
    waiting, releases = _graph(steps, number)
    order = _settled(waiting, releases)
    if len(order) < len(waiting):
        return None
    return [steps[node // 2] for node in order if node % 2 == 0]


def _graph(
    steps: Sequence[Step], number: Mapping[str, int]
) -> tuple[list[int], dict[int, list[int]]]:
    """How many nodes each waits for, and whom each releases; a step begins (2n) and ends (2n+1)."""
    releases: dict[int, list[int]] = {}
    waiting = [0] * (2 * len(steps))
    pairs: list[tuple[int, int]] = []
    for step in steps:
        here = 2 * number[step.id]
        pairs.append((here, here + 1))
        pairs += [(2 * number[need] + 1, here) for need in step.needs if need in number]
        if step.parent in number:
            around = 2 * number[step.parent]
            pairs += [(around, here), (here + 1, around + 1)]
    for before, later in pairs:
        waiting[later] += 1
        releases.setdefault(before, []).append(later)
    return waiting, releases


def _settled(waiting: list[int], releases: Mapping[int, list[int]]) -> list[int]:
    """Nodes in an order in which none waits; those of a circle, and after it, are missing."""
    left = list(waiting)
    free = [node for node, count in enumerate(left) if count == 0]
    order: list[int] = []
    while free:
        node = heapq.heappop(free)
        order.append(node)
        for later in releases.get(node, ()):
            left[later] -= 1
            if left[later] == 0:
                heapq.heappush(free, later)
    return order


def _circle(steps: Sequence[Step]) -> list[str]:
    """Ids of steps that wait for each other, the first one again at the end; empty if none do."""
    number = {step.id: place for place, step in enumerate(steps)}
    waiting, releases = _graph(steps, number)
    done = set(_settled(waiting, releases))
    if len(done) == len(waiting):
        return []
    before: dict[int, int] = {}
    for node, later in releases.items():
        if node not in done:
            before.update((one, node) for one in later if one not in done)
    node, seen = min(before), dict[int, None]()
    while node not in seen:
        seen[node] = None
        node = before[node]
    trail = list(seen)
    trail = trail[trail.index(node) :]
    names = list(dict.fromkeys(steps[one // 2].id for one in trail))
    return [*names, names[0]]
