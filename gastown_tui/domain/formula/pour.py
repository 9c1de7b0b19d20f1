"""From a protomolecule to beads: the operations of one transaction.

The root is a bead of type `molecule`; each step is a child of it, or of the step it is part of.
`needs` become `blocks` edges, a gate a bead that its step waits for. What later decides stands in
labels: `step:<id>`, `parallel`, `interactive`, `agent:<name>`, `review-only`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.formula import checklist, gates
from gastown_tui.domain.formula.marks import (
    BOND_POINT,
    FORMULA,
    HOLDS,
    JOIN,
    ON_COMPLETE,
    PARALLEL,
    STEP,
    condition_label,
)
from gastown_tui.domain.formula.steps import waits_on
from gastown_tui.domain.ids import DEEPEST
from gastown_tui.domain.operations import AddDependency, Create

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.domain.formula.steps import Step
    from gastown_tui.domain.operations import Operation

_TYPES: Final = frozenset({"task", "bug", "feature", "epic", "chore", "decision"})
"""Types of steps that a bead may have; others stay as a label `type:<type>`."""


class Pouring(msgspec.Struct, frozen=True, kw_only=True):
    """How a molecule is to be made."""

    name: str = "~mol"
    """What the transaction calls the root, for further operations in it."""
    title: str = ""
    """Of the root; empty for the formula's."""
    parent: str = ""
    """The bead that the molecule is part of."""
    labels: tuple[str, ...] = ()
    """Of the root."""
    assignee: str = ""
    """Of the root, and of every step that names nobody."""
    priority: int | None = None
    """Of the root, and of every step that has none."""
    wisp_type: str = ""
    """Of a wisp: how long it is kept."""


def pour(proto: Protomolecule, how: Pouring | None = None) -> list[Operation]:
    """A durable molecule: the root, a bead for each step, and the edges, to be applied at once."""
    return _poured(proto, how or Pouring(), is_wisp=False)


def wisp(
    proto: Protomolecule, how: Pouring | None = None, *, is_poured: bool | None = None
) -> list[Operation]:
    """An ephemeral molecule.

    Args:
        proto: what is poured.
        how: its title, labels and so on.
        is_poured: a bead for each step, or all steps as text in the root; None for what the
            formula says.
    """
    how = how or Pouring()
    if is_poured is None:
        # what is bonded to a step, and what waits for that, needs beads to hang on
        is_poured = proto.pour or any(one.on_complete or one.waits_for for one in proto.steps)
    if is_poured:
        return _poured(proto, how, is_wisp=True)
    root = _root(proto, how, is_wisp=True)
    root["description"] = checklist.render(proto.description, proto.steps)
    doors = [
        _gate(step, f"{how.name}.gate{number}", how, is_wisp=True, labels=[f"{HOLDS}{step.id}"])
        for number, step in enumerate(proto.steps)
        if step.gate is not None and step.gate.type != gates.CONDITIONAL
    ]
    return [Create(root, how.parent, "wisp"), *doors]


def _poured(proto: Protomolecule, how: Pouring, *, is_wisp: bool) -> list[Operation]:
    kind = "wisp" if is_wisp else "mol"
    beads: list[Operation] = [Create(_root(proto, how, is_wisp=is_wisp), how.parent, kind)]
    edges: list[Operation] = []
    doors: list[Operation] = []
    names = {step.id: f"{how.name}.{n}" for n, step in enumerate(proto.steps, 1)}
    depths: dict[str, int] = {}
    for step in proto.steps:
        name, parent = names[step.id], names.get(step.parent, how.name)
        depths[step.id] = depths.get(step.parent, 0) + 1
        waits = waits_on(step) if step.waits_for else None
        held = name
        if waits and waits[0] in step.needs:
            # two beads have one edge: the needs go on a container around the waiting step
            held, depths[step.id] = f"{name}.join", depths[step.id] + 1
            beads.append(_join(step, held, parent, how, is_wisp=is_wisp))
            parent = held
        too_deep = depths[step.id] > DEEPEST
        row = _row(proto, step, name, how, is_wisp=is_wisp)
        beads.append(Create(row, parent, kind if too_deep else ""))
        edges += [AddDependency(held, names[need]) for need in step.needs]
        if waits:
            gate = "any-children" if waits[1] else "all-children"
            meta = f'{{"gate":"{gate}"}}'
            edges.append(AddDependency(name, names[waits[0]], "waits-for", meta))
        if step.gate is not None and step.gate.type != gates.CONDITIONAL:
            doors.append(_gate(step, f"{name}.gate", how, is_wisp=is_wisp))
            edges.append(AddDependency(name, f"{name}.gate"))
    # the last edges first: looking for circles then never walks the whole chain
    return [*beads, *doors, *reversed(edges)]


def _root(proto: Protomolecule, how: Pouring, *, is_wisp: bool) -> dict[str, Any]:
    return _shared(how, is_wisp=is_wisp) | {
        "id": how.name,
        "title": " ".join((how.title or proto.title).split()),
        "description": proto.description,
        "issue_type": "molecule",
        "assignee": how.assignee,
        "labels": _labels([f"{FORMULA}{proto.formula}", *how.labels, *_points(proto)]),
        "source_formula": proto.formula,
        "wisp_type": how.wisp_type if is_wisp else "",
    }


def _points(proto: Protomolecule) -> Iterable[str]:
    """Labels that keep where other molecules may be bonded."""
    for point in proto.bond_points:
        side = "side" if point.get("parallel") else "after"
        where = f"{side}:{point['after_step']}" if point.get("after_step") else ""
        where = where or f"before:{point.get('before_step', '')}"
        yield f"{BOND_POINT}{point['id']}={where}"


def _row(
    proto: Protomolecule, step: Step, name: str, how: Pouring, *, is_wisp: bool
) -> dict[str, Any]:
    row = _shared(how, is_wisp=is_wisp) | {
        "id": name,
        "title": step.title,
        "description": step.description,
        "notes": step.notes,
        "acceptance_criteria": step.acceptance,
        "issue_type": step.type if step.type in _TYPES else "task",
        "assignee": step.assignee or how.assignee,
        "labels": _labels(_own_labels(step)),
        "metadata": step.metadata or None,
        "source_formula": proto.formula,
        "source_location": step.source,
    }
    if step.priority is not None:
        row["priority"] = step.priority
    return row


def _shared(how: Pouring, *, is_wisp: bool) -> dict[str, Any]:
    shared: dict[str, Any] = {"ephemeral": is_wisp}
    if how.priority is not None:
        shared["priority"] = how.priority
    return shared


def _own_labels(step: Step) -> Iterable[str]:
    yield f"{STEP}{step.id}"
    yield from step.labels
    if step.type not in _TYPES:
        yield f"type:{step.type}"
    for label, is_set in (
        (PARALLEL, step.parallel),
        ("interactive", step.interactive),
        ("review-only", step.review_only),
        (f"agent:{step.agent}", step.agent),
    ):
        if is_set:
            yield label
    if step.gate is not None and step.gate.type == gates.CONDITIONAL:
        yield condition_label(step.gate.condition)
    if step.waits_for:
        yield f"gate:{step.waits_for.strip()}"
    if step.on_complete is not None:
        yield f"{ON_COMPLETE}{msgspec.json.encode(step.on_complete).decode()}"


def _labels(given: Iterable[str]) -> list[str]:
    return sorted({label.strip() for label in given} - {""})


def _join(step: Step, name: str, parent: str, how: Pouring, *, is_wisp: bool) -> Operation:
    row = {"id": name, "title": step.title, "issue_type": "epic", "labels": [JOIN]}
    return Create(_shared(how, is_wisp=is_wisp) | row, parent)


def _gate(
    step: Step, name: str, how: Pouring, *, is_wisp: bool, labels: Sequence[str] = ()
) -> Operation:
    gate = step.gate
    assert gate is not None
    what = gates.awaited(gate)
    row = _shared(how, is_wisp=is_wisp) | {
        "id": name,
        "title": f"Gate: {gate.type} {what}".strip(),
        "description": f"Holds back: {step.title}",
        "issue_type": "gate",
        "await_type": gate.type,
        "await_id": what,
        "timeout": gates.nanoseconds(gate.timeout),
        "labels": list(labels),
    }
    return Create(row, how.name)
