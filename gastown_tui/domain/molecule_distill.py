"""From a molecule back to a formula, so that what was done once can be done again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.formula import fan
from gastown_tui.domain.formula.gates import CONDITIONAL
from gastown_tui.domain.formula.marks import (
    GATE,
    JOIN,
    ON_COMPLETE,
    PARALLEL,
    STEP,
    labelled_condition,
)
from gastown_tui.domain.formula.progress import below_root
from gastown_tui.domain.formula.schema import Formula, Gate, StepTable, Var
from gastown_tui.domain.formula.variables import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_tui.domain.bead import Bead

_OWN: Final = frozenset({PARALLEL, "interactive", "review-only", JOIN})
_PREFIXES: Final = (STEP, "agent:", "type:", GATE, ON_COMPLETE, "with:")
_SHORTEST: Final = 2
"""Characters of a value that is turned into a variable."""


def distill(name: str, root: str, beads: Mapping[str, Bead], values: Mapping[str, str]) -> Formula:
    """A formula whose steps are those of a molecule.

    Args:
        name: of the formula.
        root: of the molecule.
        beads: all of it, by id.
        values: texts that become variables, by the names they get.

    Raises:
        BadInput: it has no beads for its steps, or a value is too short to be told apart.
    """
    inside = below_root(root, beads)
    steps = [beads[one] for one in inside if beads[one].issue_type != "gate"]
    if not steps:
        raise BadInput(f"{root} has no bead for each step", hint="see the formula it was made from")
    for var, value in values.items():
        if len(value) < _SHORTEST:
            raise BadInput(f"{var}: a value has at least {_SHORTEST} characters here")
    names = _names(steps)
    tables = [_table(root, one, beads, names) for one in steps]
    formula = Formula(
        formula=name,
        description=beads[root].description,
        type="workflow",
        phase="vapor" if beads[root].ephemeral else "liquid",
        pour=True,
        vars={
            var: Var(default=value, description=f"was {value[:80]}")
            for var, value in values.items()
        },
        steps=tuple(_nested(tables, root, steps, beads)),
    )
    return _with_variables(formula, values)


def _with_variables(formula: Formula, values: Mapping[str, str]) -> Formula:
    if not values:
        return formula
    by_value = {value: name for name, value in values.items()}
    longest_first = sorted(by_value, key=len, reverse=True)
    found = re.compile("|".join(re.escape(value) for value in longest_first))

    def change(text: str) -> str:
        return found.sub(lambda match: f"{{{{{by_value[match[0]]}}}}}", text)

    steps = tuple(_texts(step, change) for step in formula.steps)
    return msgspec.structs.replace(formula, description=change(formula.description), steps=steps)


def _texts(step: StepTable, change: Any) -> StepTable:
    """A step with its texts changed; its id and what it needs stay."""
    bare = msgspec.structs.replace(step, id="x", needs=(), children=(), waits_for="")
    return msgspec.structs.replace(
        mapped(bare, change),
        id=step.id,
        needs=step.needs,
        waits_for=step.waits_for,
        children=tuple(_texts(child, change) for child in step.children),
    )


def _names(steps: Sequence[Bead]) -> dict[str, str]:
    """Beads to unique ids of steps: what they were called, else made of their titles."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for bead in steps:
        name = bead.label(STEP.removesuffix(":")) or ""
        if not re.fullmatch(r"[\w.-]{1,150}", name):
            words = re.findall(r"[a-z0-9]+", (name or bead.title).lower())
            name = "-".join(words)[:60].strip("-") or "step"
        base, number = name, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name)
        found[bead.id] = name
    return found


def _table(root: str, bead: Bead, beads: Mapping[str, Bead], names: Mapping[str, str]) -> StepTable:
    edges = {e.depends_on_id: e for e in bead.dependencies if e.type != "parent-child"}
    doors = [beads[name] for name in edges if name in beads and beads[name].issue_type == "gate"]
    waits = [e for e in edges.values() if e.type == "waits-for" and e.depends_on_id in names]
    needs = [
        name
        for n, name in names.items()
        if n in edges and n not in {w.depends_on_id for w in waits}
    ]
    condition = next(filter(None, map(labelled_condition, bead.labels)), "")
    door = _gate(doors[0]) if doors else None
    kind = bead.label("type") or bead.issue_type
    metadata = bead.metadata if isinstance(bead.metadata, dict) else {}
    return StepTable(
        id=names[bead.id],
        title=bead.title,
        description=bead.description,
        acceptance=bead.acceptance_criteria,
        type="" if kind in {"task", "epic", "molecule"} else kind,
        priority=bead.priority if bead.priority in range(5) else None,
        labels=tuple(
            one for one in bead.labels if one not in _OWN and not one.startswith(_PREFIXES)
        ),
        metadata={key: part for key, part in metadata.items() if key != "output"},
        needs=tuple(needs),
        waits_for=f"children-of({names[waits[0].depends_on_id]})" if waits else "",
        agent=bead.label("agent") or "",
        review_only="review-only" in bead.labels,
        parallel=PARALLEL in bead.labels,
        interactive="interactive" in bead.labels,
        gate=door or (Gate(type=CONDITIONAL, condition=condition) if condition else None),
        on_complete=fan.wanted(bead),
    )


def _gate(bead: Bead) -> Gate:
    seconds = bead.timeout // 10**9
    return Gate(
        type=bead.await_type, await_id=bead.await_id, timeout=f"{seconds}s" if seconds else ""
    )


def _nested(
    tables: Sequence[StepTable], root: str, steps: Sequence[Bead], beads: Mapping[str, Bead]
) -> list[StepTable]:
    """The tables below a bead, each with those below it."""
    found: list[StepTable] = []
    for table, bead in zip(tables, steps, strict=True):
        parents = {e.depends_on_id for e in bead.dependencies if e.type == "parent-child"}
        if root in parents:
            children = tuple(_nested(tables, bead.id, steps, beads))
            found.append(msgspec.structs.replace(table, children=children))
    return found
